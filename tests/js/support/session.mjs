// What the session suites share: sessions nobody else has, guests, members, and the proof that nothing came.
// Joins as deployed clients do; of what the server answers it expects only that a member is let in.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { sawRequest } from './described.mjs';
import { Client, TIMEOUT, request, unique } from './relay.mjs';

/** The refusals of a join, as `session-error` names them. */
export const REFUSALS = {
  notFound: { error: 'SESSION_NOT_FOUND', message: 'Session not found. Please check the session link.' },
  otherKey: { error: 'INVALID_KEY', message: 'Session key mismatch. This should not happen.' },
  wrongPassword: { error: 'INVALID_PASSWORD', message: 'Incorrect password. Please check and try again.' },
  wrongKey: { error: 'INVALID_KEY', message: 'Invalid authentication key. Please check your link and try again.' },
  full: (members) => ({ error: 'SESSION_FULL', message: `This room is full. Only ${members} members allowed.` }),
  busy: { error: 'SERVER_BUSY', message: 'Too many active sessions. Please try again later.' },
  rate: { error: 'RATE_LIMIT', message: 'Rate limit exceeded' },
};
/** The answer to whoever is not the member that a request speaks of. */
export const NOT_A_MEMBER = { error: 'NOT_A_MEMBER', message: 'You are not a member of this session.' };
/** What a connection is sent when its member has joined with another key on another one. */
export const REPLACED = { error: 'REPLACED', message: 'You have joined this session with another key elsewhere.' };
/** What live members are sent when their session ends. */
export const EXPIRED = { error: 'SESSION_EXPIRED', message: 'Session expired. Please create a new one.' };
/** What a callback gets when all went well. */
export const DONE = { success: true };

/** What a callback gets where an event would be this `session-error`. */
export function failed({ error, message }) {
  return { success: false, error: { message, code: error } };
}

/** `session-error` about a field. */
export function invalid(field) {
  return { error: 'INVALID_REQUEST', message: `Missing or invalid ${field}`, field };
}

/** The id and the key of a session that is not there yet. */
export function place() {
  return { sessionId: unique('session'), authKey: unique('key') };
}

/** Asks for a reservation: the answer, with its body as `json`. */
export async function reserve(fields, headers = {}) {
  const body = typeof fields === 'string' ? fields : JSON.stringify(fields);
  const type = { 'Content-Type': 'application/json', ...headers };
  const answer = await request('/api/reserve-session', { method: 'POST', headers: type, body });
  const json = JSON.parse(answer.body);
  sawRequest('POST', '/api/reserve-session', body, { status: answer.status, json });
  return { ...answer, json };
}

/** Reserves a session: its `place`, and the `password` in mode password. */
export async function reserved(chatMode = 'group', sessionId = unique('session')) {
  const password = chatMode === 'password' ? Buffer.from(unique('~~password??')).toString('base64') : undefined;
  const authKey = [unique('key'), password].filter(Boolean).join(':');
  const { status, body } = await reserve({ sessionId, authKey, chatMode });
  assert.equal(status, 200, body);
  return { sessionId, authKey, ...(password && { password }) };
}

/** A connected client without an account. */
export async function guest(options = {}) {
  const client = new Client(options);
  await client.next('connect');
  client.joined = new Set();
  return client;
}

/** What `name` sends to join: their id is in `fields`, or new. */
export function joining({ sessionId, authKey }, name, fields = {}) {
  const userId = unique(name.toLowerCase());
  return { sessionId, userId, displayName: name, publicKey: `public key of ${name}`, isCreator: false, authKey, ...fields };
}

/** Sends a join from a guest and waits for what comes of it: `undefined`, or the `session-error`. */
export async function attemptJoin(client, payload) {
  client.emit('join-session', payload);
  const { name, args: [answer] } = await client.nextEvent(['session-error', 'public-keys-updated']);
  if (name === 'session-error') return answer;
  Object.assign(client, { userId: String(payload.userId), displayName: payload.displayName, publicKey: payload.publicKey });
  client.where = { sessionId: payload.sessionId, authKey: payload.authKey };
  client.sessionId = String(payload.sessionId).split(':')[0];
  client.joined.add(client.sessionId);
  return undefined;
}

/** A member of a session that is there: a client that has joined it. */
export async function member(where, name, fields = {}, options = {}) {
  const client = await guest(options);
  const error = await attemptJoin(client, joining(where, name, fields));
  assert.equal(error, undefined);
  return client;
}

/** Opens a session as its creator. */
export function creator(where, name = 'Creator', fields = {}, options = {}) {
  return member(where, name, { isCreator: true, ...fields }, options);
}

