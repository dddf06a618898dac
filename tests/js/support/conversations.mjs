// What the suites of stored conversations share: conversations nobody else has, their members as clients of the dialect
// `conversation`, REST, and the proof that nothing came. Of what the server answers it expects only that what is valid is done.
import assert from 'node:assert/strict';
import { settleNodes } from './between-nodes.mjs';
import { connect, request, token, unique, user } from './relay.mjs';

/** What a callback gets when all went well and there is nothing to say. */
export const DONE = { success: true };
/** The refusals, as `error` and `conversation:join:error` name them. */
export const REFUSALS = {
  notParticipant: { message: 'Not authorized to join conversation', code: 'NOT_PARTICIPANT' },
  unauthorized: { message: 'Message not found or not authorized', code: 'UNAUTHORIZED' },
  rate: { message: 'Rate limit exceeded', code: 'RATE_LIMIT' },
};
/** What a message says where that does not matter. */
export const SEALED = 'c2VhbGVk';
/** The ids of messages and reactions. */
export const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** How many messages `sendMany` sends at once. */
const BATCH = 50;

/** The refusal of a field. */
export function invalid(field) {
  return { message: `Missing or invalid ${field}`, code: 'INVALID_INPUT' };
}

/** What a callback gets of a refusal. */
export function failed({ message, code }) {
  return { success: false, error: { message, code } };
}

/** How events show a user; `user` of relay.mjs and an `avatarUrl`, if there is one. */
export function person({ userId, username, avatarUrl }) {
  return { id: userId, name: username, ...(avatarUrl && { avatarUrl }) };
}

/** A request over REST in a user's name, with a JSON body if there is one: `{status, headers, body, json}`. */
export async function call(who, method, path, body) {
  const headers = { Authorization: `Bearer ${token(claims(who))}`, ...(body !== undefined && { 'Content-Type': 'application/json' }) };
  const answer = await request(path, { method, headers, body: body && JSON.stringify(body) });
  return { ...answer, json: JSON.parse(answer.body) };
}

/** The same where it must succeed with this status: the answer's body. */
export async function done(status, who, method, path, body) {
  const answer = await call(who, method, path, body);
  assert.equal(answer.status, status, `${method} ${path}: ${answer.body}`);
  return answer.json;
}

/** What a user's token says of them, of a user or of a client of theirs. */
function claims({ userId, username, avatarUrl }) {
  return { userId, username, avatarUrl };
}

/** Makes a conversation: its id. Who makes it is its admin; the others are users, `fields` more of the request. */
export async function found(admin, others = [], fields = {}) {
  const participantIds = others.map(({ userId }) => userId);
  const { conversation } = await done(201, admin, 'POST', '/api/conversations', { participantIds, ...fields });
  return conversation.id;
}

/** Takes a participant out. */
export function remove(admin, id, { userId }) {
  return done(200, admin, 'DELETE', `/api/conversations/${encodeURIComponent(id)}/participants/${encodeURIComponent(userId)}`);
}

/** Puts a participant in. */
export function add(admin, id, { userId }) {
  return call(admin, 'POST', `/api/conversations/${encodeURIComponent(id)}/participants`, { userId });
}

/** A connected client of a user, in the dialect `conversation`. */
export function online(who, options = {}) {
  return connect(claims(who), { auth: { token: token(claims(who)), dialect: 'conversation' }, ...options });
}

/** Lets a client join a conversation: what `conversation:joined` said. */
export async function enter(client, conversationId) {
  assert.deepEqual(await client.ask('conversation:join', { conversationId }), DONE);
  client.conversationId = conversationId;
  return client.next('conversation:joined', (payload) => payload.conversationId === conversationId);
}

/** A further client of a user in a conversation. */
export async function present(who, conversationId, options = {}) {
  const client = await online(who, options);
  await enter(client, conversationId);
  return client;
}

/** Clients of new users with these names in a new conversation, the first its admin; nothing is on its way to them. */
export async function members(...names) {
  const users = names.map(user);
  const id = await found(users[0], users.slice(1));
  const clients = [];
  for (const who of users) clients.push(await present(who, id));
  await settle(clients);
  return clients;
}

/** The fields of a request about the conversation that a client joined last. */
export function inConversation({ conversationId }, fields = {}) {
  return { conversationId, ...fields };
}

/** Sends a message: its id. */
export async function send(client, content = SEALED, fields = {}) {
  const answer = await client.ask('message:send', inConversation(client, { content, ...fields }));
  assert.equal(answer.success, true, JSON.stringify(answer));
  return answer.messageId;
}

/** Sends so many messages, which say their numbers: their ids. Not all at once, as each one is to be answered in time. */
export async function sendMany(client, count) {
  const ids = [];
  while (ids.length < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - ids.length) }, (_, index) => send(client, ids.length + index));
    ids.push(...(await Promise.all(batch)));
  }
  return ids;
}

/** Adds a reaction: its id. */
export async function react(client, messageId, emoji = '👍') {
  const answer = await client.ask('reaction:add', inConversation(client, { messageId, emoji }));
  assert.equal(answer.success, true, JSON.stringify(answer));
  return answer.reactionId;
}

/** Emits with a callback: its `answer`, and the `mark` at which it was called among the client's events. */
export function askInOrder(client, name, payload) {
  return new Promise((resolve) => {
    client.emit(name, payload, (answer) => resolve({ answer, mark: client.mark() }));
  });
}

/** A request that is answered to the callback only: nobody types where they have not joined. */
function echo(client) {
  return client.ask('typing:stop', { conversationId: unique('nowhere') });
}

/**
 * Waits until everything the clients have sent is handled and everything it caused has arrived. A client's requests are
 * handled in turn, and what one causes is handed out before the next: after the first round nothing is still to be handed
 * out, nor between nodes after `settleNodes`. Each client gets what it was handed in order: after the second round nothing
 * is on its way any more.
 */
export async function settle(clients) {
  const live = clients.filter(({ socket }) => socket.connected);
  const echoes = () => Promise.all(live.map(echo));
  await echoes();
  await settleNodes();
  await echoes();
}

/**
 * Settles, runs `action` and settles; what each of the clients got by it, as `[name, payload]`. A socket that `action` sends
 * by is among the clients: its request is answered before its effects are sent, so the answer ends nothing.
 */
export async function observe(clients, action) {
  await settle(clients);
  return witness(clients, action);
}

/** The same for clients to whom nothing is on its way. */
export async function witness(clients, action) {
  const marks = clients.map((client) => client.mark());
  await action();
  await settle(clients);
  return clients.map((client, index) => client.since(marks[index]));
}

/** The names of events that were observed. */
export function names(events) {
  return events.map(([name]) => name);
}

/** The payloads of the events with this name among those observed. */
export function payloads(events, wanted) {
  return events.filter(([name]) => name === wanted).map(([, payload]) => payload);
}

/**
 * Asks what must be refused with `refusal`, by the callback and by one `error` with this `context` (its `event` is
 * added), and must reach none of the `others`.
 */
export async function refused(client, event, payload, refusal, context, others = []) {
  const [seen, ...reached] = await observe([client, ...others], async () => {
    assert.deepEqual(await client.ask(event, payload), failed(refusal));
  });
  assert.deepEqual(seen, [['error', { ...refusal, context: { ...context, event } }]]);
  assert.deepEqual(reached, others.map(() => []));
}
