// REST for who has the admin token: reading the audit. Started with ADMIN_TOKEN.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { isTime, unique, user } from '../support/relay.mjs';
import { until } from '../support/session.mjs';
import { inConversation, present, react, send } from '../support/conversations.mjs';
import { ADMIN, ID, call, done, found, invalid, refused } from '../support/rest.mjs';

const PATH = '/api/admin/audit';
const alice = user('Alice');
const bob = user('Bob');
const CONTENT = unique('content-of-a-message');
/** What was done, as `[eventType, dialect, details]`, the newest first. */
let expected;
let conversationId;

const page = (query = {}) => done(200, ADMIN, 'GET', `${PATH}?${new URLSearchParams(query)}`);
const mine = async (query = {}) => (await page({ user: alice.userId, ...query })).records;
/** Records are written behind what they record: asks until there are so many. */
const settled = (query, count) => until(() => page({ limit: 1000, ...query }), ({ records }) => records.length >= count);

before(async () => {
  conversationId = await found(alice, [bob], { title: unique('title') });
  const client = await present(alice, conversationId);
  const messageId = await send(client, CONTENT);
  await client.ask('message:update', inConversation(client, { messageId, content: CONTENT }));
  await react(client, messageId, '🙈');
  await done(200, bob, 'POST', '/api/messages/read', { conversationId, messageIds: [messageId] });
  await client.ask('message:delete', inConversation(client, { messageId }));
  const { data } = await done(201, alice, 'POST', '/api/messages', { chatId: conversationId, content: CONTENT });
  await client.ask('message:send', { conversationId: 'absent', content: CONTENT });
  await client.ask('conversation:leave', inConversation(client));
  client.close();
  const it = { conversationId, messageId };
  expected = [
    ['SOCKET_DISCONNECT', 'conversation', undefined], ['ROOM_LEAVE', 'conversation', { conversationId }], ['REFUSED', 'conversation', { conversationId: 'absent', code: 'NOT_PARTICIPANT' }],
    ['MESSAGE_SENT', 'chat', { conversationId, messageId: data.id }], ['MESSAGE_DELETED', 'conversation', it], ['REACTION', 'conversation', it],
    ['MESSAGE_UPDATED', 'conversation', it], ['MESSAGE_SENT', 'conversation', it], ['ROOM_JOIN', 'conversation', { conversationId }], ['SOCKET_CONNECT', 'conversation', undefined],
    ['CONVERSATION_CREATED', undefined, { conversationId }],
  ];
  await settled({ user: alice.userId }, expected.length);
});

test('what a user did is read, the newest first', async () => {
  const records = await mine();
  const seen = records.map(({ eventType, dialect }) => [eventType, dialect]);
  assert.deepEqual(seen, expected.map(([type, dialect]) => [type, dialect]));
  records.forEach(({ details }, index) => {
    const wanted = expected[index][2] ?? {};
    const { bytes, reason, ...rest } = details ?? {};
    assert.deepEqual(rest, wanted, expected[index][0]);
    assert.equal(Number.isInteger(bytes), expected[index][0] === 'MESSAGE_SENT');
    assert.equal(reason, expected[index][0] === 'SOCKET_DISCONNECT' ? 'client left' : undefined);
  });
});

test('a record has the fields of the contract, and no others', async () => {
  const fields = ['_id', 'eventType', 'level', 'dialect', 'user', 'username', 'sessionId', 'ipAddress', 'userAgent', 'node', 'details', 'success', 'message', 'createdAt'];
  for (const record of await mine()) {
    assert.match(record._id, ID);
    isTime(record.createdAt);
    assert.deepEqual(Object.keys(record).filter((key) => !fields.includes(key)), []);
    assert.deepEqual([record.user, record.username, record.ipAddress], [alice.userId, 'Alice', '127.0.0.1']);
    assert.equal(record.success, record.level === 'info');
    assert.equal(record.level, record.eventType === 'REFUSED' ? 'warn' : 'info');
    assert.ok(record.message && record.node);
  }
});

test('the records of one connection have one session, which is not the socket’s id', async () => {
  const sessions = new Set((await mine()).filter(({ dialect }) => dialect === 'conversation').map(({ sessionId }) => sessionId));
  assert.equal(sessions.size, 1);
  assert.match([...sessions][0], /./);
});

test('reading messages is one record with their number', async () => {
  const { records: [record] } = await page({ user: bob.userId, event: 'MESSAGE_READ' });
  assert.deepEqual(record.details, { conversationId, count: 1 });
  assert.equal(record.dialect, 'conversation');
});

test('nothing of what was written is in it', async () => {
  const { body } = await call(ADMIN, 'GET', `${PATH}?limit=1000`);
  for (const secret of [CONTENT, 'title-', '🙈', ADMIN.bearer]) assert.ok(!body.includes(secret), secret);
});

test('it is filtered by event', async () => {
  const records = await mine({ event: 'MESSAGE_SENT' });
  assert.deepEqual(records.map(({ details }) => details.conversationId), [conversationId, conversationId]);
  assert.deepEqual(await mine({ event: 'FILE_UPLOAD' }), []);
});

