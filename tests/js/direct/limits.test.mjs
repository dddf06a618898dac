// Rate and connection limits. Started with small limits (`tests/it/clients.rs`) and 127.0.0.1 as a trusted proxy, so that
// each test has an address of its own.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { newAddressHeader } from '../support/addresses.mjs';
import { TIMEOUT, attempt, connect, exchange, seconds, token, user } from '../support/relay.mjs';

const MESSAGE_BURST = Number(process.env.MESSAGE_BURST);
const SIGNAL_BURST = Number(process.env.SIGNAL_BURST);
const PER_USER = Number(process.env.MAX_CONNECTIONS_PER_USER);
const PER_IP = Number(process.env.MAX_CONNECTIONS_PER_IP);
const FAILED_AUTHS = Number.parseInt(process.env.FAILED_AUTH_RATE, 10);
const FILE_RATE = Number(process.env.FILE_RATE);
const LIMITED = { error: 'Rate limit exceeded', code: 'RATE_LIMIT' };
const sealed = { ciphertext: 'c', iv: 'i', tag: 't' };

/** Options of a client that seems to come from an address no other test uses. */
function fromNewAddress() {
  return { extraHeaders: newAddressHeader() };
}
const join = (who) => connect(who, fromNewAddress());

test('the limits are the ones this suite counts on', () => {
  for (const value of [MESSAGE_BURST, SIGNAL_BURST, PER_USER, PER_IP, FAILED_AUTHS, FILE_RATE]) assert.ok(value > 0);
});

test('messages over the limit are refused by an error that names them, the others arrive', async () => {
  const [alice, bob] = [await join(user('Alice')), await join(user('Bob'))];
  const count = MESSAGE_BURST * 3;
  const answers = await Promise.all(
    Array.from({ length: count }, (_, seq) => alice.ask('send_message', { recipientId: bob.userId, ...sealed, seq })),
  );
  const refused = answers.flatMap((answer, seq) => (answer.success ? [] : [seq]));
  assert.ok(answers.slice(0, MESSAGE_BURST).every(({ success }) => success), 'the burst is granted');
  assert.ok(refused.length > 0, 'more than the burst is not');
  assert.deepEqual(alice.all('message:error'), refused.map((seq) => ({ ...LIMITED, recipientId: bob.userId, seq })));
  const { error } = answers[refused[0]];
  assert.deepEqual([error.message, error.code], [LIMITED.error, LIMITED.code]);
  const granted = answers.flatMap((answer, seq) => (answer.success ? [seq] : []));
  await exchange(bob, alice, () => {});
  assert.deepEqual(bob.all('receive_message').map(({ seq }) => seq), granted);
});

test('the limit is per user: a second socket has no other, another user has', async () => {
  const who = user('Alice');
  const [one, two, bob] = [await join(who), await join(who), await join(user('Bob'))];
  const message = (seq) => ({ recipientId: who.userId, ...sealed, seq });
  const asked = [one, two].flatMap((client) => Array.from({ length: MESSAGE_BURST }, (_, seq) => client.ask('send_message', message(seq))));
  const granted = (await Promise.all(asked)).filter(({ success }) => success).length;
  // Meanwhile some are granted again.
  assert.ok(granted >= MESSAGE_BURST && granted < asked.length, `${granted} of ${asked.length}`);
  assert.equal((await bob.ask('send_message', message('other user'))).success, true);
});

test('after a while messages are granted again', async () => {
  const alice = await join(user('Alice'));
  const message = { recipientId: alice.userId, ...sealed, seq: 1 };
  await Promise.all(Array.from({ length: MESSAGE_BURST * 2 }, () => alice.ask('send_message', message)));
  const deadline = Date.now() + TIMEOUT;
  let answer;
  do answer = await alice.ask('send_message', message);
  while (!answer.success && Date.now() < deadline);
  assert.equal(answer.success, true);
});

