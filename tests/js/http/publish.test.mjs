// Events of a backend, which it publishes with the admin token. Started with ADMIN_TOKEN, and with further events in PUBLISH_EVENTS.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { Client, RELAY_URLS, connect, token, unique, user } from '../support/relay.mjs';
import { online, present } from '../support/conversations.mjs';
import { ADMIN, ID, at, call, done, found, invalid, post, refused } from '../support/rest.mjs';
import { creator, guest, leave, member, place } from '../support/session.mjs';

const PATH = '/api/admin/publish';
const ids = (...clients) => clients.map(({ userId }) => userId);
const publish = (targets, fields = {}) => done(200, ADMIN, 'POST', PATH, { targets, event: 'app:news', ...fields });
/** What these clients got of the backend's events until a last one, which comes behind all before. */
async function got(clients, connections = []) {
  const last = unique('last');
  await publish({ users: ids(...clients), connections }, { event: 'app:last', data: last });
  for (const client of clients) await client.next('app:last', (data) => data === last);
  return clients.map(({ events }) => events.filter(({ name }) => name.startsWith('app:') && name !== 'app:last').map(({ name, args }) => [name, ...args]));
}
const reached = (...targets) => targets.map(([type, id, connections]) => ({ type, id, connections }));

test('an event reaches all connections of a user, of whichever dialect and node', async () => {
  const who = user('Alice');
  const clients = [await connect(who), await connect(who, { transports: ['polling'] }), new Client({ query: { token: token(who) } }), await online(who)];
  await clients[2].next('auth:success');
  const guestOfFeed = new Client();
  await guestOfFeed.next('connect');
  guestOfFeed.emit('authenticate', token(who));
  await guestOfFeed.next('authenticated', ({ success }) => success);
  const answer = await publish({ users: [who.userId] }, { data: { n: 1 } });
  assert.match(answer.id, ID);
  assert.deepEqual(answer, { id: answer.id, duplicate: false, connections: 5, targets: reached(['user', who.userId, 5]), complete: true });
  for (const client of [...clients, guestOfFeed]) assert.deepEqual(await client.next('app:news'), { n: 1 });
});

test('data is what was written, to the byte, and there may be none', async () => {
  const alice = await connect(user('Alice'));
  const frames = alice.frames();
  const texts = [
    '{"a": 1.0e+2 ,"big":12345678901234567890123456789, "a":"\\u0041"}', 'null', '0', '-0.0', '""', '[]', '  [ 1 ,\t2\n]  ', 'false',
    '"\\ud83d\\ude00\\/"', '{"_placeholder":true,"num":0}', '[[[[[[[[{"deep":[]}]]]]]]]]',
  ];
  for (const text of texts) {
    const body = `{"targets":{"users":[${JSON.stringify(alice.userId)}]},"event":"app:news","data":${text}}`;
    await done(200, ADMIN, 'POST', PATH, body);
  }
  await publish({ users: ids(alice) });
  await publish({ users: ids(alice) }, { event: 'app:end' });
  await alice.next('app:end');
  const seen = frames.filter((frame) => frame.startsWith('2["app:news"'));
  assert.deepEqual(seen, [...texts.map((text) => `2["app:news",${text.trim()}]`), '2["app:news"]']);
});

test('a connection is reached once, however often it is meant, and counted for each target', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice, [bob]);
  const [first, second] = [await present(alice, id), await connect(alice)];
  const other = await connect(bob);
  const targets = { conversations: [id, id], users: [bob.userId, alice.userId, bob.userId, 'nobody at all'] };
  const answer = await publish(targets, { data: 1 });
  assert.equal(answer.connections, 3);
  assert.deepEqual(answer.targets, reached(
    ['conversation', id, 3], ['conversation', id, 3], ['user', bob.userId, 1], ['user', alice.userId, 2], ['user', bob.userId, 1], ['user', 'nobody at all', 0],
  ));
  for (const seen of await got([first, second, other])) assert.deepEqual(seen, [['app:news', 1]]);
});

test('a conversation reaches its active participants, whether they have joined it or not', async () => {
  const [alice, bob, carol, dave] = ['Alice', 'Bob', 'Carol', 'Dave'].map(user);
  const id = await found(alice, [bob, carol]);
  await done(200, carol, 'DELETE', at(id, 'participants', carol.userId));
  const clients = [];
  for (const who of [alice, bob, carol, dave]) clients.push(await connect(who));
  const answer = await publish({ conversations: [id, unique('none')] }, { data: 'x' });
  assert.deepEqual([answer.connections, answer.targets[0].connections, answer.targets[1].connections], [2, 2, 0]);
  assert.deepEqual(await got(clients), [[['app:news', 'x']], [['app:news', 'x']], [], []]);
  const empty = await found(user('Erin'));
  assert.equal((await publish({ conversations: [empty] })).connections, 0);
});

