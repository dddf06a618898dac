// What the published client's own tests ask of a server, as far as one without an echo can have it: how connections begin, end
// and come back, what waits meanwhile, several sockets of one manager. A message to oneself stands for the echo.
// Started with MAX_EVENT_BYTES.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Fetch, NodeWebSocket, NodeXHR } from 'engine.io-client';
import { Manager } from 'socket.io-client';
import { RELAY_URL, TIMEOUT, token, user } from '../support/relay.mjs';

const MAX_EVENT = parseInt(process.env.MAX_EVENT_BYTES, 10);
const WAYS = [['polling'], ['websocket'], ['polling', 'websocket']];
const managers = [];
afterEach(() => {
  for (const manager of managers.splice(0)) {
    manager.reconnection(false);
    manager._close();
  }
});

function manage(options = {}) {
  const manager = new Manager(RELAY_URL, { reconnectionDelay: 10, reconnectionDelayMax: 50, randomizationFactor: 0, ...options });
  managers.push(manager);
  return manager;
}

/** A socket of somebody, of a manager of its own. */
function socketOf(options = {}, { auth, ...own } = {}) {
  const who = user('Alice');
  const socket = manage(options).socket('/', { auth: auth ?? { token: token(who) }, ...own });
  return Object.assign(socket, who);
}

