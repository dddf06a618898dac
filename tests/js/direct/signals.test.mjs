// `direct`: key exchange, typing, delivery and read receipts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, exchange, same, unique, user } from '../support/relay.mjs';

const pair = async () => [await connect(user('Alice')), await connect(user('Bob'))];

test('a public key and its signature reach the recipient, the sender is notified', async () => {
  const [alice, bob] = await pair();
  const publicKey = JSON.stringify({ kty: 'EC', x: 'é\n' });
  const signature = JSON.stringify({ s: 1 });
  const { sent, received } = await exchange(alice, bob, () =>
    alice.emit('key-exchange:send', { recipientId: bob.userId, publicKey, signature }),
  );
  same(received, [['key-exchange:receive', { senderId: alice.userId, senderUsername: 'Alice', publicKey, signature }]]);
  same(sent, [['key-exchange:sent', { recipientId: bob.userId, success: true, recipientOnline: true }]]);
});

test('the signature of a key exchange is optional', async () => {
  const [alice, bob] = await pair();
  alice.emit('key-exchange:send', { recipientId: bob.userId, publicKey: 'k' });
  const { signature, ...rest } = await bob.next('key-exchange:receive');
  same(rest, { senderId: alice.userId, senderUsername: 'Alice', publicKey: 'k' });
  assert.equal(signature ?? null, null);
});

test('a key is handed over before that is confirmed', async () => {
  const alice = await connect(user('Alice'));
  const { sent } = await exchange(alice, alice, () =>
    alice.emit('key-exchange:send', { recipientId: alice.userId, publicKey: 'k' }),
  );
  assert.deepEqual(sent.map(([name]) => name), ['key-exchange:receive', 'key-exchange:sent']);
});

test('a key for somebody offline is confirmed all the same', async () => {
  const [alice] = await pair();
  const recipientId = unique('nobody');
  alice.emit('key-exchange:send', { recipientId, publicKey: 'k' });
  same(await alice.next('key-exchange:sent'), { recipientId, success: true, recipientOnline: false });
});

test('typing reaches the recipient and nobody else', async () => {
  const [alice, bob] = await pair();
  const { sent, received } = await exchange(alice, bob, () => {
    alice.emit('typing:start', { recipientId: bob.userId });
    alice.emit('typing:stop', { recipientId: bob.userId });
  });
  const typing = (isTyping) => ['typing:user', { userId: alice.userId, username: 'Alice', isTyping }];
  same(received, [typing(true), typing(false)]);
  assert.deepEqual(sent, []);
});

const receipts = { 'message:delivered': 'message:delivery-confirmed', 'message:read': 'message:read-confirmed' };
const sealed = { ciphertext: 'c', iv: 'i', tag: 't', seq: 1 };

/** Alice sends a message to somebody, and it is relayed: its id. */
async function relayed(alice, recipientId, messageId = unique('message')) {
  assert.equal((await alice.ask('send_message', { recipientId, ...sealed, messageId })).success, true);
  return messageId;
}

/** The same of a file. */
async function relayedFile(alice, recipientId) {
  const messageId = unique('file');
  const part = { encryptedData: 'd', iv: 'i', tag: 't', hash: '', fileName: 'f', fileSize: 1, mimeType: 'a/b' };
  await alice.ask('send_file_chunk', { recipientId, messageId, chunkNumber: 0, totalChunks: 1, ...part });
  await alice.next('file:upload-complete');
  return messageId;
}

