// `direct` between clients of several nodes: as between those of one.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { same, unique, user } from '../support/relay.mjs';
import { client, sendDirect, times } from '../support/nodes.mjs';

const direct = (who, node) => client(who, node, 'direct');
const about = (who) => ({ userId }) => userId === who.userId;

test('messages reach every device of their recipient once and in order, wherever each is', async () => {
  const [alice, bob] = [user('Alice'), user('Bob')];
  const sender = await direct(alice, 0);
  const devices = [await direct(bob, 0), await direct(bob, 1), await direct(bob, 2), await direct(bob, 1)];
  const answers = Array.from({ length: 300 }, (_, seq) => sendDirect(sender, bob, seq));
  for (const [seq, answer] of (await Promise.all(answers)).entries()) {
    assert.deepEqual([answer.success, answer.seq, answer.recipientOnline], [true, seq, true]);
  }
  for (const device of devices) {
    await device.next('receive_message', ({ seq }) => seq === 299);
    const got = device.all('receive_message');
    assert.deepEqual(got.map(({ seq }) => seq), answers.map((_, seq) => seq));
    assert.ok(got.every(({ senderId, senderUsername }) => senderId === alice.userId && senderUsername === 'Alice'));
  }
  assert.equal(times(sender, 'receive_message'), 0);
});

test('several senders on several nodes each keep their order', async () => {
  const bob = user('Bob');
  const receiver = await direct(bob, 0);
  const senders = await Promise.all([0, 1, 2, 1, 2].map((node, index) => direct(user(`Sender${index}`), node)));
  await Promise.all(senders.map(async (sender) => {
    for (let seq = 0; seq < 100; seq += 1) await sendDirect(sender, bob, seq);
  }));
  for (const { userId } of senders) {
    await receiver.next('receive_message', (message) => message.senderId === userId && message.seq === 99);
    const own = receiver.all('receive_message').filter(({ senderId }) => senderId === userId);
    assert.deepEqual(own.map(({ seq }) => seq), Array.from({ length: 100 }, (_, seq) => seq));
  }
});

test('a sender is notified whether the recipient is online anywhere', async () => {
  const [alice, bob] = [user('Alice'), user('Bob')];
  const sender = await direct(alice, 0);
  assert.equal((await sendDirect(sender, bob, 1)).recipientOnline, false);
  const remote = await direct(bob, 1);
  assert.equal((await sendDirect(sender, bob, 2)).recipientOnline, true);
  await remote.next('receive_message', ({ seq }) => seq === 2);
  remote.close();
  for (let seq = 3; (await sendDirect(sender, bob, seq)).recipientOnline; seq += 1) assert.ok(seq < 1000, 'still online');
});

test('everything else between two users passes, byte for byte', async () => {
  const [alice, bob] = [await direct(user('Alice'), 0), await direct(user('Bob'), 1)];
  alice.emit('join_room', { recipientId: bob.userId });
  const ready = await bob.next('room:user-ready');
  assert.deepEqual([ready.userId, ready.username], [alice.userId, 'Alice']);
  alice.emit('key-exchange:send', { recipientId: bob.userId, publicKey: { kty: 'EC', x: '\u0000é' }, signature: 's' });
  const { publicKey } = await bob.next('key-exchange:receive');
  assert.deepEqual(publicKey, { kty: 'EC', x: '\u0000é' });
  alice.emit('typing:start', { recipientId: bob.userId });
  same(await bob.next('typing:user'), { userId: alice.userId, username: 'Alice', isTyping: true });
  bob.emit('message:delivered', { senderId: alice.userId, messageId: 'm' });
  same(await alice.next('message:delivery-confirmed'), { messageId: 'm', userId: bob.userId });
  bob.emit('message:read', { senderId: alice.userId, messageId: 'm' });
  same(await alice.next('message:read-confirmed'), { messageId: 'm', userId: bob.userId });
  bob.emit('request_file', { senderId: alice.userId, messageId: 'm' });
  same(await alice.next('file:requested'), { requesterId: bob.userId, requesterUsername: 'Bob', messageId: 'm' });
});

test('receipts of a message reach its sender from who got it and from nobody else, whatever node they are on', async () => {
  const [alice, bob] = [await direct(user('Alice'), 0), await direct(user('Bob'), 1)];
  const receipts = { 'message:delivered': 'message:delivery-confirmed', 'message:read': 'message:read-confirmed' };
  const messageId = unique('message');
  await sendDirect(alice, bob, 1, { messageId });
  await bob.next('receive_message');
  for (const node of [0, 1, 2]) {
    const eve = await direct(user('Eve'), node);
    for (const event of Object.keys(receipts)) eve.emit(event, { messageId, senderId: alice.userId });
    await sendDirect(eve, alice, node);
    await alice.next('receive_message', ({ senderId }) => senderId === eve.userId);
  }
  for (const [event, confirmation] of Object.entries(receipts)) {
    bob.emit(event, { messageId, senderId: alice.userId });
    same(await alice.next(confirmation), { messageId, userId: bob.userId });
    assert.equal(times(alice, confirmation), 1);
  }
});

test('numbers, escapes and repeated names arrive as they were written', async () => {
  const [alice, bob] = [await direct(user('Alice'), 0), await direct(user('Bob'), 1)];
  const frames = bob.frames();
  const opaque = '"ciphertext":{"n":1.50e+2,"\\u0061":"\\u00e9","a":1,"a":2},"iv":"i","tag":"t"';
  alice.raw(`2["send_message",{"recipientId":${JSON.stringify(bob.userId)},${opaque},"seq":7}]`);
  await bob.next('receive_message');
  assert.ok(frames.some((frame) => frame.includes(opaque)), frames.join('\n'));
});

test('a file in binary chunks arrives whole and in order, large ones too', async () => {
  const [alice, bob] = [await direct(user('Alice'), 0), await direct(user('Bob'), 1)];
  const chunks = Array.from({ length: 24 }, () => randomBytes(700_000));
  const file = { recipientId: bob.userId, messageId: 'f', totalChunks: chunks.length, iv: randomBytes(12), tag: 't', hash: 'h' };
  for (const [chunkNumber, encryptedData] of chunks.entries()) {
    alice.emit('send_file_chunk', { ...file, chunkNumber, encryptedData, fileName: 'n', fileSize: 1, mimeType: 'a/b' });
  }
  await alice.next('file:upload-complete');
  await bob.next('receive_file_chunk', ({ chunkNumber }) => chunkNumber === chunks.length - 1);
  const got = bob.all('receive_file_chunk');
  assert.deepEqual(got.map(({ chunkNumber }) => chunkNumber), chunks.map((_, index) => index));
  for (const [index, { encryptedData }] of got.entries()) assert.ok(chunks[index].equals(encryptedData), `chunk ${index}`);
});

test('a user is online from the first device on any node to the last', async () => {
  const [alice, bob] = [user('Alice'), user('Bob')];
  const watcher = await direct(alice, 0);
  const first = await direct(bob, 1);
  await watcher.next('user:online', about(bob));
  await sendDirect(watcher, bob, 1);
  const second = await direct(bob, 2);
  first.close();
  // Longer than the grace: the first node has nothing left of them by then.
  const third = await direct(bob, 0);
  await sendDirect(watcher, bob, 2);
  second.close();
  third.close();
  await watcher.next('user:offline', about(bob));
  assert.equal(times(watcher, 'user:online', about(bob)), 1);
  assert.equal(times(watcher, 'user:offline', about(bob)), 1);
  const back = await direct(bob, 2);
  await watcher.next('user:online', about(bob));
  same(await back.next('user:online', about(alice)), alice);
});
