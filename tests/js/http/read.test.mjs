// REST: POST /api/messages/read, which does what the event `message:read` does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, unique, user } from '../support/relay.mjs';
import { DONE, observe, online, present } from '../support/conversations.mjs';
import { NOT_PARTICIPANT, at, done, found, invalid, post, refused } from '../support/rest.mjs';

const PATH = '/api/messages/read';
const RECEIPT = 'message:read:receipt';
const absent = '0192f0c1-2b3c-7d4e-8f5a-6b7c8d9e0f1a';
const mark = async (who, conversationId, messageIds) =>
  assert.deepEqual(await done(200, who, 'POST', PATH, { conversationId, messageIds }), DONE);

/** Three users of a new conversation, its id, and a message of each of them. */
async function scene() {
  const users = ['Alice', 'Bob', 'Carol'].map(user);
  const conversationId = await found(users[0], users.slice(1));
  const sent = [];
  for (const who of users) sent.push((await post(who, conversationId, 'x')).id);
  return { users, conversationId, sent };
}

test('each sender is notified of their messages, and the reader of all, in all their sockets, wherever these are', async () => {
  const { users: [alice, bob, carol], conversationId, sent } = await scene();
  const { id: another } = await post(alice, conversationId, 'y');
  const clients = [await present(alice, conversationId), await online(alice), await present(bob, conversationId), await present(carol, conversationId)];
  const [toAlice, toAliceNotJoined, toBob, toCarol] = await observe(clients, () => mark(carol, conversationId, [sent[0], sent[1], another]));
  const receipt = (messageIds) => ({ conversationId, messageIds, readBy: carol.userId, readAt: TIME });
  same(toAlice, [[RECEIPT, receipt([sent[0], another])]]);
  assert.deepEqual(toAliceNotJoined, toAlice);
  same(toBob, [[RECEIPT, receipt([sent[1]])]]);
  same(toCarol, [[RECEIPT, receipt([sent[0], sent[1], another])]]);
});

test('it is the receipt that the event makes', async () => {
  const { users: [alice, bob, carol], conversationId, sent: [id] } = await scene();
  const clients = [await present(alice, conversationId), await present(bob, conversationId)];
  const [overRest] = await observe(clients, () => mark(carol, conversationId, [id]));
  const [overSocket] = await observe(clients, () => clients[1].ask('message:read', { conversationId, messageIds: [id] }));
  // Who had not joined has received it, too, by reading it.
  assert.deepEqual(overRest.map(([name]) => name), ['message:delivered', RECEIPT]);
  const shape = (events) => events.filter(([name]) => name === RECEIPT).map(([, payload]) => ({ ...payload, readBy: '', readAt: '' }));
  assert.deepEqual(shape(overRest), shape(overSocket));
});

test('what was read before, is one’s own, or is not there, makes no receipt', async () => {
  const { users: [alice, , carol], conversationId, sent } = await scene();
  const ofAnother = await post(alice, await found(alice, [carol]), 'elsewhere');
  const client = await present(alice, conversationId);
  await mark(carol, conversationId, [sent[0]]);
  const [seen] = await observe([client], async () => {
    await mark(carol, conversationId, [sent[0], sent[0], sent[2], absent, ofAnother.id, 'nonsense']);
    await mark(alice, conversationId, [sent[0]]);
  });
  assert.deepEqual(seen, []);
});

test('a read message is unread for the others', async () => {
  const { users: [alice, bob, carol], conversationId, sent } = await scene();
  await mark(carol, conversationId, sent);
  const counts = [];
  for (const who of [alice, bob, carol]) counts.push((await done(200, who, 'GET', at(conversationId))).conversation.unreadCount);
  assert.deepEqual(counts, [2, 2, 0]);
});

test('1 to 500 messages may be marked at once', async () => {
  const { users: [, bob], conversationId, sent } = await scene();
  await mark(bob, conversationId, Array(500).fill(sent[0]));
  for (const messageIds of [[], Array(501).fill(sent[0])]) {
    await refused(422, invalid('messageIds'), bob, 'POST', PATH, { conversationId, messageIds });
  }
});

test('bad fields are named', async () => {
  const { users: [, bob], conversationId, sent } = await scene();
  for (const none of [undefined, null]) {
    await refused(400, invalid('conversationId'), bob, 'POST', PATH, { conversationId: none, messageIds: sent });
  }
  await refused(400, invalid('messageIds'), bob, 'POST', PATH, { conversationId, messageIds: null });
  for (const bad of ['', 'x'.repeat(129), 'a\nb', 1.5, true, {}, [], { $ne: null }]) {
    await refused(422, invalid('conversationId'), bob, 'POST', PATH, { conversationId: bad, messageIds: sent });
  }
  for (const bad of [sent[0], {}, 7, true, [{}], [null], [true], [[sent[0]]], [1.5], [{ $ne: null }], { $in: sent }, { length: 1, 0: sent[0] }]) {
    await refused(422, invalid('messageIds'), bob, 'POST', PATH, { conversationId, messageIds: bad });
  }
  const { conversation } = await done(200, bob, 'GET', at(conversationId));
  assert.equal(conversation.unreadCount, 2);
});

test('a conversation of others is as one that is not there', async () => {
  const { conversationId, sent } = await scene();
  for (const id of [conversationId, unique('absent')]) {
    await refused(403, NOT_PARTICIPANT.conversation, user('Mallory'), 'POST', PATH, { conversationId: id, messageIds: sent });
  }
});
