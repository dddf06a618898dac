// `session`: guests, users with a token, transports. Started with every dialect and GUEST_TIMEOUT=1s.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, connect, exchange, token, unique, user } from '../support/relay.mjs';
import {
  DONE, REFUSALS, attemptJoin, creator, guest, history, joining, leave, member, message, mine, observe, place, settle,
} from '../support/session.mjs';

const MISSING_TOKEN = 'MISSING_TOKEN';
const LARGE = 'x'.repeat(300_000);
const WAYS = {
  'as deployed, websocket first': { transports: ['websocket', 'polling'] },
  'polling only': { transports: ['polling'] },
  'polling, then websocket': { transports: ['polling', 'websocket'] },
};

/** Waits until a guest who does nothing, and came after the others, was disconnected. */
async function outlast() {
  const idle = await guest();
  assert.equal((await idle.next('auth:error')).code, MISSING_TOKEN);
  await idle.next('disconnect');
}

test('a guest who joined is not timed out, nor one who joined and left', async () => {
  const alice = await creator(place(), 'Alice');
  const bob = await creator(place(), 'Bob');
  await leave(bob);
  await outlast();
  for (const client of [alice, bob]) {
    assert.equal(client.socket.connected, true);
    assert.deepEqual(client.all('auth:error'), []);
  }
  assert.equal((await alice.ask('send-message', message(alice))).success, true);
  assert.equal(await attemptJoin(bob, joining(place(), 'Bob', { isCreator: true })), undefined);
});

for (const transport of ['websocket', 'polling']) {
  test(`a guest who did not get in is timed out over ${transport}`, async () => {
    const client = await guest({ transports: [transport] });
    client.emit('get-public-keys', { sessionId: unique('session'), userId: 'x' });
    await client.ask('join-session', joining(place(), 'Eve'));
    assert.equal((await client.next('auth:error')).code, MISSING_TOKEN);
    await client.next('disconnect');
  });
}

for (const [name, enter] of [['before joining', guest], ['after joining', () => creator(place())]]) {
  for (const event of ['send_message', 'join_room', 'message:send', 'typing:start', 'no-such-event']) {
    test(`a guest may not ${event} ${name}`, async () => {
      const bob = await connect(user('Bob'));
      const client = await enter();
      const { received } = await exchange(bob, bob, async () => {
        const answer = await client.ask(event, { recipientId: bob.userId, ciphertext: 'c', iv: 'i', tag: 't', seq: 1 });
        assert.deepEqual([answer.success, answer.error.code], [false, MISSING_TOKEN]);
        assert.equal((await client.next('auth:error')).code, MISSING_TOKEN);
      });
      assert.deepEqual(received, []);
      assert.equal(client.socket.connected, true);
    });
  }
}

test('what a guest may send before joining is bounded', async () => {
  const client = await guest();
  for (let count = 0; count < 3; count += 1) client.emit('send-message', { sessionId: 's', from: 'x', encrypted: 'x'.repeat(30_000) });
  await client.next('disconnect');
  const large = await guest();
  large.emit('join-session', joining(place(), LARGE, { isCreator: true, userId: 'x' }));
  await large.next('disconnect');
});

