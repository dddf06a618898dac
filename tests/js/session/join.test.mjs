// `session`: who is admitted, and what they and the others are sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MILLIS, same } from '../support/relay.mjs';
import {
  DONE, REFUSALS, creator, entry, guest, joining, leave, member, members, message, observe, place, refusal, rejoin, reserved, settle,
} from '../support/session.mjs';

const METADATA = { chatMode: 'group', encryptedSessionKey: null };

test('a creator without a reservation opens the session and receives its events in this order', async () => {
  const [alice, payload] = [await guest(), joining(place(), 'Alice', { isCreator: true })];
  const [events] = await observe([alice], async () => same(await alice.ask('join-session', payload), DONE));
  same(events, [
    ['messages-history', []],
    ['session-metadata', METADATA],
    ['public-keys-updated', [entry(payload, MILLIS)]],
  ]);
});

test('who joins receives its events in this order, and the others that someone came', async () => {
  const where = place();
  const [alice, bob] = [await creator(where, 'Alice'), await guest()];
  const [[mine]] = alice.all('public-keys-updated');
  const payload = joining(where, 'Bob');
  const [toBob, toAlice] = await observe([bob, alice], () => bob.ask('join-session', payload));
  const keys = [mine, entry(payload, MILLIS)];
  same(toBob, [['messages-history', []], ['session-metadata', METADATA], ['public-keys-updated', keys]]);
  same(toAlice, [
    ['user-joined', { userId: payload.userId, displayName: 'Bob', timestamp: MILLIS }],
    ['public-keys-updated', keys],
  ]);
  assert.equal(toAlice[0][1].timestamp, toAlice[1][1][1].joinedAt, 'one time of joining');
});

test('every member is notified of a third, once, and keys are listed in the order of joining', async () => {
  const clients = await members('Alice', 'Bob');
  const carol = await guest();
  const payload = joining(clients[0].where, 'Carol');
  const seen = await observe([carol, ...clients], () => carol.ask('join-session', payload));
  for (const events of seen.slice(1)) assert.deepEqual(events.map(([name]) => name), ['user-joined', 'public-keys-updated']);
  const [, , [, keys]] = seen[0];
  assert.deepEqual(keys.map(({ displayName }) => displayName), ['Alice', 'Bob', 'Carol']);
});

test('another session receives nothing', async () => {
  const [[alice], [eve], bob] = [await members('Alice'), await members('Eve'), await guest()];
  const [, toAlice, toEve] = await observe([bob, alice, eve], () => bob.ask('join-session', joining(alice.where, 'Bob')));
  assert.equal(toAlice.length, 2);
  assert.deepEqual(toEve, []);
});

for (const chatMode of ['group', 'private', 'password']) {
  test(`a reserved session of mode ${chatMode} is joined before its creator comes`, async () => {
    const where = await reserved(chatMode);
    const bob = await member(where, 'Bob');
    same(bob.all('session-metadata'), [{ ...METADATA, chatMode }]);
    const alice = await creator(where, 'Alice');
    same(alice.all('session-metadata'), [{ ...METADATA, chatMode }]);
    await settle([alice, bob]);
    same(bob.all('user-joined'), [{ userId: alice.userId, displayName: 'Alice', timestamp: MILLIS }]);
    assert.deepEqual(alice.all('user-joined'), []);
  });
}

test('the creator of a reserved session comes first just as well', async () => {
  const where = await reserved();
  await creator(where, 'Alice');
  const bob = await member(where, 'Bob');
  assert.deepEqual(bob.all('public-keys-updated')[0].map(({ displayName }) => displayName), ['Alice', 'Bob']);
});

test('the key may come behind the id, and may hold colons', async () => {
  const { sessionId } = place();
  const authKey = 'key:with:colons';
  await creator({ sessionId: `${sessionId}:${authKey}` }, 'Alice');
  await member({ sessionId: `${sessionId}:${authKey}` }, 'Bob');
  await member({ sessionId, authKey }, 'Carol');
  assert.deepEqual(await refusal(joining({ sessionId: `${sessionId}:key` }, 'Eve')), REFUSALS.wrongKey);
});

test('an explicit key wins over the one behind the id', async () => {
  const where = place();
  const { sessionId, authKey } = where;
  await creator(where, 'Alice');
  await member({ sessionId: `${sessionId}:wrong`, authKey }, 'Bob');
  assert.deepEqual(await refusal(joining({ sessionId: `${sessionId}:${authKey}`, authKey: 'wrong' }, 'Eve')), REFUSALS.wrongKey);
});

test('a null key leaves the one behind the id', async () => {
  const { sessionId, authKey } = place();
  await creator({ sessionId, authKey }, 'Alice');
  await member({ sessionId: `${sessionId}:${authKey}`, authKey: null }, 'Bob');
});

