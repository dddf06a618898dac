// `direct`: send_message, exact payloads, order, several sockets, who receives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, TIME, TIMEOUT, connect, exchange, same, token, user } from '../support/relay.mjs';

const sealed = { ciphertext: 'q83vEg==', iv: 'AAECAwQFBgcICQoL', tag: '3q2+7w==' };

test('a message reaches the recipient and is confirmed to the sender', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  const { sent, received } = await exchange(alice, bob, () =>
    alice.emit('send_message', { recipientId: bob.userId, ...sealed, seq: 1, signature: 'sig', messageType: 'file' }),
  );
  same(received, [[
    'receive_message',
    { senderId: alice.userId, senderUsername: 'Alice', ...sealed, seq: 1, signature: 'sig', messageType: 'file', timestamp: TIME },
  ]]);
  same(sent, [[
    'message:sent',
    { recipientId: bob.userId, seq: 1, success: true, timestamp: TIME, recipientOnline: true },
  ]]);
});

test('without a signature there is none, and the message type is text', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  alice.emit('send_message', { recipientId: bob.userId, ...sealed, seq: 7 });
  same(await bob.next('receive_message'), {
    senderId: alice.userId, senderUsername: 'Alice', ...sealed, seq: 7, messageType: 'text', timestamp: TIME,
  });
});

test('both sides see the same time', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  alice.emit('send_message', { recipientId: bob.userId, ...sealed, seq: 1 });
  assert.equal((await bob.next('receive_message')).timestamp, (await alice.next('message:sent')).timestamp);
});

test('the message is handed over before it is confirmed', async () => {
  const alice = await connect(user('Alice'));
  const { sent } = await exchange(alice, alice, () =>
    alice.emit('send_message', { recipientId: alice.userId, ...sealed, seq: 1 }),
  );
  assert.deepEqual(sent.map(([name]) => name), ['receive_message', 'message:sent']);
});

for (const messageType of [7, 0.5, 'x'.repeat(129), true, { a: 1 }]) {
  test(`a messageType ${JSON.stringify(messageType).slice(0, 20)} is relayed as it is`, async () => {
    const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
    assert.equal((await alice.ask('send_message', { recipientId: bob.userId, ...sealed, seq: 1, messageType })).success, true);
    assert.deepEqual((await bob.next('receive_message')).messageType, messageType);
  });
}

test('a receipt of a message whose id is any number is passed on', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  const messageId = 0.5488135039273248;
  await alice.ask('send_message', { recipientId: bob.userId, ...sealed, seq: 1, messageId });
  assert.strictEqual((await bob.next('receive_message')).messageId, messageId);
  bob.emit('message:read', { senderId: alice.userId, messageId });
  assert.strictEqual((await alice.next('message:read-confirmed')).messageId, messageId);
});

test('nothing is taken for a repetition, whatever ids it has', async () => {
  const [from, bob] = [user('Alice'), await connect(user('Bob'))];
  const [alice, second] = [await connect(from), await connect(from)];
  for (const [client, ciphertext] of [[alice, 'hello'], [alice, 'are you there?'], [second, 'it is me'], [second, 'it is me']]) {
    const payload = { recipientId: bob.userId, ...sealed, ciphertext, seq: 1, messageId: 1, tempId: 1, clientMessageId: 1 };
    assert.equal((await client.ask('send_message', payload)).success, true);
    assert.equal((await bob.next('receive_message')).ciphertext, ciphertext);
  }
});

for (const seq of [0, null, 'seven', -1, 1.5]) {
  test(`seq ${JSON.stringify(seq)} is relayed as it is`, async () => {
    const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
    alice.emit('send_message', { recipientId: bob.userId, ...sealed, seq });
    assert.strictEqual((await bob.next('receive_message')).seq, seq);
    assert.strictEqual((await alice.next('message:sent')).seq, seq);
  });
}

for (const presence of ['offline', 'unknown']) {
  test(`a recipient who is ${presence} is a success that says recipientOnline false`, async () => {
    const who = user('Bob');
    if (presence === 'offline') (await connect(who)).close();
    const [alice, carol] = [await connect(user('Alice')), await connect(user('Carol'))];
    // The server learns of a closed socket when it reads the close: ask until it has.
    let answer;
    let seq = 0;
    const deadline = Date.now() + TIMEOUT;
    do {
      seq += 1;
      answer = await alice.ask('send_message', { recipientId: who.userId, ...sealed, seq });
    } while (answer.recipientOnline && Date.now() < deadline);
    same(answer, { recipientId: who.userId, seq, success: true, timestamp: TIME, recipientOnline: false });
    if (presence === 'unknown') assert.equal(seq, 1, 'an unknown user was never online');
    const { received } = await exchange(alice, carol, () => {});
    assert.deepEqual(received, [], 'nobody else gets it');
    assert.deepEqual(alice.all('message:error'), []);
  });
}

test('every socket of the recipient gets it once, the other sockets of the sender do not', async () => {
  const [from, to] = [user('Alice'), user('Bob')];
  const [alice, other] = [await connect(from), await connect(from)];
  const sockets = [await connect(to), await connect(to), await connect(to)];
  await sockets[0].ask('join_room', { recipientId: from.userId });
  alice.emit('send_message', { recipientId: to.userId, ...sealed, seq: 'only' });
  for (const socket of sockets) {
    await exchange(alice, socket, () => {});
    assert.equal(socket.all('receive_message').filter(({ seq }) => seq === 'only').length, 1);
  }
  const { sent } = await exchange(other, sockets[0], () => {});
  assert.deepEqual(sent, []);
  for (const name of ['receive_message', 'message:sent']) {
    assert.ok(other.all(name).every(({ seq }) => seq !== 'only'));
  }
});

test('nobody but the recipient gets a message', async () => {
  const [alice, bob, eve] = [await connect(user('Alice')), await connect(user('Bob')), await connect(user('Eve'))];
  await eve.ask('join_room', { recipientId: bob.userId });
  await eve.ask('join_room', { recipientId: alice.userId });
  const mark = eve.mark();
  await exchange(alice, bob, () => {});
  await exchange(alice, eve, () => {});
  assert.deepEqual(eve.since(mark).filter(([name]) => name === 'receive_message').length, 1);
});

test('one sender’s messages arrive in the order they were sent', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  const { received, sent } = await exchange(alice, bob, () => {
    for (let seq = 0; seq < 1000; seq += 1) alice.emit('send_message', { recipientId: bob.userId, ...sealed, seq });
  });
  const numbers = Array.from({ length: 1000 }, (_, index) => index);
  assert.deepEqual(received.map(([, payload]) => payload.seq), numbers);
  assert.deepEqual(sent.map(([, payload]) => payload.seq), numbers);
});

test('what is emitted before the connection stands arrives once it does, in order', async () => {
  const [who, bob] = [user('Alice'), await connect(user('Bob'))];
  const alice = new Client({ auth: { token: token(who) } });
  for (const seq of [1, 2, 3]) alice.emit('send_message', { recipientId: bob.userId, ...sealed, seq });
  const got = [await bob.next('receive_message'), await bob.next('receive_message'), await bob.next('receive_message')];
  assert.deepEqual(got.map(({ senderId, seq }) => [senderId, seq]), [1, 2, 3].map((seq) => [who.userId, seq]));
});
