// REST for who has the admin token: users, their connections, conversations. Started with ADMIN_TOKEN.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, TIME, attempt, isTime, same, token, unique, user } from '../support/relay.mjs';
import { observe, online, present } from '../support/conversations.mjs';
import { ADMIN, ID, NO_CONVERSATION, at, bearer, byId, call, done, found, invalid, known, post, refused } from '../support/rest.mjs';
import { until } from '../support/session.mjs';

const SUSPENDED = { error: 'User not authorized', code: 'NOT_AUTHORIZED' };
const place = ({ userId }, ...rest) => ['/api/admin/users', encodeURIComponent(userId), ...rest].join('/');
const put = async (who, change) => (await done(200, ADMIN, 'PUT', place(who), change)).user;
const active = ({ userId }, role) => ({ userId, role, status: 'active', joinedAt: TIME });
const GONE = 'io server disconnect';

test('without the admin token nobody is let in', async () => {
  assert.ok(ADMIN.bearer);
  const alice = user('Alice');
  const routes = [
    ['PUT', place(alice), { status: 'suspended' }], ['POST', place(alice, 'disconnect')], ['POST', '/api/admin/conversations', { participantIds: [alice.userId] }],
    ['PATCH', '/api/admin/conversations/x', { messageRetention: 60 }], ['GET', '/api/admin/audit'],
  ];
  for (const [method, path, body] of routes) {
    await refused(401, { error: 'Access token required', code: 'MISSING_TOKEN' }, null, method, path, body);
    await refused(401, { error: 'Access token required', code: 'MISSING_TOKEN' }, null, method, `${path}?token=${ADMIN.bearer}`, body);
    for (const text of [`${ADMIN.bearer}x`, ADMIN.bearer.slice(0, -1), ADMIN.bearer.toUpperCase(), process.env.JWT_SECRET, token(alice), token({ userId: ADMIN.bearer })]) {
      await refused(403, { error: 'Invalid or expired token', code: 'INVALID_TOKEN' }, bearer(text), method, path, body);
    }
  }
  await known(alice);
});

test('the admin token is no user’s', async () => {
  assert.equal((await attempt({ auth: { token: ADMIN.bearer } })).outcome, 'Invalid token');
  for (const [method, path, body] of [['GET', '/api/conversations'], ['POST', '/api/messages', { conversationId: 'x', content: 'x' }]]) {
    assert.equal((await call(ADMIN, method, path, body)).status, 403);
  }
});

test('a user is made known before they come, and changed', async () => {
  const who = { userId: unique('alice') };
  const answered = { id: who.userId, name: 'Alice', avatarUrl: 'https://pictures.test/1', status: 'active' };
  assert.deepEqual(await put(who, { name: 'Alice', avatarUrl: answered.avatarUrl }), answered);
  assert.deepEqual(await put(who, {}), answered);
  assert.deepEqual(await put(who, { name: 'Alison' }), { ...answered, name: 'Alison' });
  assert.deepEqual(await put(who, { avatarUrl: null }), { id: who.userId, name: 'Alison', status: 'active' });
});

test('a user who was given no name is called by their id', async () => {
  const who = { userId: unique('bob') };
  assert.deepEqual(await put(who, {}), { id: who.userId, name: who.userId, status: 'active' });
});

test('the name a user was given is theirs where their token has none', async () => {
  const who = { userId: unique('alice') };
  await put(who, { name: 'Alice' });
  const id = await found(who);
  assert.equal((await post(who, id, 'x')).sender.name, 'Alice');
  const client = await present(who, id);
  const [[[, { sender }]]] = await observe([client], () => client.ask('message:send', { conversationId: id, content: 'x' }));
  assert.deepEqual(sender, { id: who.userId, name: 'Alice' });
});

test('bad fields are named', async () => {
  const alice = user('Alice');
  for (const name of ['', 'x'.repeat(129), 7, true, {}, [], { $ne: null }]) await refused(422, invalid('name'), ADMIN, 'PUT', place(alice), { name });
  for (const avatarUrl of [7, true, {}, [], { $ne: null }]) await refused(422, invalid('avatarUrl'), ADMIN, 'PUT', place(alice), { avatarUrl });
  for (const status of ['', 'Active', 'banned', 7, true, {}, [], { $ne: null }]) await refused(422, invalid('status'), ADMIN, 'PUT', place(alice), { status });
  for (const userId of ['x'.repeat(129), 'a\nb', 'a\u0000b']) {
    const { status, json } = await call(ADMIN, 'PUT', place({ userId }), { name: 'x' });
    assert.ok([400, 404, 422].includes(status), `${status} ${JSON.stringify(json)}`);
  }
});