test('key exchanges count as messages and have their own error', async () => {
  const alice = await join(user('Alice'));
  const payload = { recipientId: alice.userId, publicKey: 'k' };
  const answers = await Promise.all(Array.from({ length: MESSAGE_BURST * 2 }, () => alice.ask('key-exchange:send', payload)));
  assert.ok(answers.some(({ success }) => !success));
  assert.deepEqual(alice.all('key-exchange:error')[0], { ...LIMITED, recipientId: alice.userId });
});

test('typing over the limit is dropped without a word', async () => {
  const [alice, bob] = [await join(user('Alice')), await join(user('Bob'))];
  const { sent, received } = await exchange(alice, bob, () => {
    for (let count = 0; count < SIGNAL_BURST * 10; count += 1) alice.emit('typing:start', { recipientId: bob.userId });
  });
  assert.deepEqual(sent, []);
  assert.ok(received.length >= SIGNAL_BURST && received.length < SIGNAL_BURST * 5, `${received.length} arrived`);
});

test('receipts over the limit are slowed, none is dropped', async () => {
  const [alice, bob] = [await join(user('Alice')), await join(user('Bob'))];
  const ids = Array.from({ length: SIGNAL_BURST + 3 }, (_, n) => `m${n}`);
  for (const event of ['message:delivered', 'message:read']) {
    for (const messageId of ids) bob.emit(event, { senderId: alice.userId, messageId });
  }
  // Behind all of them, since events of one connection are handled in order.
  const left = await new Promise((resolve) => { bob.socket.emit('leave_room', { recipientId: alice.userId }, resolve); });
  assert.equal(left.success, true);
  await exchange(alice, bob, () => {});
  for (const confirmed of ['message:delivery-confirmed', 'message:read-confirmed']) {
    assert.deepEqual(alice.all(confirmed).map(({ messageId }) => messageId), ids);
  }
});

