// Honest users: pairs who send each other messages with the published client, and what became of them.
import { createRequire } from 'node:module';
import { setTimeout as wait } from 'node:timers/promises';
import { token } from './server.mjs';

const { io } = createRequire(new URL('../../js/package.json', import.meta.url))('socket.io-client');

const GAP_MS = 100;

async function member(port, user) {
  const socket = io(`http://127.0.0.1:${port}`, { auth: { token: token(user) }, transports: ['websocket'] });
  await new Promise((resolve) => socket.once('auth:success', resolve));
  return socket;
}

/** Connects so many pairs. They send until `until` is over; then `finish` says how long each message took, in ms. */
export async function pairs(port, count) {
  const times = [];
  let sent = 0;
  let lost = 0;
  const connected = [];
  for (let pair = 0; pair < count; pair += 1) {
    const [one, other] = await Promise.all(['a', 'b'].map((side) => member(port, `honest-${pair}-${side}`)));
    connected.push({ pair, one, other });
  }
  let over = false;
  const exchanging = connected.map(async ({ pair, one, other }) => {
    const began = new Map();
    other.on('receive_message', ({ seq }) => {
      times.push(performance.now() - began.get(seq));
      began.delete(seq);
    });
    for (let seq = 1; !over; seq += 1) {
      began.set(seq, performance.now());
      sent += 1;
      one.emit('send_message', { recipientId: `honest-${pair}-b`, ciphertext: 'c'.repeat(256), iv: 'i', tag: 't', seq });
      await wait(GAP_MS);
    }
    for (let left = 100; began.size > 0 && left > 0; left -= 1) await wait(100);
    lost += began.size;
    one.close();
    other.close();
  });
  return {
    async finish() {
      over = true;
      await Promise.all(exchanging);
      times.sort((a, b) => a - b);
      const at = (part) => Math.round(10 * (times[Math.floor((times.length - 1) * part)] ?? NaN)) / 10;
      return { sent, lost, p50: at(0.5), p99: at(0.99), slowest: at(1) };
    },
  };
}