test('it is filtered by user', async () => {
  for (const nobody of [unique('nobody'), '*', '%', '$ne', '{"$ne":null}', "' OR 1=1 --"]) assert.deepEqual((await page({ user: nobody })).records, []);
  const { records } = await page({ limit: 1000 });
  assert.ok(new Set(records.map(({ user: who }) => who)).size > 1);
});

test('it is filtered by time', async () => {
  const records = await mine();
  const times = records.map(({ createdAt }) => createdAt);
  const middle = times[5];
  const ids = async (query) => (await mine(query)).map(({ _id }) => _id);
  const where = (wanted) => records.filter(({ createdAt }) => wanted(createdAt)).map(({ _id }) => _id);
  assert.deepEqual(await ids({ from: times.at(-1) }), where(() => true));
  assert.deepEqual((await ids({ from: middle })).filter((id) => !where((time) => time >= middle).includes(id)), []);
  const [sooner, later] = [await ids({ to: middle }), await ids({ from: middle })];
  assert.deepEqual(new Set([...later, ...sooner]), new Set(where(() => true)));
  assert.deepEqual(await ids({ from: '2001-01-01T00:00:00.000Z', to: '2002-01-01T00:00:00.000Z' }), []);
  assert.deepEqual(await ids({ from: '2999-01-01T00:00:00.000Z' }), []);
});

test('times are written as on the command line', async () => {
  const at = Date.parse((await mine())[5].createdAt);
  const since = async (from) => (await mine({ from })).length;
  const before = async (to) => (await mine({ to })).length;
  const iso = (time) => new Date(time).toISOString();
  const all = (await mine()).length;
  const day = iso(at).slice(0, 10);
  const next = iso(at + 86_400_000).slice(0, 10);
  assert.equal(await since(day), await since(`${day}T00:00:00Z`));
  assert.equal(await since(next), 0);
  assert.equal(await before(next), all);
  for (const write of [iso, String, (time) => iso(time).replace('Z', '+00:00')]) {
    assert.equal((await since(write(at))) + (await before(write(at))), all, write(at));
  }
  const second = Math.floor(at / 1000);
  assert.equal(await since(String(second)), await since(String(second * 1000)));
  assert.equal(await before(String(second)), await before(String(second * 1000)));
  assert.equal(await since(String(second + 86_400)), 0);
  const inQuery = await done(200, ADMIN, 'GET', `${PATH}?user=${alice.userId}&from=${iso(at).replace('Z', '+00:00')}`);
  assert.equal(inQuery.records.length, await since(iso(at)));
});

test('page by page every record comes once', async () => {
  const all = (await mine()).map(({ _id }) => _id);
  for (const limit of [1, 3, all.length, 1000, 1001, '9'.repeat(30)]) {
    const seen = [];
    for (let cursor; ; ) {
      const { records, nextCursor, ...rest } = await page({ user: alice.userId, limit, ...(cursor && { cursor }) });
      assert.deepEqual(rest, {});
      assert.ok(records.length <= limit);
      seen.push(...records.map(({ _id }) => _id));
      if (nextCursor === undefined) break;
      cursor = nextCursor;
    }
    assert.deepEqual(seen, all);
  }
});

test('without a limit 100 records come', async () => {
  for (let count = 0; count < 105; count += 1) await call(user('Mallory'), 'GET', `/api/messages?conversationId=${conversationId}`);
  await settled({}, 101);
  const { records, nextCursor } = await page();
  assert.equal(records.length, 100);
  assert.ok(nextCursor);
});

test('bad queries are named', async () => {
  for (const limit of ['0', '-1', '1.5', 'x']) await refused(400, invalid('limit'), ADMIN, 'GET', `${PATH}?limit=${limit}`);
  for (const cursor of ['x', '7', '{"$gt":""}', "' OR 1=1 --"]) await refused(400, invalid('cursor'), ADMIN, 'GET', `${PATH}?${new URLSearchParams({ cursor })}`);
  for (const field of ['from', 'to']) {
    for (const time of ['yesterday', '2024-13-01T00:00:00Z', '{"$gt":""}', '0', '-1', '20261126', '1795737600000000', '2026-11-26T10:00:00']) await refused(400, invalid(field), ADMIN, 'GET', `${PATH}?${new URLSearchParams({ [field]: time })}`);
  }
  await refused(400, invalid('event'), ADMIN, 'GET', `${PATH}?event=NO_SUCH_EVENT`);
});

test('what an administrator does is audited, reading included', async () => {
  const who = user('Carol');
  await done(200, ADMIN, 'PUT', `/api/admin/users/${who.userId}`, { name: 'Carol' });
  await done(200, ADMIN, 'PUT', `/api/admin/users/${who.userId}`, { status: 'suspended' });
  await done(200, ADMIN, 'POST', `/api/admin/users/${who.userId}/disconnect`);
  const about = ({ details }) => details?.recipient === who.userId;
  const { records } = await until(() => page({ event: 'ADMIN', limit: 1000 }), (answer) => answer.records.filter(about).length >= 3);
  assert.deepEqual(records.filter(about).map(({ details }) => details.reason), ['user disconnected', 'user suspended', 'user changed']);
  const { records: read } = await until(() => page({ event: 'ADMIN', limit: 1000 }), (answer) => answer.records.some(({ details }) => details.reason === 'audit read'));
  assert.ok(read.length > 3);
});
