// Which shape a socket sees a conversation in: the one it joined it in last. Undeclared connections may speak every dialect.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, token, unique } from '../support/relay.mjs';
import { DONE, chat, feedMessage, joined, knownUsers, observe, reader } from '../support/feed-chat.mjs';
import { found } from '../support/rest.mjs';

const PRESENCE = ['user:online', 'user:offline'];

/** Two users in a new conversation. The first has an undeclared connection. */
async function scene() {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await found(alice, [bob]);
  return { alice, bob, id, client: await undeclared(alice) };
}

async function undeclared({ userId, username }) {
  const client = await connect({ userId, username });
  // What no dialect has alone decides nothing.
  const echo = () => client.ask('typing:stop', { recipientId: unique('nobody') });
  return Object.assign(client, { echo });
}

/** The names of what clients get of one message of Bob, presence left out. */
async function shapes(clients, bob, id) {
  const seen = await observe(clients, () => feedMessage(bob, id));
  return seen.map((events) => events.map(([name]) => name).filter((name) => !PRESENCE.includes(name)));
}

/** The ways to subscribe, and what a message is then called. */
const JOINS = {
  conversation: [async (client, conversationId) => {
    assert.deepEqual(await client.ask('conversation:join', { conversationId }), DONE);
    await client.next('conversation:joined');
  }, 'message:new'],
  feed: [async (client, id) => assert.deepEqual(await client.ask('join-conversation', id), DONE), 'new-message'],
};

test('an undeclared connection is in no conversation until it joins one', async () => {
  const { bob, id, client } = await scene();
  assert.deepEqual(await shapes([client], bob, id), [[]]);
});

for (const [first, second] of [['conversation', 'feed'], ['feed', 'conversation']]) {
  test(`joined as ${first} and then as ${second}, it sees the latter alone`, async () => {
    const { bob, id, client } = await scene();
    await JOINS[first][0](client, id);
    assert.deepEqual(await shapes([client], bob, id), [[JOINS[first][1]]]);
    await JOINS[second][0](client, id);
    assert.deepEqual(await shapes([client], bob, id), [[JOINS[second][1]]]);
    await JOINS[first][0](client, id);
    assert.deepEqual(await shapes([client], bob, id), [[JOINS[first][1]]]);
  });
}

test('joined twice in one shape, it gets everything once', async () => {
  const { bob, id, client } = await scene();
  for (const [join, name] of Object.values(JOINS)) {
    await join(client, id);
    await join(client, id);
    assert.deepEqual(await shapes([client], bob, id), [[name]]);
  }
});

test('one that speaks `chat` first is in all chats of its user, until it joins one in another way', async () => {
  const { alice, bob, id, client } = await scene();
  const other = await found(alice, [bob]);
  assert.deepEqual(await client.ask('user:stop-typing', { chatId: id }), DONE);
  await JOINS.feed[0](client, id);
  assert.deepEqual(await shapes([client], bob, id), [['new-message']]);
  const [events] = await observe([client], () => feedMessage(bob, other));
  assert.deepEqual(events.map(([name, { type }]) => [name, type]), [['message:new', 'message:new']]);
});

test('it may see one conversation in one shape and another in another', async () => {
  const { alice, bob, id, client } = await scene();
  const other = await found(alice, [bob]);
  await JOINS.conversation[0](client, id);
  await JOINS.feed[0](client, other);
  assert.deepEqual(await shapes([client], bob, id), [['message:new']]);
  assert.deepEqual(await shapes([client], bob, other), [['new-message']]);
});

test('a failed join replaces nothing', async () => {
  const { bob, id, client } = await scene();
  await JOINS.conversation[0](client, id);
  for (const argument of ['nowhere', {}, null, '', { conversation_id: [] }]) {
    assert.equal((await client.ask('join-conversation', argument)).success, false);
  }
  assert.deepEqual(await shapes([client], bob, id), [['message:new']]);
});

test('the type of the id is that of the last join as well', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await found(alice, [bob], { id: Math.floor(Math.random() * 2 ** 40) });
  const client = await undeclared(alice);
  const receivedIds = async () => {
    const [events] = await observe([client], () => feedMessage(bob, id));
    return events.map(([, payload]) => payload.conversation_id ?? payload.conversationId);
  };
  for (const given of [id, String(id), id]) {
    await JOINS.feed[0](client, given);
    assert.deepEqual(await receivedIds(), [given]);
  }
  await JOINS.conversation[0](client, String(id));
  assert.deepEqual(await receivedIds(), [String(id)]);
});

test('a user who leaves the room by joining in another shape is reported to it as one who left', async () => {
  const { alice, bob, id, client } = await scene();
  const witness = await joined(bob, id);
  await JOINS.conversation[0](client, id);
  const [seen] = await observe([witness], () => JOINS.feed[0](client, id), [client]);
  assert.deepEqual(seen.map(([name, { conversationId, userId }]) => [name, conversationId, userId]), [['user:offline', id, alice.userId]]);
  assert.deepEqual(await witness.ask('conversation:join', { conversationId: id }), DONE);
  assert.equal((await witness.next('conversation:joined')).participantCount, 1);
});

test('of a user’s connections each sees what it joined', async () => {
  const { alice, bob, id, client } = await scene();
  await JOINS.feed[0](client, id);
  const clients = [client, await joined(alice, id), await reader(alice, id), await chat(alice), await undeclared(alice)];
  const seen = await shapes(clients, bob, id);
  assert.deepEqual(seen, [['new-message'], ['message:new'], ['new-message'], ['message:new'], []]);
});

test('leaving in a shape in which it is not changes nothing', async () => {
  const { bob, id, client } = await scene();
  await JOINS.conversation[0](client, id);
  await client.ask('leave-conversation', id);
  assert.deepEqual(await shapes([client], bob, id), [['message:new']]);
  await JOINS.feed[0](client, id);
  await client.ask('conversation:leave', { conversationId: id });
  assert.deepEqual(await shapes([client], bob, id), [['new-message']]);
  await client.ask('leave-conversation', id);
  assert.deepEqual(await shapes([client], bob, id), [[]]);
});

test('a declared connection has the events of its own dialect', async () => {
  const { alice, id } = await scene();
  const declared = async (dialect, event, argument) => {
    const { userId, username } = alice;
    const client = await connect({ userId, username }, { auth: { token: token({ userId, username }), dialect } });
    client.emit(event, argument);
    return client.next('error');
  };
  const wrong = [
    ['conversation', 'join-conversation', id], ['conversation', 'user:typing', { chatId: id }], ['feed', 'conversation:join', { conversationId: id }],
    ['chat', 'conversation:join', { conversationId: id }], ['chat', 'join-conversation', id],
  ];
  for (const [dialect, event, argument] of wrong) assert.equal((await declared(dialect, event, argument)).code, 'UNKNOWN_EVENT', `${dialect} ${event}`);
});
