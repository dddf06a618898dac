// `conversation`: message:delivered, when a message is sent and when a receiver joins.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, user } from '../support/relay.mjs';
import {
  add, done, enter, found, inConversation, members, names, observe, online, payloads, present, remove, send, sendMany, settle,
} from '../support/conversations.mjs';
import { until } from '../support/session.mjs';

/** `message:delivered` of a message to users. */
function delivered(conversationId, messageId, ...receivers) {
  return ['message:delivered', { messageId, conversationId, deliveredTo: receivers.map(({ userId }) => userId), deliveredAt: TIME }];
}

/** A conversation with two clients of its admin there, and a participant who has not come yet. */
async function scene() {
  const [one, two] = [user('Alice'), user('Bob')];
  const conversationId = await found(one, [two]);
  const alice = await present(one, conversationId);
  return { alice, second: await present(one, conversationId), two, conversationId };
}

const withoutPresence = (events) => events.filter(([name]) => name !== 'user:online');

test('the sender is notified of each message that a user who joins receives for the first time', async () => {
  const { alice, second, two, conversationId } = await scene();
  const apart = await online(alice);
  const ids = [await send(alice), await send(second)];
  const bob = await online(two);
  const [toBob, ...toAlice] = await observe([bob, alice, second, apart], () => enter(bob, conversationId));
  assert.deepEqual(names(toBob), ['conversation:joined', 'user:online']);
  for (const events of toAlice) same(withoutPresence(events), ids.map((id) => delivered(conversationId, id, two)));
  assert.deepEqual(names(toAlice[0]), ['user:online', 'message:delivered', 'message:delivered']);
});

test('only the first join of a user is a delivery', async () => {
  const { alice, two, conversationId } = await scene();
  await send(alice);
  const bob = await present(two, conversationId);
  const another = await online(two);
  const [, toAlice] = await observe([bob, alice, another], async () => {
    await enter(bob, conversationId);
    await enter(another, conversationId);
    await bob.ask('conversation:leave', { conversationId });
    await another.ask('conversation:leave', { conversationId });
    await enter(bob, conversationId);
  });
  assert.deepEqual(names(toAlice), ['user:offline', 'user:online']);
});

test('what was delivered when it was sent is not reported again', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [toAlice] = await observe([alice, bob], () => send(alice));
  assert.equal(payloads(toAlice, 'message:delivered').length, 1);
  await bob.ask('conversation:leave', inConversation(bob));
  const missed = await send(alice);
  const [again] = await observe([alice, bob], () => enter(bob, bob.conversationId));
  same(withoutPresence(again), [delivered(alice.conversationId, missed, bob)]);
});

test('what was read before the join is not reported again', async () => {
  const { alice, two, conversationId } = await scene();
  const messageIds = [await send(alice)];
  const bob = await online(two);
  await bob.ask('message:read', { conversationId, messageIds });
  const [, toAlice] = await observe([bob, alice], () => enter(bob, conversationId));
  assert.deepEqual(names(toAlice), ['user:online']);
});

test('each sender is notified of their own', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const who = user('Carol');
  await add(alice, alice.conversationId, who);
  const [fromAlice, fromBob] = [await send(alice), await send(bob)];
  const carol = await online(who);
  const [, toAlice, toBob] = await observe([carol, alice, bob], () => enter(carol, alice.conversationId));
  same(withoutPresence(toAlice), [delivered(alice.conversationId, fromAlice, who)]);
  same(withoutPresence(toBob), [delivered(alice.conversationId, fromBob, who)]);
});

test('messages from before a user was added, and deleted ones, are none of theirs', async () => {
  const [alice] = await members('Alice');
  const who = user('Bob');
  await send(alice);
  await add(alice, alice.conversationId, who);
  await alice.ask('message:delete', inConversation(alice, { messageId: await send(alice) }));
  const id = await send(alice);
  const bob = await online(who);
  const [, toAlice] = await observe([bob, alice], () => enter(bob, alice.conversationId));
  same(withoutPresence(toAlice), [delivered(alice.conversationId, id, who)]);
});

test('the delivery of more messages than a page is all reported, once and in their order', async () => {
  const { alice, two, conversationId } = await scene();
  const ids = await sendMany(alice, 450);
  const bob = await online(two);
  const [, toAlice] = await observe([bob, alice], () => enter(bob, conversationId));
  assert.deepEqual(payloads(toAlice, 'message:delivered').map(({ messageId }) => messageId), ids);
});

test('only those who are there are named, each once', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [who, never] = [user('Carol'), user('Dave')];
  for (const one of [who, never]) await add(alice, alice.conversationId, one);
  const second = await present(bob, bob.conversationId);
  const carol = await online(who);
  const [toAlice] = await observe([alice, bob, second, carol], () => send(alice));
  const [{ deliveredTo }] = payloads(toAlice, 'message:delivered');
  assert.deepEqual(deliveredTo, [bob.userId]);
});

test('the delivery of a message over REST is sent to the sockets of its sender', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  let id;
  const [toAlice, toBob] = await observe([alice, bob], async () => {
    const { message } = await done(201, alice, 'POST', '/api/messages', inConversation(alice, { content: 'x' }));
    id = message.id;
  });
  assert.deepEqual(names(toBob), ['message:new']);
  assert.deepEqual(names(toAlice), ['message:new', 'message:delivered']);
  same(toAlice[1], delivered(alice.conversationId, id, bob));
});

test('nothing is reported of a removed participant', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await remove(alice, alice.conversationId, bob);
  await settle([alice, bob]);
  const [toAlice] = await observe([alice, bob], () => send(alice));
  assert.deepEqual(names(toAlice), ['message:new']);
});

test('who reads at once has received it first: the sender is told of the delivery, and then that it was read', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  for (const reader of [bob, carol]) {
    reader.socket.on('message:new', ({ id, conversationId }) => reader.emit('message:read', { conversationId, messageIds: [id] }));
  }
  const expected = [];
  for (let batch = 0; batch < 10; batch += 1) {
    const sent = Array.from({ length: 20 }, () => alice.ask('message:send', inConversation(alice, { content: 'x' })));
    for (const { messageId } of await Promise.all(sent)) {
      for (const { userId } of [bob, carol]) expected.push(`${messageId} ${userId}: delivered, read`);
    }
  }
  /** What alice was told of each message and reader, in this order. */
  const told = () => {
    const about = new Map();
    const note = (id, userId, what) => about.set(`${id} ${userId}`, [...(about.get(`${id} ${userId}`) ?? []), what]);
    for (const [name, payload] of alice.since(0)) {
      if (name === 'message:delivered') for (const userId of payload.deliveredTo) note(payload.messageId, userId, 'delivered');
      if (name === 'message:read:receipt') for (const id of payload.messageIds) note(id, payload.readBy, 'read');
    }
    return about;
  };
  await until(() => [...told().values()].filter((list) => list.includes('read')).length, (count) => count === expected.length);
  await settle([alice, bob, carol]);
  const seen = [...told()].map(([key, list]) => `${key}: ${list.join(', ')}`);
  assert.deepEqual(seen.toSorted(), expected.toSorted());
});
