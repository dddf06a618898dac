// `session`: what is removed when nobody uses it. Started with timeouts of one and three seconds (`tests/it/clients.rs`).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  EXPIRED, NOT_A_MEMBER, creator, cut, failed, guest, joining, leave, member, members, message, observe, prober, rejoin, reserve, reserved, until,
} from '../support/session.mjs';

const seconds = (name) => Number.parseInt(process.env[name], 10) * 1000;
const RESERVED = seconds('SESSION_RESERVED_TIMEOUT');
const IDLE = seconds('SESSION_IDLE_TIMEOUT');
const MAX_IDLE = seconds('SESSION_MAX_IDLE');
/** How much later than it should a session may end: the server looks now and then, and this machine may be busy. */
const LATE = 2000;
/** The server's clock may say an instant later than ours that a time has begun. */
const EARLY = 50;

/** Waits until a session is gone; how long after `since`. */
async function gone(exists, where, since, timeout) {
  await until(() => exists(where), (answer) => !answer, timeout);
  return Date.now() - since;
}

test('the times are the ones this suite counts on', () => {
  for (const value of [RESERVED, IDLE, MAX_IDLE]) assert.ok(value > 0);
  assert.ok(RESERVED < MAX_IDLE && IDLE < MAX_IDLE);
});

test('a reservation that nobody uses ends, and may be made again', async () => {
  const exists = await prober();
  const since = Date.now();
  const where = await reserved();
  assert.equal(await exists(where), true);
  const took = await gone(exists, where, since, RESERVED + LATE);
  assert.ok(took >= RESERVED - EARLY, `after ${took} ms`);
  assert.equal((await reserve(where)).status, 200);
});

test('a reservation that was used does not end with it', async () => {
  const exists = await prober();
  const used = await reserved();
  const alice = await member(used, 'Alice');
  const unused = await reserved();
  await gone(exists, unused, Date.now(), RESERVED + LATE);
  assert.equal(await exists(used), true);
  assert.deepEqual(alice.all('session-error'), []);
});

test('a session whose members are all lost ends, one with a member stays', async () => {
  const exists = await prober();
  const [[alice], [bob]] = [await members('Alice'), await members('Bob')];
  const since = Date.now();
  cut(alice);
  const took = await gone(exists, alice.where, since, IDLE + LATE);
  assert.ok(took >= IDLE - EARLY, `after ${took} ms`);
  assert.equal(await exists(bob.where), true);
  assert.deepEqual(bob.all('session-error'), []);
});

test('a member who comes back in time keeps the session', async () => {
  const exists = await prober();
  const [[alice], [bob]] = [await members('Alice'), await members('Bob')];
  cut(alice);
  cut(bob);
  const again = await rejoin(alice);
  await gone(exists, bob.where, Date.now(), IDLE + LATE);
  assert.equal(await exists(alice.where), true);
  assert.equal((await again.ask('send-message', message(again))).success, true);
});

test('a session in which nothing happens ends, and its members are notified', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const since = Date.now();
  for (const client of [alice, bob]) {
    const { args: [error], at } = await client.nextEvent('session-error', () => true, MAX_IDLE + LATE);
    assert.deepEqual(error, EXPIRED);
    // The last thing that happened was before `since`, by the time that a few requests take.
    assert.ok(at - since >= MAX_IDLE - 500, `after ${at - since} ms`);
    client.joined.clear();
  }
  const exists = await prober();
  assert.equal(await exists(alice.where), false);
  const seen = await observe([alice, bob], async () => {
    assert.deepEqual(await alice.ask('send-message', message(alice)), failed(NOT_A_MEMBER));
  });
  assert.deepEqual(seen, [[['session-error', NOT_A_MEMBER]], []]);
  for (const client of [alice, bob]) {
    assert.equal(client.socket.connected, true);
    assert.deepEqual(client.all('user-left'), [], 'nobody left');
  }
});

test('a session in which something happens stays, and ends once it stops', async () => {
  const [[alice, bob], [carol]] = [await members('Alice', 'Bob'), await members('Carol')];
  let over = false;
  carol.next('session-error', () => true, MAX_IDLE + LATE).finally(() => (over = true)).catch(() => {});
  await until(async () => (await alice.ask('send-message', message(alice))).success && over, Boolean, MAX_IDLE + LATE);
  assert.deepEqual(carol.all('session-error'), [EXPIRED]);
  assert.deepEqual([...alice.all('session-error'), ...bob.all('session-error')], []);
  assert.deepEqual(await bob.next('session-error', () => true, MAX_IDLE + LATE), EXPIRED);
});

test('a member of an expired session opens one of the same name again, with another key and without what was there', async () => {
  const [alice] = await members('Alice');
  await alice.ask('send-message', message(alice));
  await alice.next('session-error', () => true, MAX_IDLE + LATE);
  const where = { ...alice.where, authKey: 'another key' };
  await alice.ask('join-session', joining(where, 'Alice', { userId: alice.userId, isCreator: true }));
  assert.deepEqual(alice.all('messages-history').at(-1), []);
  await member(where, 'Bob');
});

test('who left before is not notified', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await leave(bob);
  assert.deepEqual(await alice.next('session-error', () => true, MAX_IDLE + LATE), EXPIRED);
  const outsider = await guest();
  await observe([bob, outsider], () => {});
  assert.deepEqual(bob.all('session-error'), []);
});

test('a wrong key is no use of a session', async () => {
  const exists = await prober();
  const since = Date.now();
  const [alice] = await members('Alice');
  let over = false;
  alice.next('session-error', () => true, MAX_IDLE + LATE).finally(() => (over = true)).catch(() => {});
  // It is asked for all the time, in vain.
  await until(async () => !(await exists(alice.where)) && over, Boolean, MAX_IDLE + LATE);
  assert.ok(Date.now() - since >= MAX_IDLE - EARLY);
  await creator(alice.where);
});
