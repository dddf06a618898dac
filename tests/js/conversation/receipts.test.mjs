// `conversation`: message:read and message:read:receipt.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, unique, user } from '../support/relay.mjs';
import {
  DONE, REFUSALS, done, found, inConversation, invalid, members, observe, online, present, refused, send, sendMany,
} from '../support/conversations.mjs';

const read = (client, messageIds) => client.ask('message:read', inConversation(client, { messageIds }));

/** `message:read:receipt` about `reader`. */
function receipt({ conversationId, userId }, ...messageIds) {
  return ['message:read:receipt', { conversationId, messageIds, readBy: userId, readAt: TIME }];
}

async function unread(client) {
  const { conversations } = await done(200, client, 'GET', '/api/conversations');
  return conversations.find(({ id }) => id === client.conversationId).unreadCount;
}

test('each sender is notified of their own messages, and nobody else of anything', async () => {
  const [alice, bob, carol, dave] = await members('Alice', 'Bob', 'Carol', 'Dave');
  const [first, second] = [await send(alice, 'one'), await send(alice, 'two')];
  const third = await send(bob, 'three');
  const [toReader, toAlice, toBob, toDave] = await observe([carol, alice, bob, dave], async () => {
    assert.deepEqual(await read(carol, [first, third, second]), DONE);
  });
  same(toAlice, [receipt(carol, first, second)]);
  same(toBob, [receipt(carol, third)]);
  assert.deepEqual([toReader, toDave], [[], []]);
  assert.equal(toAlice[0][1].readAt, toBob[0][1].readAt);
});

test('all sockets of a sender are notified, joined or not', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [inside, outside] = [await present(alice, alice.conversationId), await online(alice)];
  const id = await send(alice);
  const [, ...toAlice] = await observe([bob, alice, inside, outside], () => read(bob, [id]));
  for (const events of toAlice) same(events, [receipt(bob, id)]);
});

test('a reader who has not joined may read', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const id = await send(alice);
  const apart = Object.assign(await online(bob), { conversationId: alice.conversationId });
  const [, toAlice] = await observe([apart, alice], async () => assert.deepEqual(await read(apart, [id]), DONE));
  same(toAlice, [receipt(bob, id)]);
});

test('the reader’s other sockets are told once, joined or not, and the one that read is not', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [inside, outside] = [await present(bob, bob.conversationId), await online(bob)];
  const ids = [await send(alice, 'one'), await send(alice, 'two')];
  const [toReader, toAlice, ...elsewhere] = await observe([bob, alice, inside, outside], () => read(bob, ids));
  assert.deepEqual(toReader, []);
  for (const events of elsewhere) same(events, [receipt(bob, ...ids)]);
  assert.deepEqual(toAlice, elsewhere[0], 'as its sender is');
  const again = await observe([bob, inside, outside], () => read(bob, ids));
  assert.deepEqual(again, [[], [], []]);
  assert.equal(await unread(bob), 0);
});

test('to the reader, messages of several senders are one receipt in the order of the history', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  const device = await present(carol, carol.conversationId);
  const ids = [await send(alice, 'one'), await send(bob, 'two'), await send(alice, 'three')];
  const own = await send(carol, 'mine');
  const [, seen] = await observe([carol, device], () => read(carol, [ids[2], own, ids[0], ids[1]]));
  same(seen, [receipt(carol, ...ids)]);
});

test('what was read before is not reported again', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const ids = [await send(alice), await send(alice), await send(alice)];
  await read(bob, [ids[0]]);
  const [, toAlice] = await observe([bob, alice], async () => assert.deepEqual(await read(bob, ids), DONE));
  same(toAlice, [receipt(bob, ids[1], ids[2])]);
  const seen = await observe([bob, alice], async () => {
    assert.deepEqual(await read(bob, ids), DONE);
    assert.deepEqual(await read(await present(bob, bob.conversationId), ids), DONE);
  });
  assert.deepEqual(seen, [[], []]);
});

test('one’s own messages, those of other conversations and those that are not there are left out', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const inAnother = await present(alice, await found(alice, [bob]));
  const [own, theirs, foreign] = [await send(bob), await send(alice), await send(inAnother)];
  const absent = theirs.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  const others = [own, foreign, absent, unique('message')];
  const seen = await observe([bob, alice, inAnother], async () => assert.deepEqual(await read(bob, others), DONE));
  assert.deepEqual(seen, [[], [], []]);
  const [, toAlice] = await observe([bob, alice], () => read(bob, [...others, theirs, theirs]));
  same(toAlice, [receipt(bob, theirs)]);
});

test('several readers are reported one by one', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  const id = await send(alice);
  for (const reader of [bob, carol]) {
    const [, toAlice] = await observe([reader, alice], () => read(reader, [id]));
    same(toAlice, [receipt(reader, id)]);
  }
});

test('what was read does not count as unread any more', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const ids = [await send(alice), await send(alice), await send(alice)];
  assert.equal(await unread(bob), 3);
  await read(bob, ids.slice(0, 2));
  assert.equal(await unread(bob), 1);
  assert.equal(await unread(alice), 0);
});

test('five hundred messages may be read at once, and are one receipt', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const ids = await sendMany(alice, 500);
  const [, toAlice] = await observe([bob, alice], async () => assert.deepEqual(await read(bob, ids.toReversed()), DONE));
  assert.equal(toAlice.length, 1);
  const [[name, { messageIds, ...rest }]] = toAlice;
  const [expectedName, expected] = receipt(bob);
  delete expected.messageIds;
  assert.equal(name, expectedName);
  same(rest, expected);
  assert.deepEqual(messageIds.toSorted(), ids.toSorted());
});

test('none, too many, and what are no ids are refused', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const id = await send(alice);
  const { conversationId } = alice;
  const context = { conversationId, field: 'messageIds' };
  for (const messageIds of [null, [], id, {}, { 0: id }, 7, Array(501).fill(id), [id, null], [id, {}], [id, [id]], [true]]) {
    await refused(bob, 'message:read', inConversation(bob, { messageIds }), invalid('messageIds'), context, [alice]);
  }
  const [, toAlice] = await observe([bob, alice], () => read(bob, [id]));
  assert.equal(toAlice.length, 1, 'and nothing had been read');
});

test('who is no participant reads nothing', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const id = await send(alice);
  const eve = await online(user('Eve'));
  for (const conversationId of [alice.conversationId, unique('conversation')]) {
    await refused(eve, 'message:read', { conversationId, messageIds: [id] }, REFUSALS.notParticipant, { conversationId }, [alice, bob]);
  }
});
