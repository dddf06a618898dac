// What the suites of `feed` and `chat` share: users, conversations and messages made over REST in the forms of both,
// clients of each, and the proof that nothing came. Expects only that what must succeed does.
import assert from 'node:assert/strict';
import { settleNodes } from './between-nodes.mjs';
import { Client, connect, request, same, token, unique } from './relay.mjs';

/** What a callback gets when all went well. */
export const DONE = { success: true };
/** What is posted when a test does not care. */
export const SEALED = 'c2VhbGVk';

/** Someone whom the server does not know. Names are looked up, so nobody shares one. */
export function person(name) {
  return { userId: unique(name.toLowerCase()), username: unique(name) };
}

/** Users of whom the server knows: they have used their tokens. */
export async function knownUsers(...names) {
  const all = names.map(person);
  for (const who of all) await must(200, rest(who, 'GET /api/conversations'));
  return all;
}

/** A request of `who`, as `METHOD /path`: the answer, with its body as `json`. A body in text goes out as it is. */
export async function rest(who, route, body) {
  const [method, path] = route.split(' ');
  const headers = { Authorization: `Bearer ${token(identity(who))}` };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await request(path, { method, headers, body: text });
  return { ...answer, json: JSON.parse(answer.body) };
}

/** A client may stand for its user. */
const identity = ({ userId, username }) => ({ userId, username });

/** The body of an answer that must have this status. */
export async function must(status, answer) {
  const { status: got, body, json } = await answer;
  assert.equal(got, status, body);
  return json;
}

/** Expects an answer to be this refusal; which field it is about is not looked at. */
export async function refused(answer, status, error, code) {
  const { status: got, json } = await answer;
  assert.deepEqual({ status: got, error: json.error, code: json.code }, { status, error, code });
}

/** Makes a conversation of `creator` and others: its id, in text unless one is among `fields`. */
export async function conversation(creator, others = [], fields = {}) {
  const participantIds = others.map(({ userId }) => userId);
  const made = await must(201, rest(creator, 'POST /api/conversations', { participantIds, ...fields }));
  return made.conversation.id;
}

const place = (id) => `/api/conversations/${encodeURIComponent(id)}/participants`;

export function add(who, id, { userId }) {
  return must(201, rest(who, `POST ${place(id)}`, { userId }));
}

export function remove(who, id, { userId }) {
  return must(200, rest(who, `DELETE ${place(id)}/${encodeURIComponent(userId)}`));
}

/** What clients of `feed` get when participants change or have a new key: the event, and that they are to read the list again. */
export function changed(event, payload) {
  return [[event, payload], ['conversation-updated', { conversationId: payload.conversationId }]];
}

/** A conversation id that is a number, as the first clients of `feed` have them. */
export function number() {
  return Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
}

/** Posts as clients of `feed` do. */
export function feedPost(who, id, fields = {}) {
  const body = { conversation_id: id, content_key_number: 1, encrypted_msg_content: SEALED, ...fields };
  return rest(who, 'POST /api/messages', body);
}

/** Posts as clients of `chat` do. */
export function chatPost(who, id, fields = { content: SEALED }) {
  return rest(who, 'POST /api/messages', { chatId: id, ...fields });
}

/** Posts a message of `feed`: its `messageData`. */
export async function feedMessage(who, id, fields) {
  return (await must(201, feedPost(who, id, fields))).messageData;
}

/** Posts a message of `chat`: its `data`. */
export async function chatMessage(who, id, fields) {
  return (await must(201, chatPost(who, id, fields))).data;
}

export function feedEdit(who, id, content) {
  return rest(who, `PUT /api/messages/${id}`, { encrypted_msg_content: content });
}

export function chatEdit(who, id, content) {
  return rest(who, `PATCH /api/messages/${id}`, { content });
}

export function erase(who, id, query = '') {
  return rest(who, `DELETE /api/messages/${id}${query}`);
}

/** A client without a token, as those of `feed` begin. */
export async function guest(options = {}) {
  const client = new Client(options);
  await client.next('connect');
  return client;
}

/** A client of `feed`: it authenticates once it is connected. */
export async function feed(who, options = {}) {
  const client = await guest(options);
  client.emit('authenticate', token(identity(who)));
  same(await client.next('authenticated'), DONE);
  return asFeed(client, who);
}

/** Lets `settle` know how to ask a client of `feed`. */
export function asFeed(client, who) {
  const echo = () => client.ask('leave-conversation', unique('nowhere'));
  return Object.assign(client, identity(who), { echo });
}

/** A client of `feed` that is subscribed to this conversation. */
export async function reader(who, id, options = {}) {
  const client = await feed(who, options);
  assert.deepEqual(await client.ask('join-conversation', id), DONE);
  return client;
}

/** A client of `chat` that was sent who is online: its token is in the query. */
export async function chat(who, options = {}) {
  const client = asChat(await connect(identity(who), { auth: {}, query: { token: token(identity(who)) }, ...options }));
  await settle([client]);
  return client;
}

/** Lets `settle` know how to ask a client of `chat`. */
export function asChat(client) {
  const echo = () => client.ask('user:stop-typing', { chatId: unique('nowhere') });
  return Object.assign(client, { echo });
}

/** A client of `conversation`. */
export async function talker(who) {
  const client = await connect(identity(who), { auth: { token: token(identity(who)), dialect: 'conversation' } });
  const echo = () => client.ask('typing:stop', { conversationId: unique('nowhere') });
  return Object.assign(client, { echo });
}

/** A client of `conversation` that is in this conversation. */
export async function joined(who, conversationId) {
  const client = await talker(who);
  assert.deepEqual(await client.ask('conversation:join', { conversationId }), DONE);
  await client.next('conversation:joined');
  return client;
}

/**
 * Waits until everything the clients have sent is handled and everything it caused has arrived: each is answered twice a
 * request that changes nothing, and between them what nodes have sent each other has arrived. Order is kept on each
 * connection, so nothing is on its way any more.
 */
export async function settle(clients) {
  const live = clients.filter(({ socket }) => socket.connected);
  const echoes = async () => {
    for (const client of live) await client.echo();
  };
  await echoes();
  await settleNodes();
  await echoes();
}

/**
 * Settles, runs `action` and settles; what each of the clients got by it, as `[name, payload]`. A socket that `action` sends
 * by is among the clients or the `actors`: its request is answered before its effects are sent, so the answer ends nothing.
 */
export async function observe(clients, action, actors = []) {
  await settle([...actors, ...clients]);
  const marks = clients.map((client) => client.mark());
  await action();
  await settle([...actors, ...clients]);
  return clients.map((client, index) => client.since(marks[index]));
}

/**
 * Runs `act`, a request, many times, and expects each time that `client` had been sent an event of this name by the time
 * the answer came: what the client asks then is answered after it.
 */
export async function comesBeforeTheAnswer(client, name, act) {
  await settle([client]);
  for (let round = 0; round < 30; round += 1) {
    const mark = client.mark();
    await act(round);
    await client.echo();
    const names = client.since(mark).map(([event]) => event);
    assert.deepEqual(names, [name], `round ${round}`);
  }
}
