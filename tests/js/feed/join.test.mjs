// `feed`: joining and leaving conversations, by ids that are numbers or text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, connect, same, unique } from '../support/relay.mjs';
import {
  DONE, SEALED, add, asFeed, conversation, feed, feedMessage, knownUsers, number, observe, reader, remove, settle, talker,
} from '../support/feed-chat.mjs';

const failure = (answer, code) => {
  assert.equal(answer.success, false);
  assert.equal(answer.error.code, code);
  assert.equal(typeof answer.error.message, 'string');
};
/** The ids in the messages that each of these clients got by `action`. */
async function receivedBy(clients, action) {
  const seen = await observe(clients, action);
  return seen.map((events) => events.map(([name, { conversation_id: id }]) => [name, id]));
}
const once = (id) => [['new-message', id]];

test('each socket is sent the id as it wrote it', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = number();
  await conversation(alice, [bob], { id });
  const clients = [await reader(alice, id), await reader(alice, String(id)), await reader(bob, id), await reader(bob, String(id))];
  for (const posted of [id, String(id)]) {
    const ids = await receivedBy(clients, () => feedMessage(bob, posted));
    assert.deepEqual(ids, [once(id), once(String(id)), once(id), once(String(id))]);
  }
});

test('who joins again is sent the id as it was written last, and sent once', async () => {
  const [alice] = await knownUsers('Alice');
  const id = number();
  await conversation(alice, [], { id });
  const client = await reader(alice, id);
  assert.deepEqual(await client.ask('join-conversation', String(id)), DONE);
  assert.deepEqual(await receivedBy([client], () => feedMessage(alice, id)), [once(String(id))]);
  assert.deepEqual(await client.ask('join-conversation', id), DONE);
  assert.deepEqual(await receivedBy([client], () => feedMessage(alice, id)), [once(id)]);
});

for (const id of [0, -7, Number.MAX_SAFE_INTEGER, 'with space/slash:colon_ünïcode', 'x'.repeat(128), '007']) {
  test(`an id may be ${JSON.stringify(id).slice(0, 40)}`, async () => {
    const [alice] = await knownUsers('Alice');
    await conversation(alice, [], { id });
    const client = await reader(alice, id);
    assert.deepEqual(await receivedBy([client], () => feedMessage(alice, id)), [once(id)]);
  });
}

for (const field of ['conversationId', 'conversation_id']) {
  test(`the id may be in an object as ${field}`, async () => {
    const [alice] = await knownUsers('Alice');
    const id = number();
    await conversation(alice, [], { id });
    const client = await feed(alice);
    assert.deepEqual(await client.ask('join-conversation', { [field]: id }), DONE);
    assert.deepEqual(await receivedBy([client], () => feedMessage(alice, id)), [once(id)]);
    assert.deepEqual(await client.ask('leave-conversation', { [field]: String(id) }), DONE);
    assert.deepEqual(await receivedBy([client], () => feedMessage(alice, id)), [[]]);
  });
}

test('who is no participant is refused in silence', async () => {
  const [alice, eve] = await knownUsers('Alice', 'Eve');
  const id = await conversation(alice);
  const client = await feed(eve);
  const seen = await observe([client], async () => {
    client.emit('join-conversation', id);
    await settle([client]);
    await feedMessage(alice, id);
  });
  assert.deepEqual(seen, [[]]);
});

test('a callback reports the refusal, the same whether the conversation exists or not', async () => {
  const [alice, eve] = await knownUsers('Alice', 'Eve');
  const id = await conversation(alice);
  const client = await feed(eve);
  const seen = await observe([client], async () => {
    const refusal = await client.ask('join-conversation', id);
    failure(refusal, 'NOT_PARTICIPANT');
    assert.deepEqual(await client.ask('join-conversation', unique('nowhere')), refusal);
    await feedMessage(alice, id);
  });
  assert.deepEqual(seen, [[]]);
});

for (const [name, args] of Object.entries({
  nothing: [], null: [null], true: [true], 'an empty text': [''], 'a long text': ['x'.repeat(129)],
  'control characters': ['a\u0000b'], 'a fraction': [1.5], 'an empty object': [{}],
  'an object in an object': [{ conversationId: {} }], 'a list': [[1]], 'a huge number': [1e300],
})) {
  test(`${name} for an id is ignored; a callback reports it`, async () => {
    const [alice] = await knownUsers('Alice');
    const client = await feed(alice);
    const seen = await observe([client], async () => {
      for (const event of ['join-conversation', 'leave-conversation']) {
        client.emit(event, ...args);
        failure(await client.ask(event, ...args), 'INVALID_INPUT');
      }
    });
    assert.deepEqual(seen, [[]]);
    assert.equal(client.socket.connected, true);
  });
}

