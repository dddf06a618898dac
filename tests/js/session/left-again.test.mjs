// `session`: leaving again, by who left and did not get the answer. Clients take turns between the nodes there are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, user } from '../support/relay.mjs';
import {
  DONE, NOT_A_MEMBER, attemptJoin, creator, cut, failed, guest, joining, leave, member, members, mine, observe, place, rejoin,
} from '../support/session.mjs';

/** Leaves again on this connection: that succeeds, and nobody is told anything. */
async function leaveAgain(client, who, others = []) {
  const seen = await observe([client, ...others], async () => {
    assert.deepEqual(await client.ask('leave-session', mine(who)), DONE);
  });
  assert.deepEqual(seen, [[], ...others.map(() => [])]);
}

/** Is refused, and nobody else is told anything. */
async function refused(client, fields, others = []) {
  const [seen, ...toOthers] = await observe([client, ...others], async () => {
    assert.deepEqual(await client.ask('leave-session', fields), failed(NOT_A_MEMBER));
  });
  assert.deepEqual(seen, [['session-error', NOT_A_MEMBER]]);
  assert.deepEqual(toOthers, others.map(() => []));
}

for (const transports of [['websocket'], ['polling']]) {
  test(`who left leaves again, on the same connection or a new one, over ${transports}`, async () => {
    const [alice, other] = await members('Alice', 'Other');
    const bob = await member(alice.where, 'Bob', {}, { transports });
    await leave(bob);
    await leaveAgain(bob, bob, [alice, other]);
    cut(bob);
    const back = await guest({ transports });
    await leaveAgain(back, bob, [alice, other]);
    // With the key in the id, as deployed clients have it.
    await leaveAgain(back, { ...bob, sessionId: `${bob.sessionId}:${alice.where.authKey}` }, [alice, other]);
  });
}

test('the answer to the last who leaves may be lost, too', async () => {
  const [bob] = await members('Bob');
  await leave(bob);
  cut(bob);
  await leaveAgain(await guest(), bob);
});

test('who joined as somebody else has left as the first', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const first = { sessionId: bob.sessionId, userId: bob.userId };
  assert.equal(await attemptJoin(bob, joining(bob.where, 'Bobby')), undefined);
  await leaveAgain(bob, first, [alice]);
  await leave(bob);
  await leaveAgain(bob, first, [alice]);
});

test('who left and came back on another connection stays there', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await leave(bob);
  const again = await rejoin(bob);
  await leaveAgain(bob, bob, [alice, again]);
  const sent = await again.ask('send-message', { sessionId: again.sessionId, from: again.userId, encrypted: 'x' });
  assert.equal(sent.success, true);
});

test('an authenticated user is known again', async () => {
  const alice = await creator(place(), 'Alice');
  const who = user('Bob');
  const join = async () => Object.assign(await connect(who), { joined: new Set() });
  const bob = await join();
  assert.equal(await attemptJoin(bob, joining(alice.where, 'Bob')), undefined);
  const left = { sessionId: bob.sessionId, userId: bob.userId };
  await leave(bob);
  cut(bob);
  await leaveAgain(await join(), left, [alice]);
});

test('who was replaced has not left: the place may be somebody else’s', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const other = await rejoin(bob, { publicKey: 'another' });
  await bob.next('session-error', ({ error }) => error === 'REPLACED');
  bob.joined.clear();
  await refused(bob, mine(bob), [alice, other]);
});

test('nobody leaves for another who is there, nor who never was in', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const eve = await guest();
  await refused(eve, mine(bob), [alice, bob]);
  await refused(eve, mine(bob, { userId: 'eve' }), [alice, bob]);
  await refused(alice, mine(bob), [bob]);
  await refused(eve, { ...mine(bob), sessionId: place().sessionId }, [alice, bob]);
  await leave(bob);
  await refused(alice, mine(bob));
  await refused(bob, mine(bob, { userId: alice.userId }), [alice]);
  await refused(bob, { ...mine(bob), sessionId: place().sessionId }, [alice]);
});
