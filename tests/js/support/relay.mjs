// Everything the suites share: tokens, clients that remember what they received, raw HTTP.
// Knows the server only by RELAY_URL and JWT_SECRET, or several by RELAY_URLS (separated by commas); holds no
// expectation about a dialect.
import assert from 'node:assert/strict';
import { createHmac, randomBytes, sign as signWithKey } from 'node:crypto';
import http from 'node:http';
import { afterEach } from 'node:test';
import { io } from 'socket.io-client';
import { sawAnswer, sawEvent } from './described.mjs';

/** How long a client waits for something that must come, in milliseconds. */
export const TIMEOUT = 20_000;
/** Stands for "any server time" in the expectations given to `same`. */
export const TIME = Symbol('an ISO 8601 time of now');
/** The same for a time in epoch milliseconds. */
export const MILLIS = Symbol('epoch milliseconds of now');

export const RELAY_URL = setting('RELAY_URL');
/** Where clients and requests go in turn. */
export const RELAY_URLS = (process.env.RELAY_URLS || RELAY_URL).split(',');
let turn = 0;
const JWT_SECRET = setting('JWT_SECRET');
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const open = new Set();

function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

/** The relay whose turn it is. */
function nextUrl() {
  turn += 1;
  return RELAY_URLS[turn % RELAY_URLS.length];
}

// A test leaves nothing connected behind, passed or failed.
afterEach(() => {
  for (const client of open) client.close();
});

/** A user nobody else in any suite has. */
export function user(name) {
  return { userId: unique(name.toLowerCase()), username: name };
}

/** `prefix-` and 64 random bits. */
export function unique(prefix) {
  return `${prefix}-${randomBytes(8).toString('hex')}`;
}

/** Whole seconds since 1970, `offset` seconds from now. */
export function seconds(offset = 0) {
  return Math.floor(Date.now() / 1000) + offset;
}

/**
 * A token with these claims; an hour of life unless `exp` is named (`exp: undefined` leaves it out).
 * The HS algorithms take `secret`, the others `key`, a private key.
 */
export function token(claims, { alg = 'HS256', secret = JWT_SECRET, key, header = {} } = {}) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const all = { iat: seconds(), exp: seconds(3600), ...claims };
  const body = `${encode({ alg, typ: 'JWT', ...header })}.${encode(all)}`;
  return `${body}.${signature(body, { alg, secret, key })}`;
}

