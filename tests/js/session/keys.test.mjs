// `session`: public keys, and the session's own key.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MILLIS, same, unique } from '../support/relay.mjs';
import {
  DONE, NOT_A_MEMBER, creator, cut, entry, failed, guest, invalid, leave, member, members, mine, observe, place, rejoin, reserved, settle,
} from '../support/session.mjs';

/** The keys that `get-public-keys` shows. */
async function keysFor(client, fields) {
  const [events] = await observe([client], () => client.emit('get-public-keys', fields));
  assert.deepEqual(events.map(([name]) => name), ['public-keys-updated']);
  return events[0][1];
}

for (const [name, publicKey] of [['a string', 'another key'], ['an object', { kty: 'EC', x: 'eA', y: 'eQ' }]]) {
  test(`a new public key, ${name}, is sent to the whole session`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const [{ joinedAt }, { joinedAt: second }] = bob.all('public-keys-updated')[0];
    const [toAlice, toBob] = await observe([alice, bob], async () => {
      assert.deepEqual(await alice.ask('save-public-key', mine(alice, { publicKey, displayName: 'Alice' })), DONE);
    });
    const keys = [{ ...entry({ ...alice, publicKey }, joinedAt), keyChangedAt: MILLIS }, entry(bob, second)];
    same(toAlice, [['public-keys-updated', keys]]);
    same(toBob, [['public-keys-updated', keys]]);
    same((await member(alice.where, 'Carol')).all('public-keys-updated')[0].slice(0, 2), keys);
  });
}

test('nobody saves a key for another, or where they are no member', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [eve] = await members('Eve');
  for (const [client, fields] of [
    [alice, mine(bob)],
    [alice, mine(alice, { userId: unique('nobody') })],
    [eve, mine(alice)],
    [eve, mine(eve, { sessionId: alice.sessionId })],
    [eve, mine(eve, { sessionId: place().sessionId })],
    [await guest(), mine(bob)],
  ]) {
    const others = [alice, bob].filter((other) => other !== client);
    const [seen, ...toOthers] = await observe([client, ...others], async () => {
      assert.deepEqual(await client.ask('save-public-key', { ...fields, publicKey: 'evil' }), failed(NOT_A_MEMBER));
    });
    assert.deepEqual(seen, [['session-error', NOT_A_MEMBER]]);
    assert.ok(toOthers.every((events) => events.length === 0));
  }
  assert.deepEqual((await keysFor(alice, mine(alice))).map(({ publicKey }) => publicKey), [bob.publicKey]);
});

for (const value of [undefined, null, '', 7, [], true, 'k'.repeat(65_537), Buffer.from('key')]) {
  test(`the key ${JSON.stringify(value)?.slice(0, 24)} is refused and the old one stays`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const [toAlice, toBob] = await observe([alice, bob], () => alice.emit('save-public-key', mine(alice, { publicKey: value })));
    assert.deepEqual(toAlice, [['session-error', invalid('publicKey')]]);
    assert.deepEqual(toBob, []);
    assert.equal((await keysFor(bob, mine(bob)))[0].publicKey, alice.publicKey);
  });
}

test('a member asks for keys and gets all but its own; the others receive nothing', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  const [toAlice, toBob, toCarol] = await observe([alice, bob, carol], () => alice.emit('get-public-keys', mine(alice)));
  same(toAlice, [['public-keys-updated', [entry(bob, MILLIS), entry(carol, MILLIS)]]]);
  assert.deepEqual([toBob, toCarol], [[], []]);
});

test('who has not joined gets no keys and no error', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [eve] = await members('Eve');
  const outsider = await guest();
  assert.deepEqual(await keysFor(outsider, mine(alice)), []);
  assert.deepEqual(await keysFor(outsider, { sessionId: place().sessionId, userId: 'x' }), []);
  assert.deepEqual(await keysFor(outsider, { sessionId: (await reserved()).sessionId, userId: 'x' }), []);
  assert.deepEqual(await keysFor(outsider, { sessionId: `${alice.sessionId}:${alice.where.authKey}`, userId: bob.userId }), []);
  assert.deepEqual(await keysFor(eve, mine(eve, { sessionId: alice.sessionId })), []);
  assert.deepEqual(await keysFor(eve, mine(alice)), []);
  for (const fields of [{}, { sessionId: 7.5 }, { sessionId: alice.sessionId }]) assert.deepEqual(await keysFor(outsider, fields), []);
  for (const fields of [null, 'text', []]) outsider.emit('get-public-keys', fields);
  await settle([outsider]);
  assert.deepEqual(outsider.all('session-error'), []);
});

