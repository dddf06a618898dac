// REST: making conversations, listing them, reading one.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { TIME, same, unique, user } from '../support/relay.mjs';
import {
  ID, NO_CONVERSATION, at, bearer, byId, call, done, found, invalid, known, past, post, read, refused,
} from '../support/rest.mjs';

const PATH = '/api/conversations';
const EXISTS = { error: 'Conversation already exists', code: 'CONVERSATION_EXISTS' };
const active = ({ userId }, role) => ({ userId, role, status: 'active', joinedAt: TIME });
const create = (who, body) => done(201, who, 'POST', PATH, body);
const list = async (who, query = '') => (await done(200, who, 'GET', PATH + query)).conversations;
const integer = () => randomInt(2 ** 47);

test('who makes a conversation is its admin, the others are members', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const { conversation, participants, ...rest } = await create(alice, { participantIds: [bob.userId, carol.userId], title: 'Lunch' });
  assert.deepEqual(rest, {});
  assert.match(conversation.id, ID);
  same(conversation, { id: conversation.id, title: 'Lunch', createdBy: alice.userId, createdAt: TIME, lastMessageAt: conversation.createdAt });
  same(byId(participants), byId([active(alice, 'admin'), active(bob, 'member'), active(carol, 'member')]));
});

test('what is optional may be missing or null, and what is unknown is told as it is', async () => {
  const alice = user('Alice');
  const empty = await create(alice, { participantIds: [], id: null, title: null });
  assert.match(empty.conversation.id, ID);
  assert.equal(empty.conversation.title, undefined);
  const known = { createdBy: 'somebody else', role: 'member', lastMessageAt: 1 };
  const unknown = { admins: ['x'], extra: { a: [1] } };
  const { conversation, participants } = await create(alice, { participantIds: [], ...known, ...unknown });
  same(conversation, { id: conversation.id, createdBy: alice.userId, createdAt: TIME, lastMessageAt: TIME, ...unknown });
  same(participants, [active(alice, 'admin')]);
});

test('a participant who is named twice, or made the conversation, is one', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const { participants } = await create(alice, { participantIds: [bob.userId, alice.userId, bob.userId] });
  same(byId(participants), byId([active(alice, 'admin'), active(bob, 'member')]));
});

test('users may be named by integers, which are the same users as their text', async () => {
  const bob = { userId: integer(), username: 'Bob' };
  const { conversation, participants } = await create(user('Alice'), { participantIds: [bob.userId, String(bob.userId)] });
  assert.deepEqual(participants.map(({ userId }) => userId).filter((id) => id === String(bob.userId)).length, 1);
  assert.equal((await list(bob))[0].id, conversation.id);
});

test('a given id is preserved, whatever text it is', async () => {
  const alice = user('Alice');
  for (const id of ['x'.repeat(128 - 24), 'a/b?c=d&e#f%20 g', 'ünïcode 💬', "'; DROP TABLE messages; --", '{"$ne":null}', '../..', '%2F', 'read']) {
    const given = `${id}${unique('')}`.slice(-128);
    assert.equal((await create(alice, { id: given, participantIds: [] })).conversation.id, given);
    assert.equal((await done(200, alice, 'GET', at(given))).conversation.id, given);
  }
});

test('a given id is the integer or the text that it was made as, for all who read it', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  for (const id of [integer(), -integer(), String(integer()), `0${integer()}`]) {
    assert.strictEqual((await create(alice, { id, participantIds: [bob.userId] })).conversation.id, id);
    for (const who of [alice, bob]) {
      assert.strictEqual((await done(200, who, 'GET', at(id))).conversation.id, id);
      assert.strictEqual((await list(who)).find((one) => String(one.id) === String(id)).id, id);
    }
    await refused(409, { ...EXISTS, createdBy: alice.userId }, alice, 'POST', PATH, { id: String(id), participantIds: [] });
  }
});

test('an integer id keeps all its digits', async () => {
  const alice = user('Alice');
  const id = `9${String(integer()).padStart(17, '0')}`;
  const { body } = await call(alice, 'POST', PATH, `{"id":${id},"participantIds":[]}`);
  assert.match(body, new RegExp(`"id":${id}\\D`));
  assert.equal((await list(alice))[0].id, id);
});

test('who chose an id that another took first, and made them a participant, learns whose conversation it is', async () => {
  const [alice, mallory] = ['Alice', 'Mallory'].map(user);
  const id = await found(mallory, [alice], { id: unique('taken') });
  await refused(409, { ...EXISTS, createdBy: mallory.userId }, alice, 'POST', PATH, { id, participantIds: [] });
});

