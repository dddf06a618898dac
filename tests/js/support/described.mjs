// What the relay says of itself, `/openapi.json` and `/asyncapi.json`, against what clients see of it: an event, a route, a
// field or a status that is not described fails the test that saw it. Without RELAY_PROGRAM nothing is compared.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { afterEach } from 'node:test';
import Ajv from 'ajv/dist/2020.js';

const PROGRAM = process.env.RELAY_PROGRAM;
/** What a client of Socket.IO reports itself. */
const OWN = ['connect', 'connect_error', 'disconnect', 'closed'];
/** Events of the application's own, beside `app:…`. */
const PUBLISHED = (process.env.PUBLISH_EVENTS ?? '').split(',');
/** What suites send without a meaning, since they send several events the same. */
const MEANINGLESS = { 'message:delete': ['content'] };
/** What was seen and is not described. */
const differences = [];
let described;

afterEach(() => {
  assert.deepEqual(differences.splice(0), [], 'what is described');
});

/** The documents, as the program writes them where nothing is set. */
function documents() {
  described ??= ['openapi', 'asyncapi'].map((name) => {
    const text = execFileSync(PROGRAM, [name], { cwd: '/', env: {}, encoding: 'utf8', maxBuffer: 1 << 26 });
    return new Document(name, JSON.parse(text));
  });
  return { openapi: described[0], asyncapi: described[1] };
}

/** A document, and whether values are as it says. */
class Document {
  #ajv = new Ajv({ strict: false, validateFormats: false });
  #compiled = new Map();

  constructor(name, content) {
    this.content = closed(content);
    this.name = name;
    this.#ajv.addSchema({ $id: `relay:${name}`, ...this.content });
  }

  /** Why a value is not as the schema at `pointer` says; nothing, if it is. */
  misfit(pointer, value) {
    if (!this.#compiled.has(pointer)) {
      this.#compiled.set(pointer, this.#ajv.compile({ $ref: `relay:${this.name}#${pointer}` }));
    }
    const check = this.#compiled.get(pointer);
    if (check(value)) return undefined;
    const reasons = check.errors.map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);
    return reasons.slice(0, 8).join('; ');
  }
}

/** The same with every object as closed as it says: one that does not say that it may have more fields has no others. */
function closed(value, isPart = false) {
  if (Array.isArray(value)) return value.map((one) => closed(one, isPart));
  if (value === null || typeof value !== 'object') return value;
  const isObject = value.type === 'object' && value.properties !== undefined;
  const has = Object.keys(value).map((key) => {
    const isAlternative = ['oneOf', 'anyOf', 'allOf'].includes(key);
    return [key, closed(value[key], isAlternative && (isPart || value.properties !== undefined))];
  });
  const made = Object.fromEntries(has);
  const isOpen = isPart || value.additionalProperties !== undefined;
  if (isObject && !isOpen) made.unevaluatedProperties = false;
  return made;
}

if (PROGRAM) documents();

/** A part of a path of a reference. */
function escaped(text) {
  return encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));
}

function note(seen, reason, value) {
  if (reason !== undefined) differences.push(`${seen}: ${reason}: ${JSON.stringify(value)?.slice(0, 600)}`);
}

/**
 * The names of the channels of which a client may have a message: that of its dialect, or all if that has none such, since
 * users are also sent events of other dialects.
 */
function channelsOf(document, dialect, key) {
  const { channels } = document.content;
  return channels[dialect]?.messages[key] ? [dialect] : Object.keys(channels);
}

/** Why a value is as none of the channels has that message; nothing, if one has it so. */
function misfitOfAll(document, dialect, key, value) {
  const there = channelsOf(document, dialect, key).filter((channel) => document.content.channels[channel].messages[key]);
  if (there.length === 0) return 'is not described';
  const pointers = there.map((channel) => `/channels/${channel}/messages/${escaped(key)}/payload`);
  const misfits = pointers.map((pointer) => document.misfit(pointer, value));
  return misfits.includes(undefined) ? undefined : misfits.join(' | ');
}

