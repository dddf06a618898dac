// REST for who has the admin token: who is online, and which connections there are. Started with ADMIN_TOKEN.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, TIME, TIMEOUT, connect, isTime, same, token, unique, user } from '../support/relay.mjs';
import { present } from '../support/conversations.mjs';
import { ADMIN, NO_CONVERSATION, at, call, done, found, invalid, refused } from '../support/rest.mjs';
import { creator, guest, place } from '../support/session.mjs';

const presenceOf = async ({ userId }) => (await done(200, ADMIN, 'GET', `/api/admin/users/${encodeURIComponent(userId)}/presence`)).user;
const presence = (userIds) => done(200, ADMIN, 'POST', '/api/admin/presence', { userIds });
const list = (query = {}) => done(200, ADMIN, 'GET', `/api/admin/connections?${new URLSearchParams(query)}`);
const NO_CONNECTION = { error: 'Connection not found', code: 'NOT_FOUND' };
async function until(look) {
  const deadline = Date.now() + TIMEOUT;
  for (;;) {
    const right = await look();
    if (right) return right;
    assert.ok(Date.now() < deadline, 'not in time');
  }
}

test('who is online, by how many connections, and since when they are not', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  assert.deepEqual(await presenceOf(alice), { id: alice.userId, online: false, connections: 0 });
  const clients = [await connect(alice), await connect(alice, { transports: ['polling'] }), await connect(alice)];
  assert.deepEqual(await presenceOf(alice), { id: alice.userId, online: true, connections: 3 });
  const other = await connect(bob);
  const asked = [bob.userId, 'nobody at all', alice.userId, bob.userId];
  assert.deepEqual(await presence(asked), {
    users: [
      { id: bob.userId, online: true, connections: 1 }, { id: 'nobody at all', online: false, connections: 0 },
      { id: alice.userId, online: true, connections: 3 }, { id: bob.userId, online: true, connections: 1 },
    ],
    complete: true,
  });
  for (const client of clients) client.close();
  const gone = await until(async () => {
    const now = await presenceOf(alice);
    return now.online ? undefined : now;
  });
  const seen = await until(async () => (await presenceOf(alice)).lastSeen);
  isTime(seen);
  assert.equal(gone.connections, 0);
  assert.ok(other.socket.connected);
});

test('bad questions are refused', async () => {
  for (const userIds of [[], 'x', [7], [''], ['x'.repeat(129)], Array.from({ length: 1001 }, () => 'x'), {}]) {
    await refused(422, invalid('userIds'), ADMIN, 'POST', '/api/admin/presence', { userIds });
  }
  await refused(400, invalid('userIds'), ADMIN, 'POST', '/api/admin/presence', {});
  await refused(422, invalid('users'), ADMIN, 'POST', '/api/admin/presence', { userIds: ['x'], users: [] });
  assert.equal((await presence(Array.from({ length: 1000 }, () => 'x'))).users.length, 1000);
  for (const [query, field] of [['limit=0', 'limit'], ['limit=x', 'limit'], ['cursor=x', 'cursor'], [`user=${'x'.repeat(129)}`, 'user']]) {
    await refused(400, invalid(field), ADMIN, 'GET', `/api/admin/connections?${query}`);
  }
  await refused(422, invalid('usr'), ADMIN, 'GET', '/api/admin/connections?usr=x');
});

test('who of a conversation is online', async () => {
  const [alice, bob, carol, dave] = ['Alice', 'Bob', 'Carol', 'Dave'].map(user);
  const id = await found(alice, [bob, carol]);
  const path = `/api/admin${at(id).slice(4)}/presence`;
  assert.deepEqual(await done(200, ADMIN, 'GET', path), { online: [], complete: true });
  await present(alice, id);
  await connect(bob);
  await connect(carol);
  await connect(dave);
  await done(200, carol, 'DELETE', at(id, 'participants', carol.userId));
  assert.deepEqual(await done(200, ADMIN, 'GET', path), { online: [alice.userId, bob.userId].sort(), complete: true });
  await refused(404, NO_CONVERSATION, ADMIN, 'GET', `/api/admin/conversations/${unique('none')}/presence`);
});

test('a connection is listed with all that is known of it, and no more', async () => {
  const who = user('Alice');
  const expires = Math.floor(Date.now() / 1000) + 1800;
  const auth = { token: token({ ...who, exp: expires }), dialect: 'direct' };
  const client = new Client({ auth, extraHeaders: { 'User-Agent': 'canary/1.0' } });
  await client.next('auth:success');
  const { connections, complete } = await list({ user: who.userId });
  const [{ id, node, ipAddress, backlogBytes }] = connections;
  assert.ok(complete && node && /^(127\.0\.0\.1|::1)$/.test(ipAddress) && Number.isInteger(backlogBytes));
  assert.match(id, /^[0-9a-f-]{36}$/);
  same(connections, [{
    id, user: who.userId, dialect: 'direct', transport: 'websocket', connectedAt: TIME, ipAddress, userAgent: 'canary/1.0', node,
    tokenExpiresAt: new Date(expires * 1000).toISOString(), backlogBytes,
  }]);
  assert.ok(!JSON.stringify(connections).includes(client.socket.id));
});

test('all connections are listed in parts, each once', async () => {
  const users = ['Alice', 'Bob', 'Carol'].map(user);
  for (const who of users) {
    for (let n = 0; n < 3; n += 1) await connect(who);
  }
  const ann = await creator(place(), 'Ann', {}, { extraHeaders: { 'User-Agent': unique('agent') } });
  const all = [];
  let cursor;
  do {
    const page = await list({ limit: 2, ...(cursor && { cursor }) });
    assert.ok(page.connections.length <= 2);
    all.push(...page.connections);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  for (const { userId } of users) assert.equal(all.filter((one) => one.user === userId).length, 3);
  const ofAnn = all.filter(({ userAgent }) => userAgent === ann.socket.io.opts.extraHeaders['User-Agent']);
  assert.deepEqual(ofAnn.map((one) => 'user' in one), [false]);
  assert.equal((await list({ user: users[0].userId })).nextCursor, undefined);
});

test('a connection is closed, and no other one', async () => {
  const who = user('Alice');
  const clients = [await connect(who), await connect(who), await connect(who)];
  const { connections } = await list({ user: who.userId });
  for (const { id } of connections.slice(1)) {
    assert.deepEqual(await done(200, ADMIN, 'DELETE', `/api/admin/connections/${id}`), { disconnected: 1 });
  }
  const closed = () => clients.filter(({ events }) => events.some(({ name }) => name === 'disconnect'));
  await until(() => new Promise((resolve) => setImmediate(() => resolve(closed().length === 2))));
  for (const client of closed()) assert.equal(client.all('disconnect')[0], 'io server disconnect');
  await until(async () => (await presenceOf(who)).connections === 1);
  const gone = connections[1].id;
  await until(async () => (await call(ADMIN, 'DELETE', `/api/admin/connections/${gone}`)).status === 404);
  for (const id of [gone, '00000000-0000-4000-8000-000000000000', 'x']) await refused(404, NO_CONNECTION, ADMIN, 'DELETE', `/api/admin/connections/${id}`);
  const lone = await guest({ extraHeaders: { 'User-Agent': unique('agent') } });
  const all = (await list({ limit: 1000 })).connections;
  const mine = all.find(({ userAgent }) => userAgent === lone.socket.io.opts.extraHeaders['User-Agent']);
  assert.deepEqual(await done(200, ADMIN, 'DELETE', `/api/admin/connections/${mine.id}`), { disconnected: 1 });
  assert.equal(await lone.next('disconnect'), 'io server disconnect');
});