test('an id that is taken is refused, to everybody, and nothing is changed', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice, [], { id: unique('taken'), title: 'First' });
  const second = { id, participantIds: [bob.userId], title: 'Second' };
  await refused(409, { ...EXISTS, createdBy: alice.userId }, alice, 'POST', PATH, second);
  await refused(409, EXISTS, bob, 'POST', PATH, second);
  const { conversation, participants } = await done(200, alice, 'GET', at(id));
  assert.equal(conversation.title, 'First');
  assert.deepEqual(participants.map(({ userId }) => userId), [alice.userId]);
  assert.deepEqual(await list(bob), []);
});

test('of a hundred who make the same conversation at once one does', async () => {
  const id = unique('race');
  const answers = await Promise.all(Array.from({ length: 100 }, () => call(user('Alice'), 'POST', PATH, { id, participantIds: [] })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, ...Array(99).fill(409)]);
});

test('bad fields are named', async () => {
  const alice = user('Alice');
  const participantIds = [];
  await refused(400, invalid('participantIds'), alice, 'POST', PATH, {});
  await refused(400, invalid('participantIds'), alice, 'POST', PATH, { title: 'Lunch' });
  for (const bad of ['bob', {}, 7, true, { $ne: null }, [{}], [['bob']], [true], [null], [1.5], [''], ['x'.repeat(129)], ['a\nb'], [{ $gt: '' }]]) {
    await refused(422, invalid('participantIds'), alice, 'POST', PATH, { participantIds: bad });
  }
  for (const id of ['', 'x'.repeat(129), 'ü'.repeat(65), 'a\u0000b', 'a\nb', 1.5, 2 ** 64, true, {}, [], { $ne: null }]) {
    await refused(422, invalid('id'), alice, 'POST', PATH, { id, participantIds });
  }
  for (const title of ['', 'x'.repeat(1025), 7, true, {}, [], { $ne: null }]) {
    await refused(422, invalid('title'), alice, 'POST', PATH, { title, participantIds });
  }
  assert.deepEqual(await list(alice), []);
});

test('a thousand others may be participants, one more may not', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const others = Array.from({ length: 1000 }, (_, index) => `${index}-`.padEnd(128, 'x'));
  const { participants } = await create(alice, { participantIds: [...others.slice(1), bob.userId] });
  assert.equal(participants.length, 1001);
  await refused(422, invalid('participantIds'), alice, 'POST', PATH, { participantIds: [...others, bob.userId] });
});

test('a list has what concerns the caller', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  await known(alice, bob);
  const { conversation } = await create(alice, { participantIds: [bob.userId, carol.userId], title: 'Lunch' });
  const entry = (role) => ({
    ...conversation, role, unreadCount: 0, participants: ['Alice', 'Bob', carol.userId].sort(), created_at: Date.parse(conversation.createdAt),
  });
  for (const [who, role] of [[alice, 'admin'], [bob, 'member']]) {
    const [{ participants, ...seen }, ...others] = await list(who);
    assert.deepEqual([{ ...seen, participants: participants.sort() }, others], [entry(role), []]);
    const one = await done(200, who, 'GET', at(conversation.id));
    assert.deepEqual({ ...one.conversation, participants: one.conversation.participants.sort() }, entry(role));
  }
});

test('a conversation names who is a participant', async () => {
  const [alice, bob, carol] = [{ ...user('Alice'), avatarUrl: 'https://pictures.test/alice' }, user('Bob'), user('Carol')];
  await known(alice, bob);
  const id = await found(alice, [bob, carol]);
  const { participants, ...rest } = await done(200, bob, 'GET', at(id));
  assert.deepEqual(Object.keys(rest), ['conversation']);
  same(byId(participants), byId([
    { ...active(alice, 'admin'), name: 'Alice', avatarUrl: alice.avatarUrl },
    { ...active(bob, 'member'), name: 'Bob' },
    { ...active(carol, 'member'), name: carol.userId },
  ]));
});

test('the newest message is listed first', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const ids = [];
  for (const _ of [1, 2, 3]) {
    const { conversation } = await create(alice, { participantIds: [bob.userId] });
    ids.unshift(conversation.id);
    await past(conversation.lastMessageAt);
  }
  const order = async (who, query) => (await list(who, query)).map(({ id }) => id);
  assert.deepEqual(await order(alice), ids);
  for (const id of [ids[1], ids[2], ids[1]]) {
    const { createdAt } = await post(bob, id, 'news');
    assert.equal((await list(alice))[0].lastMessageAt, createdAt);
    await past(createdAt);
  }
  for (const who of [alice, bob]) assert.deepEqual(await order(who), [ids[1], ids[2], ids[0]]);
  assert.deepEqual(await order(alice, '?limit=2'), [ids[1], ids[2]]);
});

