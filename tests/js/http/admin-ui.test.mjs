// What the published Admin UI is shown and may do on namespace /admin. Started with ADMIN_UI, ADMIN_TOKEN and ADMIN_TOKENS.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADMIN, AdminUi, administrator, named, recorded, refused } from '../support/admin-ui.mjs';
import { ADMIN as REST, done } from '../support/rest.mjs';
import { MILLIS, RELAY_URL, RELAY_URLS, TIME, TIMEOUT, Client, connect, isTime, same, token, unique, user } from '../support/relay.mjs';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const SESSION = /^[0-9a-f]{32}$/;
const FEATURES = ['AGGREGATED_EVENTS', 'ALL_EVENTS', 'DISCONNECT', 'MDISCONNECT'];
/** Where the clients of a test are, found by a program that nobody else has. */
const agent = () => ({ 'User-Agent': unique('program') });
const of = (headers) => (socket) => socket.handshake.headers['user-agent'] === headers['User-Agent'];

test('who comes is told their session, what they may do, how nodes are and which clients there are, in this order', async () => {
  const admin = await administrator();
  assert.match(admin.session, SESSION);
  assert.deepEqual(admin.config, { supportedFeatures: FEATURES });
  const [stats] = await admin.next('server_stats');
  const [sockets] = await admin.next('all_sockets');
  assert.ok(Array.isArray(sockets));
  const first = new Set(admin.events.map(({ name }) => name));
  assert.deepEqual([...first].slice(0, 5), ['connect', 'session', 'config', 'server_stats', 'all_sockets']);
  const { pid, uptime, clientsCount, pollingClientsCount, namespaces, ...rest } = stats;
  assert.ok(Number.isInteger(pid) && uptime > 0 && pollingClientsCount <= clientsCount);
  assert.deepEqual(namespaces, [{ name: '/', socketsCount: clientsCount }]);
  assert.deepEqual(Object.keys(rest), ['serverId', 'hostname', 'aggregatedEvents']);
  assert.deepEqual(rest.aggregatedEvents, [], 'nothing has happened since');
});

test('each node says every two seconds how it is and what has happened', async () => {
  const admin = await administrator();
  const nodes = new Set();
  await admin.until('all nodes', () => {
    for (const { args: [stats] } of admin.all('server_stats')) nodes.add(stats.serverId);
    return nodes.size === RELAY_URLS.length;
  });
  const client = await connect(user('Alice'));
  const counts = (type) => admin.all('server_stats').flatMap(({ args }) => args[0].aggregatedEvents).filter((event) => event.type === type);
  for (const type of ['rawConnection', 'packetsOut', 'bytesIn', 'bytesOut']) {
    const [event] = await admin.until(type, () => counts(type).length > 0 && counts(type));
    same(event, { timestamp: MILLIS, type, count: event.count });
    assert.ok(event.count > 0);
  }
  client.emit('presence:heartbeat', {});
  await admin.until('packetsIn', () => counts('packetsIn').length > 0);
  client.close();
  const ended = await admin.until('its end', () => counts('rawDisconnection')[0]);
  assert.equal(typeof ended.subType, 'string');
  const [first, second, third] = admin.all('server_stats').filter(({ args }) => args[0].serverId === [...nodes][0]);
  if (third) assert.ok(third.at - second.at > 1_000 && third.at - second.at < 4_000 && second.at >= first.at);
});

test('a client is shown when it comes, changes and goes, without rooms, users and what it sends', async () => {
  const headers = agent();
  const admin = await administrator();
  await admin.next('all_sockets');
  const alice = user('Alice');
  const client = await connect(alice, { transports: ['polling', 'websocket'], extraHeaders: { ...headers, Origin: 'http://localhost:5173' }, auth: { token: token(alice), dialect: 'conversation' } });
  const [socket, time] = await admin.next('socket_connected', of(headers));
  isTime(time);
  assert.match(socket.id, UUID);
  const handshake = { address: '127.0.0.1', headers: { 'user-agent': headers['User-Agent'] }, query: {}, issued: MILLIS, secure: false, time: TIME, url: '/socket.io/', xdomain: true };
  same(socket, { id: socket.id, clientId: socket.id, transport: socket.transport, nsp: '/', data: { dialect: 'conversation' }, handshake, rooms: [] });
  await admin.until('its upgrade', () => admin.sockets.get(socket.id)?.transport === 'websocket');
  const listed = await done(200, REST, 'GET', `/api/admin/connections?user=${alice.userId}`);
  assert.equal(listed.connections[0].id, socket.id, 'it is the id of the audit');
  assert.notEqual(client.socket.io.engine.id, socket.id);
  client.close();
  const [nsp, id, reason, at] = await admin.next('socket_disconnected', (_, gone) => gone === socket.id);
  isTime(at);
  assert.deepEqual([nsp, id, reason], ['/', socket.id, 'client left']);
});

