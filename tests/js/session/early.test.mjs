// `session`: what a member wrote while it was away, which the published client sends before the application can join again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOT_A_MEMBER, creator, cut, failed, guest, joining, member, members, message, mine, place, settle, until } from '../support/session.mjs';

/** The longest that an event may be too early, in ms. */
const LONGEST = 5000;

/** Alice, and Bob whose connection was cut and who wrote these meanwhile; `back` when he is connected again. */
async function away(...written) {
  const where = place();
  const alice = await creator(where, 'Alice');
  const bob = await member(where, 'Bob', {}, { reconnection: true, reconnectionDelay: 300, reconnectionDelayMax: 300 });
  await settle([alice]);
  cut(bob);
  await until(() => !bob.socket.connected);
  const answers = written.map((encrypted) => bob.ask('send-message', message(bob, { encrypted })));
  await until(() => bob.socket.connected);
  return { alice, bob, answers };
}

const join = (client) => client.ask('join-session', joining(client.where, client.displayName, { userId: client.userId, publicKey: null }));
const messages = (client) => client.all('new-message').map(({ encrypted }) => encrypted);

test('what a member wrote while it was away is sent when it has joined again, in order, before what it writes then', async () => {
  const { alice, bob, answers } = await away('1', '2', '3');
  const first = bob.ask('send-message', message(bob, { encrypted: '4' }));
  assert.equal((await join(bob)).success, true);
  const last = await bob.ask('send-message', message(bob, { encrypted: '5' }));
  for (const answer of await Promise.all([...answers, first])) assert.equal(answer.success, true);
  assert.equal(last.success, true);
  await until(() => messages(alice).includes('5'));
  assert.deepEqual(messages(alice), ['1', '2', '3', '4', '5']);
  assert.deepEqual(bob.all('session-error'), []);
});

test('what is not followed by a join is refused in the end, and nothing else waits for that', async () => {
  const { alice, bob, answers } = await away('1', '2');
  const connected = performance.now();
  const other = place();
  assert.equal((await bob.ask('join-session', joining(other, 'Bob', { isCreator: true }))).success, true);
  assert.equal((await bob.ask('send-message', { sessionId: other.sessionId, from: joining(other, 'Bob').userId, encrypted: 'x' })).success, false);
  for (const answer of await Promise.all(answers)) assert.deepEqual(answer, failed(NOT_A_MEMBER));
  assert.ok(performance.now() - connected > LONGEST / 2);
  assert.deepEqual(bob.all('session-error').slice(-2), [NOT_A_MEMBER, NOT_A_MEMBER]);
  assert.deepEqual(messages(alice), []);
});

test('who left, or never was a member, is refused at once', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  bob.emit('leave-session', mine(bob));
  await alice.next('user-left');
  for (const client of [bob, await guest()]) {
    const began = performance.now();
    const answer = await client.ask('send-message', message(alice, { from: client.userId ?? 'nobody' }));
    assert.deepEqual(answer, failed(NOT_A_MEMBER));
    assert.ok(performance.now() - began < LONGEST);
  }
});
