// The attacks: each is a function that attacks a server from one address until a time. None of them stops when it is
// refused.
import { setTimeout as wait } from 'node:timers/promises';
import { OPENING, asUser, flood, guest, hold, megabyte, polling, sendAll, sockets, user } from './clients.mjs';
import { repetitions } from './repetitions.mjs';
import { forged, token } from './server.mjs';

const FIELDS = Array.from({ length: 1_000_000 }, (_, n) => `,"${n.toString(36)}":0`).join('').slice(0, 8_500_000).replace(/,[^,]*$/, '');

export const attacks = {
  /** Polling sessions that never enter. */
  handshakes: (target) => flood(target, `GET ${OPENING} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(200), 4),
  /** Requests without a token. */
  refusals: (target) => flood(target, 'GET /api/conversations HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(200), 2),
  /** Bodies that never end. */
  bodies: (target) =>
    hold(target, 'POST /api/reserve-session HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n{', 400),
  /** Heads that never end. */
  heads: (target) => hold(target, `GET / HTTP/1.1\r\nHost: x\r\n${`X: ${'x'.repeat(1000)}\r\n`.repeat(360)}`, 400),
  /** Guests with an unfinished message, whose header announces nine megabytes. */
  frames: (target) =>
    sockets(target, 64, guest, async (socket) => {
      const header = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0]);
      socket._socket.write(header);
      for (let part = 0; part < 8 && socket.readyState === socket.OPEN; part += 1) {
        await new Promise((sent) => socket._socket.write(Buffer.alloc(1 << 20), sent));
      }
      await wait(5000);
    }),
  /** Users with binary events whose last attachment never comes. */
  attachments: (target) =>
    sockets(target, 64, asUser(target), async (socket) => {
      await sendAll(socket, '452-["send_message",{"a":{"_placeholder":true,"num":0},"b":{"_placeholder":true,"num":1}}]');
      await sendAll(socket, Buffer.alloc(9 << 20));
      await wait(5000);
    }),
  /** Members of a session who read nothing of what others write in it. */
  histories: (target) =>
    sockets(
      target,
      32,
      guest,
      async (socket, number) => {
        const session = `room-${target.from}-${number % 4}`;
        const member = { sessionId: session, userId: `member-${number}` };
        await sendAll(socket, `42${JSON.stringify(['join-session', { ...member, isCreator: true }])}`);
        for (let part = 0; part < 20; part += 1) {
          const message = { sessionId: session, from: member.userId, encrypted: megabyte };
          await sendAll(socket, `42${JSON.stringify(['send-message', message])}`);
        }
        await wait(1000);
      },
      { reads: false },
    ),
  /** Session keys as large as an event may be. */
  keys: (target) =>
    sockets(target, 4, guest, async (socket, number) => {
      const session = { sessionId: `keys-${target.from}-${number}-${Math.floor(Math.random() * 100)}`, userId: 'm' };
      await sendAll(socket, `42${JSON.stringify(['join-session', { ...session, isCreator: true }])}`);
      const encryptedKeys = { m: 'k'.repeat(9_000_000) };
      await sendAll(socket, `42${JSON.stringify(['set-session-key', { ...session, encryptedKeys }])}`);
      await wait(100);
    }),
  /** Users who send each other large messages and read nothing. */
  receivers: (target) =>
    sockets(
      target,
      32,
      asUser(target),
      async (socket, number) => {
        const recipientId = user(target, (number + 1) % 16);
        const message = { recipientId, ciphertext: megabyte, iv: 'i', tag: 't', seq: 1 };
        await sendAll(socket, `42${JSON.stringify(['send_message', message])}`);
      },
      { reads: false },
    ),
  /** A flood of the smallest events. */
  tiny: (target) =>
    sockets(target, 8, asUser(target), (socket) => sendAll(socket, `42["typing:stop",{"recipientId":"x"}]`)),
  /** Long lists, read slowly. */
  lists: (target) => {
    const authorization = `Authorization: Bearer ${token(user(target, 0))}\r\n`;
    const request = `GET /api/conversations HTTP/1.1\r\nHost: x\r\n${authorization}\r\n`;
    return hold(target, request.repeat(20), 100);
  },
  /** Conversations with a thousand participants. */
  conversations: (target) => {
    const participantIds = Array.from({ length: 999 }, (_, number) => `nobody-${number}`);
    const body = JSON.stringify({ participantIds });
    const requests = Array.from({ length: 10 }, (_, number) => {
      const authorization = `Authorization: Bearer ${token(user(target, number))}\r\n`;
      const head = `POST /api/conversations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${authorization}`;
      return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
    });
    return flood(target, requests.join(''), 2);
  },
  /** Polling requests of five megabytes of the smallest events. */
  packets: (target) => {
    const body = Array(170_000).fill('42["typing:stop",{}]').join('\x1e').slice(0, 5_000_000);
    return polling(target, 4, asUser(target), (session) => session.post(body));
  },
  /** Guests in a session who send the smallest events. */
  murmurs: (target) =>
    sockets(target, 8, guest, async (socket, number) => {
      const session = { sessionId: `murmur-${target.from}`, userId: `m-${number}` };
      await sendAll(socket, `42${JSON.stringify(['join-session', { ...session, isCreator: true }])}`);
      for (let n = 0; n < 10_000; n += 1) await sendAll(socket, '42["typing",{}]');
    }),
  /** A million fields to a receiver who reads nothing. */
  fields: (target) =>
    sockets(
      target,
      12,
      asUser(target),
      async (socket, number) => {
        const recipientId = user(target, (number + 1) % 12);
        const message = JSON.stringify({ recipientId, ciphertext: 'c', iv: 'i', tag: 't', seq: 1 });
        await sendAll(socket, `42["send_message",${message.slice(0, -1)}${FIELDS}}]`);
        await sendAll(socket, `42["send_message",${message.slice(0, -1)},"x":{"a":0${FIELDS}}}]`);
      },
      { reads: false },
    ),
  /** Heartbeats without end. */
  pings: (target) =>
    sockets(target, 8, asUser(target), async (socket) => {
      for (let n = 0; n < 1000; n += 1) await sendAll(socket, '3');
      socket.ping();
    }),
  /** Members of a session with large keys who change theirs by small events. */
  keychanges: (target) =>
    sockets(target, 32, guest, async (socket, number) => {
      const session = { sessionId: `changes-${target.from}`, userId: `m-${number}` };
      const publicKey = 'k'.repeat(60_000);
      await sendAll(socket, `42${JSON.stringify(['join-session', { ...session, publicKey, isCreator: true }])}`);
      for (let n = 0; n < 100; n += 1) {
        await sendAll(socket, `42${JSON.stringify(['save-public-key', { ...session, publicKey: number === 0 ? 'k' : publicKey }])}`);
        await wait(100);
      }
    }),
  /** Members who join again and again for the history. */
  rejoins: (target) =>
    sockets(target, 8, guest, async (socket, number) => {
      const session = { sessionId: `again-${target.from}`, userId: `m-${number}` };
      const join = `42${JSON.stringify(['join-session', { ...session, isCreator: true }])}`;
      await sendAll(socket, join);
      const message = { sessionId: session.sessionId, from: session.userId, encrypted: 'x'.repeat(100_000) };
      for (let n = 0; n < 20; n += 1) await sendAll(socket, `42${JSON.stringify(['send-message', message])}`);
      for (let n = 0; n < 200; n += 1) await sendAll(socket, join);
    }),
  /** Tokens and keys of sessions that are guessed. */
  guesses: async (target) => {
    const socket = sockets(target, 4, guest, async (socket, number) => {
      const join = { sessionId: 'honest-one', userId: `g-${number}`, authKey: `${Math.random()}` };
      await sendAll(socket, `42${JSON.stringify(['join-session', join])}`);
    });
    const head = `GET /api/conversations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${forged('honest-1-a')}\r\n\r\n`;
    await Promise.all([socket, flood(target, head.repeat(200), 2)]);
  },
  /** Receipts for what one never got, and requests for files, to whoever is honest. */
  receipts: (target) =>
    sockets(target, 8, asUser(target), async (socket) => {
      for (const event of ['message:delivered', 'message:read', 'file:request']) {
        const fields = { senderId: `honest-${Math.floor(Math.random() * 10)}-a`, messageId: `${Math.random()}`, fileId: 'f' };
        await sendAll(socket, `42${JSON.stringify([event, fields])}`);
      }
    }),
  /** Deep, odd and false values. */
  poison: (target) =>
    sockets(target, 4, asUser(target), async (socket) => {
      const poisons = [`${'['.repeat(5000)}${']'.repeat(5000)}`, '"\\ud800"', '1e999', '{"__proto__":{}}', '{"_placeholder":true,"num":"splice"}'];
      for (const poison of poisons) {
        const recipientId = `honest-${Math.floor(Math.random() * 10)}-b`;
        await sendAll(socket, `42["send_message",{"recipientId":"${recipientId}","ciphertext":${poison},"iv":"i","tag":"t","seq":0}]`);
      }
    }),
  ...repetitions,
};
