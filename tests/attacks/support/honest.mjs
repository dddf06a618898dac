// Honest users: pairs, sessions and a conversation in which one sends the others messages with the published client, and what
// became of them.
import { createRequire } from 'node:module';
import { setTimeout as wait } from 'node:timers/promises';
import { token } from './server.mjs';

const { io } = createRequire(new URL('../../js/package.json', import.meta.url))('socket.io-client');

const GAP_MS = 100;
const CONTENT = 'c'.repeat(256);

async function client(port, auth, welcome) {
  const socket = io(`http://127.0.0.1:${port}`, { auth, transports: ['websocket'] });
  await new Promise((resolve) => socket.once(welcome, resolve));
  return socket;
}

function member(port, user, fields = {}) {
  return client(port, { token: token(user), ...fields }, 'auth:success');
}

/** Two users: one sends, the other receives. */
async function pair(port, number) {
  const [from, to] = ['a', 'b'].map((side) => `honest-${number}-${side}`);
  const [one, other] = await Promise.all([member(port, from), member(port, to)]);
  return {
    sockets: [one, other],
    receivers: [(told) => other.on('receive_message', ({ senderId, seq }) => senderId === from && told(seq))],
    send: (seq) => one.emit('send_message', { recipientId: to, ciphertext: CONTENT, iv: 'i', tag: 't', seq }),
  };
}

/** Three guests in a session: one sends to all. */
async function session(port, number) {
  const where = { sessionId: `honest-${number}-${process.pid}`, authKey: 'key' };
  const join = async (userId) => {
    const socket = await client(port, {}, 'connect');
    const joined = new Promise((resolve) => socket.once('public-keys-updated', resolve));
    socket.emit('join-session', { ...where, userId, displayName: userId, publicKey: 'key', isCreator: userId === 'a' });
    await joined;
    return socket;
  };
  const [one, ...others] = [await join('a'), await join('b'), await join('c')];
  return {
    sockets: [one, ...others],
    receivers: others.map((other) => (told) => other.on('new-message', ({ id }) => told(Number(id)))),
    send: (seq) => one.emit('send-message', { ...where, from: 'a', to: 'all', encrypted: CONTENT, clientMessageId: String(seq) }),
  };
}

/** Three users in a conversation: one sends. */
async function conversation(port, number) {
  const [creator, ...participantIds] = ['a', 'b', 'c'].map((side) => `honest-${number}-${side}`);
  const answer = await fetch(`http://127.0.0.1:${port}/api/conversations`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token(creator)}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ participantIds }),
  });
  const { conversation } = await answer.json();
  const conversationId = conversation.id;
  const join = async (user) => {
    const socket = await member(port, user, { dialect: 'conversation' });
    await socket.emitWithAck('conversation:join', { conversationId });
    return socket;
  };
  const [one, ...others] = await Promise.all([creator, ...participantIds].map(join));
  return {
    sockets: [one, ...others],
    receivers: others.map((other) => (told) => other.on('message:new', ({ content }) => told(Number(content)))),
    send: (seq) => one.emit('message:send', { conversationId, content: String(seq), tempId: `${conversationId} ${seq}` }),
  };
}

/** Connects so many pairs, two sessions and a conversation. They send until `finish` is called; it says of each kind how long messages took, in ms. */
export async function everybody(port, pairs) {
  const groups = [];
  for (let number = 0; number < pairs; number += 1) groups.push(await pair(port, number));
  groups.push(await session(port, 'one'), await session(port, 'two'), await conversation(port, 'conversation'));
  const state = { over: false };
  const exchanging = groups.map((group) => exchange(group, state));
  return {
    async finish() {
      state.over = true;
      const all = await Promise.all(exchanging);
      return { ...summary(all), pairs: summary(all.slice(0, pairs)), sessions: summary(all.slice(pairs, -1)), conversation: summary(all.slice(-1)) };
    },
  };
}

/** Sends to a group until it is over; then waits ten seconds at most for what is on its way. */
async function exchange({ sockets, receivers, send }, state) {
  const [began, waiting, times] = [new Map(), new Map(), []];
  for (const receive of receivers) {
    receive((seq) => {
      times.push(performance.now() - began.get(seq));
      const left = waiting.get(seq) - 1;
      if (left === 0) waiting.delete(seq);
      else waiting.set(seq, left);
    });
  }
  for (let seq = 1; !state.over; seq += 1) {
    began.set(seq, performance.now());
    waiting.set(seq, receivers.length);
    send(seq);
    await wait(GAP_MS);
  }
  for (let left = 100; waiting.size > 0 && left > 0; left -= 1) await wait(100);
  for (const socket of sockets) socket.close();
  return { sent: began.size, lost: waiting.size, times };
}

function summary(exchanges) {
  const sum = (of) => exchanges.map(of).reduce((all, each) => all + each, 0);
  const times = exchanges.flatMap(({ times }) => times).sort((a, b) => a - b);
  const at = (part) => Math.round(10 * (times[Math.floor((times.length - 1) * part)] ?? NaN)) / 10;
  return { sent: sum(({ sent }) => sent), lost: sum(({ lost }) => lost), p50: at(0.5), p99: at(0.99), slowest: at(1) };
}