/** The next time that this happens: what comes with it. */
function next(emitter, event, wanted = () => true) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${event} in ${TIMEOUT} ms`)), TIMEOUT);
    const look = (...args) => {
      if (!wanted(...args)) return;
      clearTimeout(timer);
      emitter.off(event, look);
      resolve(args);
    };
    emitter.on(event, look);
  });
}

async function connected(options, own) {
  const socket = socketOf(options, own);
  await next(socket, 'auth:success');
  return socket;
}

function message(socket, seq, ciphertext = 'hello') {
  return { recipientId: socket.userId, ciphertext, iv: 'i', tag: 't', seq };
}

/** Sends it to itself and waits until it is back and acknowledged. */
async function goesOn(socket, seq = 99, ciphertext = undefined) {
  const back = next(socket, 'receive_message', (got) => got.seq === seq);
  const answer = await socket.timeout(TIMEOUT).emitWithAck('send_message', message(socket, seq, ciphertext));
  assert.equal(answer.success, true);
  return (await back)[0];
}

/** What came under this name so far, from now on. */
function record(emitter, event) {
  const all = [];
  emitter.on(event, (...args) => all.push(args[0]));
  return all;
}

// Several sockets of one connection.

for (const transports of WAYS) {
  test(`sockets of unknown namespaces are refused on the connection of one that is let in, ${transports}`, async () => {
    const socket = await connected({ transports });
    const { io, nsp } = socket;
    assert.equal(nsp, '/');
    for (const name of ['/foo', '/bar/baz', '/ünï']) {
      const other = io.socket(name);
      const [error] = await next(other, 'connect_error');
      assert.deepEqual([error.message, other.connected, other.active], ['Invalid namespace', false, false], name);
      assert.equal(other.io, io);
    }
    await goesOn(socket);
    // Leaving one leaves the connection to the other.
    io.socket('/foo').disconnect();
    await goesOn(socket, 100);
  });
}

test('a namespace is asked for again on a connection that its socket has left', async () => {
  const socket = await connected();
  const { io } = socket;
  socket.disconnect();
  const other = io.socket('/foo');
  const [error] = await next(other, 'connect_error');
  assert.equal(error.message, 'Invalid namespace');
  socket.connect();
  await next(socket, 'auth:success');
  await goesOn(socket);
});

// Coming back.

for (const transports of WAYS) {
  test(`a client comes back by itself, with another id of its socket, ${transports}`, async () => {
    const socket = await connected({ transports });
    const { id } = socket;
    assert.ok(id && id !== socket.io.engine.id);
    const back = next(socket, 'auth:success');
    socket.io.engine.close();
    assert.equal(socket.id, undefined);
    await back;
    assert.ok(socket.id && socket.id !== id);
    await goesOn(socket);
  });

  test(`a client that left comes back when it is told to, and then by itself, ${transports}`, async () => {
    const socket = await connected({ transports });
    const reasons = record(socket, 'disconnect');
    const welcome = next(socket, 'auth:success');
    socket.disconnect().connect();
    await welcome;
    const again = next(socket, 'auth:success');
    socket.io.engine.close();
    await again;
    assert.deepEqual(reasons, ['io client disconnect', 'forced close']);
    await goesOn(socket);
  });

  test(`what cannot be read ends the connection, and the client comes back, ${transports}`, async () => {
    const socket = await connected({ transports });
    const { engine } = socket.io;
    const back = next(socket, 'auth:success');
    engine.emit('data', 'bad');
    await back;
    assert.notEqual(socket.io.engine, engine);
    assert.equal(engine.readyState, 'closed');
    await goesOn(socket);
  });

  test(`a client whose timer was held up comes back and sends what it had, ${transports}`, async () => {
    const socket = await connected({ transports });
    const back = next(socket, 'auth:success');
    socket.io.engine._pingTimeoutTime = Date.now() - 1;
    const answer = await socket.timeout(TIMEOUT).emitWithAck('send_message', message(socket, 1));
    assert.equal(answer.seq, 1);
    await back;
  });

  test(`opening takes too long, ${transports}: the client says so and tries again`, async () => {
    const socket = socketOf({ transports, timeout: 0 });
    const [error] = await next(socket, 'connect_error');
    assert.equal(error.message, 'timeout');
    socket.io.timeout(TIMEOUT);
    await next(socket, 'auth:success');
    await goesOn(socket);
  });

  test(`who is refused stays away until it is told to come, and may bring something else, ${transports}`, async () => {
    let bearer = 'none';
    const who = user('Alice');
    const socket = Object.assign(socketOf({ transports }, { auth: (told) => told({ token: bearer }) }), who);
    const errors = record(socket, 'connect_error');
    await next(socket, 'connect_error');
    // The connection is lost and comes back; the socket does not ask again.
    const { io } = socket;
    const other = io.socket('/foo');
    await next(other, 'connect_error');
    assert.deepEqual(errors.map((error) => error.message), ['Invalid token']);
    assert.equal(socket.active, false);
    bearer = token(who);
    socket.connect();
    await next(socket, 'auth:success');
    await goesOn(socket);
  });
}

test('a client that leaves while it connects hears of no error', async () => {
  const socket = socketOf({ transports: ['polling'] });
  const errors = [record(socket, 'connect_error'), record(socket.io, 'error')];
  socket.disconnect();
  await connected();
  assert.deepEqual(errors, [[], []]);
});

// What waits.

for (const transports of WAYS) {
  test(`what is sent before the connection is there arrives first, and in order, ${transports}`, async () => {
    const socket = socketOf({ transports, autoConnect: false });
    const seqs = [1, 2, 3];
    const asked = seqs.map((seq) => socket.emitWithAck('send_message', message(socket, seq)));
    const received = record(socket, 'receive_message');
    socket.volatile.emit('send_message', message(socket, 'left out'));
    socket.on('connect', () => asked.push(socket.emitWithAck('send_message', message(socket, 4))));
    socket.connect();
    await next(socket, 'receive_message', ({ seq }) => seq === 4);
    assert.deepEqual((await Promise.all(asked)).map(({ seq }) => seq), [1, 2, 3, 4]);
    assert.deepEqual(received.map(({ seq }) => seq), [1, 2, 3, 4]);
  });

  test(`what is sent while nothing is connected is sent afterwards, ${transports}`, async () => {
    const socket = await connected({ transports });
    socket.disconnect();
    const asked = socket.emitWithAck('send_message', message(socket, 1));
    socket.connect();
    assert.equal((await asked).seq, 1);
  });

  test(`a volatile event arrives where it can be sent at once, ${transports}`, async () => {
    const socket = await connected({ transports });
    const back = next(socket, 'receive_message');
    // While a post is under way it cannot, and is left out.
    const again = setInterval(() => socket.volatile.emit('send_message', message(socket, 1)), 50);
    assert.equal((await back.finally(() => clearInterval(again)))[0].seq, 1);
  });

  test(`events that are retried keep their order and are sent once, ${transports}`, async () => {
    const socket = await connected({ transports }, { retries: 3, ackTimeout: TIMEOUT });
    const received = record(socket, 'receive_message');
    const answers = await Promise.all([1, 2, 3].map((seq) => socket.emitWithAck('send_message', message(socket, seq))));
    assert.deepEqual(answers.map(({ seq }) => seq), [1, 2, 3]);
    await goesOn(socket);
    assert.deepEqual(received.map(({ seq }) => seq), [1, 2, 3, 99]);
  });

  test(`an acknowledgement that cannot come any more is an error, ${transports}`, async () => {
    const socket = await connected({ transports });
    const asked = socket.timeout(TIMEOUT).emitWithAck('send_message', message(socket, 1));
    const late = socketOf({ autoConnect: false }).timeout(10).emitWithAck('send_message', {});
    await assert.rejects(late, /timed out/);
    const left = socket.timeout(TIMEOUT).emitWithAck('send_message', message(socket, 3));
    socket.disconnect();
    await assert.rejects(left, /disconnected/);
    // The first one may have come in time.
    await asked.catch((error) => assert.match(error.message, /disconnected/));
  });

  test(`what was sent before leaving arrives, ${transports}, also while a WebSocket is tried`, async () => {
    const receiver = await connected();
    const socket = socketOf({ transports });
    await next(socket, 'connect');
    socket.emit('send_message', message(receiver, 1));
    socket.disconnect();
    const [{ seq }] = await next(receiver, 'receive_message');
    assert.equal(seq, 1);
  });
}

// What is carried.

const VALUES = [
  false, 0, 'てすと', 'Я Б Г Д Ж Й', 'Ä ä Ü ü ß', 'utf8 — string', '👩‍👩‍👧 \u{1f600}€', '\u2028\u0001"\\', '2:40', '\x1e4', 'b4AQ==', [[], {}, null, 1.5],
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
        const { ciphertext } = await goesOn(socket, 200 + at, { hello: 'lol', sent, goodbye: [sent] });
        const expected = Buffer.from(sent.buffer ?? sent, sent.byteOffset ?? 0, sent.byteLength);
        for (const got of [ciphertext.sent, ciphertext.goodbye[0]]) assert.deepEqual(Buffer.from(got), expected);
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
  for (const [transports, said, outcomes] of [
    // Its poll and its post are answered at once: the client hears of either first.
    [['polling'], ({ description }) => description, ['transport error: 413', 'transport close: transport closed by the server']],
    [['websocket'], ({ context }) => context.code, ['transport close: 1009']],
  ]) {
    const socket = await connected({ transports });
    const closed = next(socket.io.engine, 'close');
    const back = next(socket, 'auth:success');
    socket.io.engine.write('x'.repeat(2 * MAX_EVENT));
    const [reason, details] = await closed;
    assert.ok(outcomes.includes(`${reason}: ${said(details)}`), `${reason}: ${said(details)}`);
    await back;
    await goesOn(socket);
  }
});

// Options of the transports.

test('a session that is unknown is told so', async () => {
  const polling = manage({ transports: ['polling'], query: { sid: 'abc' }, reconnection: false });
  const [error] = await next(polling, 'error');
  assert.deepEqual([error.type, error.message, error.description], ['TransportError', 'xhr poll error', 400]);
  const websocket = manage({ transports: ['websocket'], query: { sid: 'abc' }, reconnection: false });
  const [refused] = await next(websocket, 'error');
  assert.deepEqual([refused.type, refused.message], ['TransportError', 'websocket error']);
});

test('a client tries the next transport where it is told to', async () => {
  for (const [transports, name] of [[['websocket', 'polling'], 'polling'], [['polling', 'websocket'], 'websocket']]) {
    // There is no such session, by the first of them.
    const transportOptions = { [transports[0]]: { query: { sid: 'abc' } } };
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
