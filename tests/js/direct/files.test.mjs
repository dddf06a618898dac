// `direct`: send_file_chunk and request_file.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { TIME, connect, exchange, same, unique, user } from '../support/relay.mjs';

const pair = async (options) => [await connect(user('Alice'), options), await connect(user('Bob'), options)];
const file = (totalChunks) => ({ messageId: unique('file'), totalChunks, fileName: 'räport.pdf', fileSize: 5_242_880, mimeType: 'application/pdf' });
const piece = (chunkNumber, encryptedData = `data ${chunkNumber}`) => ({ chunkNumber, encryptedData, iv: `iv ${chunkNumber}`, tag: `tag ${chunkNumber}`, hash: `hash ${chunkNumber}` });
const numbers = (events, name) => events.filter(([event]) => event === name).map(([, payload]) => payload.chunkNumber);

test('a chunk reaches the recipient whole and is confirmed', async () => {
  const [alice, bob] = await pair();
  const whole = { ...file(5), ...piece(0) };
  const { sent, received } = await exchange(alice, bob, () => alice.emit('send_file_chunk', { recipientId: bob.userId, ...whole }));
  same(received, [['receive_file_chunk', { senderId: alice.userId, senderUsername: 'Alice', ...whole, timestamp: TIME }]]);
  same(sent, [['file:chunk-sent', { recipientId: bob.userId, messageId: whole.messageId, chunkNumber: 0, totalChunks: 5, success: true, recipientOnline: true }]]);
});

test('the chunk is handed over, then confirmed, then the upload is complete', async () => {
  const alice = await connect(user('Alice'));
  const { sent } = await exchange(alice, alice, () =>
    alice.emit('send_file_chunk', { recipientId: alice.userId, ...file(1), ...piece(0) }),
  );
  assert.deepEqual(sent.map(([name]) => name), ['receive_file_chunk', 'file:chunk-sent', 'file:upload-complete']);
});

for (const [name, order] of Object.entries({
  'in order': [0, 1, 2, 3, 4], backwards: [4, 3, 2, 1, 0], shuffled: [2, 0, 4, 1, 3], 'with repeats': [4, 4, 0, 1, 0, 2, 2, 3],
})) {
  test(`chunks ${name}: complete once, right after the last missing one`, async () => {
    const [alice, bob] = await pair();
    const { messageId, ...rest } = file(5);
    const { sent, received } = await exchange(alice, bob, () => {
      for (const number of order) alice.emit('send_file_chunk', { recipientId: bob.userId, messageId, ...rest, ...piece(number) });
    });
    assert.deepEqual(numbers(received, 'receive_file_chunk'), order);
    assert.deepEqual(numbers(sent, 'file:chunk-sent'), order);
    same(sent.at(-1), ['file:upload-complete', { recipientId: bob.userId, messageId, totalChunks: 5 }]);
    assert.equal(sent.filter(([event]) => event === 'file:upload-complete').length, 1);
  });
}

test('an upload that lacks a chunk is not complete, however many were repeated', async () => {
  const [alice, bob] = await pair();
  const rest = file(3);
  const { sent } = await exchange(alice, bob, () => {
    for (const number of [2, 2, 2, 0, 0]) alice.emit('send_file_chunk', { recipientId: bob.userId, ...rest, ...piece(number) });
  });
  assert.equal(sent.filter(([event]) => event === 'file:upload-complete').length, 0);
  const last = await exchange(alice, bob, () => alice.emit('send_file_chunk', { recipientId: bob.userId, ...rest, ...piece(1) }));
  assert.deepEqual(last.sent.map(([event]) => event), ['file:chunk-sent', 'file:upload-complete']);
});

test('uploads to two recipients and of two senders under one messageId are counted apart', async () => {
  const [alice, bob] = await pair();
  const [carol, dave] = await pair();
  const rest = file(2);
  const chunk = (from, to, number) =>
    exchange(from, to, () => from.emit('send_file_chunk', { recipientId: to.userId, ...rest, ...piece(number) }));
  for (const [from, to] of [[alice, bob], [alice, carol], [dave, bob]]) {
    const first = await chunk(from, to, 0);
    assert.deepEqual(first.sent.map(([event]) => event), ['file:chunk-sent'], 'one of two');
  }
  for (const [from, to] of [[alice, bob], [alice, carol], [dave, bob]]) {
    const second = await chunk(from, to, 1);
    assert.deepEqual(second.sent.map(([event]) => event), ['file:chunk-sent', 'file:upload-complete']);
  }
});

