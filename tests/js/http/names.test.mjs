// Names over REST and in tokens: those that would not be seen are refused, or shown so that it is seen. Started with an admin token.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, unique, user } from '../support/relay.mjs';
import { found, present, send } from '../support/conversations.mjs';
import { ADMIN, call, done, invalid } from '../support/rest.mjs';
import { HIDDEN, VISIBLE } from '../support/names.mjs';

test('a title with a hidden character is refused, of a user and of the administrator', async () => {
  const alice = user('Alice');
  await done(200, alice, 'GET', '/api/conversations');
  for (const character of HIDDEN) {
    const body = { participantIds: [alice.userId], title: `pl${character}ans` };
    for (const [who, path] of [[alice, '/api/conversations'], [ADMIN, '/api/admin/conversations']]) {
      const { status, json } = await call(who, 'POST', path, body);
      assert.deepEqual([status, json], [422, invalid('title')], `${path} ${escape(character)}`);
    }
  }
  for (const title of VISIBLE) {
    const { conversation } = await done(201, alice, 'POST', '/api/conversations', { participantIds: [], title });
    assert.equal(conversation.title, title);
  }
});

test('a name that the administrator gives is refused likewise', async () => {
  const { userId } = user('Alice');
  for (const character of HIDDEN) {
    const { status, json } = await call(ADMIN, 'PUT', `/api/admin/users/${userId}`, { name: `al${character}ice` });
    assert.deepEqual([status, json], [422, invalid('name')], escape(character));
  }
  for (const name of VISIBLE) {
    assert.equal((await done(200, ADMIN, 'PUT', `/api/admin/users/${userId}`, { name })).user.name, name);
  }
});

test('a token with such a name lets the user in, and others see that something is there', async () => {
  for (const character of HIDDEN) {
    const alice = { ...user('Alice'), username: `Al${character}ice` };
    const bob = user('Bob');
    const id = await found(alice, [bob]);
    const [one, other] = [await present(alice, id), await present(bob, id)];
    await send(one);
    const { sender } = await other.next('message:new');
    assert.equal(sender.name, 'Al\ufffdice', escape(character));
  }
});

test('a token in whose name nothing is seen shows the id', async () => {
  const alice = { ...user('Alice'), username: '\u200b\u202e ' };
  const bob = user('Bob');
  const id = await found(alice, [bob]);
  const [one, other] = [await present(alice, id), await present(bob, id)];
  await send(one);
  assert.equal((await other.next('message:new')).sender.name, alice.userId);
});

test('names are found however their characters are composed, and shown as they are written', async () => {
  const alice = user('Alice');
  const renée = { userId: unique('renee'), username: `Rene\u0301e ${unique('x')}` };
  for (const who of [alice, renée]) (await connect(who)).close();
  const entry = (username) => ({ id: 'talk', username, encrypted_content_key: 'k' });
  const entries = [entry(alice.username), entry(renée.username.normalize('NFC'))].map((one) => ({ ...one, id: unique.id ??= unique('talk') }));
  const { participants } = await done(201, alice, 'POST', '/api/conversations', { conversation_entries: entries });
  assert.deepEqual(new Set(participants.map(({ userId }) => userId)), new Set([alice.userId, renée.userId]));
});
