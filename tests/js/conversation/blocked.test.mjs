// Stored conversations: the presence of who has blocked somebody, in `conversation` and `chat`. Started with OFFLINE_GRACE=300ms.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, connect, same, token, user } from '../support/relay.mjs';
import { enter, found, observe, online, person, present, settle } from '../support/conversations.mjs';
import { block, entry, unblock } from '../support/blocked.mjs';
import { done } from '../support/rest.mjs';

const about = (who) => (payload) => payload.userId === who.userId;
const presence = (client, who) =>
  client.events.filter(({ name, args: [payload] }) => name.startsWith('user:') && about(who)(payload)).map(({ name }) => name);
const onlineIn = async (client, conversationId) => {
  const { onlineUsers } = await client.ask('presence:request', { conversationId });
  return onlineUsers.map(({ id }) => id).toSorted();
};
const ids = (...users) => users.map(({ userId }) => userId).toSorted();

test('in a room, who is blocked is told that the other left, and sees them nowhere until they are not blocked any more', async () => {
  const [mallory, bob, carol] = ['Mallory', 'Bob', 'Carol'].map(user);
  const id = await found(carol, [bob, mallory]);
  const [watcher, blocker, witness] = [await present(mallory, id), await present(bob, id), await present(carol, id)];
  const seen = await observe([watcher, blocker, witness], () => block(bob, mallory));
  same(seen[0], [['user:offline', { conversationId: id, userId: bob.userId, timestamp: TIME, lastSeenAt: TIME }]]);
  assert.deepEqual(seen.slice(1), [[], []]);
  const [again] = await observe([watcher], () => done(200, bob, 'PUT', entry(mallory)));
  assert.deepEqual(again, []);
  assert.deepEqual(await onlineIn(watcher, id), ids(mallory, carol));
  assert.deepEqual(await onlineIn(blocker, id), ids(mallory, bob, carol));

  const before = presence(watcher, bob);
  await blocker.ask('conversation:leave', { conversationId: id });
  await witness.next('user:offline', about(bob));
  await enter(blocker, id);
  await witness.next('user:online', about(bob));
  await settle([watcher]);
  assert.deepEqual(presence(watcher, bob), before);

  // How many are there does not say it either.
  await watcher.ask('conversation:leave', { conversationId: id });
  await blocker.next('user:offline', about(mallory));
  const { participantCount } = await enter(watcher, id);
  assert.equal(participantCount, 2);
  await blocker.next('user:online', about(mallory));

  const [shown] = await observe([watcher, blocker], () => unblock(bob, mallory));
  same(shown, [['user:online', { conversationId: id, userId: bob.userId, user: person(bob), timestamp: TIME }]]);
  assert.deepEqual(await onlineIn(watcher, id), ids(mallory, bob, carol));
});

test('what is said in a conversation that both are in reaches both', async () => {
  const [mallory, bob] = ['Mallory', 'Bob'].map(user);
  const id = await found(mallory, [bob]);
  const clients = [await present(mallory, id), await present(bob, id)];
  await block(bob, mallory);
  for (const [sender, receiver] of [clients, clients.toReversed()]) {
    assert.equal((await sender.ask('message:send', { conversationId: id, content: 'x' })).success, true);
    await receiver.next('message:new', ({ senderId }) => senderId === sender.userId);
  }
});

test('who was not in the room when they were blocked is told nothing of the other', async () => {
  const [mallory, bob] = ['Mallory', 'Bob'].map(user);
  const id = await found(mallory, [bob]);
  const blocker = await present(bob, id);
  await block(bob, mallory);
  const watcher = await online(mallory);
  const { participantCount } = await enter(watcher, id);
  assert.equal(participantCount, 1);
  assert.deepEqual(await onlineIn(watcher, id), ids(mallory));
  await blocker.ask('conversation:leave', { conversationId: id });
  await settle([watcher]);
  assert.deepEqual(presence(watcher, bob), []);
});

test('in chats, who is blocked is told that the other went offline, and does not see them', async () => {
  const [mallory, bob, carol] = ['Mallory', 'Bob', 'Carol'].map(user);
  await found(carol, [bob, mallory]);
  const chat = (who) => connect(who, { auth: {}, query: { token: token(who) } });
  const [watcher, witness] = [await chat(mallory), await chat(carol)];
  const blocker = await chat(bob);
  await watcher.next('user:online', about(bob));
  const before = presence(watcher, bob);
  await block(bob, mallory);
  const gone = { userId: bob.userId, status: 'offline', timestamp: TIME, lastSeen: TIME };
  same(await watcher.next('user:offline', about(bob)), { type: 'user:offline', data: gone, ...gone });
  blocker.close();
  await witness.next('user:offline', about(bob));
  await chat(bob);
  await witness.next('user:online', about(bob));
  const again = await chat(mallory);
  await again.next('user:online', about(carol));
  witness.close();
  for (const client of [watcher, again]) await client.next('user:offline', about(carol));
  assert.deepEqual(presence(watcher, bob), [...before, 'user:offline']);
  assert.deepEqual(presence(again, bob), []);
  await unblock(bob, mallory);
  for (const client of [watcher, again]) await client.next('user:online', about(bob));
});