test('two uploads interleaved are both completed', async () => {
  const [alice, bob] = await pair();
  const files = [file(20), file(20)];
  const { sent } = await exchange(alice, bob, () => {
    for (let number = 0; number < 20; number += 1) {
      for (const rest of files) alice.emit('send_file_chunk', { recipientId: bob.userId, ...rest, ...piece(number) });
    }
  });
  const complete = sent.filter(([event]) => event === 'file:upload-complete').map(([, payload]) => payload.messageId);
  assert.deepEqual(complete, files.map(({ messageId }) => messageId));
});

test('a file for somebody offline is confirmed and completed all the same', async () => {
  const [alice] = await pair();
  const recipientId = unique('nobody');
  const rest = file(1);
  alice.emit('send_file_chunk', { recipientId, ...rest, ...piece(0) });
  assert.equal((await alice.next('file:chunk-sent')).success, true);
  same(await alice.next('file:upload-complete'), { recipientId, messageId: rest.messageId, totalChunks: 1 });
});

for (const [kind, transport, make] of [
  ['text', 'websocket', (size) => randomBytes((size * 3) / 4).toString('base64')],
  ['binary', 'websocket', (size) => randomBytes(size)],
  ['text', 'polling', (size) => randomBytes((size * 3) / 4).toString('base64')],
  ['binary', 'polling', (size) => randomBytes(size)],
]) {
  test(`twelve ${kind} chunks of 1.4 MB sent without waiting arrive whole and in order over ${transport}`, async () => {
    const [alice, bob] = await pair({ transports: [transport] });
    const rest = file(12);
    const parts = Array.from({ length: 12 }, () => make(1_400_000));
    parts.forEach((part, number) => alice.emit('send_file_chunk', { recipientId: bob.userId, ...rest, ...piece(number, part) }));
    for (const [number, part] of parts.entries()) {
      const got = await bob.next('receive_file_chunk', () => true, 30_000);
      assert.equal(got.chunkNumber, number);
      assert.ok(Buffer.from(got.encryptedData).equals(Buffer.from(part)), `chunk ${number} is unchanged`);
    }
    await alice.next('file:upload-complete');
    assert.deepEqual(alice.all('file:error'), []);
  });
}

test('a binary chunk with binary iv, tag and hash arrives byte for byte', async () => {
  const [alice, bob] = await pair();
  const [encryptedData, iv, tag, hash] = [1000, 12, 16, 32].map((size) => randomBytes(size));
  const whole = { ...file(1), chunkNumber: 0, encryptedData, iv, tag, hash };
  alice.emit('send_file_chunk', { recipientId: bob.userId, ...whole });
  same(await bob.next('receive_file_chunk'), { senderId: alice.userId, senderUsername: 'Alice', ...whole, timestamp: TIME });
});

test('a request for a file reaches its sender and is confirmed', async () => {
  const [alice, bob] = await pair();
  const messageId = unique('file');
  const { sent, received } = await exchange(bob, alice, () => bob.emit('request_file', { senderId: alice.userId, messageId }));
  same(received, [['file:requested', { requesterId: bob.userId, requesterUsername: 'Bob', messageId }]]);
  same(sent, [['file:request-sent', { messageId, success: true, recipientOnline: true }]]);
});

test('a request is handed over before it is confirmed, and confirmed when the sender is offline', async () => {
  const alice = await connect(user('Alice'));
  const { sent } = await exchange(alice, alice, () => alice.emit('request_file', { senderId: alice.userId, messageId: 'm' }));
  assert.deepEqual(sent.map(([name]) => name), ['file:requested', 'file:request-sent']);
  alice.emit('request_file', { senderId: unique('nobody'), messageId: 'm2' });
  same(await alice.next('file:request-sent', ({ messageId }) => messageId === 'm2'), { messageId: 'm2', success: true, recipientOnline: false });
});

