// What the published client's own tests ask of a server, as far as one without an echo can have it: how connections begin, end
// and come back, what waits meanwhile, several sockets of one manager.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { connected, goesOn, message, next, record, socketOf, WAYS } from '../support/sockets.mjs';
import { RELAY_URL, TIMEOUT, token, user } from '../support/relay.mjs';

// Several sockets of one connection.

for (const transports of WAYS) {
  test(`sockets of unknown namespaces are refused on the connection of one that is let in, ${transports}`, async () => {
    const socket = await connected({ transports });
    const { io, nsp } = socket;
    assert.equal(nsp, '/');
    for (const name of ['/one', '/one/two', '/ünï']) {
      const other = io.socket(name);
      const [error] = await next(other, 'connect_error');
      assert.deepEqual([error.message, other.connected, other.active], ['Invalid namespace', false, false], name);
      assert.equal(other.io, io);
    }
    await goesOn(socket);
    // Leaving one leaves the connection to the other.
    io.socket('/one').disconnect();
    await goesOn(socket, 100);
  });
}

test('a namespace is asked for again on a connection that its socket has left', async () => {
  const socket = await connected();
  const { io } = socket;
  socket.disconnect();
  const other = io.socket('/one');
  const [error] = await next(other, 'connect_error');
  assert.equal(error.message, 'Invalid namespace');
  socket.connect();
  await next(socket, 'auth:success');
  await goesOn(socket);
});

// Coming back.

/** A way to the relay on which each connection takes a while. */
async function longWay(context) {
  const { hostname, port } = new URL(RELAY_URL);
  const server = net.createServer((client) => {
    client.on('error', () => {});
    setTimeout(() => {
      const relay = net.connect(Number(port), hostname);
      relay.on('error', () => client.destroy());
      client.on('close', () => relay.destroy());
      client.pipe(relay).pipe(client);
    }, 100);
  });
  server.listen(0, '127.0.0.1');
  context.after(() => server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

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
    engine.emit('data', 'no packet');
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

  test(`opening takes too long, ${transports}: the client says so and tries again`, async (context) => {
    const socket = socketOf({ transports, timeout: 10, url: await longWay(context) });
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
    const other = io.socket('/one');
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
