// The main flows over each transport, reconnection, what the handshake refuses.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Client, TIME, connect, exchange, request, same, token, unique, user } from '../support/relay.mjs';

const WAYS = {
  'websocket only': { transports: ['websocket'] },
  'polling only': { transports: ['polling'] },
  'polling, then websocket': { transports: ['polling', 'websocket'] },
};
const sealed = { ciphertext: 'c', iv: 'i', tag: 't' };
const upgradeHeaders = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': randomBytes(16).toString('base64') };

for (const [name, options] of Object.entries(WAYS)) {
  test(`join, message, file, key exchange and typing work over ${name}`, async () => {
    const [alice, bob] = [await connect(user('Alice'), options), await connect(user('Bob'), options)];
    const recipientId = bob.userId;
    const { sent, received } = await exchange(alice, bob, () => {
      alice.emit('join_room', { recipientId });
      alice.emit('send_message', { recipientId, ...sealed, seq: 1 });
      alice.emit('send_file_chunk', {
        recipientId, messageId: 'm', chunkNumber: 0, totalChunks: 1, encryptedData: randomBytes(100), iv: 'i', tag: 't', hash: '',
        fileName: 'f', fileSize: 100, mimeType: 'a/b',
      });
      alice.emit('key-exchange:send', { recipientId, publicKey: 'k' });
      alice.emit('typing:start', { recipientId });
    });
    assert.deepEqual(received.map(([event]) => event), [
      'room:user-ready', 'receive_message', 'receive_file_chunk', 'key-exchange:receive', 'typing:user',
    ]);
    assert.deepEqual(sent.map(([event]) => event), [
      'room:joined', 'message:sent', 'file:chunk-sent', 'file:upload-complete', 'key-exchange:sent',
    ]);
  });

  test(`a hundred messages keep their order over ${name}`, async () => {
    const [alice, bob] = [await connect(user('Alice'), options), await connect(user('Bob'), options)];
    const { received } = await exchange(alice, bob, () => {
      for (let seq = 0; seq < 100; seq += 1) alice.emit('send_message', { recipientId: bob.userId, ...sealed, seq });
    });
    assert.deepEqual(received.map(([, { seq }]) => seq), Array.from({ length: 100 }, (_, index) => index));
  });

  test(`a client that lost its transport goes on without joining again over ${name}`, async () => {
    const alice = await connect(user('Alice'));
    const bob = await connect(user('Bob'), { ...options, reconnection: true, reconnectionDelay: 50 });
    await bob.ask('join_room', { recipientId: alice.userId });
    await exchange(alice, bob, () => {});
    // The socket is cut without closing, or the polling client forgets its session.
    const { transport } = bob.socket.io.engine;
    if (transport.ws) transport.ws.terminate();
    else bob.socket.io.engine.close();
    await bob.next('disconnect');
    await bob.next('auth:success');
    await exchange(alice, bob, () => {});
    await exchange(bob, alice, () => {});
  });
}

test('a polling client is upgraded to websocket and loses nothing on the way', async () => {
  const who = user('Bob');
  const alice = await connect(user('Alice'));
  const bob = new Client({ auth: { token: token(who) }, ...WAYS['polling, then websocket'] });
  await bob.next('auth:success');
  const upgraded = new Promise((resolve) => bob.socket.io.engine.once('upgrade', resolve));
  const done = bob.socket.io.engine.transport.name === 'websocket' ? Promise.resolve() : upgraded;
  let seq = 0;
  const stream = setInterval(() => alice.emit('send_message', { recipientId: who.userId, ...sealed, seq: seq++ }), 1);
  await done.finally(() => clearInterval(stream));
  Object.assign(bob, who);
  await exchange(alice, bob, () => {});
  assert.equal(bob.socket.io.engine.transport.name, 'websocket');
  const numbers = bob.all('receive_message').map((payload) => payload.seq).slice(0, -1);
  assert.deepEqual(numbers, Array.from({ length: seq }, (_, index) => index));
});

