// Causes records of the audit without end, in each way that there is, and prints how many that makes and how many
// bytes they take in the spool and the database: node audit-flood.mjs <binary> [seconds] [attack]
import { setTimeout } from 'node:timers/promises';
import { Server, forged, token } from './support/server.mjs';
import { connectAll, emitAll, pipeline, request } from './support/wire.mjs';

const CONNECTIONS = 4;

const bearer = (text) => `Authorization: Bearer ${text}`;
const json = 'Content-Type: application/json';
const event = (name, payload) => `42${JSON.stringify([name, payload])}`;
const member = { sessionId: 'room:key', displayName: 'm', publicKey: 'p', isCreator: true };
const join = event('join-session', { ...member, userId: 'm' });

const ofRequests = (head, headers, body) => (port, stopped) => pipeline(port, request(head, headers, body), stopped);
const ofEvents = (what) => (port, stopped) => emitAll(port, what, stopped);
const ofConnections = (auth) => (port, stopped) => connectAll(port, auth, stopped);
const session = { dialect: 'session' };
const mallory = { token: token('mallory'), dialect: 'direct' };

/** Each repeats one thing over a connection. */
const ATTACKS = {
  'no token': ofRequests('GET /api/conversations'),
  'forged token': ofRequests('GET /api/conversations', [bearer(forged('alice'))]),
  'guessed admin token': ofRequests('GET /api/admin/audit', [bearer('a-guess')]),
  'reservations over the rate': ofRequests('POST /api/reserve-session', [json], '{"sessionId":"s","authKey":"k"}'),
  'forged token at CONNECT': ofConnections({ token: forged('alice') }),
  'guests connect and leave': ofConnections(session),
  'guests: unknown events': ofEvents({ auth: session, first: [join], packet: event('unknown', {}) }),
  'guests: leave a session': ofEvents({ auth: session, first: [join], packet: event('leave-session', { sessionId: 'x:k', userId: 'm' }) }),
  'guests: join over the rate': ofEvents({ auth: session, packet: join }),
  'guests: messages': ofEvents({ auth: session, first: [join], packet: event('send-message', { sessionId: 'room:key', from: 'm', encrypted: 'c' }) }),
  'user: refused events': ofEvents({ auth: mallory, packet: event('send_message', {}) }),
  'user: unknown events': ofEvents({ auth: mallory, packet: event('unknown', {}) }),
  'user: leaves rooms': ofEvents({ auth: mallory, packet: event('leave_room', { recipientId: 'bob' }) }),
  'user: absent conversation': ofRequests('GET /api/messages/absent', [bearer(token('mallory'))]),
  'user: connects and leaves': ofConnections(mallory),
};

const [binary, seconds = '5', only] = process.argv.slice(2);
if (!binary) {
  console.error('usage: node audit-flood.mjs <binary> [seconds] [attack]');
  process.exit(2);
}

const columns = (...cells) => console.log(cells.map((cell, n) => String(cell)[n ? 'padStart' : 'padEnd'](n ? 14 : 30)).join(''));
columns('attack', 'attempts/s', 'records/s', 'bytes before', 'bytes after', 'bytes/s');
for (const [name, attack] of Object.entries(ATTACKS)) {
  if (only && name !== only) continue;
  const server = await Server.start(binary, { ADMIN_TOKEN: 'the token of an administrator of the servers' });
  await server.stop();
  const before = server.bytes();
  await server.start();
  const stop = new AbortController();
  const running = Array.from({ length: CONNECTIONS }, () => attack(server.port, stop.signal));
  await setTimeout(Number(seconds) * 1000);
  stop.abort();
  const attempts = (await Promise.all(running)).reduce((sum, count) => sum + count, 0);
  await server.stop();
  const after = server.bytes();
  const rate = (number) => Math.round(number / Number(seconds));
  columns(name, rate(attempts), rate(server.records()), before, after, rate(after - before));
  server.remove();
}
