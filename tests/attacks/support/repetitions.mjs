// Attacks by what is allowed once: again and again, to as many as possible, or by going before it is handled.
import { setTimeout as wait } from 'node:timers/promises';
import { asUser, guest, polling, sendAll, sockets, user } from './clients.mjs';
import { token } from './server.mjs';

/** A frame of a client with an empty mask, which may be empty itself. */
const frame = (first, text = '') => Buffer.concat([Buffer.from([first, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

const made = new Map();

/** A conversation of the users of an attack from one address, and its id. */
function conversation({ port, from }, count) {
  if (!made.has(from)) made.set(from, found({ port, from }, count));
  return made.get(from);
}

async function found(target, count) {
  const participantIds = Array.from({ length: count }, (_, number) => user(target, number));
  const answer = await fetch(`http://127.0.0.1:${target.port}/api/conversations`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token(user(target, 0))}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ participantIds }),
  });
  return (await answer.json()).conversation?.id ?? 'none';
}

/** Sixteen users, four connections each, in one conversation. */
function inConversation(target, act) {
  return sockets(target, 64, asUser(target), async (socket, number) => {
    const conversationId = await conversation(target, 16);
    const emit = (event, fields) => sendAll(socket, `42${JSON.stringify([event, { conversationId, ...fields }])}`);
    if (!socket.hasJoined) await emit('conversation:join', {});
    socket.hasJoined = true;
    await act(emit, number);
  });
}

export const repetitions = {
  /** Namespaces that are entered and left without end, by users whom others are told of. */
  cycles: (target) =>
    sockets(target, 8, asUser(target), async (socket, number) => {
      const connect = `40${JSON.stringify(asUser(target)(number))}`;
      for (let n = 0; n < 200; n += 1) await sendAll(socket, n % 2 === 0 ? '41' : connect);
    }),
  /** Namespaces that there are not. */
  namespaces: (target) =>
    sockets(target, 8, asUser(target), async (socket) => {
      for (let n = 0; n < 500; n += 1) await sendAll(socket, `40/${'n'.repeat(100)}${n},{"token":"x"}`);
    }),
  /** Messages of no bytes, and of a million frames of none. */
  continuations: (target) =>
    sockets(target, 8, asUser(target), async (socket) => {
      const frames = Buffer.concat(Array(2000).fill(frame(0)));
      await new Promise((sent) => socket._socket.write(Buffer.concat([frame(1, '42["x'), ...Array(50).fill(frames), frame(0x80, '"]')]), sent));
      await wait(1);
    }),
  /** Callbacks that nobody waits for. */
  callbacks: (target) =>
    sockets(target, 8, asUser(target), async (socket, number) => {
      for (let n = 0; n < 1000; n += 1) await sendAll(socket, `43${number}${n}${'9'.repeat(n % 12)}["x"]`);
    }),
  /** Floods whose sender goes before they are handled, and comes again. */
  farewells: (target) =>
    sockets(target, 16, asUser(target), async (socket) => {
      for (let n = 0; n < 20_000 && socket.readyState === socket.OPEN; n += 1) {
        await sendAll(socket, n % 2 === 0 ? '42["nothing",{}]' : '42["message:read",{"senderId":"honest-1-a","messageId":"m"}]');
      }
      socket.terminate();
    }),
  /** Everybody types in a conversation. */
  typists: (target) =>
    inConversation(target, async (emit) => {
      for (let n = 0; n < 100; n += 1) await emit(n % 2 === 0 ? 'typing:start' : 'typing:stop', {});
      await wait(10);
    }),
  /** Everybody asks who is there. */
  questions: (target) =>
    inConversation(target, async (emit) => {
      for (let n = 0; n < 100; n += 1) await emit('presence:request', {});
      await wait(10);
    }),
  /** Everybody joins and leaves. */
  visits: (target) =>
    inConversation(target, async (emit) => {
      for (let n = 0; n < 100; n += 1) await emit(n % 2 === 0 ? 'conversation:leave' : 'conversation:join', {});
      await wait(10);
    }),
  /** A guest in as many sessions as they get into. */
  crowds: (target) =>
    sockets(target, 8, guest, async (socket, number) => {
      for (let n = 0; n < 1000; n += 1) {
        const session = { sessionId: `crowd-${target.from}-${number}-${n}`, userId: `m-${n}`, publicKey: 'k'.repeat(1000) };
        await sendAll(socket, `42${JSON.stringify(['join-session', { ...session, isCreator: true }])}`);
      }
    }),
  /** Polling sessions whose packets come one to a request. */
  posts: (target) => polling(target, 16, asUser(target), (session) => session.post('42["typing:stop",{"recipientId":"x"}]')),
};
