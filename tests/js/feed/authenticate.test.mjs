// `feed`: clients connect without a token and authenticate by event.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, connect, same, seconds, token } from '../support/relay.mjs';
import { DONE, asFeed, conversation, feed, feedMessage, guest, knownUsers, observe, person, reader, settle } from '../support/feed-chat.mjs';

const REFUSED = { success: false, error: 'Invalid token' };
const names = (client) => client.events.map(({ name }) => name);
/** Whether a client is notified of what concerns its user: of a conversation made with them. */
async function isReached(client, maker) {
  const id = await conversation(maker, [client]);
  await settle([client]);
  return client.all('conversation-created').some(({ conversationId }) => conversationId === id);
}

for (const [name, shape] of Object.entries({
  'a bare token': (value) => value, 'a token in an object': (value) => ({ token: value }), 'a token with its scheme': (value) => `Bearer ${value}`,
})) {
  for (const transport of ['websocket', 'polling']) {
    test(`${name} makes a guest a user, over ${transport}`, async () => {
      const [alice, bob] = await knownUsers('Alice', 'Bob');
      const client = await guest({ transports: [transport] });
      client.emit('authenticate', shape(token(alice)));
      same(await client.next('authenticated'), DONE);
      assert.deepEqual(names(client), ['connect', 'auth:success', 'authenticated']);
      same(client.all('auth:success')[0], { userId: alice.userId, socketId: client.socket.id, message: 'Authentication successful' });
      assert.ok(await isReached(asFeed(client, alice), bob));
    });
  }
}

test('a callback is called, and the event comes as well', async () => {
  const client = await guest();
  assert.deepEqual(await client.ask('authenticate', token(person('Alice'))), DONE);
  same(await client.next('authenticated'), DONE);
});

for (const [name, bad] of Object.entries({
  nonsense: 'nonsense', 'no token': '', 'an expired token': token({ ...person('A'), exp: seconds(-60) }),
  'a token of another server': token(person('A'), { secret: 'another secret of more than thirty-two bytes' }),
  null: null, 'a number': 42, 'an empty object': {}, 'an object in an object': { token: { token: token(person('A')) } },
})) {
  test(`${name} is refused, and the connection ends`, async () => {
    const client = await guest();
    client.emit('authenticate', bad);
    same(await client.next('authenticated'), REFUSED);
    assert.equal(await client.next('disconnect'), 'io server disconnect');
    assert.deepEqual(client.all('auth:success'), []);
  });
}

test('a join right behind a bad token is not handled', async () => {
  const [alice] = await knownUsers('Alice');
  const id = await conversation(alice);
  const client = await guest();
  client.emit('authenticate', token({ ...alice, exp: seconds(-60) }));
  client.emit('join-conversation', id);
  await client.next('disconnect');
  const other = await reader(alice, id);
  const [got] = await observe([other], () => feedMessage(alice, id));
  assert.deepEqual(got.map(([name]) => name), ['new-message']);
  assert.deepEqual(client.all('new-message'), []);
});

test('a join right behind authenticate counts as the user’s', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  const client = new Client();
  client.socket.on('connect', () => {
    client.emit('authenticate', token(bob));
    client.emit('join-conversation', id);
  });
  await client.next('authenticated');
  asFeed(client, bob);
  const [got] = await observe([client], () => feedMessage(alice, id));
  assert.deepEqual(got.map(([name]) => name), ['new-message']);
  assert.deepEqual(client.all('auth:error'), []);
});

test('a guest that is slow to authenticate can join nothing, and has joined nothing then', async () => {
  const [alice] = await knownUsers('Alice');
  const id = await conversation(alice);
  const client = await guest();
  // It waits for a token first.
  const answer = await client.ask('join-conversation', id);
  assert.deepEqual(answer, { success: false, error: { message: 'Authentication token required', code: 'MISSING_TOKEN' } });
  same(await client.next('auth:error'), { message: 'Authentication token required', code: 'MISSING_TOKEN' });
  client.emit('leave-conversation', id);
  assert.equal((await client.next('auth:error')).code, 'MISSING_TOKEN');
  client.emit('authenticate', token(alice));
  await client.next('authenticated');
  const [got] = await observe([asFeed(client, alice)], () => feedMessage(alice, id));
  assert.deepEqual(got, []);
});

test('a fresh token of the same user leaves everything as it is', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  const client = await reader(alice, id);
  const [got] = await observe([client], async () => {
    assert.deepEqual(await client.ask('authenticate', { token: token({ ...alice, exp: seconds(7200) }) }), DONE);
    await feedMessage(bob, id);
  });
  assert.deepEqual(got.map(([name]) => name), ['authenticated', 'new-message']);
  assert.deepEqual(got[0][1], DONE);
  assert.ok(await isReached(client, bob));
});

for (const [name, other] of Object.entries({
  'another user’s token': () => token(person('Bob')), 'an expired token': (alice) => token({ ...alice, exp: seconds(-60) }),
  nonsense: () => 'nonsense',
})) {
  test(`${name} ends a connection that is authenticated, and no other`, async () => {
    const [alice] = await knownUsers('Alice');
    const [first, second] = [await feed(alice), await feed(alice)];
    first.emit('authenticate', other(alice));
    same(await first.next('authenticated'), REFUSED);
    assert.equal(await first.next('disconnect'), 'io server disconnect');
    await settle([second]);
    assert.equal(second.socket.connected, true);
  });
}

for (const [name, options] of Object.entries({ 'auth.dialect': { auth: { dialect: 'feed' } }, 'the query': { query: { dialect: 'feed' } } })) {
  test(`a client that declares feed in ${name} may authenticate later`, async () => {
    const [alice, bob] = await knownUsers('Alice', 'Bob');
    assert.ok(await isReached(await feed(alice, options), bob));
  });
}

test('a client of feed may bring its token at once', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  const client = asFeed(await connect(alice, { auth: { dialect: 'feed', token: token(alice) } }), alice);
  assert.deepEqual(await client.ask('join-conversation', id), DONE);
  const [got] = await observe([client], () => feedMessage(bob, id));
  assert.deepEqual(got.map(([event]) => event), ['new-message']);
  assert.ok(await isReached(client, bob));
});