test('an empty file, and one of a type that the browser does not know, arrive and are complete', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  for (const encryptedData of ['', Buffer.alloc(0)]) {
    const whole = { ...file(1), ...piece(0, encryptedData), fileSize: 0, mimeType: '' };
    const { sent, received } = await exchange(alice, bob, () => alice.emit('send_file_chunk', { recipientId: bob.userId, ...whole }));
    assert.deepEqual(sent.map(([name]) => name), ['file:chunk-sent', 'file:upload-complete']);
    const [[name, got]] = received;
    assert.deepEqual([name, got.mimeType, got.fileSize, got.encryptedData.length], ['receive_file_chunk', '', 0, 0]);
  }
});

test('hundreds of files side by side are completed', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  const files = Array.from({ length: 300 }, () => file(2));
  const { sent } = await exchange(alice, bob, () => {
    for (const number of [0, 1]) for (const whole of files) alice.emit('send_file_chunk', { recipientId: bob.userId, ...whole, ...piece(number) });
  });
  const complete = sent.filter(([name]) => name === 'file:upload-complete').map(([, { messageId }]) => messageId);
  assert.deepEqual(complete, files.map(({ messageId }) => messageId));
  assert.ok(sent.every(([name]) => name !== 'file:error'));
});

test('of more files than can be remembered the idle ones are given up, and their sender is told so', async () => {
  const who = user('Alice');
  const alice = await connect(who);
  // On the same relay: each has its own bookkeeping.
  const [other, bob] = [await connect(who, { url: alice.socket.io.uri }), await connect(user('Bob'))];
  const messages = Array.from({ length: 2000 }, (_, index) => ({ ...file(2), messageId: index % 2 ? index : `${unique('file')}${'x'.repeat(60)}` }));
  const begin = (whole) => alice.emit('send_file_chunk', { recipientId: bob.userId, ...whole, ...piece(0) });
  const { sent } = await exchange(alice, bob, () => messages.forEach(begin));
  const told = sent.filter(([name]) => name === 'file:error').map(([, error]) => error);
  assert.ok(told.length > 100 && told.length < 1900, String(told.length));
  assert.deepEqual(told, messages.slice(0, told.length).map(({ messageId }) => ({
    error: 'Too many unfinished files', code: 'SERVER_BUSY', recipientId: bob.userId, messageId,
  })));
  await exchange(other, bob, () => {});
  assert.equal(other.all('file:error').length, told.length);
  // The last ones go on.
  const last = messages.at(-1);
  const { sent: [, [name, complete]] } = await exchange(alice, bob, () => alice.emit('send_file_chunk', { recipientId: bob.userId, ...last, ...piece(1) }));
  assert.deepEqual([name, complete.messageId], ['file:upload-complete', last.messageId]);
});

test('whose last confirmation was lost with the connection is told again that the file is complete', async () => {
  const who = user('Alice');
  const [bob, before] = [await connect(user('Bob')), await connect(who)];
  const whole = { recipientId: bob.userId, ...file(4) };
  for (const number of [0, 1, 2]) await before.ask('send_file_chunk', { ...whole, ...piece(number) });
  before.emit('send_file_chunk', { ...whole, ...piece(3) });
  await bob.next('receive_file_chunk', ({ chunkNumber }) => chunkNumber === 3);
  before.socket.io.engine.close();
  const after = await connect(who);
  const { sent } = await exchange(after, bob, () => after.emit('send_file_chunk', { ...whole, ...piece(3) }));
  assert.deepEqual(sent.map(([name]) => name), ['file:chunk-sent', 'file:upload-complete']);
  same(sent[1][1], { recipientId: bob.userId, messageId: whole.messageId, totalChunks: 4 });
  const again = await exchange(after, bob, () => [0, 1, 2, 3].forEach((number) => after.emit('send_file_chunk', { ...whole, ...piece(number) })));
  assert.deepEqual(again.sent.map(([name]) => name), [...Array(4).fill('file:chunk-sent'), 'file:upload-complete'], 'sent again as a whole');
});