test('fields that are not known are refused by name, and nothing is done', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice);
  const requests = [
    ['PUT', place(bob), { name: 'Bob', staus: 'suspended' }, 'staus'], ['PUT', place(bob), { displayName: 'Bob' }, 'displayName'],
    ['POST', '/api/admin/conversations', { participantIds: [bob.userId], titel: 'x' }, 'titel'],
    ['PATCH', `/api/admin/conversations/${id}`, { messageRetention: 60, title: 'x' }, 'title'],
    ['GET', '/api/admin/audit?usr=alice', undefined, 'usr'], ['GET', '/api/admin/audit?user=alice&offset=1', undefined, 'offset'],
  ];
  for (const [method, path, body, field] of requests) await refused(422, invalid(field), ADMIN, method, path, body);
  assert.equal((await put(bob, {})).name, bob.userId);
  assert.equal((await done(200, ADMIN, 'GET', at(id))).conversation.messageRetention, undefined);
  await refused(404, NO_CONVERSATION, bob, 'GET', at(id));
});

test('who is suspended is disconnected at once, wherever they are, and not let in any more', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice, [bob]);
  const sockets = [
    await present(alice, id), await online(alice, { transports: ['polling'] }), new Client({ query: { token: token(alice) } }), new Client({ auth: { token: token(alice) } }),
  ];
  for (const client of sockets.slice(2)) await client.next('auth:success');
  const guest = new Client();
  await guest.next('connect');
  guest.emit('authenticate', token(alice));
  await guest.next('authenticated', ({ success }) => success);
  const witness = await present(bob, id);
  assert.equal((await put(alice, { status: 'suspended' })).status, 'suspended');
  for (const client of [...sockets, guest]) assert.equal(await client.next('disconnect'), GONE);
  assert.equal((await attempt({ auth: { token: token(alice) } })).outcome, 'User not authorized');
  assert.equal((await attempt({ query: { token: token(alice) } })).outcome, 'User not authorized');
  for (const [method, path, body] of [
    ['GET', '/api/conversations'], ['GET', at(id)], ['POST', '/api/messages', { conversationId: id, content: 'x' }], ['POST', '/api/conversations', { participantIds: [] }],
  ]) await refused(403, SUSPENDED, alice, method, path, body);
  assert.ok(witness.socket.connected, 'others stay');
  await post(bob, id, 'x');
});

test('who is suspended cannot authenticate as a guest', async () => {
  const alice = user('Alice');
  await put(alice, { status: 'suspended' });
  const guest = new Client();
  await guest.next('connect');
  guest.emit('authenticate', token(alice));
  assert.equal((await guest.next('authenticated')).success, false);
  assert.equal(await guest.next('disconnect'), GONE);
});

test('who is active again comes back to what was theirs', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice, [bob]);
  await put(alice, { status: 'suspended' });
  const { id: message } = await post(bob, id, 'meanwhile');
  await put(alice, { name: 'still suspended' });
  assert.equal((await attempt({ auth: { token: token(alice) } })).outcome, 'User not authorized');
  assert.equal((await put(alice, { status: 'active' })).status, 'active');
  const client = await present(alice, id);
  assert.deepEqual((await done(200, alice, 'GET', `/api/messages?conversationId=${id}`)).messages.map((one) => one.id), [message]);
  const [seen] = await observe([client], () => post(bob, id, 'again'));
  assert.deepEqual(seen.map(([name]) => name), ['message:new']);
});

