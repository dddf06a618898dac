// Undeclared and declared connections, guests, `authenticate`. Started with every dialect and GUEST_TIMEOUT=1s.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, attempt, connect, exchange, same, seconds, token, unique, user } from '../support/relay.mjs';

const sealed = { ciphertext: 'c', iv: 'i', tag: 't', seq: 1 };

async function guest(options = {}) {
  const client = new Client(options);
  await client.next('connect');
  return client;
}

test('without a token a connection is admitted as a guest', async () => {
  const client = await guest();
  client.emit('authenticate', token(user('Alice')));
  await client.next('authenticated');
  assert.deepEqual(client.all('auth:error'), []);
});

for (const [name, shape] of [['a bare token', (value) => value], ['an object', (value) => ({ token: value })], ['a Bearer token', (value) => `Bearer ${value}`]]) {
  test(`a guest authenticates with ${name} and may then send and receive`, async () => {
    const [who, bob] = [user('Alice'), await connect(user('Bob'))];
    const client = await guest();
    client.emit('authenticate', shape(token(who)));
    same(await client.next('authenticated'), { success: true });
    Object.assign(client, who);
    await exchange(client, bob, () => {});
    await exchange(bob, client, () => {});
    assert.equal(bob.all('receive_message')[0].senderId, who.userId);
  });
}

test('events sent right behind authenticate count as the user’s', async () => {
  const [who, bob] = [user('Alice'), await connect(user('Bob'))];
  const client = await guest();
  client.emit('authenticate', token(who));
  client.emit('send_message', { recipientId: bob.userId, ...sealed });
  assert.equal((await bob.next('receive_message')).senderId, who.userId);
  assert.deepEqual(client.all('auth:error'), []);
});

for (const [name, bad] of Object.entries({
  nonsense: 'nonsense', 'an expired token': token({ ...user('A'), exp: seconds(-60) }), 'an unsigned token': token(user('A'), { alg: 'none' }),
  nothing: undefined, null: null, 'a number': 42, 'an empty object': {}, 'an object token': { token: {} },
})) {
  test(`a guest who authenticates with ${name} is notified and disconnected`, async () => {
    const client = await guest();
    client.emit('authenticate', bad);
    same(await client.next('authenticated'), { success: false, error: 'Invalid token' });
    await client.next('disconnect');
  });
}

for (const event of ['join_room', 'leave_room', 'send_message', 'send_file_chunk', 'request_file', 'key-exchange:send', 'typing:start', 'message:read']) {
  test(`a guest may not ${event}`, async () => {
    const bob = await connect(user('Bob'));
    const client = await guest();
    const { received } = await exchange(bob, bob, async () => {
      client.emit(event, {
        recipientId: bob.userId, senderId: bob.userId, ...sealed, messageId: 'm', publicKey: 'k',
        chunkNumber: 0, totalChunks: 1, encryptedData: 'e', hash: 'h', fileName: 'f', fileSize: 1, mimeType: 'a/b',
      });
      const { code, message } = await client.next('auth:error');
      assert.equal(code, 'MISSING_TOKEN');
      assert.equal(typeof message, 'string');
    });
    assert.deepEqual(received, []);
  });
}

test('the callback of a guest’s event says why', async () => {
  const client = await guest();
  const answer = await client.ask('send_message', { recipientId: unique('bob'), ...sealed });
  assert.equal(answer.success, false);
  assert.equal(answer.error.code, 'MISSING_TOKEN');
});

for (const transport of ['websocket', 'polling']) {
  test(`a guest who does nothing is notified and disconnected over ${transport}`, async () => {
    const started = Date.now();
    const client = await guest({ transports: [transport] });
    const { args: [{ code }], at } = await client.nextEvent('auth:error');
    assert.equal(code, 'MISSING_TOKEN');
    assert.ok(at - started >= 900, `after ${at - started} ms`);
    await client.next('disconnect');
  });
}

test('a guest who authenticated is not timed out', async () => {
  const client = await guest();
  client.emit('authenticate', token(user('Alice')));
  await client.next('authenticated');
  const later = await guest();
  await later.next('disconnect');
  assert.equal(client.socket.connected, true);
  assert.deepEqual(client.all('auth:error'), []);
});

test('a bad token does not make a guest', async () => {
  assert.equal((await attempt({ auth: { token: 'nonsense' } })).outcome, 'Invalid token');
  assert.equal((await attempt({ auth: { token: token({ ...user('A'), exp: seconds(-60) }) } })).outcome, 'Token expired');
});

for (const [name, options] of Object.entries({ 'auth.dialect': { auth: { dialect: 'klingon' } }, 'the query': { query: { dialect: 'klingon' } } })) {
  test(`an unknown dialect in ${name} is refused, with or without a token`, async () => {
    assert.equal((await attempt(options)).outcome, 'Unknown dialect');
    const auth = { ...options.auth, token: token(user('Alice')) };
    assert.equal((await attempt({ ...options, auth })).outcome, 'Unknown dialect');
  });
}

test('a declared direct connection needs its token at once', async () => {
  for (const options of [{ auth: { dialect: 'direct' } }, { query: { dialect: 'direct' } }]) {
    assert.equal((await attempt(options)).outcome, 'Authentication token required');
  }
  const who = user('Alice');
  const { outcome, welcome } = await attempt({ auth: { dialect: 'direct', token: token(who) } });
  assert.equal(outcome, 'connected');
  assert.equal(welcome.userId, who.userId);
});

test('a token in the query is taken from chat and from nobody else', async () => {
  const who = user('Alice');
  for (const options of [{ query: { token: token(who) } }, { query: { token: token(who), dialect: 'chat' } }]) {
    const { outcome, welcome } = await attempt(options);
    assert.equal(outcome, 'connected');
    assert.equal(welcome.userId, who.userId);
  }
  assert.equal((await attempt({ query: { token: 'nonsense' } })).outcome, 'Invalid token');
  assert.equal((await attempt({ query: { token: token(who), dialect: 'direct' } })).outcome, 'Authentication token required');
});