test('a file that goes on over the next connections is complete, wherever they are', async () => {
  const [who, bob] = [user('Alice'), await connect(user('Bob'))];
  const whole = { recipientId: bob.userId, ...file(5) };
  for (const number of [0, 1, 3, 2]) {
    const alice = await connect(who);
    await alice.ask('send_file_chunk', { ...whole, ...piece(number) });
    assert.deepEqual(alice.all('file:upload-complete'), []);
    alice.close();
  }
  const last = await connect(who);
  last.emit('send_file_chunk', { ...whole, ...piece(4) });
  same(await last.next('file:upload-complete'), { recipientId: bob.userId, messageId: whole.messageId, totalChunks: 5 });
});

test('what the deployed server does not ask for may be missing, and is confirmed as it came', async () => {
  const [alice, bob] = await pair();
  const sealed = { encryptedData: 'e', iv: 'i', tag: 't' };
  for (const more of [{}, { messageId: 7 }, { chunkNumber: 0 }, { messageId: 'm', totalChunks: 2 }, { fileName: '' }, { mimeType: null, fileSize: null }]) {
    const { sent, received } = await exchange(alice, bob, () => alice.emit('send_file_chunk', { recipientId: bob.userId, ...sealed, ...more }));
    same(received, [['receive_file_chunk', { senderId: alice.userId, senderUsername: 'Alice', ...sealed, ...more, timestamp: TIME }]]);
    const { messageId, chunkNumber, totalChunks } = more;
    const confirmed = JSON.parse(JSON.stringify({ recipientId: bob.userId, messageId, chunkNumber, totalChunks, success: true, recipientOnline: true }));
    same(sent, [['file:chunk-sent', confirmed]]);
  }
});

test('numbers of chunks may be texts, and the id of a file any number: they come back as they were written', async () => {
  const [alice, bob] = await pair();
  const own = { messageId: 0.25, totalChunks: '2' };
  for (const [chunkNumber, names] of [['0', ['file:chunk-sent']], ['1', ['file:chunk-sent', 'file:upload-complete']]]) {
    const { sent, received } = await exchange(alice, bob, () =>
      alice.emit('send_file_chunk', { recipientId: bob.userId, ...piece(0), ...own, chunkNumber }));
    assert.deepEqual(sent.map(([name]) => name), names);
    for (const [, payload] of [...received, sent[0]]) assert.deepEqual([payload.messageId, payload.chunkNumber, payload.totalChunks], [0.25, chunkNumber, '2']);
    if (sent[1]) same(sent[1][1], { recipientId: bob.userId, ...own });
  }
  const { sent, received } = await exchange(bob, alice, () => bob.emit('request_file', { senderId: alice.userId, messageId: 0.25 }));
  assert.deepEqual([sent[0][1].messageId, received[0][1].messageId], [0.25, 0.25]);
});

test('fields that the relay does not know reach the other in a request for a file, in typing and in receipts', async () => {
  const [alice, bob] = await pair();
  const more = { device: 'd', nested: [{ a: 1 }], file: Buffer.from('bytes') };
  const forged = { requesterId: 'x', requesterUsername: 'x', userId: 'x', username: 'x', isTyping: 'x' };
  const { received } = await exchange(alice, bob, () => {
    alice.emit('request_file', { senderId: bob.userId, messageId: 'm', ...forged, ...more });
    alice.emit('typing:start', { recipientId: bob.userId, ...forged, ...more });
    alice.emit('typing:stop', { recipientId: bob.userId, ...more });
    alice.emit('message:delivered', { senderId: bob.userId, messageId: 'm', ...forged, ...more });
  });
  const own = [
    { requesterId: alice.userId, requesterUsername: 'Alice' }, { userId: alice.userId, username: 'Alice', isTyping: true },
    { userId: alice.userId, username: 'Alice', isTyping: false }, { userId: alice.userId },
  ];
  assert.deepEqual(received.map(([name]) => name), ['file:requested', 'typing:user', 'typing:user', 'message:delivery-confirmed']);
  for (const [index, [name, payload]] of received.entries()) {
    for (const [field, value] of Object.entries({ ...own[index], ...more })) assert.deepEqual(payload[field], value, `${name}: ${field}`);
    assert.ok(!('recipientId' in payload) && !('senderId' in payload), name);
  }
});
