// `session`: how many sessions one address may make, and how large their keys may be. Started with small limits
// (`tests/it/clients.rs`) and 127.0.0.1 as a trusted proxy, so that each test has an address of its own.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { newAddressHeader } from '../support/addresses.mjs';
import { DONE, REFUSALS, attemptJoin, creator, failed, guest, invalid, joining, place, reserve } from '../support/session.mjs';

const SESSIONS = Number(process.env.MAX_SESSIONS_PER_IP);
const KEYS = Number(process.env.MAX_SESSION_KEYS_BYTES);

/** Options of a client, or of a request, that seems to come from an address no other test uses. */
function newAddress() {
  return { extraHeaders: newAddressHeader() };
}

test('the limits are the ones this suite counts on', () => {
  for (const value of [SESSIONS, KEYS]) assert.ok(value > 0);
});

test('an address makes so many sessions, by reservations and joins together, and joins others', async () => {
  const address = newAddress();
  const places = Array.from({ length: SESSIONS - 1 }, place);
  for (const where of places) assert.equal((await reserve(where, address.extraHeaders)).status, 200);
  const client = await guest(address);
  assert.equal(await attemptJoin(client, joining(place(), 'Alice', { isCreator: true })), undefined);
  const { status, json } = await reserve(place(), address.extraHeaders);
  assert.deepEqual([status, json], [503, { error: REFUSALS.busy.message, code: 'SERVER_BUSY' }]);
  assert.deepEqual(await attemptJoin(client, joining(place(), 'Alice', { isCreator: true })), REFUSALS.busy);
  assert.equal(await attemptJoin(client, joining(places[0], 'Alice')), undefined);
  await creator(place(), 'Bob', {}, newAddress());
});

test('the addresses of one IPv6 network make sessions as one, and others do not', async () => {
  const network = `2001:db8:${randomInt(1, 65_536).toString(16)}:1`;
  const from = (address) => ({ 'X-Forwarded-For': address });
  const statuses = [];
  for (let host = 1; host <= SESSIONS + 1; host += 1) statuses.push((await reserve(place(), from(`${network}::${host}`))).status);
  assert.deepEqual(statuses, [...Array(SESSIONS).fill(200), 503]);
  assert.equal((await reserve(place(), from(network.replace(/1$/, '2::1')))).status, 200);
});

test('session keys of too many bytes are refused', async () => {
  const client = await creator(place(), 'Alice', {}, newAddress());
  const set = (bytes) => client.ask('set-session-key', { sessionId: client.sessionId, encryptedKeys: { a: 'k'.repeat(bytes) } });
  assert.deepEqual(await set(KEYS), failed(invalid('encryptedKeys')));
  assert.deepEqual(await set(KEYS / 2), DONE);
});
