// `conversation`: message:send, who gets it, in which order and shape, and once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, unique, user } from '../support/relay.mjs';
import {
  ID, SEALED, askInOrder, done, found, inConversation, members, names, observe, online, payloads, person, present, send, settle,
} from '../support/conversations.mjs';
import { cut } from '../support/session.mjs';

/** `message:new` of a message by `client` in the conversation it joined last. */
function message(client, id, fields = {}) {
  const { conversationId, userId } = client;
  return { id, conversationId, senderId: userId, content: SEALED, createdAt: TIME, sender: person(client), ...fields };
}

/** `message:delivered` of a message by `client`. */
function delivered({ conversationId }, messageId, ...receivers) {
  return { messageId, conversationId, deliveredTo: receivers.map(({ userId }) => userId), deliveredAt: TIME };
}

const historyOf = async (client) =>
  (await done(200, client, 'GET', `/api/messages?conversationId=${encodeURIComponent(client.conversationId)}&limit=200`)).messages;

test('a message reaches everybody in the conversation, the sender too', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  const second = await present(bob, alice.conversationId);
  let id;
  const [toAlice, ...toOthers] = await observe([alice, bob, second, carol], async () => {
    id = await send(alice);
  });
  assert.match(id, ID);
  for (const events of toOthers) same(events, [['message:new', message(alice, id)]]);
  toAlice[1][1].deliveredTo.sort();
  const expected = delivered(alice, id, bob, carol);
  expected.deliveredTo.sort();
  same(toAlice, [['message:new', message(alice, id)], ['message:delivered', expected]]);
});

test('the effects come in their order: the callback, the message, its delivery; then the next message', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const start = alice.mark();
  const asked = ['one', 'two'].map((content) => askInOrder(alice, 'message:send', inConversation(alice, { content })));
  const [first, second] = await Promise.all(asked);
  await settle([alice, bob]);
  assert.deepEqual(alice.since(start).map(([name, { id, messageId }]) => [name, id ?? messageId]), [
    ['message:new', first.answer.messageId], ['message:delivered', first.answer.messageId],
    ['message:new', second.answer.messageId], ['message:delivered', second.answer.messageId],
  ]);
  assert.deepEqual([first.mark - start, second.mark - start], [0, 2], 'each callback was called before its events came');
});

test('the callback gets the id of the message and nothing else', async () => {
  const [alice] = await members('Alice');
  const { messageId, ...rest } = await alice.ask('message:send', inConversation(alice, { content: SEALED }));
  assert.match(messageId, ID);
  assert.deepEqual(rest, { success: true });
});

test('who is alone there is notified of no delivery', async () => {
  const [alice] = await members('Alice');
  await present(alice, alice.conversationId);
  const [events] = await observe([alice], () => send(alice));
  assert.deepEqual(names(events), ['message:new']);
});

test('a tempId comes back to everybody, and only where one was given', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const tempId = unique('temp');
  const [, toBob] = await observe([alice, bob], async () => {
    await send(alice, SEALED, { tempId });
    await send(alice);
  });
  same(toBob, [
    ['message:new', message(alice, toBob[0][1].id, { tempId })],
    ['message:new', message(alice, toBob[1][1].id)],
  ]);
});

test('a tempId that is a number stays one, and is another than its text', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const ids = new Set();
  const [, toBob] = await observe([alice, bob], async () => {
    for (const tempId of [7, '7', 0, -1, 7]) ids.add(await send(alice, SEALED, { tempId }));
  });
  assert.equal(ids.size, 4);
  assert.deepEqual(toBob.map(([, { tempId }]) => tempId), [7, '7', 0, -1]);
});

test('the sender is shown as their token says, whatever the payload says', async () => {
  const who = { ...user('Alice'), avatarUrl: 'https://example.test/alice.png' };
  const alice = await present(who, await found(who));
  const fields = { id: 'mine', senderId: 'bob', sender: { id: 'bob', name: 'Bob' }, createdAt: '2000-01-01T00:00:00.000Z', extra: 'extra' };
  const [[[, seen]]] = await observe([alice], () => send(alice, SEALED, fields));
  assert.notEqual(seen.id, 'mine');
  same(seen, message({ ...who, conversationId: alice.conversationId }, seen.id, { extra: 'extra' }));
  assert.equal(seen.sender.avatarUrl, who.avatarUrl);
});

