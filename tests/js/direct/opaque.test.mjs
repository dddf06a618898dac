// `direct`: what is opaque leaves as it came; who sent it is never taken from the payload.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { TIME, connect, exchange, same, unique, user } from '../support/relay.mjs';

const sealed = { ciphertext: 'c', iv: 'i', tag: 't' };
const chunk = { messageId: 'm', chunkNumber: 0, totalChunks: 1, encryptedData: 'e', iv: 'i', tag: 't', hash: 'h', fileName: 'f', fileSize: 1, mimeType: 'a/b' };
const relayed = {
  send_message: ['receive_message', { ...sealed, seq: 1 }],
  send_file_chunk: ['receive_file_chunk', chunk],
  'key-exchange:send': ['key-exchange:receive', { publicKey: 'k', signature: 's' }],
};

for (const [event, [received, fields]] of Object.entries(relayed)) {
  test(`${event}: unknown fields pass through, recipientId does not`, async () => {
    const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
    const extra = {
      messageId: 'm-1', nonce: 'n', payload: { deep: [1, null, { x: 'ü\u2028"\\' }] }, envelope: null, n: 1.5, yes: true, '': 'empty key',
    };
    alice.emit(event, { recipientId: bob.userId, ...extra, ...fields });
    const got = await bob.next(received);
    for (const [key, value] of Object.entries({ ...extra, ...fields })) assert.deepEqual(got[key], value, key);
    assert.ok(!('recipientId' in got));
  });

  test(`${event}: a claimed sender, name or time is replaced by the server’s`, async () => {
    const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
    const claims = { senderId: 'mallory', senderUsername: 'mallory', timestamp: 'mallory' };
    alice.emit(event, { ...claims, recipientId: bob.userId, ...fields, from: 'kept' });
    const got = await bob.next(received);
    assert.equal(got.senderId, alice.userId);
    assert.equal(got.senderUsername, 'Alice');
    assert.notEqual(got.timestamp, 'mallory');
    assert.equal(got.from, 'kept');
  });

  test(`${event}: a claim spelled with JSON escapes or twice is replaced too`, async () => {
    const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
    const frames = bob.frames();
    const claims = [
      '"\\u0073enderId":"mallory"', '"senderId":"mallory"', '"sender\\u0049d":"mallory"', '"sender\\u0055sername":"mallory"',
      '"\\u0074imestamp":"mallory"', '"timest\\u0061mp":"mallory"',
    ];
    const body = JSON.stringify({ recipientId: bob.userId, ...fields }).slice(1, -1);
    alice.raw(`2["${event}",{${claims.join()},${body},${claims.join()}}]`);
    const got = await bob.next(received);
    assert.equal(got.senderId, alice.userId);
    assert.equal(got.senderUsername, 'Alice');
    assert.ok(!frames.join().includes('mallory'), 'no forged claim is on the wire, not even as a duplicate key');
  });

  test(`${event}: an escaped recipientId finds the recipient and is not passed`, async () => {
    const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
    const frames = bob.frames();
    const body = JSON.stringify(fields).slice(1, -1);
    alice.raw(`2["${event}",{"recipient\\u0049d":"${bob.userId}",${body}}]`);
    const got = await bob.next(received);
    assert.ok(!('recipientId' in got));
    assert.ok(!frames.join().includes(bob.userId));
  });
}

test('numbers, escapes, key order and duplicates leave with the bytes they came in with', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  const frames = bob.frames();
  const opaque = '{"z":1e21,"a":1.0,"n":12345678901234567890123,"m":-0,"e":1E+2,"s":"\\u00e9é\\/\\ud83d\\ude00","d":1,"d":2,"l":[ 1 , {} ]}';
  alice.raw(`2["send_message",{"recipientId":"${bob.userId}","seq":1.0,"ciphertext":${opaque},"iv":"\\u0041","tag":1e2,"extra":${opaque}}]`);
  await bob.next('receive_message');
  const frame = frames.find((text) => text.includes('receive_message'));
  for (const part of [`"ciphertext":${opaque}`, '"iv":"\\u0041"', '"tag":1e2', `"extra":${opaque}`, '"seq":1.0']) {
    assert.ok(frame.includes(part), `${part} in ${frame}`);
  }
});

for (const transport of ['websocket', 'polling']) {
  test(`binary fields arrive byte for byte over ${transport}`, async () => {
    const options = { transports: [transport] };
    const [alice, bob] = [await connect(user('Alice'), options), await connect(user('Bob'), options)];
    const bytes = Array.from({ length: 4 }, (_, index) => new Uint8Array(randomBytes(index === 0 ? 70_000 : 16 + index)));
    const { received, sent } = await exchange(alice, bob, () => {
      alice.emit('send_message', {
        recipientId: bob.userId, ciphertext: bytes[0], iv: bytes[1], tag: { inner: [bytes[2], 'text'] }, seq: 1, payload: { deep: { bytes: bytes[3] } },
      });
    });
    const buffer = (index) => Buffer.from(bytes[index]);
    same(received, [['receive_message', {
      senderId: alice.userId, senderUsername: 'Alice', ciphertext: buffer(0), iv: buffer(1), tag: { inner: [buffer(2), 'text'] },
      seq: 1, payload: { deep: { bytes: buffer(3) } }, messageType: 'text', timestamp: TIME,
    }]]);
    assert.deepEqual(sent.map(([name]) => name), ['message:sent']);
  });
}

test('a binary public key and signature arrive byte for byte', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  const [publicKey, signature] = [randomBytes(91), randomBytes(64)];
  alice.emit('key-exchange:send', { recipientId: bob.userId, publicKey: new Uint8Array(publicKey), signature });
  same(await bob.next('key-exchange:receive'), { senderId: alice.userId, senderUsername: 'Alice', publicKey, signature });
});

test('every socket of the recipient gets the binary fields', async () => {
  const who = user('Bob');
  const [alice, one, two] = [await connect(user('Alice')), await connect(who), await connect(who, { transports: ['polling'] })];
  const ciphertext = randomBytes(1000);
  alice.emit('send_message', { recipientId: who.userId, ciphertext, iv: 'i', tag: 't', seq: unique('binary') });
  for (const socket of [one, two]) assert.deepEqual((await socket.next('receive_message')).ciphertext, ciphertext);
});

test('binary and text messages keep their order', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  const { received } = await exchange(alice, bob, () => {
    for (let seq = 0; seq < 200; seq += 1) {
      alice.emit('send_message', { recipientId: bob.userId, ...sealed, ciphertext: seq % 3 ? 'text' : randomBytes(100), seq });
    }
  });
  assert.deepEqual(received.map(([, { seq }]) => seq), Array.from({ length: 200 }, (_, index) => index));
});
