// POST /api/admin/import: users, conversations and participants line by line, and what live sockets see of it.
// Started with ADMIN_TOKEN.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RELAY_URLS, attempt, connect, token, unique, user } from '../support/relay.mjs';
import { observe, present } from '../support/conversations.mjs';
import { ADMIN, NO_CONVERSATION, at, bearer, done, found, invalid, post, refused } from '../support/rest.mjs';
import { Import, imported, importedAll } from '../support/import.mjs';
import { until } from '../support/session.mjs';

const PATH = '/api/admin/import';
const known = (id, more = {}) => ({ type: 'user', id, ...more });
const made = (id, more = {}) => ({ type: 'conversation', id, ...more });
const takesPart = (conversationId, { userId }, more = {}) => ({ type: 'participant', conversationId, userId, ...more });
const people = (...names) => names.map((name) => ({ userId: unique(name) }));
const participants = async (id) => (await done(200, ADMIN, 'GET', at(id, 'participants'))).participants;
const bare = ({ userId, role, status, joinedAt }) => ({ userId, role, status, joinedAt });
const byUser = (one, other) => (one.userId < other.userId ? -1 : 1);

test('what was made elsewhere is there with its times, and again when it comes again', async () => {
  const [ann, ben, cem, dan] = people('ann', 'ben', 'cem', 'dan');
  const id = unique('room');
  const lines = [
    known(ann.userId, { name: 'Ann', avatarUrl: 'https://pictures.test/ann' }), known(ben.userId, { name: 'Ben', status: 'active' }),
    made(id, { title: 'Plans', createdBy: ann.userId, createdAt: '2021-02-03T04:05:06.789Z' }),
    takesPart(id, ann, { role: 'admin', joinedAt: '2021-02-03T04:05:06.789Z' }),
    takesPart(id, ben, { joinedAt: '2022-01-01T01:00:00+01:00' }),
    takesPart(id, cem, { status: 'left', joinedAt: '2021-03-01' }), takesPart(id, dan, { status: 'removed', joinedAt: '2021-03-02T00:00:00Z' }),
  ];
  const counts = { done: true, lines: 7, users: 2, conversations: 1, participants: 4, errors: 0 };
  for (let time = 0; time < 2; time += 1) assert.deepEqual(await importedAll(lines), counts);
  const { conversation } = await done(200, ben, 'GET', at(id));
  const { title, createdBy, createdAt, lastMessageAt } = conversation;
  const first = '2021-02-03T04:05:06.789Z';
  assert.deepEqual({ title, createdBy, createdAt, lastMessageAt }, { title: 'Plans', createdBy: ann.userId, createdAt: first, lastMessageAt: first });
  const all = (await participants(id)).map(bare);
  assert.deepEqual(all.toSorted(byUser), [
    { userId: ann.userId, role: 'admin', status: 'active', joinedAt: first },
    { userId: ben.userId, role: 'member', status: 'active', joinedAt: '2022-01-01T00:00:00.000Z' },
    { userId: cem.userId, role: 'member', status: 'left', joinedAt: '2021-03-01T00:00:00.000Z' },
    { userId: dan.userId, role: 'member', status: 'removed', joinedAt: '2021-03-02T00:00:00.000Z' },
  ].toSorted(byUser));
  for (const former of [cem, dan]) await refused(404, NO_CONVERSATION, former, 'GET', at(id));
  const named = (await done(200, ann, 'GET', at(id, 'participants'))).participants.find(({ userId }) => userId === ben.userId);
  assert.equal(named.name, 'Ben');
});

test('ids may be numbers, and a conversation that names nobody was made by somebody unknown', async () => {
  const number = Math.floor(Math.random() * 1e12);
  const [ann] = people('ann');
  await importedAll([made(number), takesPart(number, ann)]);
  const { conversation } = await done(200, ann, 'GET', at(String(number)));
  assert.deepEqual([conversation.id, conversation.createdBy], [number, 'unknown']);
});