test('a participant who has not joined may send, and is notified of the delivery', async () => {
  const [one, two] = [user('Alice'), user('Bob')];
  const conversationId = await found(one, [two]);
  const [alice, bob] = [await online(one), await present(two, conversationId)];
  Object.assign(alice, { conversationId });
  let id;
  const [toAlice, toBob] = await observe([alice, bob], async () => {
    id = await send(alice);
  });
  same(toBob, [['message:new', message(alice, id)]]);
  same(toAlice, [['message:delivered', delivered(alice, id, bob)]]);
});

test('other conversations get nothing', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const inAnother = await present(bob, await found(alice, [bob]));
  const [, , events] = await observe([alice, bob, inAnother], () => send(alice));
  assert.deepEqual(events, []);
});

test('the conversation knows when its last message came', async () => {
  const [alice] = await members('Alice');
  const lastMessageAt = async () => {
    const { conversation } = await done(200, alice, 'GET', `/api/conversations/${encodeURIComponent(alice.conversationId)}`);
    return conversation.lastMessageAt;
  };
  for (const content of ['one', 'two']) {
    const [[[, { createdAt }]]] = await observe([alice], () => send(alice, content));
    assert.equal(await lastMessageAt(), createdAt);
  }
});

test('a repeated tempId is acknowledged again with the stored message, and nothing else happens', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const tempId = unique('temp');
  const id = await send(alice, 'first', { tempId });
  const seen = await observe([alice, bob], async () => {
    assert.equal(await send(alice, 'first', { tempId }), id);
  });
  assert.deepEqual(seen, [[], []]);
  assert.deepEqual((await historyOf(alice)).map(({ content }) => content), ['first']);
});

test('it is acknowledged again on another connection, and after the message was changed', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const tempId = unique('temp');
  const id = await send(alice, 'first', { tempId });
  const second = await present(alice, alice.conversationId);
  cut(alice);
  await alice.next('disconnect');
  for (const change of ['message:update', 'message:delete']) {
    await second.ask(change, inConversation(second, { messageId: id, content: 'changed' }));
    const seen = await observe([second, bob], async () => assert.equal(await send(second, 'first', { tempId }), id));
    assert.deepEqual(seen, [[], []]);
  }
});

test('an ack that was lost with the connection is made up for: retrying stores the message once', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const tempId = unique('temp');
  alice.emit('message:send', inConversation(alice, { content: SEALED, tempId }));
  const { id } = await bob.next('message:new');
  cut(alice);
  const back = await present(alice, alice.conversationId);
  const [, toBob] = await observe([back, bob], async () => assert.equal(await send(back, SEALED, { tempId }), id));
  assert.deepEqual(toBob, []);
});

test('repetitions that come at once, on one socket or two, are one message', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const second = await present(alice, alice.conversationId);
  const tempId = unique('temp');
  let ids;
  const [, toBob] = await observe([alice, bob, second], async () => {
    ids = await Promise.all([alice, second, alice, second, alice, second].map((client) => send(client, SEALED, { tempId })));
  });
  assert.equal(new Set(ids).size, 1);
  same(toBob, [['message:new', message(alice, ids[0], { tempId })]]);
});

test('the same tempId of another user, or in another conversation, is no repetition', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const other = await present(alice, await found(alice));
  const tempId = unique('temp');
  const ids = new Set();
  for (const client of [alice, bob, other]) ids.add(await send(client, SEALED, { tempId }));
  assert.equal(ids.size, 3);
});

test('messages of several senders have one order, the same for everybody and in the history', async () => {
  const clients = await members('Alice', 'Bob', 'Carol');
  const [alice] = clients;
  const each = 30;
  const seen = await observe(clients, async () => {
    const sent = clients.flatMap((client) => Array.from({ length: each }, (_, n) => send(client, `${client.username} ${n}`)));
    await Promise.all(sent);
  });
  const orders = seen.map((events) => payloads(events, 'message:new').map(({ content }) => content));
  assert.equal(orders[0].length, each * clients.length);
  for (const order of orders) assert.deepEqual(order, orders[0]);
  for (const { username } of clients) {
    const own = orders[0].filter((content) => content.startsWith(username));
    assert.deepEqual(own, Array.from({ length: each }, (_, n) => `${username} ${n}`), 'each sender’s in the order they were sent');
  }
  assert.deepEqual((await historyOf(alice)).map(({ content }) => content), orders[0]);
  const ids = payloads(seen[0], 'message:new').map(({ id }) => id);
  assert.deepEqual(ids, ids.toSorted(), 'their ids ascend');
});