test('file chunks over the limit are slowed, none is refused', async () => {
  const [alice, bob] = [await join(user('Alice')), await join(user('Bob'))];
  const part = randomBytes(FILE_RATE / 2);
  const started = Date.now();
  for (let chunkNumber = 0; chunkNumber < 6; chunkNumber += 1) {
    alice.emit('send_file_chunk', {
      recipientId: bob.userId, messageId: 'm', chunkNumber, totalChunks: 6, encryptedData: part, iv: 'i', tag: 't', hash: '',
      fileName: 'f', fileSize: part.length * 6, mimeType: 'a/b',
    });
  }
  await alice.next('file:upload-complete', () => true, 30_000);
  const took = Date.now() - started;
  await exchange(bob, alice, () => {});
  assert.deepEqual(bob.all('receive_file_chunk').map(({ chunkNumber }) => chunkNumber), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(alice.all('file:error'), []);
  assert.ok(took >= 1000, `three seconds’ worth with a second’s burst took ${took} ms`);
});

/** Tries as often as it may, and a little more; what came of each. */
async function guess(forged, address = fromNewAddress) {
  const outcomes = [];
  for (let tries = 0; tries < FAILED_AUTHS + 3; tries += 1) outcomes.push((await attempt({ ...address(), auth: { token: forged() } })).outcome);
  return outcomes;
}

test('too many failed authentications from one address are turned away, good tokens never', async () => {
  const [address, who] = [fromNewAddress(), user('Alice')];
  const alice = await connect(who, address);
  const outcomes = await guess(() => token({ ...user('Alice'), exp: seconds(-60) }), () => address);
  assert.deepEqual(outcomes.slice(0, FAILED_AUTHS), Array(FAILED_AUTHS).fill('Token expired'));
  assert.equal(outcomes.at(-1), 'Too many attempts');
  assert.equal((await attempt({ ...address, auth: { token: token(user('Bob')) } })).outcome, 'connected');
  // Who is connected extends their time with a good one.
  alice.emit('authenticate', token(who));
  assert.deepEqual(await alice.next('authenticated'), { success: true });
  assert.equal((await alice.ask('send_message', { recipientId: 'bob', ...sealed, seq: 1 })).success, true);
  assert.equal((await attempt({ ...address, auth: { token: 'nonsense' } })).outcome, 'Too many attempts');
});

test('too many forged tokens of one user are turned away wherever they come from, the user never', async () => {
  const bob = user('Bob');
  const outcomes = await guess(() => token(bob, { secret: 'a secret that somebody has guessed, of 32 bytes' }));
  assert.deepEqual(outcomes.slice(0, FAILED_AUTHS), Array(FAILED_AUTHS).fill('Invalid token'));
  assert.equal(outcomes.at(-1), 'Too many attempts');
  await join(bob);
  const expired = token({ ...bob, exp: seconds(-60) });
  assert.equal((await attempt({ ...fromNewAddress(), auth: { token: expired } })).outcome, 'Token expired');
});

test('a client that comes back joins all its rooms at once', async () => {
  const alice = await join(user('Alice'));
  const joins = Array.from({ length: 100 }, (_, number) => alice.ask('join_room', { recipientId: `contact-${number}` }));
  const answers = await Promise.all(joins);
  assert.ok(answers.every(({ success }) => success));
  assert.equal(alice.all('room:joined').length, 100);
});

/** Opens `limit` connections, sees the next refused and admitted again once one is closed. */
async function limited(limit, options) {
  const held = [];
  for (let count = 0; count < limit; count += 1) {
    const { client, outcome } = await attempt(options());
    assert.equal(outcome, 'connected');
    held.push(client);
  }
  const surplus = await attempt(options());
  assert.notEqual(surplus.outcome, 'connected');
  surplus.client.close();
  assert.ok(held.every((client) => client.socket.connected), 'those before it stay');
  held.pop().close();
  const deadline = Date.now() + TIMEOUT;
  let again;
  do {
    again?.client.close();
    again = await attempt(options());
  } while (again.outcome !== 'connected' && Date.now() < deadline);
  assert.equal(again.outcome, 'connected');
}

test('a user may have only so many connections at once', async () => {
  const who = user('Alice');
  await limited(PER_USER, () => ({ ...fromNewAddress(), auth: { token: token(who) } }));
});

/** The network of a client is gone, and neither side has heard of it; it comes back by the function that is returned. */
function lose({ socket }) {
  const { transport } = socket.io.engine;
  if (transport.ws) {
    transport.ws._socket.pause();
    return () => transport.ws._socket.resume();
  }
  transport._poll = () => {};
  return () => {
    delete transport._poll;
    transport._poll();
  };
}

for (const transports of [['websocket'], ['polling']]) {
  const come = (who) => connect(who, { ...fromNewAddress(), transports });

  test(`a connection that does not answer yields its place to one that comes, over ${transports}`, async () => {
    const who = user('Alice');
    const clients = [];
    while (clients.length < PER_USER) clients.push(await come(who));
    const [first, lost, last] = clients;
    const find = lose(lost);
    const next = await come(who);
    for (const client of [first, last, next]) assert.ok(client.socket.connected);
    // The one that was lost learns of it when its network is back.
    find();
    await lost.next('disconnect');
    for (const way of [['websocket'], ['polling']]) {
      const { outcome } = await attempt({ ...fromNewAddress(), transports: way, auth: { token: token(who) } });
      assert.equal(outcome, 'Too many connections');
    }
    const bob = await come(user('Bob'));
    for (const client of [first, last, next]) await exchange(client, bob, () => {});
  });

  test(`as many as a user may have, all of them lost, yield to as many that come at once, over ${transports}`, async () => {
    const who = user('Alice');
    const lost = [];
    while (lost.length < PER_USER) lost.push(await come(who));
    lost.forEach(lose);
    const others = await Promise.all(lost.map(() => come(who)));
    assert.ok(others.every(({ socket }) => socket.connected));
  });
}

test('an address may have only so many connections at once', async () => {
  const address = fromNewAddress();
  await limited(PER_IP, () => ({ ...address, auth: { token: token(user('Alice')) } }));
  assert.equal((await attempt({ ...fromNewAddress(), auth: { token: token(user('Bob')) } })).outcome, 'connected');
});