test('who comes later is shown who is there', async () => {
  const headers = agent();
  await connect(user('Alice'), { extraHeaders: headers, transports: ['polling'] });
  const admin = await administrator();
  const [sockets] = await admin.next('all_sockets');
  const found = sockets.find(of(headers));
  assert.equal(found.transport, 'polling');
  assert.deepEqual([found.handshake.xdomain, found.data], [false, { dialect: 'direct' }]);
});

test('one client is disconnected, on whichever node, and the administrator is recorded', async () => {
  const admin = await administrator(named('connections'));
  await admin.next('all_sockets');
  for (const _ of RELAY_URLS) {
    const [headers, others] = [agent(), agent()];
    const client = await connect(user('Alice'), { extraHeaders: headers });
    const other = await connect(user('Bob'), { extraHeaders: others });
    const [socket] = await admin.next('socket_connected', of(headers));
    const [beside] = await admin.next('socket_connected', of(others));
    for (const args of [['/'], ['/', true, 'room'], ['/', true, null], ['/admin', true, beside.id], ['/', true, ['x']]]) admin.emit('_disconnect', ...args);
    admin.emit('_disconnect', '/', true, socket.id);
    assert.equal(await client.next('disconnect'), 'io server disconnect');
    const [, , reason] = await admin.next('socket_disconnected', (_nsp, id) => id === socket.id);
    assert.equal(reason, 'revoked');
    assert.ok(other.socket.connected && admin.sockets.has(beside.id));
  }
  const closed = await recorded('ADMIN', ({ username, details }) => username === 'connections' && details.reason === 'connection closed', RELAY_URLS.length);
  assert.equal(closed.length, RELAY_URLS.length);
});

test('what is not offered does nothing and is recorded, so often', async () => {
  const admin = await administrator(named('all'));
  const headers = agent();
  const client = await connect(user('Alice'), { extraHeaders: headers });
  const [socket] = await admin.next('socket_connected', of(headers));
  const mark = client.mark();
  const sent = [['emit', '/', socket.id, 'hello', 1], ['join', '/', 'room', socket.id], ['leave', '/', 'room', socket.id], ['EMIT', '/'], ['unknown'], ['_disconnect', '/', true]];
  for (const event of sent) admin.emit(...event);
  const ignored = ({ username, details }) => username === 'all' && details.reason === 'command ignored';
  await recorded('ADMIN', ignored, sent.length);
  for (let n = 0; n < 30; n += 1) admin.emit('emit', '/', undefined, 'hello');
  admin.close();
  const found = await recorded('ADMIN', (record) => ignored(record) && record.details.count > 1, 1);
  assert.equal(found[0].details.count, sent.length + 30 - 10);
  assert.deepEqual(client.since(mark).filter(([name]) => !name.startsWith('user:')), []);
  assert.ok(client.socket.connected);
});