const keyOf = (kind, name) => `${kind}.${name.replaceAll(':', '.')}`;

/** Notes an event that a client got, of which dialect it may be. */
export function sawEvent(dialect, name, args) {
  if (!PROGRAM || [...OWN, ...PUBLISHED].includes(name) || name.startsWith('app:')) return;
  const { asyncapi } = documents();
  const misfit = misfitOfAll(asyncapi, dialect, keyOf('send', name), args[0]);
  note(`event ${name}`, args.length > 1 ? 'has several arguments' : misfit, args);
}

/** Notes what a client sent, and the answer to its callback. */
export function sawAnswer(dialect, [name, ...args], answer) {
  if (!PROGRAM || answer?.success === undefined) return;
  const { asyncapi } = documents();
  if (!answer.success && typeof answer.error === 'object') {
    note(`refusal of ${name}`, misfitOfAll(asyncapi, dialect, 'refused', answer), answer);
    return;
  }
  note(`answer to ${name}`, misfitOfAll(asyncapi, dialect, keyOf('reply', name), answer), answer);
  if (!answer.success) return;
  const misfit = misfitOfAll(asyncapi, dialect, keyOf('receive', name), meant(name, args[0]));
  note(`sent ${name}`, misfit, args);
}

/** What is sent, without what has no meaning there. */
function meant(name, sent) {
  const left = MEANINGLESS[name];
  if (!left || typeof sent !== 'object') return sent;
  return Object.fromEntries(Object.entries(sent).filter(([field]) => !left.includes(field)));
}

/** The path of the document that a request matched: one without parameters first. */
function pathOf(document, path) {
  const parts = path.split('?')[0].replace(/\/$/, '').split('/');
  const matches = (template) => {
    const wanted = template.split('/');
    return wanted.length === parts.length && wanted.every((part, at) => part.startsWith('{') || part === parts[at]);
  };
  const found = Object.keys(document.content.paths).filter(matches);
  return found.sort((one, other) => one.split('{').length - other.split('{').length)[0];
}

/** Notes a request that is JSON, and its answer. */
export function sawRequest(method, address, body, { status, json }) {
  if (!PROGRAM || method === 'HEAD') return;
  const path = address.replace(/^https?:\/\/[^/]+/, '');
  const { openapi } = documents();
  const template = pathOf(openapi, path);
  const operation = openapi.content.paths[template]?.[method.toLowerCase()];
  const seen = `${method} ${path}: ${status}`;
  if (!operation) {
    if (status !== 404 && status !== 403) note(seen, 'is not described', json);
    return;
  }
  const at = `/paths/${escaped(template)}/${method.toLowerCase()}`;
  const answer = operation.responses[status];
  if (!answer) {
    note(seen, 'has a status that is not described', json);
    return;
  }
  const pointer = answer.$ref ? `/components/responses/Refused${schemaIn()}` : `${at}/responses/${status}${schemaIn(answer)}`;
  note(seen, openapi.misfit(pointer, json), json);
  if (status >= 300) return;
  unknownParameters(operation, path).forEach((name) => note(seen, `parameter ${name} is not described`));
  if (operation.requestBody && body !== undefined) {
    const sent = typeof body === 'string' ? JSON.parse(body) : JSON.parse(JSON.stringify(body));
    note(`sent ${seen}`, openapi.misfit(`${at}/requestBody${schemaIn(operation.requestBody)}`, sent), sent);
  }
}

/** Where the schema of a body or an answer is, which has one type. */
function schemaIn({ content = { 'application/json': {} } } = {}) {
  return `/content/${escaped(Object.keys(content)[0]).replaceAll('%7E', '~')}/schema`;
}

function unknownParameters(operation, path) {
  const known = (operation.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => name);
  const given = [...new URLSearchParams(path.split('?')[1] ?? '').keys()];
  return given.filter((name) => !known.includes(name));
}
