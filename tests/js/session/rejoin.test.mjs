// `session`: a member comes back, while its first socket is there and after. Started with SESSION_REJOIN_GRACE=300ms.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MILLIS, request, same } from '../support/relay.mjs';
import {
  NOT_A_MEMBER, REFUSALS, REPLACED, creator, cut, entry, failed, guest, joining, member, members, message, mine, observe, refusal, rejoin, reserved, settle, until,
} from '../support/session.mjs';

const METADATA = { chatMode: 'group', encryptedSessionKey: null };
const GRACE = Number.parseInt(process.env.SESSION_REJOIN_GRACE, 10);

/** Alice and Bob, whose connection was lost: `{alice, bob, left}`, the time when Alice learnt it last. */
async function lost() {
  const [alice, bob] = await members('Alice', 'Bob');
  cut(bob);
  const { timestamp: left } = await alice.next('user-left');
  return { alice, bob, left };
}

async function connections() {
  return JSON.parse((await request('/health')).body).connections;
}

/** Waits until the clock of the server, as a message of `client` shows it, is past `time`. */
function past(time, client) {
  const now = async () => (await client.ask('send-message', message(client))).timestamp;
  return until(now, (timestamp) => timestamp > time);
}

test('a rejoin on a second socket with another key keeps the time of joining, and marks the key', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [{ joinedAt: first }, { joinedAt }] = bob.all('public-keys-updated')[0];
  const second = await guest();
  const payload = joining(bob.where, 'Bob', { userId: bob.userId, publicKey: 'a new key' });
  const [toSecond, toAlice, toBob] = await observe([second, alice, bob], () => {
    bob.joined.clear();
    return second.ask('join-session', payload);
  });
  const keys = [entry(alice, first), { ...entry(payload, joinedAt), keyChangedAt: MILLIS }];
  same(toSecond, [['messages-history', []], ['session-metadata', METADATA], ['public-keys-updated', keys]]);
  same(toAlice, [['public-keys-updated', keys]]);
  assert.deepEqual(toBob, [['session-error', REPLACED]], 'the socket it came from is no member any more');
});

test('a rejoin on a second socket with the same key is silent, also to the first', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const second = await guest();
  const payload = joining(bob.where, 'Bob', { userId: bob.userId, publicKey: bob.publicKey });
  const seen = await observe([second, alice, bob], () => second.ask('join-session', payload));
  const keys = bob.all('public-keys-updated')[0];
  same(seen[0], [['messages-history', []], ['session-metadata', METADATA], ['public-keys-updated', keys]]);
  for (const events of seen.slice(1)) same(events, [['public-keys-updated', keys]]);
});

test('a rejoin on the same socket is silent too', async () => {
  const clients = await members('Alice', 'Bob');
  const [alice, bob] = clients;
  const [toBob, toAlice] = await observe([bob, alice], () =>
    bob.ask('join-session', joining(clients[0].where, 'Bob', { userId: bob.userId, publicKey: bob.publicKey })));
  assert.deepEqual(toBob.map(([name]) => name), ['messages-history', 'session-metadata', 'public-keys-updated']);
  assert.deepEqual(toAlice.map(([name]) => name), ['public-keys-updated']);
  assert.deepEqual(toAlice[0][1], bob.all('public-keys-updated')[0]);
});

test('a rejoin with a null key on a second socket keeps the key', async () => {
  const clients = await members('Alice', 'Bob');
  const again = await rejoin(clients[1], { publicKey: null });
  assert.equal(again.all('public-keys-updated')[0][1].publicKey, 'public key of Bob');
});

test('a rejoin still needs the key', async () => {
  const clients = await members('Alice', 'Bob');
  const [, { userId }] = clients;
  const { sessionId } = clients[0].where;
  assert.deepEqual(await refusal(joining({ sessionId, authKey: 'wrong' }, 'Bob', { userId })), REFUSALS.wrongKey);
  assert.deepEqual(await refusal(joining({ sessionId }, 'Bob', { userId })), REFUSALS.wrongKey);
  const { success } = await clients[1].ask('send-message', message(clients[1]));
  assert.equal(success, true, 'the member is still the one it was');
});

test('after a lost connection, a rejoin within the grace keeps the key, and is announced as a join', async () => {
  const { alice, bob, left } = await lost();
  const again = await rejoin(bob, { publicKey: null });
  const joined = await alice.next('user-joined', ({ timestamp }) => timestamp >= left);
  same(joined, { userId: bob.userId, displayName: 'Bob', timestamp: MILLIS });
  const keys = again.all('public-keys-updated')[0];
  same(keys, [entry(alice, MILLIS), entry(bob, joined.timestamp)]);
});

test('a rejoin after the grace does not keep the key', async () => {
  const { alice, bob, left } = await lost();
  await past(left + GRACE + 200, alice);
  const again = await rejoin(bob, { publicKey: null });
  const keys = again.all('public-keys-updated')[0];
  assert.notEqual(keys.find(({ userId }) => userId === bob.userId)?.publicKey, bob.publicKey);
});

test('a rejoin within the grace with another key takes that one', async () => {
  const { bob } = await lost();
  const again = await rejoin(bob, { publicKey: 'a new key' });
  const [, keys] = again.all('public-keys-updated')[0];
  same(keys, { ...entry(again, MILLIS), keyChangedAt: MILLIS });
});

test('after the grace the place of two of who was lost is free', async () => {
  const where = await reserved('private');
  const [alice, bob] = [await creator(where, 'Alice'), await member(where, 'Bob')];
  cut(bob);
  const { timestamp: left } = await alice.next('user-left');
  await past(left + GRACE + 200, alice);
  await member(where, 'Carol');
  assert.deepEqual(await refusal(joining(where, 'Bob', { userId: bob.userId })), REFUSALS.full(2));
});

test('who left has no grace', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await bob.ask('leave-session', mine(bob));
  const again = await rejoin(bob, { publicKey: null });
  const keys = again.all('public-keys-updated')[0];
  assert.notEqual(keys.find(({ userId }) => userId === bob.userId)?.publicKey, bob.publicKey);
  assert.equal(keys[0].publicKey, alice.publicKey);
});

test('nobody else gets the key that is stored', async () => {
  const { bob } = await lost();
  const eve = await member(bob.where, 'Eve', { publicKey: null });
  assert.ok(eve.all('public-keys-updated')[0].every(({ publicKey }) => publicKey !== bob.publicKey));
});

test('the first socket of who came on a second may do nothing any more, and its end is not reported', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const second = await rejoin(bob, { publicKey: 'a new key' });
  bob.joined.clear();
  const [toSecond, toAlice] = await observe([second, alice], async () => {
    assert.deepEqual(await bob.ask('send-message', message(bob)), failed(NOT_A_MEMBER));
    assert.deepEqual(await bob.ask('leave-session', mine(bob)), failed(NOT_A_MEMBER));
    bob.close();
    // The server has seen the end once it counts one connection less; what it would send about it comes before that.
    await until(connections, (count) => count === 2);
  });
  assert.deepEqual([toSecond, toAlice], [[], []]);
  assert.equal((await second.ask('send-message', message(second))).success, true);
});

test('a member who is lost on the second socket is reported once', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const second = await rejoin(bob);
  cut(second);
  cut(bob);
  await alice.next('user-left');
  await until(connections, (count) => count === 1);
  await settle([alice]);
  assert.equal(alice.all('user-left').length, 1);
});
