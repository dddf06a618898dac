// What bounds the Admin UI: who is shown, how much of it, and how often somebody may fail to enter. Started with ADMIN_UI,
// ADMIN_TOKEN, ADMIN_UI_USERS, ADMIN_UI_READONLY, ADMIN_UI_MAX_SOCKETS=100 and FAILED_AUTH_RATE=5/min.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADMIN, administrator, recorded, refused } from '../support/admin-ui.mjs';
import { connect, user } from '../support/relay.mjs';

const LIMIT = 100;
const SHOWN = ['AGGREGATED_EVENTS', 'ALL_EVENTS'];
const together = (count, make) => Promise.all(Array.from({ length: count }, make));

test('with the setting for it the ids of users are shown, and nobody is disconnected where that is read only', async () => {
  const admin = await administrator();
  assert.deepEqual(admin.config, { supportedFeatures: SHOWN });
  const alice = user('Alice');
  const client = await connect(alice);
  const [socket] = await admin.next('socket_connected', ({ data }) => data.userId === alice.userId);
  assert.deepEqual(socket.data, { dialect: 'direct', userId: alice.userId });
  admin.emit('_disconnect', '/', true, socket.id);
  await admin.next('server_stats');
  await admin.next('server_stats');
  assert.ok(client.socket.connected && admin.sockets.has(socket.id));
});

test('a second has fifty events of clients, and what was left out is made good', async () => {
  const admin = await administrator();
  await admin.next('all_sockets');
  const clients = await together(90, () => connect(user('Alice')));
  await admin.until('events', () => admin.all('socket_connected').length >= 50);
  const seconds = new Map();
  await admin.until('all of them', () => admin.sockets.size >= clients.length, 25_000);
  const [first, ...more] = admin.all('socket_connected');
  for (const { at } of [first, ...more]) seconds.set(Math.floor(at / 1000), (seconds.get(Math.floor(at / 1000)) ?? 0) + 1);
  assert.ok(Math.max(...seconds.values()) <= 50, JSON.stringify([...seconds]));
  const again = admin.all('all_sockets').at(-1);
  assert.ok(admin.all('all_sockets').length >= 2 && again.at - first.at > 9_000, `made good after ${again.at - first.at} ms`);
});

test('with more clients than the setting says only counts are shown, until there are fewer again', async () => {
  const admin = await administrator();
  await admin.next('all_sockets');
  const clients = await together(LIMIT + 1, () => connect(user('Alice')));
  const [{ supportedFeatures }] = await admin.next('config');
  assert.deepEqual(supportedFeatures, ['AGGREGATED_EVENTS']);
  await admin.next('server_stats', ({ clientsCount }) => clientsCount > LIMIT);
  for (const client of clients) client.close();
  const [fewer] = await admin.next('config');
  assert.deepEqual(fewer.supportedFeatures, SHOWN);
  await admin.next('all_sockets');
});

test('who fails too often is told so, and who has the token is let in all the same', async () => {
  const wrong = { ...ADMIN, password: 'x'.repeat(40) };
  const said = [];
  for (let n = 0; n < 7; n += 1) said.push(await refused(wrong));
  assert.deepEqual(said, [...Array(5).fill('invalid credentials'), ...Array(2).fill('Too many attempts')]);
  await administrator();
  const throttled = await recorded('AUTH_FAILED', ({ details }) => details.reason === 'throttled', 2);
  assert.equal(throttled.length, 2);
});