test('ids may be integers and are sent as strings', async () => {
  const sessionId = Number.parseInt(place().sessionId.slice(-12), 16);
  const alice = await creator({ sessionId, authKey: 'k' }, 'Alice', { userId: 7 });
  assert.strictEqual(alice.all('public-keys-updated')[0][0].userId, '7');
  const bob = await member({ sessionId: String(sessionId), authKey: 'k' }, 'Bob', { userId: -8 });
  await settle([alice, bob]);
  assert.strictEqual(alice.all('user-joined')[0].userId, '-8');
});

test('a session without a key is open to everybody', async () => {
  const { sessionId } = place();
  await creator({ sessionId }, 'Alice');
  await member({ sessionId }, 'Bob');
  await member({ sessionId, authKey: 'any' }, 'Carol');
  await member({ sessionId: `${sessionId}:any` }, 'Dave');
});

test('a creator gives an open session its key; who is in stays in', async () => {
  const { sessionId, authKey } = place();
  const alice = await creator({ sessionId }, 'Alice');
  const bob = await member({ sessionId }, 'Bob');
  await creator({ sessionId, authKey }, 'Carol');
  assert.deepEqual(await refusal(joining({ sessionId }, 'Eve')), REFUSALS.wrongKey);
  assert.deepEqual(await refusal(joining({ sessionId, authKey: 'other' }, 'Eve', { isCreator: true })), REFUSALS.otherKey);
  await member({ sessionId, authKey }, 'Dave');
  same((await alice.ask('send-message', message(alice))).success, true);
  same((await bob.ask('send-message', message(bob))).success, true);
});

test('a joiner does not give an open session a key', async () => {
  const { sessionId, authKey } = place();
  await creator({ sessionId }, 'Alice');
  await member({ sessionId, authKey }, 'Bob');
  await member({ sessionId }, 'Carol');
});

test('password mode is entered with the password behind the id, or with the whole key', async () => {
  for (const way of [
    ({ sessionId, password }) => ({ sessionId: `${sessionId}:password:${password}` }),
    ({ sessionId, authKey }) => ({ sessionId, authKey }),
    ({ sessionId, authKey }) => ({ sessionId: `${sessionId}:${authKey}` }),
  ]) {
    const where = await reserved('password');
    const alice = await creator(where, 'Alice');
    const bob = await member(way(where), 'Bob');
    same(bob.all('session-metadata'), [{ ...METADATA, chatMode: 'password' }]);
    await settle([alice, bob]);
    assert.equal(alice.all('user-joined').length, 1);
  }
});

for (const chatMode of ['private', 'password']) {
  test(`mode ${chatMode} has two members, and room again when one leaves`, async () => {
    const where = await reserved(chatMode);
    const [alice, bob] = [await creator(where, 'Alice'), await member(where, 'Bob')];
    assert.deepEqual(await refusal(joining(where, 'Carol')), REFUSALS.full(2));
    assert.deepEqual(await refusal(joining(where, 'Carol', { isCreator: true })), REFUSALS.full(2));
    const again = await rejoin(bob);
    await settle([alice, again]);
    assert.equal(alice.all('user-joined').length, 1, 'a member comes back to a full session');
    for (const tab of [again, bob]) await leave(tab);
    await member(where, 'Carol');
  });
}

test('one socket is a member of several sessions', async () => {
  const [one, two] = [await members('Alice'), await members('Bob')];
  const carol = await member(one[0].where, 'Carol');
  await carol.ask('join-session', joining(two[0].where, 'Carol', { userId: carol.userId }));
  for (const sessionId of [one[0].sessionId, two[0].sessionId]) {
    assert.equal((await carol.ask('send-message', message(carol, { sessionId }))).success, true);
  }
  for (const [client] of [one, two]) {
    await client.next('new-message');
    await settle([client]);
    assert.equal(client.all('new-message').length, 1);
  }
});

test('a connection is one member of a session: as another it comes in place of the first', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const payload = joining(bob.where, 'Carol');
  const [, toAlice] = await observe([bob, alice], () => {
    bob.joined.clear();
    return bob.ask('join-session', payload);
  });
  same(toAlice, [
    ['user-left', { userId: bob.userId, displayName: 'Bob', timestamp: MILLIS }],
    ['user-joined', { userId: payload.userId, displayName: 'Carol', timestamp: MILLIS }],
    ['public-keys-updated', [entry(alice, MILLIS), entry(payload, MILLIS)]],
  ]);
});

test('without a display name the user id is shown', async () => {
  for (const displayName of [undefined, null, '']) {
    const clients = await members('Alice');
    const bob = await member(clients[0].where, 'Bob', { displayName });
    assert.equal(bob.all('public-keys-updated')[0][1].displayName, bob.userId);
    await settle([bob, clients[0]]);
    assert.equal(clients[0].all('user-joined')[0].displayName, bob.userId);
  }
});

test('a public key may be an object, and leaves as it came', async () => {
  const publicKey = { kty: 'EC', crv: 'P-256', x: 'eA', y: 'eQ', key_ops: [], ext: true };
  const clients = await members('Alice');
  await member(clients[0].where, 'Bob', { publicKey });
  assert.deepEqual((await clients[0].next('public-keys-updated', (keys) => keys.length === 2))[1].publicKey, publicKey);
});