test('nothing of what clients say, are called or get in by is shown', async () => {
  const admin = await administrator();
  await admin.next('all_sockets');
  const canary = unique('canary');
  const who = { userId: canary, username: `${canary} name` };
  const client = await connect(who, { auth: { token: token(who) }, query: { secret: canary } });
  const bob = await connect(user('Bob'));
  const room = { recipientId: bob.userId, ciphertext: canary, iv: canary, tag: canary, seq: 1, fileName: canary };
  await client.ask('send_message', room);
  await admin.until('it is shown', () => admin.all('socket_connected').length >= 2);
  client.close();
  await admin.next('socket_disconnected');
  await admin.next('server_stats');
  const shown = JSON.stringify(admin.events.map(({ name, args }) => [name, ...args]));
  for (const secret of [canary, client.socket.io.engine.id, token(who), REST.bearer]) assert.ok(!shown.includes(secret), secret);
  const names = new Set(admin.events.map(({ name }) => name));
  for (const name of names) assert.ok(['connect', 'session', 'config', 'server_stats', 'all_sockets', 'socket_connected', 'socket_updated', 'socket_disconnected'].includes(name), name);
});

test('only the name and the token of who may do it open it, or the session that they were told', async () => {
  const wrong = { ...ADMIN, password: 'x'.repeat(40) };
  for (const auth of [{}, wrong, { ...ADMIN, username: 'all' }, { username: 'admin' }, { password: ADMIN.password }, named('audit'), { ...named('audit'), username: 'connections' },
    { sessionId: 'x' }, { sessionId: 'f'.repeat(32) }, { username: 7, password: [] }, { token: ADMIN.password }]) {
    assert.equal(await refused(auth), 'invalid credentials', JSON.stringify(auth));
  }
  for (const auth of [ADMIN, named('connections'), named('all')]) {
    const admin = await administrator(auth);
    admin.close();
    for (const url of RELAY_URLS) {
      const again = await administrator({ sessionId: admin.session }, { url });
      assert.equal(again.session, admin.session);
      again.close();
    }
  }
  const failed = [];
  for (const reason of ['missing', 'unknown_admin_token', 'scope_missing']) failed.push(...await recorded('AUTH_FAILED', ({ details }) => details.reason === reason, 1));
  assert.ok(!JSON.stringify(failed).includes(wrong.password));
});

test('by polling it is shown the same', async () => {
  const admin = await administrator(ADMIN, { transports: ['polling'] });
  const headers = agent();
  await admin.next('all_sockets');
  const client = await connect(user('Alice'), { extraHeaders: headers });
  const [socket] = await admin.next('socket_connected', of(headers));
  admin.emit('_disconnect', '/', false, socket.id);
  await client.next('disconnect');
  await admin.next('server_stats');
});

test('there are four at most', async () => {
  const deadline = Date.now() + TIMEOUT;
  // It takes a moment until somebody has left.
  async function entered(number) {
    for (;;) {
      const admin = new AdminUi(ADMIN, { url: RELAY_URLS[number % RELAY_URLS.length] });
      const { name } = await admin.until('an answer', () => admin.events.find((event) => event.name.startsWith('connect')));
      if (name === 'connect') return admin;
      assert.ok(Date.now() < deadline);
    }
  }
  const admins = [];
  while (admins.length < 4) admins.push(await entered(admins.length));
  for (const url of RELAY_URLS) assert.equal(await refused(ADMIN, { url }), 'Too many connections');
  admins[0].close();
  await entered(4);
});

test('an administrator and a client share one connection, and each leaves it alone', async () => {
  for (const transports of [['websocket'], ['polling']]) {
    const who = user('Alice');
    const client = new Client({ url: RELAY_URL, auth: { token: token(who) }, transports });
    await client.next('auth:success');
    const shared = client.socket.io.socket('/admin', { auth: ADMIN });
    const came = (name) => new Promise((resolve) => shared.once(name, resolve));
    const [session, config] = [came('session'), came('config')];
    shared.connect();
    await Promise.all([session, config]);
    const echo = (n) => client.ask('send_message', { recipientId: who.userId, ciphertext: 'c', iv: 'i', tag: 't', seq: n });
    await echo(1);
    shared.emit('_disconnect', '/');
    await came('server_stats');
    shared.disconnect();
    await echo(2);
    shared.connect();
    await came('server_stats');
    client.socket.disconnect();
    // Longer than a connection without any client is kept.
    const deadline = Date.now() + 8_000;
    while (Date.now() < deadline) await came('server_stats');
    assert.ok(shared.connected);
    client.socket.connect();
    await client.next('auth:success');
    await echo(3);
    shared.disconnect();
    client.close();
  }
});