test('an upgraded client may send as much as any other', async () => {
  const [alice, bob] = [await connect(user('Alice'), { transports: ['polling', 'websocket'] }), await connect(user('Bob'))];
  const { engine } = alice.socket.io;
  if (engine.transport.name !== 'websocket') await new Promise((resolve) => engine.once('upgrade', resolve));
  // Well over what a client may send before it is authenticated.
  const ciphertext = 'c'.repeat(300_000);
  for (let seq = 0; seq < 3; seq++) alice.emit('send_message', { recipientId: bob.userId, ciphertext, iv: 'i', tag: 't', seq });
  const { ciphertext: got } = await bob.next('receive_message', ({ seq }) => seq === 2);
  assert.equal(got, ciphertext);
  assert.equal(engine.transport.name, 'websocket');
});

test('clients on different transports reach each other', async () => {
  const [alice, bob] = [await connect(user('Alice'), WAYS['polling only']), await connect(user('Bob'), WAYS['websocket only'])];
  const ciphertext = randomBytes(300);
  for (const [from, to] of [[alice, bob], [bob, alice]]) {
    from.emit('send_message', { recipientId: to.userId, ...sealed, ciphertext, seq: 1 });
    same(await to.next('receive_message', ({ seq }) => seq === 1), {
      senderId: from.userId, senderUsername: from.username, ...sealed, ciphertext, seq: 1, messageType: 'text', timestamp: TIME,
    });
  }
});

test('Engine.IO protocol 3, or none, is refused with 400', async () => {
  for (const query of ['EIO=3&transport=polling', 'transport=polling', 'EIO=5&transport=polling', 'EIO=4&transport=carrier-pigeon']) {
    assert.equal((await request(`/socket.io/?${query}`)).status, 400, query);
  }
  assert.equal((await request('/socket.io/?EIO=3&transport=websocket', { headers: upgradeHeaders })).status, 400);
});

test('an origin outside the list is refused with 403, polling and websocket alike', async () => {
  for (const Origin of ['http://evil.example', 'null', 'http://localhost:5173.evil.example', 'https://localhost:5173', 'http://localhost']) {
    const polling = await request('/socket.io/?EIO=4&transport=polling', { headers: { Origin } });
    assert.equal(polling.status, 403, Origin);
    // It may read why, and nothing else.
    assert.equal(polling.headers['access-control-allow-origin'], Origin);
    assert.equal(polling.headers['access-control-allow-credentials'], undefined);
    assert.equal((await request('/socket.io/?EIO=4&transport=websocket', { headers: { ...upgradeHeaders, Origin } })).status, 403, Origin);
  }
});