for (const [name, options] of Object.entries(WAYS)) {
  test(`what a guest may send after joining is not, ${name}`, async () => {
    const where = place();
    const alice = await creator(where, 'Alice', {}, options);
    const bob = await member(where, 'Bob', {}, options);
    for (let count = 0; count < 3; count += 1) alice.emit('send-message', message(alice, { encrypted: LARGE, clientMessageId: `${count}` }));
    assert.equal((await bob.next('new-message', ({ id }) => id === '2')).encrypted, LARGE);
    await leave(alice);
    assert.equal(await attemptJoin(alice, joining(place(), 'Alice', { isCreator: true, publicKey: 'k'.repeat(65_000) })), undefined);
    assert.deepEqual(alice.all('disconnect'), []);
  });

  test(`joining, keys, messages, typing and leaving work ${name}`, async () => {
    const where = place();
    const alice = await creator(where, 'Alice', {}, options);
    const bob = await member(where, 'Bob', {}, options);
    await settle([alice, bob]);
    const [toAlice, toBob] = await observe([alice, bob], async () => {
      alice.emit('save-public-key', mine(alice, { publicKey: 'new' }));
      alice.emit('get-public-keys', mine(alice));
      alice.emit('send-message', message(alice, { encrypted: { iv: Buffer.from('iv'), data: Buffer.from('data') } }));
      alice.emit('typing', mine(alice));
      alice.emit('set-session-key', { sessionId: where.sessionId, encryptedKeys: { [bob.userId]: 'k' } });
      await leave(alice);
    });
    assert.deepEqual(toAlice.map(([event]) => event), ['public-keys-updated', 'public-keys-updated', 'message-sent', 'session-key-available']);
    assert.deepEqual(toBob.map(([event]) => event), [
      'public-keys-updated', 'new-message', 'user-typing', 'session-key-available', 'user-stopped-typing', 'user-left', 'public-keys-updated',
    ]);
    assert.deepEqual(toBob[1][1].encrypted, { iv: Buffer.from('iv'), data: Buffer.from('data') });
  });
}

test('members on different transports reach each other in order', async () => {
  const where = place();
  const clients = [await creator(where, 'Alice', {}, { transports: ['polling'] }), await member(where, 'Bob')];
  for (const [sender, receiver] of [clients, [...clients].reverse()]) {
    const numbers = Array.from({ length: 100 }, (_, index) => index);
    const [, received] = await observe([sender, receiver], () => {
      for (const encrypted of numbers) sender.emit('send-message', message(sender, { encrypted }));
    });
    assert.deepEqual(received.flatMap(([name, { encrypted }]) => (name === 'new-message' ? [encrypted] : [])), numbers);
  }
});

test('a user with a token may join sessions, and is there who it says it is', async () => {
  const who = user('Alice');
  const alice = await connect(who);
  alice.joined = new Set();
  const where = place();
  assert.equal(await attemptJoin(alice, joining(where, 'Ally', { isCreator: true, userId: 'ally' })), undefined);
  const bob = await member(where, 'Bob');
  const [, toBob] = await observe([alice, bob], () => alice.emit('send-message', message(alice)));
  assert.deepEqual(toBob.map(([name, { from, senderDisplayName }]) => [name, from, senderDisplayName]), [['new-message', 'ally', 'Ally']]);
  assert.deepEqual(history(await member(where, 'Carol')).map(({ from }) => from), ['ally']);
  await exchange(Object.assign(alice, who), alice, () => {});
});

test('a guest in a session becomes a user and stays in it', async () => {
  const where = place();
  const [alice, bob] = [await creator(where, 'Alice'), await member(where, 'Bob')];
  assert.deepEqual(await alice.ask('authenticate', token(user('Alice'))), DONE);
  const [, toBob] = await observe([alice, bob], () => alice.emit('send-message', message(alice)));
  assert.equal(toBob.filter(([name]) => name === 'new-message').length, 1);
});

for (const options of [{ auth: { dialect: 'session' } }, { query: { dialect: 'session' } }]) {
  test(`a connection may declare itself: ${JSON.stringify(options)}`, async () => {
    const alice = await creator(place(), 'Alice', {}, options);
    assert.equal((await alice.ask('send-message', message(alice))).success, true);
    assert.deepEqual(await attemptJoin(await guest(options), joining(place(), 'Bob')), REFUSALS.notFound);
  });
}

test('a connection that declared another dialect does not speak this one', async () => {
  const { client } = await attempt({ auth: { dialect: 'direct', token: token(user('Alice')) } });
  const answer = await client.ask('join-session', joining(place(), 'Alice', { isCreator: true }));
  assert.equal(answer.error.code, 'UNKNOWN_EVENT');
});
