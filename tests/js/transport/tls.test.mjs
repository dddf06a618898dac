// The published client over wss and https, to a relay that speaks TLS itself, while its certificate is renewed.
// AUTHORITY is the file of who has signed it; DONE a file that is there once it was renewed.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { io } from 'socket.io-client';
import { RELAY_URL, token, user } from '../support/relay.mjs';

const ca = readFileSync(process.env.AUTHORITY);

function connect(who, transports, options = {}) {
  const socket = io(RELAY_URL, { ca, transports, forceNew: true, reconnection: false, auth: { token: token(who) }, ...options });
  return new Promise((done, failed) => {
    socket.once('auth:success', () => done(socket));
    socket.once('connect_error', failed);
  });
}

function next(socket, event) {
  return new Promise((done) => socket.once(event, done));
}

function message(to, seq, ciphertext) {
  return { recipientId: to.userId, ciphertext, iv: 'i', tag: 't', seq };
}

test('events of any size go over each transport, on connections that stay', async () => {
  const [ann, bob] = [user('Ann'), user('Bob')];
  const [sender, receiver] = [await connect(ann, ['websocket']), await connect(bob, ['polling'])];
  let seq = 0;
  let ended = 0;
  for (const socket of [sender, receiver]) socket.on('disconnect', () => { ended += 1; });
  const exchange = async (from, to, who, size) => {
    seq += 1;
    const received = next(to, 'receive_message');
    from.emit('send_message', message(who, seq, 'x'.repeat(size)));
    const got = await received;
    assert.deepEqual([got.seq, got.ciphertext.length], [seq, size]);
  };
  for (const size of [1, 16_383, 16_384, 100_000, 5_000_000]) {
    await exchange(sender, receiver, bob, size);
    await exchange(receiver, sender, ann, size);
  }
  do {
    await exchange(sender, receiver, bob, 20_000);
    await exchange(receiver, sender, ann, 20_000);
    const fresh = await connect(user('Eve'), ['websocket']);
    fresh.close();
  } while (!existsSync(process.env.DONE));
  assert.equal(ended, 0);
  sender.close();
  receiver.close();
});

test('a polling session becomes a WebSocket', async () => {
  const socket = await connect(user('Ann'), ['polling', 'websocket']);
  if (socket.io.engine.transport.name !== 'websocket') await next(socket.io.engine, 'upgrade');
  socket.close();
});

test('who does not know the authority does not connect', async () => {
  await assert.rejects(connect(user('Ann'), ['websocket'], { ca: undefined }));
});