test('a user’s connections are closed, and they may come back', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  assert.deepEqual(await done(200, ADMIN, 'POST', place(alice, 'disconnect')), { disconnected: 0 });
  const clients = [await online(alice), await online(alice), await online(bob)];
  assert.deepEqual(await done(200, ADMIN, 'POST', place(alice, 'disconnect')), { disconnected: 2 });
  for (const client of clients.slice(0, 2)) assert.equal(await client.next('disconnect'), GONE);
  assert.ok(clients[2].socket.connected);
  const { lastSeenAt, ...rest } = await until(() => put(alice, {}), (seen) => seen.lastSeenAt);
  isTime(lastSeenAt);
  assert.deepEqual(rest, { id: alice.userId, name: 'Alice', status: 'active' });
  await online(alice);
});

test('a conversation is made for others, the first of whom is its admin', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const participantIds = [alice, bob, carol].map(({ userId }) => userId);
  const { conversation, participants } = await done(201, ADMIN, 'POST', '/api/admin/conversations', { participantIds, title: 'Team' });
  assert.match(conversation.id, ID);
  same(conversation, { id: conversation.id, title: 'Team', createdBy: alice.userId, createdAt: TIME, lastMessageAt: TIME });
  same(byId(participants), byId([active(alice, 'admin'), active(bob, 'member'), active(carol, 'member')]));
  await post(bob, conversation.id, 'x');
});

test('who made it and who are its admins may be named, and its id', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const participantIds = [alice, bob, carol].map(({ userId }) => userId);
  const id = unique('team');
  const fields = { id, participantIds, createdBy: bob.userId, admins: [bob.userId, carol.userId] };
  const { conversation, participants } = await done(201, ADMIN, 'POST', '/api/admin/conversations', fields);
  assert.deepEqual([conversation.id, conversation.createdBy], [id, bob.userId]);
  const roles = Object.fromEntries(participants.map(({ userId, role }) => [userId, role]));
  assert.deepEqual([roles[bob.userId], roles[carol.userId]], ['admin', 'admin']);
  assert.equal(participants.length, 3);
  const exists = { error: 'Conversation already exists', code: 'CONVERSATION_EXISTS', createdBy: bob.userId };
  await refused(409, exists, ADMIN, 'POST', '/api/admin/conversations', { ...fields, createdBy: carol.userId });
});

test('a conversation is made of users', async () => {
  const [alice] = ['Alice'].map(user);
  await refused(400, invalid('participantIds'), ADMIN, 'POST', '/api/admin/conversations', {});
  for (const participantIds of ['x', {}, [{}], [''], { $ne: null }]) await refused(422, invalid('participantIds'), ADMIN, 'POST', '/api/admin/conversations', { participantIds });
  for (const [field, bad] of [['createdBy', {}], ['createdBy', ''], ['createdBy', { $ne: null }], ['admins', 'x'], ['admins', [{}]], ['admins', { $ne: null }], ['id', {}], ['title', 7]]) {
    await refused(422, invalid(field), ADMIN, 'POST', '/api/admin/conversations', { participantIds: [alice.userId], [field]: bad });
  }
});

test('how long messages are kept is set for a conversation, and shown to all who are in it', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  await known(alice, bob);
  const id = await found(alice, [bob]);
  const path = `/api/admin/conversations/${id}`;
  const retention = async (who) => (await done(200, who, 'GET', at(id))).conversation.messageRetention;
  const set = async (messageRetention) => (await done(200, ADMIN, 'PATCH', path, { messageRetention })).conversation;
  assert.equal(await retention(bob), undefined);
  for (const seconds of [60, 7 * 24 * 3600, 366 * 24 * 3600, 0]) {
    const conversation = await set(seconds);
    assert.deepEqual([conversation.id, conversation.messageRetention], [id, seconds]);
    assert.equal(await retention(bob), seconds);
  }
  for (const [text, seconds] of [['1m', 60], ['90d', 90 * 24 * 3600], ['1h 30m', 5400], ['120000ms', 120], ['0s', 0]]) {
    assert.equal((await set(text)).messageRetention, seconds, text);
  }
  const listed = (await done(200, bob, 'GET', '/api/conversations')).conversations;
  assert.deepEqual(listed.map(({ messageRetention }) => messageRetention), [0]);
  assert.equal('messageRetention' in (await set(null)), false);
  assert.equal(await retention(bob), undefined);

  await refused(400, invalid('messageRetention'), ADMIN, 'PATCH', path, {});
  for (const messageRetention of [59, -1, 60.5, 366 * 24 * 3600 + 1, 1e300, '60', '5M', '59s', '90500ms', '367d', 'forever', '', true, {}, [60]]) {
    await refused(422, invalid('messageRetention'), ADMIN, 'PATCH', path, { messageRetention });
  }
  await refused(404, NO_CONVERSATION, ADMIN, 'PATCH', '/api/admin/conversations/nowhere', { messageRetention: 60 });
});