test('a session reaches its members, who need not be users', async () => {
  const where = place();
  const clients = [await creator(where), await member(where, 'Ann'), await member(where, 'Bo')];
  const outside = await guest();
  const { connections, targets } = await publish({ sessions: [where.sessionId, unique('none')] }, { data: [1] });
  assert.deepEqual([connections, targets[0].connections, targets[1].connections], [3, 3, 0]);
  for (const client of clients) assert.deepEqual(await client.next('app:news'), [1]);
  await leave(clients[2]);
  assert.equal((await publish({ sessions: [where.sessionId] }, { data: [2] })).connections, 2);
  assert.deepEqual(await clients[0].next('app:news'), [2]);
  assert.equal(outside.all('app:news').length, 0);
});

test('a connection is meant by the id that the audit has, a guest’s as well', async () => {
  const who = user('Alice');
  const [one, other] = [await connect(who), await connect(who)];
  const { connections } = await done(200, ADMIN, 'GET', `/api/admin/connections?user=${encodeURIComponent(who.userId)}`);
  assert.equal(connections.length, 2);
  const answer = await publish({ connections: [connections[0].id, '00000000-0000-4000-8000-000000000000'] }, { data: 'one' });
  assert.deepEqual(answer.targets.map((target) => target.connections), [1, 0]);
  const seen = await got([one, other]);
  assert.deepEqual(seen.map((all) => all.length).sort(), [0, 1]);
  const where = place();
  const ann = await creator(where, 'Ann', {}, { extraHeaders: { 'User-Agent': unique('agent') } });
  const all = await done(200, ADMIN, 'GET', '/api/admin/connections?limit=1000');
  const agent = ann.socket.io.opts.extraHeaders['User-Agent'];
  const mine = all.connections.find(({ userAgent }) => userAgent === agent);
  assert.equal((await publish({ connections: [mine.id] }, { data: 'guest' })).connections, 1);
  assert.equal(await ann.next('app:news'), 'guest');
});

test('what is published one after the other arrives so, whatever it is for', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice, [bob]);
  const clients = [await present(alice, id), await connect(bob)];
  const ways = [{ users: [alice.userId, bob.userId] }, { conversations: [id] }, { conversations: [id], users: [bob.userId] }];
  for (let n = 0; n < 60; n += 1) await publish(ways[n % ways.length], { data: n });
  for (const seen of await got(clients)) assert.deepEqual(seen.map(([, n]) => n), Array.from({ length: 60 }, (_, n) => n));
});

test('it keeps its place among the events of a conversation', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice, [bob]);
  const clients = [];
  for (const url of RELAY_URLS) clients.push(await present(bob, id, { url }));
  const sender = await present(alice, id);
  for (let n = 0; n < 40; n += 1) {
    if (n % 2) await post(alice, id, `m${n}`);
    else assert.equal((await sender.ask('message:send', { conversationId: id, content: `m${n}` })).success, true);
    await publish({ conversations: [id] }, { data: `p${n}` });
  }
  await publish({ conversations: [id] }, { event: 'app:end' });
  for (const client of clients) {
    await client.next('app:end');
    const seen = client.events.filter(({ name }) => name === 'message:new' || name === 'app:news');
    const words = seen.map(({ name, args }) => (name === 'app:news' ? args[0] : args[0].content));
    assert.deepEqual(words, Array.from({ length: 40 }, (_, n) => [`m${n}`, `p${n}`]).flat());
  }
});

test('a message that comes later does not come before it', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice, [bob]);
  const client = await present(bob, id);
  for (let n = 0; n < 20; n += 1) {
    await publish({ conversations: [id] }, { data: `p${n}` });
    await post(alice, id, `m${n}`);
  }
  await client.next('message:new', ({ content }) => content === 'm19');
  const seen = client.events.filter(({ name }) => name === 'message:new' || name === 'app:news');
  const words = seen.map(({ name, args }) => (name === 'app:news' ? args[0] : args[0].content));
  assert.deepEqual(words, Array.from({ length: 20 }, (_, n) => [`p${n}`, `m${n}`]).flat());
});