for (const [event, confirmation] of Object.entries(receipts)) {
  for (const [kind, send] of Object.entries({ message: relayed, file: relayedFile })) {
    test(`${event} sends the sender of the ${kind} its id, and who says so`, async () => {
      const [alice, bob] = await pair();
      const messageId = await send(alice, bob.userId);
      // Its relay knows of it since it has it, too.
      await bob.next(['receive_message', 'receive_file_chunk']);
      const { sent, received } = await exchange(bob, alice, () => bob.emit(event, { messageId, senderId: alice.userId }));
      same(received, [[confirmation, { messageId, userId: bob.userId }]]);
      assert.deepEqual(sent.filter(([name]) => !name.startsWith('receive')), []);
    });

    test(`${event} of somebody else than who got the ${kind} is refused in silence`, async () => {
      const [alice, bob] = await pair();
      const eve = await connect(user('Eve'));
      const messageId = await send(alice, bob.userId);
      await exchange(alice, bob, () => {});
      const { sent, received } = await exchange(eve, alice, async () => {
        assert.equal((await eve.ask(event, { messageId, senderId: alice.userId })).success, false);
      });
      assert.deepEqual([sent, received], [[], []]);
      // Nor is the sender one who got it.
      assert.equal((await alice.ask(event, { messageId, senderId: alice.userId })).success, false);
    });
  }

  test(`${event} of a message that went to several reaches the sender from each of them`, async () => {
    const [alice, bob] = await pair();
    const carol = await connect(user('Carol'));
    const messageId = await relayed(alice, bob.userId);
    await relayed(alice, carol.userId, messageId);
    for (const receiver of [bob, carol]) {
      await exchange(alice, receiver, () => {});
      const { received } = await exchange(receiver, alice, () => receiver.emit(event, { messageId, senderId: alice.userId }));
      same(received, [[confirmation, { messageId, userId: receiver.userId }]]);
    }
  });

  test(`${event} is sent from another device, and after coming back`, async () => {
    const who = user('Bob');
    const [alice, bob] = [await connect(user('Alice')), await connect(who)];
    const messageId = await relayed(alice, who.userId);
    await exchange(alice, bob, () => {});
    bob.close();
    for (const device of [await connect(who), await connect(who)]) {
      const { received } = await exchange(device, alice, () => device.emit(event, { messageId, senderId: alice.userId }));
      const of = received.filter(([name]) => name === confirmation);
      assert.deepEqual(of.map(([, payload]) => payload.messageId), [messageId]);
      assert.equal(of[0][1].userId, who.userId);
    }
  });

  test(`${event} of a message that the relay does not know says who says it`, async () => {
    const [alice, bob] = await pair();
    const messageId = unique('older');
    const { received } = await exchange(bob, alice, () => bob.emit(event, { messageId, senderId: alice.userId, userId: 'carol' }));
    same(received, [[confirmation, { messageId, userId: bob.userId }]]);
  });

  test(`${event} of a message for somebody offline reaches the sender from nobody else`, async () => {
    const alice = await connect(user('Alice'));
    const messageId = await relayed(alice, unique('nobody'));
    for (const eve of [await connect(user('Eve')), await connect(user('Eve'))]) {
      const { received } = await exchange(eve, alice, () => eve.emit(event, { messageId, senderId: alice.userId }));
      assert.deepEqual(received, []);
    }
  });
}

const silent = [
  ...['typing:start', 'typing:stop'].map((event) => [event, { recipientId: 'recipientId' }]),
  ...Object.keys(receipts).map((event) => [event, { messageId: 'messageId', senderId: 'senderId' }]),
];
for (const [event, fields] of silent) {
  test(`${event} is silent when malformed`, async () => {
    const [alice, bob] = await pair();
    const valid = Object.fromEntries(Object.keys(fields).map((key) => [key, key === 'messageId' ? 'm' : bob.userId]));
    const { sent, received } = await exchange(alice, bob, () => {
      alice.emit(event);
      for (const payload of [null, 'text', 42, [], {}, [valid], true]) alice.emit(event, payload);
      for (const key of Object.keys(fields)) {
        for (const bad of [undefined, null, '', {}, [bob.userId], true, { $gt: '' }, 'x'.repeat(129)]) {
          alice.emit(event, { ...valid, [key]: bad });
        }
      }
    });
    assert.deepEqual(sent, []);
    assert.deepEqual(received, []);
  });
}

test('every socket of the other side is notified once', async () => {
  const who = user('Bob');
  const [alice, one, two] = [await connect(user('Alice')), await connect(who), await connect(who)];
  alice.emit('typing:start', { recipientId: who.userId });
  alice.emit('message:read', { messageId: 'm', senderId: who.userId });
  for (const socket of [one, two]) {
    await exchange(alice, socket, () => {});
    assert.equal(socket.all('typing:user').length, 1);
    assert.equal(socket.all('message:read-confirmed').length, 1);
  }
});

for (const how of ['is cut off', 'disconnects']) {
  test(`typing ends with the connection it is on when that ${how}, whatever other devices do`, async () => {
    const who = user('Alice');
    const [alice, other, bob] = [await connect(who), await connect(who), await connect(user('Bob'))];
    alice.emit('typing:start', { recipientId: bob.userId });
    assert.equal((await bob.next('typing:user')).isTyping, true);
    if (how === 'disconnects') alice.close();
    else alice.socket.io.engine.close();
    same(await bob.next('typing:user'), { userId: alice.userId, username: 'Alice', isTyping: false });
    other.emit('typing:start', { recipientId: bob.userId });
    assert.equal((await bob.next('typing:user')).isTyping, true);
    other.emit('typing:stop', { recipientId: bob.userId });
    assert.equal((await bob.next('typing:user')).isTyping, false);
  });
}

for (const transports of [['websocket'], ['polling']]) {
  for (const how of ['stops', 'disconnects']) {
    test(`who types on two devices types until they do on none: one ${how}, over ${transports}`, async () => {
      const who = user('Alice');
      const [one, other, bob] = [await connect(who, { transports }), await connect(who, { transports }), await connect(user('Bob'))];
      const typing = { recipientId: bob.userId };
      for (const device of [one, other]) await device.ask('typing:start', typing);
      if (how === 'stops') await one.ask('typing:stop', typing);
      else one.close();
      await exchange(other, bob, () => {});
      assert.ok(bob.all('typing:user').every(({ isTyping }) => isTyping));
      await other.ask('typing:stop', typing);
      await bob.next('typing:user', ({ isTyping }) => !isTyping);
    });
  }
}