test('a bad line is named by its number, and the others are stored', async () => {
  const [ann, ben] = people('ann', 'ben');
  const [id, taken, long] = [unique('room'), unique('taken'), 'x'.repeat(65_536)];
  const whole = `{"type":"user","id":"${ann.userId}"}`;
  const lines = [
    made(taken, { createdBy: ben.userId }), '', '{"type":"user"', 'null', '[]', '7', { type: 'message', id }, known(ann.userId, { nick: 'x' }), known({ $gt: '' }),
    known('x'.repeat(129)), known('a\nb'), made(id, { createdAt: 'yesterday' }), made(id, { createdAt: '2999-01-01T00:00:00Z' }),
    made(id, { createdAt: '0001-01-01T00:00:00Z' }), takesPart(id, ann), made(id), made(taken, { createdBy: ann.userId }), takesPart(id, ann, { status: 'invited' }),
    takesPart(id, ann, { role: 'owner' }), `{"a":"${long}"}`, Buffer.from([0x22, 0xff, 0x22]), `{"type":"user","id":"${'\\ud800'}"}`, '['.repeat(20_000),
    `${whole}${' '.repeat(65_536 - whole.length)}\r`, takesPart(id, ann, { role: 'admin' }), takesPart(id, ann, { role: 'member' }),
  ];
  const { bad, last } = await imported(lines);
  const code = 'INVALID_INPUT';
  const field = (name) => ({ error: `Missing or invalid ${name}`, code, field: name });
  const json = { error: 'Line is not valid JSON', code };
  const object = { error: 'Line must be an object', code };
  const none = { error: 'Conversation not found', code: 'NOT_FOUND', field: 'conversationId' };
  const expected = {
    3: json, 4: object, 5: object, 6: object, 7: field('type'), 8: field('nick'), 9: field('id'), 10: field('id'), 11: field('id'), 12: field('createdAt'),
    13: field('createdAt'), 14: field('createdAt'), 15: none, 17: { error: 'Conversation already exists', code: 'CONVERSATION_EXISTS', field: 'id' },
    18: field('status'), 19: field('role'), 20: { error: 'Line is longer than 65536 bytes', code: 'PAYLOAD_TOO_LARGE' }, 21: json, 22: field('id'), 23: json,
    26: { error: 'Conversation needs an admin', code: 'LAST_ADMIN', field: 'role' },
  };
  assert.deepEqual(Object.fromEntries(bad.map(({ line, ...rest }) => [line, rest])), expected);
  assert.deepEqual(last, { done: true, lines: 26, users: 1, conversations: 2, participants: 1, errors: 21 });
  assert.deepEqual((await participants(id)).map(({ userId, role }) => [userId, role]), [[ann.userId, 'admin']]);
});

test('an import that is only tried finds the same, and changes nothing', async () => {
  const [ann, ben, cem] = people('ann', 'ben', 'cem');
  const [id, there] = [unique('room'), await found(ann, [ben])];
  const lines = [
    known(ann.userId, { name: 'Tried' }), takesPart(id, ann), made(id, { createdBy: ann.userId }), takesPart(id, ann, { role: 'admin' }),
    takesPart(id, ann, { role: 'member' }), made(id, { createdBy: ben.userId }), takesPart(there, cem), takesPart(there, ben, { status: 'left' }),
    takesPart(there, ann, { role: 'member' }), { type: 'x' },
  ];
  const tried = await imported(lines, '?dryRun=true');
  await refused(404, NO_CONVERSATION, ADMIN, 'GET', at(id, 'participants'));
  const still = Object.fromEntries((await participants(there)).map(({ userId, status }) => [userId, status]));
  assert.deepEqual(still, { [ann.userId]: 'active', [ben.userId]: 'active' });
  const really = await imported(lines, '?dryRun=false');
  assert.deepEqual([tried.bad, tried.last], [really.bad, really.last]);
  assert.deepEqual(really.bad.map(({ line }) => line), [2, 5, 6, 9, 10]);
});

