// Published clients from Socket.IO 2 on, over each transport, with bytes and with text alone.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterEach, test } from 'node:test';
import { RELAY_URL, token, user } from '../support/relay.mjs';

const require = createRequire(import.meta.url);
const CLIENTS = { '2.5': 'client-2', '3.1': 'client-3', '4.0': 'client-4', '4.8': 'socket.io-client' };
const WAYS = [['polling'], ['websocket'], ['polling', 'websocket']];
const MESSAGES = 50;
const sockets = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

/** A client whose token is where all of them can have one, in a header. */
function client(name, bearer, options) {
  const published = require(name);
  const extraHeaders = { Authorization: `Bearer ${bearer}` };
  const transportOptions = { polling: { extraHeaders }, websocket: { extraHeaders } };
  const socket = (published.io ?? published)(RELAY_URL, {
    forceNew: true, reconnectionDelay: 50, extraHeaders, transportOptions, ...options,
  });
  sockets.push(socket);
  return socket;
}

function told(socket, event, wanted = () => true) {
  return new Promise((resolve) => socket.on(event, (payload) => wanted(payload) && resolve(payload)));
}

function message(recipientId, seq, ciphertext) {
  return { recipientId, ciphertext, iv: 'é😀', tag: '\u2028"\\', seq };
}

for (const [version, name] of Object.entries(CLIENTS)) {
  for (const transports of WAYS) {
    for (const forceBase64 of [false, true]) {
      const form = forceBase64 ? 'text alone' : 'bytes';
      test(`client ${version}, ${transports}, ${form}`, async () => {
        const who = user('Alice');
        const socket = client(name, token(who), { transports, forceBase64 });
        await told(socket, 'auth:success');
        const received = [];
        socket.on('receive_message', (payload) => received.push(payload));
        for (let seq = 0; seq < MESSAGES; seq += 1) {
          socket.emit('send_message', message(who.userId, seq, Buffer.from([0, 255, 98, seq])));
        }
        await told(socket, 'receive_message', ({ seq }) => seq === MESSAGES - 1);
        for (const [seq, { ciphertext, ...rest }] of received.entries()) {
          assert.deepEqual([...ciphertext], [0, 255, 98, seq]);
          assert.deepEqual([rest.seq, rest.iv, rest.tag], [seq, 'é😀', '\u2028"\\']);
        }
        assert.equal(received.length, MESSAGES);
        const large = Buffer.alloc(1_000_000, 'sealed');
        const arrives = told(socket, 'receive_message', ({ seq }) => seq === MESSAGES);
        const answer = await new Promise((answered) => {
          socket.emit('send_message', message(who.userId, MESSAGES, large), answered);
        });
        assert.equal(answer.success, true);
        assert.ok(Buffer.from((await arrives).ciphertext).equals(large));
        assert.equal(socket.io.engine.transport.name, transports.at(-1));
        // A client whose transport is lost comes back.
        const back = told(socket, 'auth:success');
        socket.io.engine.close();
        await back;
      });
    }
  }

  test(`client ${version} is told why it is not let in`, async () => {
    for (const transports of WAYS) {
      const socket = client(name, 'no token', { transports, reconnection: false });
      const refused = await told(socket, version === '2.5' ? 'error' : 'connect_error');
      assert.equal(refused.message ?? refused, 'Invalid token');
    }
  });
}
