// REST: what one user may have stored. Started with small quotas (`tests/it/clients.rs`).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique, user } from '../support/relay.mjs';
import { online } from '../support/conversations.mjs';
import { ADMIN, at, call, done, invalid, refused } from '../support/rest.mjs';

const PATH = '/api/messages';
const [CONVERSATIONS, PARTICIPANTS, BYTES, CONTENT, MOST] = [
  'CONVERSATIONS_PER_DAY', 'PARTICIPANTS_PER_DAY', 'STORED_BYTES_PER_DAY', 'MAX_CONTENT_BYTES', 'MAX_PARTICIPANTS',
].map((name) => Number(process.env[name]));
const LIMITED = { error: 'Rate limit exceeded', code: 'RATE_LIMIT' };

const found = (who, participantIds = []) => call(who, 'POST', '/api/conversations', { participantIds });
const people = (count) => Array.from({ length: count }, () => unique('somebody'));
const statuses = (answers) => answers.map(({ status }) => status);

test('the quotas are the ones this suite counts on', () => {
  for (const value of [CONVERSATIONS, PARTICIPANTS, BYTES, CONTENT, MOST]) assert.ok(value > 0);
});

test('a user makes so many conversations in a day, others still may, and administrators', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const answers = [];
  for (let count = 0; count <= CONVERSATIONS; count += 1) answers.push(await found(alice));
  assert.deepEqual(statuses(answers), [...Array(CONVERSATIONS).fill(201), 429]);
  assert.deepEqual(answers.at(-1).json, LIMITED);
  assert.equal((await found(bob)).status, 201);
  await done(201, ADMIN, 'POST', '/api/admin/conversations', { participantIds: [alice.userId] });
});

test('a user adds so many participants in a day, with new conversations and to old ones', async () => {
  const alice = user('Alice');
  const { json } = await found(alice, people(PARTICIPANTS - 3));
  const path = at(json.conversation.id, 'participants');
  const add = () => call(alice, 'POST', path, { userId: unique('another') });
  assert.deepEqual(statuses([await add(), await add(), await add()]), [201, 201, 429]);
  assert.equal((await found(alice, people(1))).status, 429);
  await done(201, ADMIN, 'POST', path, { userId: unique('another') });
});

test('a conversation has so many participants, whoever makes it and whoever adds them', async () => {
  const FULL = { error: 'Conversation is full', code: 'CONVERSATION_FULL' };
  const alice = user('Alice');
  await refused(422, invalid('participantIds'), alice, 'POST', '/api/conversations', { participantIds: people(MOST + 1) });
  const { json } = await found(alice, people(9));
  const path = at(json.conversation.id, 'participants');
  const others = people(MOST - 10);
  for (const userId of others) await done(201, ADMIN, 'POST', path, { userId });
  const [next] = people(1);
  for (const who of [alice, ADMIN]) await refused(409, FULL, who, 'POST', path, { userId: next });
  // Who is one already takes no place, and who leaves frees one.
  await done(200, alice, 'POST', path, { userId: others[0] });
  await done(200, alice, 'DELETE', at(json.conversation.id, 'participants', others[0]));
  const added = await Promise.all([next, ...people(3)].map((userId) => call(ADMIN, 'POST', path, { userId })));
  assert.deepEqual(statuses(added).toSorted(), [201, 409, 409, 409]);
});

test('a user has so many bytes stored in a day, over REST and sockets together', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const { json } = await found(alice, [bob.userId]);
  const conversationId = json.conversation.id;
  const content = 'x'.repeat(CONTENT / 2);
  const client = await online(alice);
  let taken = 0;
  for (;; taken += 1) {
    const answer = taken % 2 === 0
      ? (await call(alice, 'POST', PATH, { conversationId, content })).json
      : await client.ask('message:send', { conversationId, content });
    if (answer.code === LIMITED.code || answer.error?.code === LIMITED.code) break;
    assert.ok(answer.message || answer.success, JSON.stringify(answer));
  }
  const most = BYTES / content.length;
  assert.ok(taken > most / 2 && taken <= most, `${taken} of ${most}`);
  await done(201, bob, 'POST', PATH, { conversationId, content });
});

test('content is bounded in bytes as well as in characters', async () => {
  const alice = user('Alice');
  const { json } = await found(alice);
  const conversationId = json.conversation.id;
  const characters = CONTENT / 4;
  await done(201, alice, 'POST', PATH, { conversationId, content: 'x'.repeat(characters) });
  const escaped = `{"conversationId":"${conversationId}","content":"${'\\u0078'.repeat(characters)}"}`;
  await refused(422, invalid('content'), alice, 'POST', PATH, escaped);
});