test('only events of the settings are published, and no client sends them', async () => {
  const alice = await connect(user('Alice'));
  const targets = { users: ids(alice) };
  await publish(targets, { event: 'order.paid', data: 1 });
  assert.equal(await alice.next('order.paid'), 1);
  const longest = `app:${'x'.repeat(124)}`;
  await publish(targets, { event: longest, data: 2 });
  assert.equal(await alice.next(longest), 2);
  for (const event of ['', 'order.paid.x', 'App:x', 'message:new', 'receive_message', 'connect', 'error', 'app:\n', 'app:\u0000', 'app:\u007f', `${longest}x`, 7, null, {}, ['app:x']]) {
    await refused(422, invalid('event'), ADMIN, 'POST', PATH, { targets, event });
  }
  await refused(400, invalid('event'), ADMIN, 'POST', PATH, { targets });
  alice.emit('app:news', { x: 1 });
  const { code, context } = await alice.next('error');
  assert.deepEqual([code, context.event], ['UNKNOWN_EVENT', 'app:news']);
});

test('bad requests are refused by the field, and reach nobody', async () => {
  const alice = await connect(user('Alice'));
  const good = { users: ids(alice) };
  const many = (count) => Array.from({ length: count }, () => alice.userId);
  for (const [targets, field] of [
    [{}, 'targets'], [{ users: [] }, 'targets'], [{ users: [], conversations: [] }, 'targets'], [null, 'targets'], [[], 'targets'], ['x', 'targets'], [7, 'targets'],
    [{ users: alice.userId }, 'targets.users'], [{ users: [7] }, 'targets.users'], [{ users: [null] }, 'targets.users'], [{ users: [''] }, 'targets.users'],
    [{ users: ['x'.repeat(129)] }, 'targets.users'], [{ users: ['a\nb'] }, 'targets.users'], [{ sessions: ['s:key'] }, 'targets.sessions'],
    [{ connections: ['x'] }, 'targets.connections'], [{ rooms: ['x'] }, 'targets.rooms'], [{ users: many(1001) }, 'targets.users'],
    [{ users: many(1000), sessions: ['s'] }, 'targets.sessions'], [{ ...good, conversations: [7] }, 'targets.conversations'],
  ]) await refused(422, invalid(field), ADMIN, 'POST', PATH, { targets, event: 'app:news', data: 1 });
  await refused(400, invalid('targets'), ADMIN, 'POST', PATH, { event: 'app:news' });
  for (const extra of [{ dat: 1 }, { to: 'x' }]) await refused(422, invalid(Object.keys(extra)[0]), ADMIN, 'POST', PATH, { targets: good, event: 'app:news', ...extra });
  for (const store of [true, 1, 'true', null]) await refused(422, invalid('store'), ADMIN, 'POST', PATH, { targets: good, event: 'app:news', store });
  assert.equal((await call(ADMIN, 'POST', PATH, '{')).status, 400);
  const deep = `{"targets":{"users":["x"]},"event":"app:news","data":${'['.repeat(500)}${']'.repeat(500)}}`;
  await refused(422, invalid('data'), ADMIN, 'POST', PATH, deep);
  await refused(422, invalid('data'), ADMIN, 'POST', PATH, '{"targets":{"users":["x"]},"event":"app:news","data":"\\ud800"}');
  const text = (length) => 'x'.repeat(length - 2);
  await publish(good, { data: text(65_536) });
  assert.equal((await alice.next('app:news')).length, 65_534);
  await refused(413, { error: 'Request too large', code: 'PAYLOAD_TOO_LARGE' }, ADMIN, 'POST', PATH, { targets: good, event: 'app:news', data: text(65_537) });
  await refused(413, { error: 'Request too large', code: 'PAYLOAD_TOO_LARGE' }, ADMIN, 'POST', PATH, { targets: good, event: 'app:news', data: text(3_000_000) });
  assert.equal((await publish({ users: many(1000) }, { data: 'last' })).connections, 1);
  assert.deepEqual((await got([alice]))[0].map(([, data]) => data.length), [65_534, 4]);
});

