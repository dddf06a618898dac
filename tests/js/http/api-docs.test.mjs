// The descriptions of routes and events, and the page that shows them: good by the validators of others, the same as the
// program writes, and without any other host.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Parser } from '@asyncapi/parser';
import { Validator } from '@seriousme/openapi-schema-validator';
import { request } from '../support/relay.mjs';

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const DIALECTS = ['chat', 'conversation', 'direct', 'feed', 'session'];

/** What is served under this path, of this type. */
async function served(path, type) {
  const { status, headers, body } = await request(path);
  assert.equal(status, 200, path);
  assert.equal(headers['content-type'], type);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  return { headers, body };
}

const documented = async (name) => JSON.parse((await served(`/${name}.json`, 'application/json')).body);
const written = (name) =>
  JSON.parse(execFileSync(process.env.RELAY_PROGRAM, [name], { cwd: '/', env: {}, encoding: 'utf8', maxBuffer: 1 << 26 }));

test('the description of routes is good, and the same as the program writes', async () => {
  const openapi = await documented('openapi');
  const { valid, errors } = await new Validator().validate(structuredClone(openapi));
  assert.ok(valid, JSON.stringify(errors));
  assert.equal(openapi.openapi, '3.1.0');
  assert.deepEqual(openapi, written('openapi'));
});

test('the description of events is good, and the same as the program writes', async () => {
  const asyncapi = await documented('asyncapi');
  const { document, diagnostics } = await new Parser().parse(structuredClone(asyncapi));
  assert.ok(document, JSON.stringify(diagnostics));
  const others = diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version');
  assert.deepEqual(others, []);
  assert.deepEqual(Object.keys(asyncapi.channels).sort(), DIALECTS);
  assert.deepEqual(asyncapi, written('asyncapi'));
});

test('each message that has a name is an event, and each event has one operation', async () => {
  const { channels, operations } = await documented('asyncapi');
  for (const [dialect, { messages }] of Object.entries(channels)) {
    const named = Object.values(messages).filter(({ name }) => name !== undefined);
    const own = Object.values(operations).filter(({ channel }) => channel.$ref === `#/channels/${dialect}`);
    assert.equal(own.length, named.length, dialect);
    for (const { action, reply } of own) assert.equal(reply !== undefined, action === 'receive');
  }
});

test('the page and its parts are of the relay alone', async () => {
  const parts = [
    ['/docs', 'text/html; charset=utf-8'],
    ['/docs/page.js', 'text/javascript; charset=utf-8'],
    ['/docs/page.css', 'text/css; charset=utf-8'],
  ];
  for (const [path, type] of parts) {
    const { headers, body } = await served(path, type);
    assert.equal(headers['content-security-policy'], POLICY);
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.doesNotMatch(body, /https?:|\/\/[a-z]|style=|onclick|innerHTML|eval\(/, path);
  }
});

test('the page shows each route and each event', async () => {
  const { body } = await served('/docs/page.js', 'text/javascript; charset=utf-8');
  const page = new Page();
  Object.assign(globalThis, { document: page });
  const own = globalThis.fetch;
  globalThis.fetch = async (name) => ({ ok: true, json: () => documented(name.replace('.json', '')) });
  await import(`data:text/javascript,${encodeURIComponent(body)}`);
  globalThis.fetch = own;
  const [openapi, asyncapi] = [await documented('openapi'), await documented('asyncapi')];
  const routes = Object.values(openapi.paths).flatMap((methods) => Object.keys(methods));
  const shown = page.made.filter(({ name }) => name === 'details');
  assert.equal(shown.length, routes.length + Object.keys(asyncapi.operations).length);
  for (const details of shown) {
    details.open = true;
    details.heard.toggle();
    assert.ok(details.children.length > 1);
  }
  assert.equal(page.byId.state.isThere, false, page.byId.state.textContent);
  page.byId.find.heard.input({ target: { value: 'Send_Message ' } });
  assert.ok(shown.some(({ hidden }) => !hidden) && shown.some(({ hidden }) => hidden));
});

/** As much of a page as its program needs. */
class Page {
  made = [];
  byId = Object.fromEntries(['main', 'state', 'find'].map((id) => [id, new Element(id)]));

  constructor() {
    this.byId.main.querySelectorAll = () => this.made.filter(({ name }) => name === 'details');
  }

  createElement(name) {
    const made = new Element(name);
    this.made.push(made);
    return made;
  }

  getElementById(id) {
    return this.byId[id];
  }
}

class Element {
  children = [];
  dataset = {};
  heard = {};
  isThere = true;

  constructor(name) {
    this.name = name;
  }

  get childElementCount() {
    return this.children.length;
  }

  append(...children) {
    this.children.push(...children);
  }

  addEventListener(name, listener) {
    this.heard[name] = listener;
  }

  remove() {
    this.isThere = false;
  }
}
