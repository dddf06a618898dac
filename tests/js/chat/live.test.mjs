// `chat`: live sockets follow at once when chats are made, and users come and go in them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique } from '../support/relay.mjs';
import {
  DONE, add, chat, chatMessage, conversation, feed, knownUsers, must, observe, reader, remove, rest, talker,
} from '../support/feed-chat.mjs';

/** The chats whose messages each of these clients got by `action`. */
async function receivedBy(clients, action) {
  const seen = await observe(clients, action);
  return seen.map((events) => events.filter(([name]) => name === 'message:new').map(([, { data }]) => data.chatId));
}

const entry = (id, { username }) => ({ id, username, encrypted_content_key: 'k', content_key_number: 1 });

for (const [name, make] of Object.entries({
  'the form of conversation': (alice, bob) => conversation(alice, [bob]),
  'the form of feed': async (alice, bob) => {
    const id = unique('conversation');
    await must(201, rest(alice, 'POST /api/conversations', { conversation_entries: [entry(id, alice), entry(id, bob)] }));
    return id;
  },
})) {
  test(`a chat made in ${name} is joined by the live sockets of its participants`, async () => {
    const [alice, bob, eve] = await knownUsers('Alice', 'Bob', 'Eve');
    const clients = [await chat(alice), await chat(bob), await chat(bob), await chat(eve)];
    for (let round = 0; round < 10; round += 1) {
      let id;
      const seen = await receivedBy(clients, async () => {
        id = await make(alice, bob);
        await chatMessage(alice, id);
      });
      assert.deepEqual(seen, [[id], [id], [id], []]);
    }
  });
}

test('who is added receives what is sent from then on', async () => {
  const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
  const id = await conversation(alice, [bob]);
  const clients = [await chat(carol), await chat(carol), await chat(bob)];
  const seen = await receivedBy(clients, async () => {
    await chatMessage(alice, id);
    await add(alice, id, carol);
    await chatMessage(alice, id);
  });
  assert.deepEqual(seen, [[id], [id], [id, id]]);
  assert.deepEqual(await clients[0].ask('user:typing', { chatId: id }), DONE);
  await clients[2].next('user:typing', ({ userId }) => userId === carol.userId);
});

for (const [name, by] of [['is removed', 'alice'], ['leaves', 'bob']]) {
  test(`who ${name} receives nothing more, neither messages nor typing`, async () => {
    const [alice, bob] = await knownUsers('Alice', 'Bob');
    const [id, other] = [await conversation(alice, [bob]), await conversation(alice, [bob])];
    const [typist, ...sockets] = [await chat(alice), await chat(bob), await chat(bob)];
    const seen = await observe([typist, ...sockets], async () => {
      const { id: messageId } = await chatMessage(alice, id);
      await remove({ alice, bob }[by], id, bob);
      await chatMessage(alice, id);
      await must(200, rest(alice, `PATCH /api/messages/${messageId}`, { content: 'edited' }));
      await must(200, rest(alice, `DELETE /api/messages/${messageId}`));
      await typist.ask('user:typing', { chatId: id });
      await typist.ask('user:stop-typing', { chatId: id });
      await chatMessage(alice, other);
    });
    const expected = [['message:new', id], ['message:new', other]];
    for (const events of seen.slice(1)) assert.deepEqual(events.map(([event, { data }]) => [event, data.chatId]), expected);
    assert.deepEqual(seen[0].map(([event]) => event), ['message:new', 'message:new', 'message:edited', 'message:deleted', 'message:new']);
  });
}

test('who is added again receives messages again, on each socket once', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  const clients = [await chat(bob), await chat(bob)];
  const seen = await receivedBy(clients, async () => {
    for (let round = 0; round < 5; round += 1) {
      await remove(alice, id, bob);
      await chatMessage(alice, id);
      await add(alice, id, bob);
      await must(200, rest(alice, `POST /api/conversations/${id}/participants`, { userId: bob.userId }));
      await chatMessage(alice, id);
    }
  });
  assert.deepEqual(seen, Array(2).fill(Array(5).fill(id)));
});

test('a socket that comes after the others is in what was made meanwhile', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const first = await chat(bob);
  const id = await conversation(alice, [bob]);
  const seen = await receivedBy([first, await chat(bob)], () => chatMessage(alice, id));
  assert.deepEqual(seen, [[id], [id]]);
});

test('a user who comes while being added or removed has what was decided last', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice);
  for (let round = 0; round < 25; round += 1) {
    const [, joining] = await Promise.all([add(alice, id, bob), chat(bob)]);
    assert.deepEqual(await receivedBy([joining], () => chatMessage(alice, id)), [[id]], `round ${round}`);
    const [, leaving] = await Promise.all([remove(alice, id, bob), chat(bob)]);
    assert.deepEqual(await receivedBy([joining, leaving], () => chatMessage(alice, id)), [[], []], `round ${round}`);
    for (const client of [joining, leaving]) client.close();
  }
});

test('only sockets of chat are put in', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const before = await conversation(alice, [bob]);
  const clients = [await feed(bob), await talker(bob), await reader(bob, before)];
  const seen = await observe(clients, async () => {
    const id = await conversation(alice, [bob]);
    await chatMessage(alice, id);
  });
  assert.deepEqual(seen.map((events) => events.map(([name]) => name)), [['conversation-created'], [], ['conversation-created']]);
});