test('an allowed origin is confirmed, polling, preflight and websocket', async () => {
  for (const Origin of ['http://localhost:5173', 'http://localhost:3000']) {
    const polling = await request('/socket.io/?EIO=4&transport=polling', { headers: { Origin } });
    assert.equal(polling.status, 200);
    assert.equal(polling.headers['access-control-allow-origin'], Origin);
    assert.equal(polling.headers['access-control-allow-credentials'], 'true');
    assert.match(polling.headers.vary ?? '', /origin/i);
    const preflight = await request('/socket.io/?EIO=4&transport=polling', {
      method: 'OPTIONS', headers: { Origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization' },
    });
    assert.ok([200, 204].includes(preflight.status), String(preflight.status));
    assert.equal(preflight.headers['access-control-allow-origin'], Origin);
    assert.match(preflight.headers['access-control-allow-headers'] ?? '', /authorization|\*/i);
    assert.equal((await request('/socket.io/?EIO=4&transport=websocket', { headers: { ...upgradeHeaders, Origin } })).status, 101);
  }
});

test('a client without an Origin is fine', async () => {
  const polling = await request('/socket.io/?EIO=4&transport=polling');
  assert.equal(polling.status, 200);
  const handshake = JSON.parse(polling.body.slice(1));
  assert.deepEqual([handshake.pingInterval, handshake.pingTimeout, handshake.upgrades], [25_000, 20_000, ['websocket']]);
  assert.equal((await request('/socket.io/?EIO=4&transport=websocket', { headers: upgradeHeaders })).status, 101);
});

test('a browser’s client connects from an allowed origin and not from another', async () => {
  for (const options of Object.values(WAYS)) {
    const auth = { token: token(user('Alice')) };
    const good = new Client({ auth, ...options, extraHeaders: { Origin: 'http://localhost:5173' } });
    await good.next('auth:success');
    const bad = new Client({ auth, ...options, extraHeaders: { Origin: 'http://evil.example' } });
    await bad.next('connect_error');
    assert.deepEqual(bad.all('auth:success'), []);
  }
});

test('an event over the size limit closes that connection and nothing else', async () => {
  for (const options of [WAYS['websocket only'], WAYS['polling only']]) {
    const [alice, bob] = [await connect(user('Alice'), options), await connect(user('Bob'))];
    alice.emit('send_message', { recipientId: bob.userId, ...sealed, ciphertext: 'x'.repeat(11_000_000), seq: unique('big') });
    await alice.next('disconnect');
    const { received } = await exchange(bob, bob, () => {});
    assert.deepEqual(received, []);
    assert.equal(bob.all('receive_message').length, 1);
  }
});

/** The default of `max_event_bytes`. */
const MAX_EVENT = 10_000_000;
const size = (payload) => JSON.stringify(['send_message', payload]).length;

for (const name of ['websocket only', 'polling only']) {
  const options = WAYS[name];
  const scene = async () => [await connect(user('Alice'), options), await connect(user('Bob'))];

  test(`an event may be as large as the limit over ${name}, text or binary`, async () => {
    const [alice, bob] = await scene();
    const text = { recipientId: bob.userId, ...sealed, seq: 1, ciphertext: '' };
    text.ciphertext = 'x'.repeat(MAX_EVENT - size(text));
    alice.emit('send_message', text);
    assert.equal((await bob.next('receive_message', ({ seq }) => seq === 1)).ciphertext.length, text.ciphertext.length);
    // Placeholders take some bytes, too.
    const parts = [9_000_000, 900_000].map((length) => randomBytes(length));
    alice.emit('send_message', { recipientId: bob.userId, ...sealed, seq: 2, ciphertext: parts });
    const { ciphertext } = await bob.next('receive_message', ({ seq }) => seq === 2);
    assert.ok(ciphertext.every((part, index) => part.equals(parts[index])));
    await exchange(alice, bob, () => {});
  });

  for (const [what, ciphertext] of Object.entries({
    text: 'x'.repeat(MAX_EVENT), binary: Buffer.alloc(MAX_EVENT), 'binary in parts': [Buffer.alloc(MAX_EVENT / 2), Buffer.alloc(MAX_EVENT / 2)],
  })) {
    test(`a larger one ends the connection over ${name}: ${what}`, async () => {
      const [alice, bob] = await scene();
      alice.emit('send_message', { recipientId: bob.userId, ...sealed, seq: 1, ciphertext });
      await alice.next('disconnect');
      await exchange(bob, await connect(user('Carol')), () => {});
      assert.deepEqual(bob.all('receive_message'), []);
    });
  }
}

test('a polling client that puts as much together as it is told to is not cut off', async () => {
  const [alice, bob] = [await connect(user('Alice'), WAYS['polling only']), await connect(user('Bob'))];
  assert.equal(alice.socket.io.engine._maxPayload ?? MAX_EVENT, MAX_EVENT);
  const part = randomBytes(500_000);
  const { received } = await exchange(alice, bob, () => {
    for (let seq = 0; seq < 40; seq += 1) alice.emit('send_message', { recipientId: bob.userId, ...sealed, seq, ciphertext: part });
  });
  assert.deepEqual(received.map(([, { seq }]) => seq), Array.from({ length: 40 }, (_, index) => index));
});
