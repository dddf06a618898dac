// What the suites about blocked users share.
import assert from 'node:assert/strict';
import { call, done } from './rest.mjs';

const ISO_TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;

/** The place of a user in the block list of another one. */
export const entry = ({ userId }) => `/api/users/me/blocked/${encodeURIComponent(userId)}`;

/** A user blocks another one, on every node. */
export function block(who, other) {
  return done(201, who, 'PUT', entry(other));
}

export function unblock(who, other) {
  return done(200, who, 'DELETE', entry(other));
}

/** The users whom one has blocked. */
export async function blockedBy(who) {
  return (await done(200, who, 'GET', '/api/users/me/blocked')).blocked.map(({ userId }) => userId);
}

/** What a client was told, where the other is `them`, whoever that is, and all times are the same. */
export function told(events, { userId, username }) {
  const text = JSON.stringify(events).replaceAll(userId, 'them').replaceAll(username, 'Them');
  return JSON.parse(text.replaceAll(ISO_TIME, 'then'));
}

/** Everything of `direct` that a user can send to another one, with the payload. */
export function everything({ userId }) {
  const sealed = { ciphertext: 'c', iv: 'i', tag: 't' };
  const chunk = { encryptedData: 'd', iv: 'i', tag: 't', hash: 'h', fileName: 'f', fileSize: 2, mimeType: 'text/plain' };
  return [
    ['join_room', { recipientId: userId }],
    ['send_message', { recipientId: userId, ...sealed, seq: 1, messageId: 'm1' }],
    ['key-exchange:send', { recipientId: userId, publicKey: 'k' }],
    ['send_file_chunk', { recipientId: userId, messageId: 'f1', chunkNumber: 0, totalChunks: 2, ...chunk }],
    ['send_file_chunk', { recipientId: userId, messageId: 'f1', chunkNumber: 1, totalChunks: 2, ...chunk, encryptedData: 'd'.repeat(9_000) }],
    ['request_file', { senderId: userId, messageId: 'f2' }],
    ['typing:start', { recipientId: userId }],
    ['typing:stop', { recipientId: userId }],
    ['message:delivered', { senderId: userId, messageId: 'm2' }],
    ['message:read', { senderId: userId, messageId: 'm2' }],
    ['leave_room', { recipientId: userId }],
    ['send_message', { recipientId: userId, ciphertext: 'c', seq: 2 }],
    ['typing:start', {}],
  ];
}

/** Sends all of that: what the callbacks and the events said. */
export async function sendEverything(from, to) {
  const mark = from.mark();
  const answers = [];
  for (const [name, payload] of everything(to)) answers.push([name, await from.ask(name, payload)]);
  const events = from.since(mark).filter(([name]) => !name.startsWith('user:'));
  return told([answers, events], to);
}

/** Whether a refusal is answered. */
export async function refusedWith(status, code, who, method, path, body) {
  const answer = await call(who, method, path, body);
  assert.deepEqual([answer.status, answer.json.code], [status, code], answer.body);
}