/** The members of a new group session, the first its creator, when all of them know of each other. */
export async function members(...names) {
  const where = place();
  const clients = [await creator(where, names[0])];
  for (const name of names.slice(1)) clients.push(await member(where, name));
  await settle(clients);
  return clients;
}

/** The same user comes on a new socket, with the same key unless `fields` says otherwise. */
export function rejoin({ where, userId, displayName, publicKey }, fields = {}, options = {}) {
  return member(where, displayName, { userId, publicKey, ...fields }, options);
}

/** A join that must be refused: the `session-error`; nothing else came, and a callback is answered the same. */
export async function refusal(payload, options = {}) {
  const client = await guest(options);
  const mark = client.mark();
  const answer = await client.ask('join-session', payload);
  await settle([client]);
  const events = client.since(mark);
  assert.deepEqual(events.map(([name]) => name), ['session-error']);
  const [[, error]] = events;
  assert.deepEqual(answer, failed(error));
  client.close();
  return error;
}

/** The fields of a request by `client` in the session it joined last. */
export function mine(client, fields = {}) {
  return { sessionId: client.sessionId, userId: client.userId, ...fields };
}

/** The fields of a message by `client` in the session it joined last. */
export function message(client, fields = {}) {
  return { sessionId: client.sessionId, from: client.userId, encrypted: 'c2VhbGVk', ...fields };
}

/** The entry of `client` in `public-keys-updated`, `joinedAt` being `MILLIS` or a time known. */
export function entry({ userId, displayName, publicKey }, joinedAt) {
  return { userId, publicKey, displayName, joinedAt };
}

export async function leave(client) {
  assert.deepEqual(await client.ask('leave-session', mine(client)), DONE);
  client.joined.delete(client.sessionId);
}

/** Ends a connection as a lost network does, without closing. */
export function cut(client) {
  const { engine } = client.socket.io;
  if (engine.transport.ws) engine.transport.ws.terminate();
  else engine.close();
}

const MARKER = 'marker-';
const isMarker = ([, payload]) => String(payload?.id).startsWith(MARKER);

/** A request that is answered to the callback only, in turn. */
function echo(client) {
  return client.ask('typing', { sessionId: unique('nowhere'), userId: 'nobody' });
}

/**
 * Waits until everything the clients have sent is handled and everything it caused has arrived: each is answered a
 * request that changes nothing, and a message of the first goes to every other member of its session.
 * Order is kept, so nothing is on its way any more.
 */
export async function settle(clients) {
  const live = clients.filter(({ socket }) => socket.connected);
  for (const client of live) await echo(client);
  const [first, ...others] = live;
  if (first?.joined.has(first.sessionId)) {
    for (const other of others.filter(({ joined }) => joined.has(first.sessionId))) {
      const id = unique(MARKER);
      first.emit('send-message', message(first, { to: other.userId, clientMessageId: id }));
      await other.next('new-message', (payload) => payload.id === id);
      await first.next('message-sent', (payload) => payload.id === id);
    }
  }
  for (const client of live) await echo(client);
}

/** Settles, runs `action` and settles; what each of the clients got by it, as `[name, payload]`. The one who acts comes first. */
export async function observe(clients, action) {
  await settle(clients);
  return witness(clients, action);
}

/** The same for clients of whom nothing is on its way. */
export async function witness(clients, action) {
  const marks = clients.map((client) => client.mark());
  await action();
  await settle(clients);
  return clients.map((client, index) =>
    client.since(marks[index]).filter((event) => !isMarker(event)).map(([name, payload]) => [name, withoutMarkers(name, payload)]));
}

function withoutMarkers(name, payload) {
  return name === 'messages-history' ? payload.filter((item) => !isMarker([name, item])) : payload;
}

/** The history that a client was given in all, without the proofs that nothing came. */
export function history(client) {
  return withoutMarkers('messages-history', client.all('messages-history').flat());
}

/** Asks again until the answer satisfies, for what the server learns or does in its own time; the answer. */
export async function until(ask, satisfies = Boolean, timeout = TIMEOUT) {
  const deadline = Date.now() + timeout;
  let answer = await ask();
  while (!satisfies(answer) && Date.now() < deadline) {
    await setTimeout(10);
    answer = await ask();
  }
  assert.ok(satisfies(answer), `after ${timeout} ms still ${JSON.stringify(answer)}`);
  return answer;
}

/** A client that finds out whether a session with a key is there, and changes nothing by it. */
export async function prober() {
  // A member somewhere: what it may send is not bounded as a guest's is.
  const client = await creator(place(), 'Prober');
  const payload = ({ sessionId }) => joining({ sessionId, authKey: unique('wrong') }, 'Prober');
  return async (where) => {
    const { success, error } = await client.ask('join-session', payload(where));
    assert.equal(success, false);
    return error.code !== 'SESSION_NOT_FOUND';
  };
}
