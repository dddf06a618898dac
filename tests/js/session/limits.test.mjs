// `session`: rates and counts. Started with small limits (`tests/it/clients.rs`) and 127.0.0.1 as a trusted proxy, so that
// each test has an address of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newAddressHeader } from '../support/addresses.mjs';
import { connect, user } from '../support/relay.mjs';
import {
  DONE, REFUSALS, attemptJoin, creator, failed, guest, joining, leave, member, message, mine, place, rejoin, reserve, settle, until, witness,
} from '../support/session.mjs';

const number = (name) => Number.parseInt(process.env[name], 10);
const JOINS = number('JOIN_BURST');
const MESSAGES = number('MESSAGE_BURST');
const SIGNALS = number('SIGNAL_BURST');
const FAILURES = number('FAILED_AUTH_RATE');
const MEMBERS = number('SESSION_MAX_MEMBERS');
const PER_CONNECTION = number('MAX_SESSIONS_PER_CONNECTION');

/** Options of a client, or of a request, that seems to come from an address no other test uses. */
function newAddress() {
  return { extraHeaders: newAddressHeader() };
}

/** A session of two members who know of each other, each from an address of its own. */
async function pair() {
  const where = place();
  const alice = await creator(where, 'Alice', {}, newAddress());
  const bob = await member(where, 'Bob', {}, newAddress());
  await alice.next('public-keys-updated', (keys) => keys.length === 2);
  return [alice, bob];
}

test('the limits are the ones this suite counts on', () => {
  for (const value of [JOINS, MESSAGES, SIGNALS, FAILURES, MEMBERS, PER_CONNECTION]) assert.ok(value > 0);
  assert.ok(PER_CONNECTION < JOINS);
});

test('a session takes so many members, and those who come back', async () => {
  const where = place();
  const clients = [await creator(where, 'Alice', {}, newAddress())];
  while (clients.length < MEMBERS) clients.push(await member(where, 'Member', {}, newAddress()));
  const surplus = await guest(newAddress());
  for (const isCreator of [false, true]) {
    assert.deepEqual(await attemptJoin(surplus, joining(where, 'Eve', { isCreator })), REFUSALS.full(MEMBERS));
  }
  const again = await rejoin(clients[1], {}, newAddress());
  for (const tab of [again, clients[1]]) await leave(tab);
  assert.equal(await attemptJoin(surplus, joining(where, 'Eve')), undefined);
});

test('a connection is a member of so many sessions at once', async () => {
  const client = await guest(newAddress());
  const join = () => client.ask('join-session', joining(place(), 'Alice', { isCreator: true, userId: 'alice' }));
  for (let count = 0; count < PER_CONNECTION; count += 1) assert.deepEqual(await join(), DONE);
  const refused = await join();
  assert.equal(refused.success, false);
  assert.equal(client.all('session-error').length, 1);
  assert.deepEqual(failed(client.all('session-error')[0]), refused);
  await creator(place(), 'Bob', {}, newAddress());
});

test('after leaving one of its sessions a connection joins another', async () => {
  const client = await guest(newAddress());
  const sessions = Array.from({ length: PER_CONNECTION }, place);
  for (const where of sessions) assert.deepEqual(await client.ask('join-session', joining(where, 'Alice', { isCreator: true, userId: 'alice' })), DONE);
  assert.deepEqual(await client.ask('leave-session', { sessionId: sessions[0].sessionId, userId: 'alice' }), DONE);
  assert.deepEqual(await client.ask('join-session', joining(place(), 'Alice', { isCreator: true, userId: 'alice' })), DONE);
});

test('sessions that are made over the rate of an address are refused, joins of those there are not', async () => {
  const address = newAddress();
  const where = place();
  const client = await creator(where, 'Alice', {}, address);
  for (let count = 1; count < JOINS; count += 1) assert.equal((await reserve(place(), address.extraHeaders)).status, 200);
  const other = await guest(address);
  assert.deepEqual(await attemptJoin(other, joining(place(), 'Bob', { isCreator: true })), REFUSALS.rate);
  assert.equal(await attemptJoin(other, joining(where, 'Bob')), undefined);
  const again = joining(where, 'Alice', { isCreator: true, userId: client.userId });
  const answers = await Promise.all(Array.from({ length: 100 }, () => client.ask('join-session', again)));
  assert.ok(answers.every(({ success }) => success), 'a member joins again as often as it wants');
  await creator(place(), 'Carol', {}, newAddress());
});

test('reservations over the rate are refused with a time to wait, and count as joins', async () => {
  const { extraHeaders } = newAddress();
  const answers = [];
  for (let count = 0; count < JOINS + 5; count += 1) answers.push(await reserve(place(), extraHeaders));
  assert.ok(answers.slice(0, JOINS).every(({ status }) => status === 200), 'the burst is granted');
  const { status, headers, json } = answers.at(-1);
  assert.deepEqual([status, json], [429, { error: 'Rate limit exceeded', code: 'RATE_LIMIT' }]);
  assert.match(headers['retry-after'], /^[1-9]\d*$/);
  assert.deepEqual(await attemptJoin(await guest({ extraHeaders }), joining(place(), 'Bob', { isCreator: true })), REFUSALS.rate);
  assert.equal((await reserve(place(), newAddress().extraHeaders)).status, 200);
});