test('what exists stays as it is where the other routes leave it', async () => {
  const [ann, ben, cem] = people('ann', 'ben', 'cem');
  const id = unique('room');
  const lines = [
    made(id, { title: 'Before', createdBy: ann.userId }), takesPart(id, ann, { role: 'admin' }), takesPart(id, ben, { joinedAt: '2021-01-01T00:00:00Z' }), takesPart(id, cem),
  ];
  await importedAll(lines);
  await done(200, ann, 'PATCH', at(id), { title: 'After' });
  for (const who of [ben, cem]) await done(200, who, 'DELETE', at(id, 'participants', who.userId));
  await importedAll(lines);
  assert.equal((await done(200, ann, 'GET', at(id))).conversation.title, 'After');
  const statuses = Object.fromEntries((await participants(id)).map(({ userId, status }) => [userId, status]));
  const expected = { [ann.userId]: 'active', [ben.userId]: 'left', [cem.userId]: 'active' };
  assert.deepEqual(statuses, expected, 'who has left stays away if the line says since when they were there');
});

test('it answers while it is asked, in order, and once a second', async () => {
  const importing = new Import();
  importing.write({ type: 'x' });
  assert.equal((await importing.next()).line, 1);
  const idle = await importing.next();
  assert.deepEqual(idle, { progress: { lines: 1, users: 0, conversations: 0, participants: 0, errors: 1 } });
  const id = unique('user');
  importing.write(known(id), { type: 'y' }, known(id));
  let line = await importing.next();
  while (line.progress) line = await importing.next();
  assert.equal(line.line, 3);
  importing.end();
  while (line.done === undefined) line = await importing.next();
  assert.deepEqual(line, { done: true, lines: 4, users: 2, conversations: 0, participants: 0, errors: 2 });
  assert.equal(await importing.next(), undefined);
});

test('a body that is streamed by fetch is read as it comes', async () => {
  const [count, prefix] = [2_500, unique('user')];
  let next = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (next === count) return controller.close();
      const line = `${JSON.stringify(known(`${prefix}-${next}`))}\n`;
      next += 1;
      return controller.enqueue(new TextEncoder().encode(line));
    },
  });
  const headers = { Authorization: `Bearer ${ADMIN.bearer}`, 'Content-Type': 'application/x-ndjson; charset=utf-8' };
  const answer = await fetch(`${RELAY_URLS[0]}${PATH}`, { method: 'POST', headers, body, duplex: 'half' });
  const lines = (await answer.text()).trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(lines.at(-1), { done: true, lines: count, users: count, conversations: 0, participants: 0, errors: 0 });
});

test('with a thousand bad lines it ends, and says how far it came', async () => {
  const id = unique('user');
  const bad = Array.from({ length: 1_000 }, (_, index) => (index % 2 ? '{' : takesPart(unique('absent'), { userId: id })));
  const lines = [...bad.slice(0, 999), ...Array.from({ length: 300 }, () => known(id)), bad[999], known(id), made(unique('room'))];
  const ended = await imported(lines);
  assert.equal(ended.bad.length, 1_000);
  assert.equal(ended.bad.at(-1).line, 1_300);
  const { error, code, ...counts } = ended.last;
  assert.deepEqual([error, code], ['Too many errors', 'INVALID_INPUT']);
  assert.deepEqual(counts, { done: false, lines: 1_300, users: 300, conversations: 0, participants: 0, errors: 1_000 });
});

test('every ten thousand lines it says how far it is', async () => {
  const ids = Array.from({ length: 100 }, () => unique('user'));
  const { progress, last } = await imported(Array.from({ length: 20_500 }, (_, index) => known(ids[index % 100])));
  const lines = progress.map((one) => one.progress.lines);
  assert.ok(lines.includes(10_000) && lines.includes(20_000), `${lines}`);
  assert.equal(last.users, 20_500);
});