test('who has left receives nothing, whatever type the id had', async () => {
  const [alice] = await knownUsers('Alice');
  const id = number();
  await conversation(alice, [], { id });
  const [one, two, other] = [await reader(alice, id), await reader(alice, String(id)), await reader(alice, id)];
  const seen = await receivedBy([one, two, other], async () => {
    one.emit('leave-conversation', String(id));
    assert.deepEqual(await two.ask('leave-conversation', id), DONE);
    await settle([one]);
    await feedMessage(alice, id);
  });
  assert.deepEqual(seen, [[], [], once(id)]);
  assert.deepEqual(await one.ask('join-conversation', id), DONE);
  assert.deepEqual(await receivedBy([one, two], () => feedMessage(alice, id)), [once(id), []]);
});

test('a socket may be in several conversations', async () => {
  const [alice] = await knownUsers('Alice');
  const ids = [await conversation(alice), await conversation(alice), await conversation(alice)];
  const client = await feed(alice);
  for (const id of ids) client.emit('join-conversation', id);
  const seen = await receivedBy([client], async () => {
    await settle([client]);
    for (const id of ids) await feedMessage(alice, id);
    assert.deepEqual(await client.ask('leave-conversation', ids[1]), DONE);
    for (const id of ids) await feedMessage(alice, id);
  });
  assert.deepEqual(seen[0].map(([, id]) => id), [...ids, ids[0], ids[2]]);
});

test('joins and leaves take effect in the order they were sent', async () => {
  const [alice] = await knownUsers('Alice');
  const id = await conversation(alice);
  const client = await feed(alice);
  for (let round = 0; round < 20; round += 1) for (const event of ['join-conversation', 'leave-conversation']) client.emit(event, id);
  assert.deepEqual(await receivedBy([client], () => feedMessage(alice, id)), [[]]);
  client.emit('join-conversation', id);
  assert.deepEqual(await receivedBy([client], () => feedMessage(alice, id)), [once(id)]);
});

test('only who is a participant now may join', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  const client = await feed(bob);
  await remove(alice, id, bob);
  failure(await client.ask('join-conversation', id), 'NOT_PARTICIPANT');
  await add(alice, id, bob);
  assert.deepEqual(await client.ask('join-conversation', id), DONE);
});

test('a socket sees a conversation in the shape it joined it in last', async () => {
  const [alice] = await knownUsers('Alice');
  const id = await conversation(alice);
  // It declares no dialect, so it may use the events of all.
  const client = asFeed(await connect(alice), alice);
  const names = async () => (await observe([client], () => feedMessage(alice, id)))[0].map(([name]) => name);
  assert.deepEqual(await client.ask('join-conversation', id), DONE);
  assert.deepEqual(await names(), ['new-message']);
  assert.deepEqual(await client.ask('conversation:join', { conversationId: id }), DONE);
  assert.deepEqual(await names(), ['message:new']);
  assert.deepEqual(await client.ask('join-conversation', id), DONE);
  assert.deepEqual(await names(), ['new-message']);
});

test('a join delivers what was sent before, which its sender is notified once', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  const sender = await talker(alice);
  const messages = [await feedMessage(alice, id), await feedMessage(alice, id)];
  const client = await feed(bob);
  const [got] = await observe([sender, client], async () => {
    for (let round = 0; round < 2; round += 1) assert.deepEqual(await client.ask('join-conversation', id), DONE);
  });
  const delivered = { conversationId: id, deliveredTo: [bob.userId], deliveredAt: TIME };
  same(got, messages.map(({ id: messageId }) => ['message:delivered', { messageId, ...delivered }]));
  const [live] = await observe([sender, client], async () => messages.push(await feedMessage(alice, id)));
  same(live, [['message:delivered', { messageId: messages[2].id, ...delivered }]]);
});

test('a join is answered with nothing but its callback', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  await feedMessage(alice, id, { encrypted_msg_content: SEALED });
  const [first, second] = [await feed(alice), await feed(bob)];
  const seen = await observe([first, second], async () => {
    for (const client of [first, second, first]) same(await client.ask('join-conversation', id), DONE);
    same(await second.ask('leave-conversation', id), DONE);
    // Not being there is nothing to complain of.
    same(await second.ask('leave-conversation', id), DONE);
  });
  assert.deepEqual(seen, [[], []]);
});
