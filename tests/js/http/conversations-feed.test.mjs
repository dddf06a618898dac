// REST: making conversations as clients of the dialect `feed` do, by entries that name users and their keys.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { TIME, same, unique, user } from '../support/relay.mjs';
import { ID, at, byId, call, done, known, refused } from '../support/rest.mjs';

const PATH = '/api/conversations';
const NO_ENTRIES = { error: 'Conversation entries array is required', code: 'INVALID_INPUT', field: 'conversation_entries' };
const BAD_ENTRY = { error: 'Invalid conversation entry format', code: 'INVALID_INPUT', field: 'conversation_entries' };

/** Users the server knows; nobody else has their names. */
async function knownUsers(...names) {
  const users = names.map((name) => ({ ...user(name), username: unique(name) }));
  await known(...users);
  return users;
}

const entry = ({ username }, id, number = 1) => ({
  id, username, encrypted_content_key: `key of ${username}`, content_key_number: number,
});
const create = (who, entries) => done(201, who, 'POST', PATH, { conversation_entries: entries });
const active = ({ userId }, role) => ({ userId, role, status: 'active', joinedAt: TIME });

test('entries with one id make the conversation of that id', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = unique('feed');
  const { conversation, participants, ...rest } = await create(alice, [entry(bob, id, 3), entry(alice, id, 2)]);
  assert.deepEqual(rest, { message: 'Conversation created successfully' });
  assert.deepEqual(conversation.participants.sort(), [alice.username, bob.username].sort());
  const { createdAt } = conversation;
  same({ ...conversation, participants: [] }, {
    id, content_key_number: 2, encrypted_content_key: `key of ${alice.username}`, participants: [], created_at: Date.parse(createdAt), createdBy: alice.userId, createdAt: TIME, lastMessageAt: createdAt,
  });
  same(byId(participants), byId([active(alice, 'admin'), active(bob, 'member')]));
});

test('the id may be an integer and stays one', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = randomInt(2 ** 47);
  const { conversation } = await create(alice, [entry(alice, id), entry(bob, id)]);
  assert.strictEqual(conversation.id, id);
  assert.strictEqual((await done(200, bob, 'GET', at(id))).conversation.id, id);
  const again = { error: 'Conversation already exists', code: 'CONVERSATION_EXISTS', createdBy: alice.userId };
  await refused(409, again, alice, 'POST', PATH, { conversation_entries: [entry(alice, String(id)), entry(bob, String(id))] });
});

test('entries with an id each are named by their users, and the conversation gets an id of its own', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const { conversation, participants } = await create(alice, [entry(alice, alice.userId), entry(bob, bob.userId)]);
  assert.match(conversation.id, ID);
  same(byId(participants), byId([active(alice, 'admin'), active(bob, 'member')]));
});

test('a single entry names the conversation, unless it names the caller', async () => {
  const [alice] = await knownUsers('Alice');
  const id = unique('alone');
  assert.equal((await create(alice, [entry(alice, id)])).conversation.id, id);
  assert.match((await create(alice, [entry(alice, alice.userId)])).conversation.id, ID);
});

test('each participant is shown their own key', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = unique('feed');
  const encrypted = '\u0000"\\/é💬\u2028 with \\u0041';
  await create(alice, [{ ...entry(alice, id, 1), encrypted_content_key: encrypted }, entry(bob, id, 2)]);
  for (const [who, key, number] of [[alice, encrypted, 1], [bob, `key of ${bob.username}`, 2]]) {
    const { conversation } = await done(200, who, 'GET', at(id));
    const { conversations: [listed] } = await done(200, who, 'GET', PATH);
    for (const seen of [conversation, listed]) assert.deepEqual([seen.encrypted_content_key, seen.content_key_number], [key, number]);
  }
  const { body } = await call(bob, 'GET', at(id));
  assert.ok(!body.includes('with'), 'not the key of another');
});

test('the caller must be among them', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = unique('feed');
  const { status, json } = await call(alice, 'POST', PATH, { conversation_entries: [entry(bob, id)] });
  assert.deepEqual([status, json.error], [403, 'User must be a participant in the conversation']);
  await refused(404, { error: 'Conversation not found', code: 'NOT_FOUND' }, bob, 'GET', at(id));
});

test('entries must be a list of them', async () => {
  const [alice] = await knownUsers('Alice');
  for (const entries of [[], {}, 'x', 7, null, true, { length: 1 }]) {
    await refused(400, NO_ENTRIES, alice, 'POST', PATH, { conversation_entries: entries });
  }
});

test('an entry has all its fields', async () => {
  const [alice] = await knownUsers('Alice');
  const good = entry(alice, unique('feed'));
  const without = (name) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));
  const wrong = [
    'x', 7, null, [], {}, ...['id', 'username', 'encrypted_content_key'].map(without),
    ...[{}, [], true, '', null, 'x'.repeat(129), 1.5, { $ne: null }].map((id) => ({ ...good, id })),
    ...[{}, [], true, 7, '', null, { $ne: null }].map((username) => ({ ...good, username })),
    ...['', null, 'x'.repeat(100_000)].map((key) => ({ ...good, encrypted_content_key: key })),
    ...[{}, [], true, '1', 1.5, 2 ** 64, { $gt: 0 }].map((number) => ({ ...good, content_key_number: number })),
  ];
  for (const bad of wrong) {
    await refused(400, BAD_ENTRY, alice, 'POST', PATH, { conversation_entries: [bad] });
    await refused(400, BAD_ENTRY, alice, 'POST', PATH, { conversation_entries: [good, bad] });
  }
  assert.equal((await create(alice, [without('content_key_number')])).conversation.content_key_number, 1);
});
