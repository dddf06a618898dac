// The published client over wss, where it takes little, nothing, or is one of many that only shake hands. Started with a
// small receiver_budget and a short write_deadline. AUTHORITY is the file of who has signed the relay's certificate.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { io } from 'socket.io-client';
import { RELAY_URL, token, user } from '../support/relay.mjs';

const ca = readFileSync(process.env.AUTHORITY);

function connect(who) {
  const options = { ca, transports: ['websocket'], forceNew: true, reconnection: false, auth: { token: token(who) } };
  const socket = io(RELAY_URL, options);
  return new Promise((done, failed) => {
    socket.once('auth:success', () => done(socket));
    socket.once('connect_error', failed);
  });
}

function next(socket, event) {
  return new Promise((done) => socket.once(event, done));
}

/** The connection below a client. */
function below(socket) {
  return socket.io.engine.transport.ws._socket;
}

function message(to, seq, ciphertext) {
  return { recipientId: to.userId, ciphertext, iv: 'i', tag: 't', seq };
}

test('who takes little gets everything, in order', async () => {
  const [ann, bob] = [user('Ann'), user('Bob')];
  const [sender, receiver] = [await connect(ann), await connect(bob)];
  const tcp = below(receiver);
  const pace = setInterval(() => {
    tcp.pause();
    setTimeout(() => tcp.resume(), 25);
  }, 50);
  const received = [];
  const all = new Promise((done) => {
    receiver.on('receive_message', ({ seq, ciphertext }) => {
      received.push([seq, ciphertext]);
      if (received.length === 60) done();
    });
  });
  receiver.on('disconnect', (reason) => assert.fail(reason));
  const sizes = Array.from({ length: 60 }, (_, seq) => [1, 16_384, 300_000][seq % 3] + seq);
  const content = (seq) => String.fromCharCode(97 + (seq % 26)).repeat(sizes[seq]);
  for (let seq = 0; seq < 60; seq += 1) sender.emit('send_message', message(bob, seq, content(seq)));
  await all;
  clearInterval(pace);
  received.forEach(([seq, ciphertext], position) => assert.ok(seq === position && ciphertext === content(seq), `${seq}`));
  receiver.off('disconnect');
  sender.close();
  receiver.close();
});

test('who takes nothing is disconnected', async () => {
  const [ann, bob] = [user('Ann'), user('Bob')];
  const [sender, receiver] = [await connect(ann), await connect(bob)];
  below(receiver).pause();
  const gone = next(sender, 'user:offline');
  for (let seq = 0; seq < 20; seq += 1) sender.emit('send_message', message(bob, seq, 'x'.repeat(1_000_000)));
  assert.equal((await gone).userId, bob.userId);
  assert.ok(sender.connected);
  below(receiver).resume();
  sender.close();
  receiver.close();
});

test('many handshakes do not hold up events', async () => {
  const [ann, bob] = [user('Ann'), user('Bob')];
  const [sender, receiver] = [await connect(ann), await connect(bob)];
  const { host } = new URL(RELAY_URL);
  const flood = [1, 2, 3, 4].map(() => spawn('openssl', ['s_time', '-connect', host, '-new', '-time', '5'], { stdio: 'ignore' }));
  const ended = flood.map((child) => new Promise((done) => child.once('exit', done)));
  const took = [];
  for (let seq = 0; seq < 200; seq += 1) {
    const received = next(receiver, 'receive_message');
    const began = performance.now();
    sender.emit('send_message', message(bob, seq, 'x'));
    assert.equal((await received).seq, seq);
    took.push(performance.now() - began);
    await new Promise((done) => setTimeout(done, 15));
  }
  const [p99] = took.sort((one, other) => other - one).slice(2);
  assert.ok(p99 < 1_000, `${p99} ms`);
  await Promise.all(ended);
  sender.close();
  receiver.close();
});
