// A JSON client of REST, and what its suites share: who calls, what must be answered, conversations nobody else has.
// Of what the server answers it expects what holds for every answer, and that what is valid is done.
import assert from 'node:assert/strict';
import { sawRequest } from './described.mjs';
import { TIMEOUT, request, token } from './relay.mjs';

const JSON_TYPE = /^application\/json\b/;
/** The ids of messages, and of conversations whose maker gave none. */
export const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** What an unknown route answers. */
export const NO_ROUTE = { error: 'Endpoint not found' };
/** What is answered to who is no participant in a conversation, or names one that is not there, by the form of the request. */
export const NOT_PARTICIPANT = {
  conversation: { error: 'Not a participant of this conversation', code: 'NOT_PARTICIPANT' },
  chat: { error: 'You are not a participant of this chat', code: 'NOT_PARTICIPANT' },
  feed: { error: 'Access denied to this conversation', code: 'NOT_PARTICIPANT' },
};
/** What is answered about a message that is not there, or not for the caller to change. */
export const NO_MESSAGE = { error: 'Message not found', code: 'NOT_FOUND' };
/** The same about a conversation. */
export const NO_CONVERSATION = { error: 'Conversation not found', code: 'NOT_FOUND' };

/** A UUID as one of another version. */
export function withVersion(uuid, version) {
  return `${uuid.slice(0, 14)}${version}${uuid.slice(15)}`;
}

/** Who has this token, or any other text that is sent as one. */
export function bearer(text) {
  return { bearer: text };
}

/** Who has the admin token. */
export const ADMIN = bearer(process.env.ADMIN_TOKEN);

/** What is answered about a field. */
export function invalid(field) {
  return { error: `Missing or invalid ${field}`, code: 'INVALID_INPUT', field };
}

/** The headers by which `who` is known: a user, `bearer(…)`, or `null` for nobody. */
function identity(who) {
  if (who === null) return {};
  const { userId, username, avatarUrl } = who;
  return { Authorization: `Bearer ${who.bearer ?? token({ userId, username, avatarUrl })}` };
}

/**
 * One request: `{status, headers, body, json}`. A `body` that is text is sent as it is, any other as JSON.
 * Every answer is JSON and has a request id.
 */
export async function call(who, method, path, body, headers = {}) {
  const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await request(path, { method, headers: { ...identity(who), ...type, ...headers }, body: text });
  const description = `${method} ${path}: ${answer.status} ${answer.body}`;
  assert.match(answer.headers['x-request-id'] ?? '', /./, description);
  assert.match(answer.headers['content-type'] ?? '', JSON_TYPE, description);
  const json = JSON.parse(answer.body);
  sawRequest(method, path, body, { status: answer.status, json });
  return { ...answer, json };
}

/** A request that must be answered with this status: what it says. */
export async function done(status, who, method, path, body, headers = {}) {
  const answer = await call(who, method, path, body, headers);
  assert.equal(answer.status, status, `${method} ${path}: ${answer.body}`);
  return answer.json;
}

/** A request that must be refused so, and say nothing else. */
export async function refused(status, refusal, who, method, path, body, headers = {}) {
  const answer = await call(who, method, path, body, headers);
  const about = `${method} ${path} ${JSON.stringify(body)?.slice(0, 200)}`;
  assert.deepEqual([answer.status, answer.json], [status, refusal], about);
  return answer;
}

/** Where a conversation is, and what of it. */
export function at(id, ...rest) {
  return ['/api/conversations', id, ...rest].map((part, index) => (index ? encodeURIComponent(part) : part)).join('/');
}

/** Makes a conversation: its id. Who makes it is its admin; the others are users, `fields` more of the request. */
export async function found(admin, others = [], fields = {}) {
  const participantIds = others.map(({ userId }) => userId);
  const { conversation } = await done(201, admin, 'POST', '/api/conversations', { participantIds, ...fields });
  return conversation.id;
}

/** Sends a message in the form `conversation`: the message. */
export async function post(who, conversationId, content, fields = {}) {
  return (await done(201, who, 'POST', '/api/messages', { conversationId, content, ...fields })).message;
}

/** What a user reads of a conversation: `{messages, nextCursor?}`. `query` is more of the request. */
export function read(who, conversationId, query = {}) {
  return done(200, who, 'GET', `/api/messages?${new URLSearchParams({ conversationId, ...query })}`);
}

/** The pages of a history, the newest first. */
async function pages(who, conversationId, limit) {
  const all = [await read(who, conversationId, { limit })];
  while (all.at(-1).nextCursor !== undefined) all.push(await read(who, conversationId, { limit, before: all.at(-1).nextCursor }));
  return all;
}

/** Every message of a conversation as a user reads it, oldest first, page by page. */
export async function history(who, conversationId, limit = 200) {
  return (await pages(who, conversationId, limit)).toReversed().flatMap(({ messages }) => messages);
}

/** The ids of the reactions in a history. */
export async function reactions(who, conversationId) {
  return new Set((await pages(who, conversationId, 200)).flatMap((page) => page.reactions ?? []).map(({ id }) => id));
}

/** Makes the server know a user, as one who calls anything does. */
export async function known(...users) {
  for (const who of users) await done(200, who, 'GET', '/api/conversations');
}

/** Participants in the order of their ids: that of a list of them says nothing. */
export function byId(participants) {
  return participants.toSorted((one, other) => (one.userId < other.userId ? -1 : 1));
}

/** Waits until the clock shows later than `time`: what is written from now on is newer. */
export async function past(time) {
  const deadline = Date.now() + TIMEOUT;
  while (Date.now() <= Date.parse(time)) {
    assert.ok(Date.now() < deadline, `it is not past ${time}`);
    await new Promise(setImmediate);
  }
}