test('who left gets no keys any more', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await leave(bob);
  assert.deepEqual(await keysFor(bob, mine(bob)), []);
  assert.deepEqual(await keysFor(alice, mine(alice)), [], 'and there is no key of theirs');
});

test('of a lost connection no key is listed', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  cut(bob);
  await alice.next('user-left');
  same((await alice.next('public-keys-updated', (keys) => keys.length === 1 && alice.all('user-left').length === 1)).length, 1);
  assert.deepEqual(await keysFor(alice, mine(alice)), []);
});

test('a session key is sent to the whole session, and to each who joins later their own', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [carol, dave, erin] = [unique('carol'), unique('dave'), unique('erin')];
  const encryptedKeys = { [alice.userId]: 'for Alice', [bob.userId]: { iv: 'i', n: 1.5 }, [carol]: ['for', 'Carol'], [erin]: Buffer.from('for Erin') };
  const seen = await observe([alice, bob], async () => {
    assert.deepEqual(await alice.ask('set-session-key', { sessionId: alice.sessionId, encryptedKeys }), DONE);
  });
  assert.deepEqual(seen, Array(2).fill([['session-key-available', { encryptedKeys }]]));
  const metadata = async (client) => (await client).all('session-metadata')[0];
  assert.deepEqual(await metadata(rejoin(bob)), { chatMode: 'group', encryptedSessionKey: { iv: 'i', n: 1.5 } });
  assert.deepEqual(await metadata(member(alice.where, 'Carol', { userId: carol })), { chatMode: 'group', encryptedSessionKey: ['for', 'Carol'] });
  assert.deepEqual(await metadata(member(alice.where, 'Erin', { userId: erin })), { chatMode: 'group', encryptedSessionKey: Buffer.from('for Erin') });
  assert.deepEqual(await metadata(member(alice.where, 'Dave', { userId: dave })), { chatMode: 'group', encryptedSessionKey: null });
});

test('the last session key counts', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  for (const key of ['first', 'second']) {
    await alice.ask('set-session-key', { sessionId: alice.sessionId, encryptedKeys: { [bob.userId]: key } });
  }
  assert.equal((await rejoin(bob)).all('session-metadata')[0].encryptedSessionKey, 'second');
  await alice.ask('set-session-key', { sessionId: alice.sessionId, encryptedKeys: {} });
  assert.equal((await rejoin(bob)).all('session-metadata')[0].encryptedSessionKey, null);
});

for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
  test(`a user called ${name} has no session key that nobody set`, async () => {
    const [alice] = await members('Alice');
    await alice.ask('set-session-key', { sessionId: alice.sessionId, encryptedKeys: { [alice.userId]: 'k' } });
    assert.equal((await member(alice.where, 'Eve', { userId: name })).all('session-metadata')[0].encryptedSessionKey, null);
  });
}

for (const chatMode of ['private', 'password']) {
  test(`in mode ${chatMode} there is no session key`, async () => {
    const where = await reserved(chatMode);
    const [alice, bob] = [await creator(where, 'Alice'), await member(where, 'Bob')];
    const [toAlice, toBob] = await observe([alice, bob], async () => {
      const answer = await alice.ask('set-session-key', { sessionId: where.sessionId, encryptedKeys: { [bob.userId]: 'k' } });
      assert.equal(answer.success, false);
      assert.equal(answer.error.code, 'INVALID_REQUEST');
    });
    assert.deepEqual([toAlice, toBob], [[], []]);
    assert.equal((await rejoin(bob)).all('session-metadata')[0].encryptedSessionKey, null);
  });
}

for (const encryptedKeys of [undefined, null, 'text', 7, [], Buffer.from('keys')]) {
  test(`session keys that are ${JSON.stringify(encryptedKeys)} are refused`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const [toAlice, toBob] = await observe([alice, bob], async () => {
      const answer = await alice.ask('set-session-key', { sessionId: alice.sessionId, encryptedKeys });
      assert.deepEqual(answer, failed(invalid('encryptedKeys')));
    });
    assert.deepEqual(toAlice, [['session-error', invalid('encryptedKeys')]]);
    assert.deepEqual(toBob, []);
  });
}

test('who is no member sets no session key', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [eve] = await members('Eve');
  for (const sessionId of [alice.sessionId, place().sessionId]) {
    const [toEve, ...toOthers] = await observe([eve, alice, bob], async () => {
      assert.deepEqual(await eve.ask('set-session-key', { sessionId, encryptedKeys: { [bob.userId]: 'evil' } }), failed(NOT_A_MEMBER));
    });
    assert.deepEqual(toEve, [['session-error', NOT_A_MEMBER]]);
    assert.deepEqual(toOthers, [[], []]);
  }
  assert.equal((await rejoin(bob)).all('session-metadata')[0].encryptedSessionKey, null);
});