for (const [name, chatMode, expected] of [['keys', 'group', REFUSALS.wrongKey], ['passwords', 'password', REFUSALS.wrongPassword]]) {
  test(`wrong ${name} of a session are limited at each address, and the right one gets in`, async () => {
    const make = async () => {
      const where = { ...place(), authKey: 'key:cGFzc3dvcmQ=' };
      assert.equal((await reserve({ ...where, chatMode }, newAddress().extraHeaders)).status, 200);
      return where;
    };
    const [where, another] = [await make(), await make()];
    const address = newAddress();
    const eve = await guest(address);
    const guess = (session, client = eve) => attemptJoin(client, joining({ ...session, authKey: 'wrong' }, 'Eve'));
    for (let count = 0; count < FAILURES; count += 1) assert.deepEqual(await guess(where), expected);
    const started = Date.now();
    assert.deepEqual(await guess(where), REFUSALS.rate);
    assert.ok(Date.now() - started >= 1900, 'and answered later');
    assert.deepEqual(await guess(another), expected, 'of another session');
    assert.deepEqual(await guess(where, await guest(newAddress())), expected, 'from another address');
    await member(where, 'Bob', {}, address);
    assert.deepEqual(await guess(where), REFUSALS.rate);
    assert.equal(await attemptJoin(eve, joining({ ...another }, 'Eve')), undefined);
  });
}

test('messages over the rate are refused, the others arrive', async () => {
  const [alice, bob] = await pair();
  const answers = await Promise.all(
    Array.from({ length: MESSAGES * 3 }, (_, index) => alice.ask('send-message', message(alice, { clientMessageId: `m${index}` }))),
  );
  assert.ok(answers.slice(0, MESSAGES).every(({ success }) => success), 'the burst is granted');
  const refused = answers.filter(({ success }) => !success);
  assert.ok(refused.length > 0);
  for (const answer of refused) assert.deepEqual(answer, failed(REFUSALS.rate));
  assert.deepEqual(alice.all('session-error'), refused.map(() => REFUSALS.rate));
  const granted = answers.flatMap(({ success, id }) => (success ? [id] : []));
  await settle([bob, alice]);
  assert.deepEqual(bob.all('new-message').map(({ id }) => id).filter((id) => /^m\d/.test(id)), granted);
});

test('the rate of messages is each guest’s own, and after a while they are granted again', async () => {
  const [alice, bob] = await pair();
  await Promise.all(Array.from({ length: MESSAGES * 2 }, () => alice.ask('send-message', message(alice))));
  assert.equal((await bob.ask('send-message', message(bob))).success, true);
  await until(() => alice.ask('send-message', message(alice)), ({ success }) => success);
});

test('downloads count as messages too', async () => {
  const [alice, bob] = await pair();
  const download = { sessionId: alice.sessionId, downloadedBy: 'Alice', senderId: bob.userId, fileName: 'f', timestamp: 1 };
  const answers = await Promise.all(Array.from({ length: MESSAGES * 3 }, () => alice.ask('file-downloaded', download)));
  const refused = answers.filter(({ success }) => !success);
  assert.ok(refused.length > 0 && answers.slice(0, MESSAGES).every(({ success }) => success));
  assert.deepEqual(alice.all('session-error'), refused.map(() => REFUSALS.rate));
  await settle([bob, alice]);
  assert.equal(bob.all('download-notification').length, answers.length - refused.length);
});

test('keys count as messages', async () => {
  const [alice] = await pair();
  for (const [event, payload] of [
    ['save-public-key', mine(alice, { publicKey: 'k' })],
    ['set-session-key', { sessionId: alice.sessionId, encryptedKeys: {} }],
  ]) {
    const answers = await Promise.all(Array.from({ length: MESSAGES * 2 }, () => alice.ask(event, payload)));
    assert.deepEqual(answers.at(-1), failed(REFUSALS.rate), event);
  }
  assert.deepEqual(alice.all('session-error').at(-1), REFUSALS.rate);
});

test('a user’s sockets share one rate of messages', async () => {
  const who = user('Alice');
  const sockets = [];
  for (const name of ['One', 'Two']) {
    const client = await connect(who, newAddress());
    client.joined = new Set();
    assert.equal(await attemptJoin(client, joining(place(), name, { isCreator: true })), undefined);
    sockets.push(client);
  }
  const sent = sockets.flatMap((socket) => Array.from({ length: MESSAGES * 2 }, () => socket.ask('send-message', message(socket))));
  const answers = await Promise.all(sent);
  const refused = answers.filter(({ success }) => !success);
  for (const answer of refused) assert.deepEqual(answer, failed(REFUSALS.rate));
  // A rate of their own would let each send its burst, and half as many that wait until they are allowed.
  assert.ok(answers.length - refused.length < MESSAGES * 2.5, `${refused.length} of ${answers.length} were refused`);
});

for (const [event, received] of [['typing', 'user-typing'], ['stopped-typing', 'user-stopped-typing']]) {
  test(`${event} over the rate is dropped without an event`, async () => {
    const [alice, bob] = await pair();
    const [toAlice, toBob] = await witness([alice, bob], () => {
      for (let count = 0; count < SIGNALS * 10; count += 1) alice.emit(event, mine(alice));
    });
    assert.deepEqual(toAlice, []);
    assert.ok(toBob.every(([seen]) => seen === received));
    assert.ok(toBob.length >= SIGNALS && toBob.length < SIGNALS * 5, `${toBob.length} arrived`);
  });
}

test('requests for keys over the rate are answered later, and of many more the rest is dropped without an event', async () => {
  const [alice] = await pair();
  const [events] = await witness([alice], () => {
    for (let count = 0; count < SIGNALS * 10; count += 1) alice.emit('get-public-keys', mine(alice));
  });
  assert.ok(events.every(([seen]) => seen === 'public-keys-updated'));
  assert.ok(events.length >= SIGNALS && events.length < SIGNALS * 5, `${events.length} answered`);
});

test('leaving is never limited', async () => {
  const [alice, bob] = await pair();
  await Promise.all(Array.from({ length: MESSAGES * 2 }, () => alice.ask('send-message', message(alice))));
  await leave(alice);
  assert.equal((await bob.next('user-left')).userId, alice.userId);
});
