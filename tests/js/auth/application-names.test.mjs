// Tokens with only an id, with USERS_COLLECTION: names from the application's own collection. The test that starts the server has
// put users there, as PEOPLE says: `{id, name}` of each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, connect, token, unique, user } from '../support/relay.mjs';
import { conversation, must, rest } from '../support/feed-chat.mjs';
import { ADMIN, done } from '../support/rest.mjs';

const PEOPLE = JSON.parse(process.env.PEOPLE);
const SEALED = { ciphertext: 'c', iv: 'i', tag: 't', seq: 1 };

/** How a user whose token says only this is called. */
async function nameOf(claims) {
  const [client, bob] = [await connect(claims, { auth: { token: token(claims), dialect: 'direct' } }), await connect(user('Bob'))];
  await client.ask('send_message', { recipientId: bob.userId, ...SEALED });
  return (await bob.next('receive_message')).senderUsername;
}

for (const { id, name } of PEOPLE) {
  test(`the user ${id} is called ${name}`, async () => {
    assert.equal(await nameOf({ userId: id }), name);
    assert.equal(await nameOf({ userId: id, username: 'Token' }), 'Token');
  });
}

test('who is not there is called by the id', async () => {
  const id = unique('nobody');
  assert.equal(await nameOf({ userId: id }), id);
});

test('who was named by an administrator is called so', async () => {
  const { id } = PEOPLE[1];
  await done(200, ADMIN, 'PUT', `/api/admin/users/${id}`, { name: 'Provisioned' });
  assert.equal(await nameOf({ userId: id }), 'Provisioned');
});

test('histories have the name, and what is done over REST', async () => {
  const { id, name } = PEOPLE[2];
  const other = { userId: unique('other'), username: unique('Other') };
  await must(200, rest(other, 'GET /api/conversations'));
  const made = await conversation({ userId: id }, [other]);
  await must(201, rest({ userId: id }, 'POST /api/messages', { conversationId: made, content: 'x' }));
  const { messages } = await must(200, rest(other, `GET /api/messages?conversationId=${made}`));
  assert.equal(messages[0].sender?.name ?? (await listed(other, made, id)), name);
});

/** The name in the list of participants. */
async function listed(who, conversationId, id) {
  const { participants } = await must(200, rest(who, `GET /api/conversations/${conversationId}`));
  const found = participants.find(({ userId }) => userId === id);
  return found.name ?? found.user?.name;
}

test('a field that is no name keeps nobody out', async () => {
  const { outcome } = await attempt({ auth: { token: token({ userId: process.env.NAMELESS }) } });
  assert.equal(outcome, 'connected');
  assert.equal(await nameOf({ userId: process.env.NAMELESS }), process.env.NAMELESS);
});
