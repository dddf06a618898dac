// What the published client's own tests ask of a server, as far as one without an echo can have it: values, bytes and sizes,
// and the options of its transports. Started with MAX_EVENT_BYTES.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fetch, NodeWebSocket, NodeXHR } from 'engine.io-client';
import { connected, goesOn, manage, message, next, record, socketOf, WAYS } from '../support/sockets.mjs';

const MAX_EVENT = parseInt(process.env.MAX_EVENT_BYTES, 10);

// What is carried.

const VALUES = [
  false, 0, '漢字かな', 'Жёлтый', 'Größe', 'naïve “quotes”', '👩‍👩‍👧 \u{1f600}€', '\u2028\u0001"\\', '2:40', '\x1e4', 'b4AQ==', [[], {}, null, 1.5],
];

for (const transports of WAYS) {
  for (const forceBase64 of [false, true]) {
    const name = `${transports}${forceBase64 ? ', text alone' : ''}`;
    test(`values and bytes come back as they were sent, by ${name}`, async () => {
      const socket = await connected({ transports, forceBase64 });
      for (const [seq, value] of VALUES.entries()) assert.deepEqual((await goesOn(socket, seq, [value])).ciphertext, [value]);
      const now = new Date();
      assert.equal((await goesOn(socket, 100, { now })).ciphertext.now, now.toISOString());
      const bytes = Uint8Array.of(0, 1, 0x1e, 0xff, 98);
      for (const [at, sent] of [bytes, bytes.buffer, Buffer.from(bytes), new DataView(bytes.buffer, 1)].entries()) {
        const { ciphertext } = await goesOn(socket, 200 + at, { before: 1, sent, after: [sent] });
        const expected = Buffer.from(sent.buffer ?? sent, sent.byteOffset ?? 0, sent.byteLength);
        for (const got of [ciphertext.sent, ciphertext.after[0]]) assert.deepEqual(Buffer.from(got), expected);
      }
    });
  }

  test(`text and bytes keep their order, ${transports}`, async () => {
    const socket = await connected({ transports });
    const received = record(socket, 'receive_message');
    for (let seq = 0; seq < 40; seq += 1) {
      const large = seq % 10 === 0 ? 100_000 : 20;
      socket.emit('send_message', message(socket, seq, seq % 2 ? '€'.repeat(large) : Buffer.alloc(large, seq)));
    }
    await goesOn(socket);
    assert.deepEqual(received.map(({ seq }) => seq), [...Array(40).keys(), 99]);
  });
}

test('packets are put together up to what the server says, and all arrive', async () => {
  const socket = await connected({ transports: ['polling'] });
  const { engine } = socket.io;
  assert.equal(engine._maxPayload, MAX_EVENT);
  const bodies = [];
  const { doWrite } = engine.transport;
  engine.transport.doWrite = function (data, done) {
    bodies.push(Buffer.byteLength(data));
    return doWrite.call(this, data, done);
  };
  const received = record(socket, 'receive_message');
  for (let seq = 0; seq < 12; seq += 1) socket.emit('send_message', message(socket, seq, seq % 2 ? 'x'.repeat(180_000) : Buffer.alloc(130_000)));
  await goesOn(socket);
  assert.deepEqual(received.map(({ seq }) => seq), [...Array(12).keys(), 99]);
  assert.ok(bodies.length > 1 && bodies.every((length) => length <= MAX_EVENT), `${bodies}`);
});

test('a client that sends more than it may is told why it is closed, and comes back', async () => {
  for (const [transports, size, said, outcomes] of [
    // Its poll and its post are answered at once: the client hears of either first. A poll that comes after the end is
    // answered 400.
    [['polling'], 2 * MAX_EVENT, ({ description }) => description,
      ['transport error: 413', 'transport error: 400', 'transport close: transport closed by the server']],
    [['websocket'], 8 * MAX_EVENT, ({ context }) => context.code, ['transport close: 1009']],
  ]) {
    const socket = await connected({ transports });
    const ends = next(socket.io.engine, 'close');
    const comes = next(socket, 'auth:success');
    socket.io.engine.write('x'.repeat(size));
    const [[reason, details]] = await Promise.all([ends, comes]);
    assert.ok(outcomes.includes(`${reason}: ${said(details)}`), `${reason}: ${said(details)}`);
    await goesOn(socket);
  }
});

// Options of the transports.

test('a session that is unknown is told so', async () => {
  const polling = manage({ transports: ['polling'], query: { sid: 'none' }, reconnection: false });
  const [error] = await next(polling, 'error');
  assert.deepEqual([error.type, error.message, error.description], ['TransportError', 'xhr poll error', 400]);
  const websocket = manage({ transports: ['websocket'], query: { sid: 'none' }, reconnection: false });
  const [refused] = await next(websocket, 'error');
  assert.deepEqual([refused.type, refused.message], ['TransportError', 'websocket error']);
});

test('a client tries the next transport where it is told to', async () => {
  for (const [transports, name] of [[['websocket', 'polling'], 'polling'], [['polling', 'websocket'], 'websocket']]) {
    // There is no such session, by the first of them.
    const transportOptions = { [transports[0]]: { query: { sid: 'none' } } };
    const socket = await connected({ transports, transportOptions, tryAllTransports: true, upgrade: false });
    assert.equal(socket.io.engine.transport.name, name);
    await goesOn(socket);
    const [error] = await next(manage({ transports, transportOptions, reconnection: false }), 'error');
    assert.equal(error.type, 'TransportError');
  }
});

test('a client connects by each implementation of a transport', async () => {
  for (const [transports, name] of [
    [[Fetch], 'polling'], [[NodeXHR], 'polling'], [[NodeWebSocket], 'websocket'], [[Fetch, NodeWebSocket], 'websocket'],
  ]) {
    const socket = await connected({ transports });
    const { engine } = socket.io;
    if (engine.transport.name !== name) await next(engine, 'upgrade');
    await goesOn(socket, 1, Buffer.from([1, 0x1e, 255]));
    assert.equal(engine.transport.name, name);
  }
});

test('a client remembers that it was upgraded', async () => {
  const first = await connected({ transports: ['polling', 'websocket'] });
  if (first.io.engine.transport.name !== 'websocket') await next(first.io.engine, 'upgrade');
  const second = socketOf({ transports: ['polling', 'websocket'], rememberUpgrade: true });
  assert.equal(second.io.engine.transport.name, 'websocket');
  await next(second, 'auth:success');
});

test('queries with names and values of any kind, and paths with and without a slash, connect', async () => {
  for (const options of [{ query: { '&a': '&=?a', 'ü ': '%' } }, { path: '/socket.io', addTrailingSlash: false }, { withCredentials: true }]) {
    for (const transports of WAYS) await goesOn(await connected({ transports, ...options }));
  }
});