test('who is connected is told that they were added, and follows from then on', async () => {
  const [ann, ben, cem] = people('ann', 'ben', 'cem');
  const id = unique('room');
  await importedAll([made(id, { createdBy: ann.userId }), takesPart(id, ann, { role: 'admin' })]);
  const inDialect = (who, dialect) => connect(who, { auth: { token: token(who), dialect } });
  const watching = await present(ann, id);
  const clients = [await inDialect(ben, 'feed'), await inDialect(cem, 'feed')];
  const inChat = await inDialect(ben, 'chat');
  await importedAll([takesPart(id, ben), takesPart(id, cem)]);
  for (const client of clients) await client.next('conversation-participants-added', ({ conversationId }) => conversationId === id);
  await post(ann, id, 'to all');
  await inChat.next('message:new', ({ data }) => data.chatId === id);
  await watching.next('message:new');
  await importedAll([takesPart(id, cem, { status: 'removed' })]);
  for (const client of clients) await client.next('conversation-participants-removed', ({ conversationId }) => conversationId === id);
  await refused(404, NO_CONVERSATION, cem, 'GET', at(id));
});

test('who is suspended is disconnected, and another name is used at once', async () => {
  const [ann, ben] = people('ann', 'ben');
  const id = await found(ann, [ben]);
  const [client, witness] = [await present({ userId: ann.userId }, id), await present(ben, id)];
  await importedAll([known(ann.userId, { name: 'Annabel' })]);
  const [, [[, { sender }]]] = await observe([client, witness], async () => {
    assert.equal((await client.ask('message:send', { conversationId: id, content: 'x' })).success, true);
  });
  assert.equal(sender.name, 'Annabel');
  await importedAll([known(ann.userId, { status: 'suspended' })]);
  await client.next('disconnect');
  assert.equal((await attempt({ auth: { token: token(ann) } })).outcome, 'User not authorized');
});

test('who goes away ends it, and what was counted stays', async () => {
  const [ids, id] = [[unique('user'), unique('user')], unique('room')];
  const importing = new Import();
  importing.write(...ids.map((one) => known(one, { name: 'Imported' })), made(id), takesPart(id, { userId: ids[0] }));
  let line = await importing.next();
  while (line.progress.participants === 0) line = await importing.next();
  importing.request.on('error', () => {});
  importing.request.destroy();
  assert.equal((await participants(id))[0].name, 'Imported');
});

test('only with the token, as lines, and with parameters that are known', async () => {
  const type = { 'Content-Type': 'application/x-ndjson' };
  await refused(401, { error: 'Access token required', code: 'MISSING_TOKEN' }, null, 'POST', PATH, '{}', type);
  await refused(403, { error: 'Invalid or expired token', code: 'INVALID_TOKEN' }, bearer(token(user('Ann'))), 'POST', PATH, '{}', type);
  const text = { error: 'Content-Type must be application/x-ndjson', code: 'UNSUPPORTED_MEDIA_TYPE' };
  await refused(415, text, ADMIN, 'POST', PATH, '{}');
  for (const query of ['dryrun=true', 'dryRun=yes']) {
    await refused(422, invalid(query.split('=')[0]), ADMIN, 'POST', `${PATH}?${query}`, '{}', type);
  }
  assert.deepEqual(await importedAll([]), { done: true, lines: 0, users: 0, conversations: 0, participants: 0, errors: 0 });
});

test('it is in the audit with what it did, and not line by line', async () => {
  const [ann, ben] = people('ann', 'ben');
  const id = unique('room');
  const others = Array.from({ length: 17 }, () => known(unique('user')));
  await importedAll([...others, made(id), takesPart(id, ann), takesPart(id, ben)]);
  const read = async (event) => (await done(200, ADMIN, 'GET', `/api/admin/audit?event=${event}&limit=1000`)).records;
  const of = ({ details }) => details.reason === 'imported' && details.users === 17;
  const recorded = await until(async () => (await read('ADMIN')).find(of));
  assert.deepEqual(recorded.details, { reason: 'imported', users: 17, conversations: 1, participants: 2 });
  for (const event of ['PARTICIPANT_ADDED', 'CONVERSATION_CREATED']) {
    assert.ok(!(await read(event)).some(({ details }) => details.conversationId === id));
  }
});
