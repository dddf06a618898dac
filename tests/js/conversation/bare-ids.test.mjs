// An id instead of an object: a text, or a number, wherever an event needs nothing else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, connect, same, unique } from '../support/relay.mjs';
import { DONE, chat, conversation, knownUsers, observe, talker } from '../support/feed-chat.mjs';

const number = () => Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);

for (const [kind, newId] of [['a text', () => unique('conversation')], ['a number', number]]) {
  test(`conversation takes ${kind}`, async () => {
    const [alice, bob] = await knownUsers('Alice', 'Bob');
    const id = newId();
    await conversation(alice, [bob], { id });
    const clients = [await talker(alice), await talker(bob)];
    for (const client of clients) {
      assert.deepEqual(await client.ask('conversation:join', id), DONE);
      assert.equal((await client.next('conversation:joined')).conversationId, id);
    }
    const [, started] = await observe(clients, async () => assert.deepEqual(await clients[0].ask('typing:start', id), DONE));
    same(started, [['typing:user:start', { conversationId: id, userId: alice.userId, user: { id: alice.userId, name: alice.username } }]]);
    const [, stopped] = await observe(clients, async () => assert.deepEqual(await clients[0].ask('typing:stop', id), DONE));
    same(stopped, [['typing:user:stop', { conversationId: id, userId: alice.userId }]]);
    const [online] = await observe([clients[0]], () => clients[0].ask('presence:request', id));
    assert.equal(online[0][1].conversationId, id);
    const [left] = await observe([clients[0]], async () => assert.deepEqual(await clients[0].ask('conversation:leave', id), DONE));
    assert.deepEqual(left, [['conversation:left', { conversationId: id }]]);
  });
}

test('who may not join is told so about the id they sent', async () => {
  const [alice] = await knownUsers('Alice');
  const client = await talker(alice);
  const id = unique('nowhere');
  const [seen] = await observe([client], () => client.ask('conversation:join', id));
  assert.deepEqual(seen, [['conversation:join:error', { conversationId: id, message: 'Not authorized to join conversation', code: 'NOT_PARTICIPANT' }]]);
});

test('what is no id is refused as before', async () => {
  const [alice] = await knownUsers('Alice');
  const client = await talker(alice);
  for (const argument of [null, true, [], ['x'], 1.5, '', 'x'.repeat(129)]) {
    const { success, error } = await client.ask('conversation:join', argument);
    assert.deepEqual([success, error.code], [false, 'INVALID_INPUT'], JSON.stringify(argument));
  }
  const { error } = await client.ask('message:delete', 'x');
  assert.equal(error.code, 'INVALID_INPUT');
});

test('chat takes the id of a chat', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const chatId = await conversation(alice, [bob]);
  const clients = [await chat(alice), await chat(bob)];
  const [, seen] = await observe(clients, async () => {
    assert.deepEqual(await clients[0].ask('user:typing', chatId), DONE);
    assert.deepEqual(await clients[0].ask('user:stop-typing', chatId), DONE);
  });
  assert.deepEqual(seen.map(([name, { isTyping }]) => [name, isTyping]), [['user:typing', true], ['user:typing', false], ['user:stop-typing', false]]);
});

test('on a connection that declared nothing, an id alone is of this dialect', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  const watcher = await talker(bob);
  await watcher.ask('conversation:join', id);
  const undeclared = await connect(alice);
  const { error } = await undeclared.ask('typing:start', id);
  assert.equal(error.code, 'NOT_PARTICIPANT', 'who has not joined does not type');
  assert.deepEqual(await undeclared.ask('conversation:join', id), DONE);
  assert.deepEqual(await undeclared.ask('typing:start', id), DONE);
  assert.equal((await watcher.next('typing:user:start')).conversationId, id);
  await undeclared.ask('message:send', { conversationId: id, content: 'x' });
  await watcher.next('message:new');
  assert.deepEqual(await watcher.ask('message:read', id), DONE);
  const { conversationId, readBy, readAt } = await undeclared.next('message:read:receipt');
  same({ conversationId, readBy, readAt }, { conversationId: id, readBy: bob.userId, readAt: TIME });
});