test('the length of a list is 1 to 200, and who wants more gets that', async () => {
  const alice = user('Alice');
  await found(alice);
  for (const limit of ['0', '-1', '+1', 'x', '1.5', '1e2', '{"$gt":0}']) {
    await refused(400, invalid('limit'), alice, 'GET', `${PATH}?limit=${encodeURIComponent(limit)}`);
  }
  for (const limit of ['1', '200', '201', '500', '99999999999999999999']) assert.equal((await list(alice, `?limit=${limit}`)).length, 1);
});

/** Reads a list to its end, in parts of `limit`; `between` runs after each. */
async function parts(who, limit, between = async () => {}) {
  const all = [];
  for (let query = `?limit=${limit}`; ; ) {
    const { conversations, nextCursor } = await done(200, who, 'GET', PATH + query);
    assert.ok(conversations.length <= limit);
    all.push(conversations.map(({ id }) => id));
    if (nextCursor === undefined) return all;
    await between(all.length);
    query = `?limit=${limit}&cursor=${encodeURIComponent(nextCursor)}`;
  }
}

test('a list of more than 200 is read to its end', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  for (let made = 0; made < 230; made += 23) await Promise.all(Array.from({ length: 23 }, () => create(alice, { participantIds: [bob.userId] })));
  const whole = await done(200, bob, 'GET', PATH);
  assert.equal(whole.conversations.length, 200);
  const [first, second, ...others] = await parts(bob, 200);
  assert.deepEqual([first, second.length, others], [whole.conversations.map(({ id }) => id), 30, []]);
  assert.equal(new Set([...first, ...second]).size, 230);
  assert.equal((await done(200, bob, 'GET', `${PATH}?cursor=${whole.nextCursor}`)).conversations.length, 30);
});

test('a list in parts has each conversation once, whatever is sent and made meanwhile', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const ids = [];
  for (let made = 0; made < 11; made += 1) {
    const { conversation } = await create(alice, { participantIds: [bob.userId], ...(made % 3 ? {} : { id: integer() }) });
    ids.unshift(conversation.id);
    await past(conversation.lastMessageAt);
  }
  assert.deepEqual(await parts(alice, 3), [ids.slice(0, 3), ids.slice(3, 6), ids.slice(6, 9), ids.slice(9)]);
  const read = await parts(alice, 3, async (part) => {
    // The last one, which was not read yet, one that was, and a new one.
    for (const id of [ids.at(-1), ids[0]]) await past((await post(bob, id, `part ${part}`)).createdAt);
    await past((await create(bob, { participantIds: [alice.userId] })).conversation.createdAt);
  });
  assert.deepEqual(read.flat(), ids);
});

test('a cursor that no list has given is refused', async () => {
  const alice = user('Alice');
  for (const cursor of ['x', '0', 'AQ', 'AQAA', '{}', unique('id')]) {
    await refused(400, invalid('cursor'), alice, 'GET', `${PATH}?cursor=${encodeURIComponent(cursor)}`);
  }
  assert.deepEqual(await list(alice, '?cursor='), []);
});

test('what others wrote and the caller has not read is counted', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const conversationId = await found(alice, [bob]);
  const unread = async (who) => (await list(who))[0].unreadCount;
  const sent = [];
  for (const content of ['one', 'two', 'three', 'four']) sent.push((await post(bob, conversationId, content)).id);
  assert.deepEqual([await unread(alice), await unread(bob)], [4, 0]);
  await done(200, alice, 'POST', '/api/messages/read', { conversationId, messageIds: [sent[0], sent[0]] });
  assert.equal(await unread(alice), 3);
  await done(200, bob, 'DELETE', `/api/messages/${sent[1]}`);
  await done(200, alice, 'DELETE', `/api/messages/${sent[2]}?forAll=false`);
  await done(200, bob, 'PATCH', `/api/messages/${sent[3]}`, { content: 'edited' });
  assert.deepEqual([await unread(alice), await unread(bob)], [1, 0]);
  await post(alice, conversationId, 'own');
  assert.deepEqual([await unread(alice), await unread(bob)], [1, 1]);
  assert.equal((await done(200, alice, 'GET', at(conversationId))).conversation.unreadCount, 1);
});

test('what was written before somebody was added is not unread for them', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice);
  await post(alice, id, 'before');
  await done(201, alice, 'POST', at(id, 'participants'), { userId: bob.userId });
  assert.equal((await list(bob))[0].unreadCount, 0);
  assert.equal((await read(bob, id)).messages.length, 1);
});

test('a conversation of others is as one that is not there', async () => {
  const [alice, mallory] = ['Alice', 'Mallory'].map(user);
  const foreign = await found(alice);
  for (const id of [foreign, unique('absent'), 'x'.repeat(200), 'a\nb', '%', '7']) await refused(404, NO_CONVERSATION, mallory, 'GET', at(id));
  assert.deepEqual(await list(mallory), []);
  await refused(403, { error: 'Invalid or expired token', code: 'INVALID_TOKEN' }, bearer('nonsense'), 'GET', at(foreign));
});