test('the same key, token and body is done once, and answered the same', async () => {
  const alice = await connect(user('Alice'));
  const body = { targets: { users: ids(alice) }, event: 'app:news', data: 1 };
  const headers = { 'Idempotency-Key': unique('key') };
  const first = await done(200, ADMIN, 'POST', PATH, body, headers);
  assert.equal(first.duplicate, false);
  for (let n = 0; n < 4; n += 1) assert.deepEqual(await done(200, ADMIN, 'POST', PATH, body, headers), { ...first, duplicate: true });
  const conflict = { error: 'Key stands for another request', code: 'IDEMPOTENCY_CONFLICT' };
  for (let n = 0; n < 3; n += 1) await refused(409, conflict, ADMIN, 'POST', PATH, { ...body, data: 2 }, headers);
  await done(200, ADMIN, 'POST', PATH, { ...body, data: 3 }, { 'Idempotency-Key': unique('key') });
  assert.deepEqual(await got([alice]), [[['app:news', 1], ['app:news', 3]]]);
  for (const key of ['', 'a b', 'x'.repeat(129)]) await refused(400, invalid('Idempotency-Key'), ADMIN, 'POST', PATH, body, { 'Idempotency-Key': key });
});

test('of many that come at once under one key one is done', async () => {
  const alice = await connect(user('Alice'));
  const body = { targets: { users: ids(alice) }, event: 'app:news', data: 'once' };
  const headers = { 'Idempotency-Key': unique('key') };
  const answers = await Promise.all(Array.from({ length: 20 }, () => done(200, ADMIN, 'POST', PATH, body, headers)));
  assert.equal(answers.filter(({ duplicate }) => !duplicate).length, 1);
  assert.equal(new Set(answers.map(({ id }) => id)).size, 1);
  assert.deepEqual(await got([alice]), [[['app:news', 'once']]]);
});

test('a key of a request that was refused is free', async () => {
  const alice = await connect(user('Alice'));
  const headers = { 'Idempotency-Key': unique('key') };
  const targets = { users: ids(alice) };
  await refused(422, invalid('event'), ADMIN, 'POST', PATH, { targets, event: 'other' }, headers);
  assert.equal((await done(200, ADMIN, 'POST', PATH, { targets, event: 'app:news', data: 1 }, headers)).duplicate, false);
});

test('a receiver that does not read holds nobody up', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice, [bob]);
  const slow = await present(alice, id);
  const quick = await present(bob, id);
  slow.socket.io.engine.transport.ws._socket.pause();
  const data = 'x'.repeat(60_000);
  const began = Date.now();
  for (let n = 0; n < 200; n += 1) await publish({ conversations: [id], users: [alice.userId] }, { data: `${n}${data}` });
  const answered = Date.now() - began;
  const [seen] = await got([quick]);
  assert.equal(seen.length, 200);
  // A client that takes nothing is disconnected only after write_deadline, which is longer.
  assert.ok(answered < 14_000, `${answered} ms`);
  slow.socket.io.engine.transport.ws._socket.resume();
  await slow.next('app:news', (text) => text.startsWith('199x'));
  const order = slow.all('app:news').map((text) => Number.parseInt(text, 10));
  assert.deepEqual(order, Array.from({ length: 200 }, (_, n) => n));
});

test('requests on one connection take effect in their order, also when they are sent at once', async () => {
  const alice = await connect(user('Alice'));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const send = (n) => new Promise((resolve, reject) => {
    const body = JSON.stringify({ targets: { users: ids(alice) }, event: 'app:news', data: n });
    const headers = { Authorization: `Bearer ${ADMIN.bearer}`, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const request = http.request(new URL(PATH, RELAY_URLS[0]), { method: 'POST', agent, headers }, (answer) => answer.resume().on('end', resolve));
    request.on('error', reject).end(body);
  });
  await Promise.all(Array.from({ length: 50 }, (_, n) => send(n)));
  agent.destroy();
  const [seen] = await got([alice]);
  assert.deepEqual(seen.map(([, n]) => n), Array.from({ length: 50 }, (_, n) => n));
});

test('the audit has the name of the event, how many were meant and reached, and nothing that it says', async () => {
  const alice = await connect(user('Alice'));
  const [mark, event] = [unique('canary'), `app:${unique('audited')}`];
  const { id } = await publish({ users: [alice.userId, 'nobody'] }, { event, data: { mark } });
  const deadline = Date.now() + 20_000;
  for (;;) {
    const { records } = await done(200, ADMIN, 'GET', '/api/admin/audit?event=ADMIN&limit=1000');
    assert.ok(!JSON.stringify(records).includes(mark));
    const record = records.find(({ _id }) => _id === id);
    if (record !== undefined) {
      assert.deepEqual(record.details, { reason: 'published', event, targets: 2, count: 1, bytes: JSON.stringify({ mark }).length });
      assert.deepEqual([record.username, record.user, record.success], ['admin', undefined, true]);
      return;
    }
    assert.ok(Date.now() < deadline, 'it is recorded in time');
  }
});
