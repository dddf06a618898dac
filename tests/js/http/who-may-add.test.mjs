// Who may add whom. Started with WHO_MAY_ADD=shares-conversation.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique } from '../support/relay.mjs';
import { ADMIN, at, done, found, refused } from '../support/rest.mjs';
import { knownUsers } from '../support/feed-chat.mjs';
import { block } from '../support/blocked.mjs';

const NOT_SHARED = { error: 'No shared conversation', code: 'NO_SHARED_CONVERSATION' };
const make = (who, others) => ['POST', '/api/conversations', { participantIds: others.map(({ userId }) => userId) }];
const add = (id, { userId }) => ['POST', at(id, 'participants'), { userId }];
/** A conversation that an administrator of the server makes, whoever is in it. */
const given = async (...users) => {
  const [method, path, body] = make(null, users);
  return (await done(201, ADMIN, method, path.replace('/api', '/api/admin'), body)).conversation.id;
};

test('who shares no conversation with somebody can neither make one with them nor add them', async () => {
  const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
  await given(alice, bob);
  const id = await found(alice);
  for (const others of [[carol], [bob, carol], [{ userId: unique('nobody') }]]) {
    await refused(403, NOT_SHARED, alice, ...make(alice, others));
  }
  await refused(403, NOT_SHARED, alice, ...add(id, carol));
  await done(201, alice, ...make(alice, [bob]));
  await done(201, alice, ...add(id, bob));
  await done(200, alice, ...add(id, bob));
  assert.equal((await done(200, alice, 'GET', at(id))).participants.length, 2);
  await done(201, ADMIN, ...add(id, carol));
  await done(201, alice, ...make(alice, [bob, carol]));
});

test('who left everything that they shared is not added again, nor by a name in the form of feed', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await given(alice, bob);
  await done(200, bob, 'DELETE', at(id, 'participants', bob.userId));
  await refused(403, NOT_SHARED, alice, ...add(id, bob));
  const entries = (...names) => {
    const conversation = unique('conversation');
    const all = [alice.username, ...names];
    return { conversation_entries: all.map((username) => ({ id: conversation, username, encrypted_content_key: 'k' })) };
  };
  for (const name of [bob.username, unique('nobody')]) {
    await refused(403, NOT_SHARED, alice, 'POST', '/api/conversations', entries(name));
  }
  await given(alice, bob);
  await done(201, alice, 'POST', '/api/conversations', entries(bob.username));
  await done(201, alice, ...add(id, bob));
});

test('it is the same whether one is blocked or not', async () => {
  const [mallory, bob, carol] = await knownUsers('Mallory', 'Bob', 'Carol');
  await block(bob, mallory);
  for (const other of [bob, carol]) await refused(403, NOT_SHARED, mallory, ...make(mallory, [other]));
  const shared = await given(mallory, bob, carol);
  for (const other of [bob, carol]) await done(201, mallory, ...make(mallory, [other]));
  assert.deepEqual((await done(200, bob, 'GET', '/api/conversations')).conversations.map(({ id }) => id), [shared]);
});