test('chat sockets of those in it are in it at once', async () => {
  const alice = user('Alice');
  const client = new Client({ query: { token: token(alice) } });
  await client.next('auth:success');
  const { conversation } = await done(201, ADMIN, 'POST', '/api/admin/conversations', { participantIds: [alice.userId] });
  const { data } = await done(201, alice, 'POST', '/api/messages', { chatId: conversation.id, content: 'x' });
  assert.equal((await client.next('message:new')).data.messageId, data.id);
});

test('any conversation is shown, and one that is not there is said not to be', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  await known(alice, bob);
  const id = await found(alice, [bob], { title: 'Private' });
  const { conversation, participants } = await done(200, ADMIN, 'GET', at(id));
  assert.deepEqual([conversation.id, conversation.title, conversation.createdBy], [id, 'Private', alice.userId]);
  same(byId(participants), byId([{ ...active(alice, 'admin'), name: 'Alice' }, { ...active(bob, 'member'), name: 'Bob' }]));
  await refused(404, NO_CONVERSATION, ADMIN, 'GET', at(unique('absent')));
});

test('participants are managed from outside', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice);
  const added = await done(201, ADMIN, 'POST', at(id, 'participants'), { userId: bob.userId, role: 'admin' });
  same(added, { participant: active(bob, 'admin') });
  const client = await present(bob, id);
  same(await done(200, ADMIN, 'DELETE', at(id, 'participants', bob.userId)), { participant: { ...active(bob, 'admin'), status: 'removed' } });
  assert.deepEqual(await client.next('conversation:left'), { conversationId: id });
  await done(200, ADMIN, 'DELETE', at(id, 'participants', bob.userId));
  await refused(404, { error: 'Participant not found', code: 'NOT_FOUND' }, ADMIN, 'DELETE', at(id, 'participants', unique('nobody')));
  for (const [method, path, body] of [['POST', at(unique('absent'), 'participants'), { userId: bob.userId }], ['DELETE', at(unique('absent'), 'participants', bob.userId)]]) {
    assert.equal((await call(ADMIN, method, path, body)).status, 404);
  }
});

test('an administrator changes roles, and takes the last admin out', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const id = await found(alice, [bob, carol]);
  const member = (who) => at(id, 'participants', who.userId);
  const roles = async () => {
    const { participants } = await done(200, ADMIN, 'GET', at(id));
    return Object.fromEntries(participants.filter(({ status }) => status === 'active').map(({ userId, role }) => [userId, role]));
  };
  await refused(409, { error: 'Conversation needs an admin', code: 'LAST_ADMIN' }, ADMIN, 'PATCH', member(alice), { role: 'member' });
  await done(200, ADMIN, 'PATCH', member(carol), { role: 'admin' });
  await done(200, ADMIN, 'POST', at(id, 'participants'), { userId: carol.userId, role: 'member' });
  assert.deepEqual(await roles(), { [alice.userId]: 'admin', [bob.userId]: 'member', [carol.userId]: 'member' });
  await done(200, ADMIN, 'DELETE', member(alice));
  // Both joined at the same time.
  const [first, other] = [bob.userId, carol.userId].toSorted();
  assert.deepEqual(await roles(), { [first]: 'admin', [other]: 'member' });
  await until(async () => {
    const of = async (type) => (await done(200, ADMIN, 'GET', `/api/admin/audit?event=${type}&limit=200`)).records;
    const records = [...await of('ADMIN'), ...await of('PARTICIPANT_REMOVED')];
    const reasons = records.filter(({ details }) => details.conversationId === id).map(({ eventType, details: { reason = eventType, recipient } }) => [reason, recipient]);
    const expected = [['role changed', carol.userId], ['role changed', carol.userId], ['PARTICIPANT_REMOVED', alice.userId], ['role changed', first]];
    return expected.every((one) => reasons.some((other) => JSON.stringify(other) === JSON.stringify(one)));
  });
});