function signature(body, { alg, secret, key }) {
  if (alg === 'none') return '';
  const digest = { 256: 'sha256', 384: 'sha384', 512: 'sha512' }[alg.slice(2)] ?? null;
  if (alg.startsWith('HS')) return createHmac(digest, secret).update(body).digest('base64url');
  return signWithKey(digest, Buffer.from(body), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
}

/** A socket.io-client that records every event it gets, in order. */
export class Client {
  events = [];
  #waiting = new Set();
  #dialect;

  constructor(options = {}) {
    const { url = nextUrl(), ...rest } = options;
    this.#dialect = rest.auth?.dialect ?? rest.query?.dialect;
    this.socket = io(url, { transports: ['websocket'], reconnection: false, forceNew: true, ...rest });
    this.socket.onAny((name, ...args) => this.#record(name, args));
    this.socket.on('connect', () => this.#record('connect', []));
    this.socket.on('connect_error', (error) => this.#record('connect_error', [error]));
    this.socket.on('disconnect', (reason) => this.#record('disconnect', [reason]));
    // A refusal closes the connection first and is reported right after it: keep them in the order that says why.
    this.socket.io.on('close', (reason) => queueMicrotask(() => this.#record('closed', [reason])));
    open.add(this);
  }

  #record(name, args) {
    sawEvent(this.#dialect, name, args);
    this.events.push({ name, args, taken: false, at: Date.now() });
    for (const look of [...this.#waiting]) look();
  }

  /** Takes the oldest event not taken yet with one of these names that satisfies `wanted`; its first argument. */
  async next(names, wanted = () => true, timeout = TIMEOUT) {
    return (await this.nextEvent(names, wanted, timeout)).args[0];
  }

  /** As `next`, but the whole record: `{name, args, at}`. */
  nextEvent(names, wanted = () => true, timeout = TIMEOUT) {
    const accepted = [names].flat();
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.events.find((e) => !e.taken && accepted.includes(e.name) && wanted(...e.args));
        if (!found) return;
        found.taken = true;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        const seen = this.events.map((e) => e.name).join(', ') || 'nothing';
        reject(new Error(`waited ${timeout} ms for ${accepted.join(' or ')}; seen: ${seen}`));
      }, timeout);
      this.#waiting.add(look);
      look();
    });
  }

  /** A position in the record, for `since`. */
  mark() {
    return this.events.length;
  }

  /** What came after `mark`, as `[name, payload]`. */
  since(mark) {
    return this.events.slice(mark).map((e) => [e.name, e.args[0]]);
  }

  /** Every payload recorded under this name. */
  all(name) {
    return this.events.filter((e) => e.name === name).map((e) => e.args[0]);
  }

  emit(...args) {
    this.socket.emit(...args);
  }

  /** Emits with a callback and returns its arguments; fails when it is called twice or not at all. */
  ask(...args) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ack for ${args[0]}`)), TIMEOUT);
      let calls = 0;
      this.socket.emit(...args, (...answer) => {
        clearTimeout(timer);
        calls += 1;
        assert.equal(calls, 1, 'the callback is called once');
        sawAnswer(this.#dialect, args, answer[0]);
        resolve(answer.length === 1 ? answer[0] : answer);
      });
    });
  }

  /** Sends Socket.IO packet text as it is: `2["name",{…}]` is an event. */
  raw(packet) {
    this.socket.io.engine.write(packet);
  }

  /** Every text frame as it came, from now on. */
  frames() {
    const frames = [];
    this.socket.io.engine.on('data', (data) => typeof data === 'string' && frames.push(data));
    return frames;
  }

  close() {
    open.delete(this);
    this.socket.close();
  }
}

/** A connected and authenticated client of `who` (as `user` made it). */
export async function connect(who, options = {}) {
  const client = new Client({ auth: { token: token(who) }, ...options });
  Object.assign(client, who);
  client.welcome = await client.next('auth:success');
  return client;
}

/** Tries to connect: `'connected'`, the message of the `connect_error`, or `'closed'`. */
export async function attempt(options) {
  const client = new Client(options);
  const event = await client.nextEvent(['auth:success', 'connect_error', 'closed']);
  const outcome = { 'auth:success': 'connected', closed: 'closed' }[event.name];
  return { client, outcome: outcome ?? event.args[0].message, welcome: event.args[0] };
}

/** Presence comes and goes with other tests; only the presence suites look at it. */
const NOISE = ['user:online', 'user:offline'];

/**
 * Runs `action`, then sends a valid message from `sender` to `receiver` and waits until it has arrived and is
 * confirmed. Order is kept, so what both saw before that is everything `action` caused: absence is proved without waiting.
 */
export async function exchange(sender, receiver, action) {
  const marks = [sender.mark(), receiver.mark()];
  await action();
  const seq = unique('marker');
  const marker = (_, payload) => payload?.seq === seq;
  sender.emit('send_message', { recipientId: receiver.userId, ciphertext: 'c', iv: 'i', tag: 't', seq });
  await receiver.next('receive_message', (payload) => payload.seq === seq);
  await sender.next('message:sent', (payload) => payload.seq === seq);
  const [sent, received] = [sender, receiver].map((client, index) =>
    client.since(marks[index]).filter(([name, payload]) => !NOISE.includes(name) && !marker(name, payload)),
  );
  return { sent, received };
}

/** Deep equality, keys exactly; `TIME` and `MILLIS` match a server time of the last or next minute. */
export function same(actual, expected) {
  assert.deepEqual(actual, fill(actual, expected));
}

function fill(actual, expected) {
  if (expected === TIME) {
    isTime(actual);
    return actual;
  }
  if (expected === MILLIS) {
    isMillis(actual);
    return actual;
  }
  if (Array.isArray(expected)) return expected.map((value, index) => fill(actual?.[index], value));
  if (expected === null || Object.getPrototypeOf(expected) !== Object.prototype) return expected;
  return Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, fill(actual?.[key], value)]));
}

/** ISO 8601 UTC with milliseconds, within a minute of now. */
export function isTime(value) {
  assert.match(String(value), ISO_TIME);
  assert.ok(Math.abs(Date.parse(value) - Date.now()) < 60_000, `${value} is not a time of now`);
}

/** A whole number of milliseconds since 1970, within a minute of now. */
export function isMillis(value) {
  assert.ok(Number.isInteger(value) && Math.abs(value - Date.now()) < 60_000, `${value} is not a time of now`);
}

/** Where a request goes: operators' not through a proxy, which passes on none of them. */
function urlFor(path) {
  return path.startsWith('/api/admin/') && process.env.ADMIN_URL ? process.env.ADMIN_URL : nextUrl();
}

/** One HTTP request without a client library: `{status, headers, body}`; an upgrade counts as status 101. */
export function request(path, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    // Node says the length of a body itself, but not of one that it thinks unusual.
    const length = method === 'DELETE' && body !== undefined ? { 'Content-Length': Buffer.byteLength(body) } : {};
    const call = http.request(new URL(path, urlFor(path)), { method, headers: { ...length, ...headers }, agent: false });
    call.setTimeout(TIMEOUT, () => call.destroy(new Error(`no answer to ${method} ${path}`)));
    call.on('error', reject);
    call.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode, headers: response.headers, body: '' });
    });
    call.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
    });
    call.end(body);
  });
}
