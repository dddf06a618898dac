// `feed`: conversations with people who were not here yet. Whoever is known by the name later takes part.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { token, unique } from '../support/relay.mjs';
import { changed, chat, feed, feedMessage, knownUsers, must, observe, person, rest } from '../support/feed-chat.mjs';
import { ADMIN, call } from '../support/rest.mjs';

const entry = (id, { username }) => ({ id, username, encrypted_content_key: `key for ${username}`, content_key_number: 7 });
/** A conversation of the first of them. */
async function make(maker, ...others) {
  const id = unique('conversation');
  const all = [maker, ...others].map((who) => entry(id, who));
  return must(201, rest(maker, 'POST /api/conversations', { conversation_entries: all }));
}
/** The ids of the conversations that somebody lists, each with its key. */
async function listed(who) {
  const { conversations } = await must(200, rest(who, 'GET /api/conversations'));
  return Object.fromEntries(conversations.map((one) => [one.id, one]));
}
const provision = (id, name) => call(ADMIN, 'PUT', `/api/admin/users/${encodeURIComponent(id)}`, { name });
/** Whose id is their name, as in deployments without numbers. */
const named = (name) => { const userId = unique(name); return { userId, username: userId }; };
const names = ({ participants }) => participants.toSorted();

test('a conversation is made with somebody who was not here yet, as with anybody else', async () => {
  const [alice, carol] = await knownUsers('Alice', 'Carol');
  const bob = person('Bob');
  const { conversation, participants } = await make(alice, bob, carol);
  assert.deepEqual(names(conversation), [alice, bob, carol].map((who) => who.username).toSorted());
  const pending = participants.filter((one) => one.pending);
  assert.deepEqual(pending.map((one) => one.userId), [bob.username]);
});

test('they find it with its key and what was written when they come, by whichever way', async () => {
  const ways = { rest: listed, feed, chat, token: (who) => rest(who, 'GET /api/messages?conversationId=x') };
  for (const [way, comes] of Object.entries(ways)) {
    const [alice] = await knownUsers('Alice');
    const bob = person('Bob');
    const { conversation: { id } } = await make(alice, bob);
    for (let n = 0; n < 3; n += 1) await feedMessage(alice, id);
    await comes(bob);
    const own = (await listed(bob))[id];
    assert.ok(own, way);
    assert.deepEqual([own.encrypted_content_key, own.content_key_number], [`key for ${bob.username}`, 7], way);
    assert.equal(own.unreadCount, 3, way);
    const { messages } = await must(200, rest(bob, `GET /api/messages/${id}`));
    assert.equal(messages.length, 3, way);
    const { participants } = await must(200, rest(alice, `GET /api/conversations/${id}`));
    const now = participants.map(({ userId, status, pending }) => [userId, status, pending]);
    assert.deepEqual(now.toSorted(), [
      [alice.userId, 'active', undefined], [bob.userId, 'active', undefined], [bob.username, 'removed', undefined],
    ].toSorted(), way);
  }
});

test('the others are told, and what is written from then on reaches them live', async () => {
  const [alice] = await knownUsers('Alice');
  const bob = person('Bob');
  const { conversation: { id } } = await make(alice, bob);
  const client = await feed(alice);
  let theirs;
  const [seen] = await observe([client], async () => { theirs = await chat(bob); });
  const added = { conversationId: id, usernames: [bob.username], added_by: bob.username };
  assert.deepEqual(seen, changed('conversation-participants-added', added));
  const [got] = await observe([theirs], () => feedMessage(alice, id));
  assert.deepEqual(got.map(([name]) => name), ['message:new']);
  const { changes } = await must(200, rest(alice, `GET /api/conversations/${id}/changes?after=0`));
  const { type, participant, inPlaceOf, by } = changes.find((change) => change.type === 'participant:added');
  assert.deepEqual([type, participant.userId, inPlaceOf, by], ['participant:added', bob.userId, bob.username, { type: 'user', userId: bob.userId }]);
});

test('an administrator who gives somebody the name puts them there, connected or not', async () => {
  const [alice, robert] = await knownUsers('Alice', 'Robert');
  const name = unique('bob');
  const { conversation: { id } } = await make(alice, { username: name });
  assert.equal((await provision(robert.userId, name)).status, 200);
  assert.ok((await listed(robert))[id]);
  const { conversation: next } = await make(alice, { username: name });
  assert.ok((await listed(robert))[next.id], 'and is found by it from then on');
});

test('a name in a token redirects nothing that is meant for another', async () => {
  const [alice] = await knownUsers('Alice');
  const bob = named('bob');
  await listed(bob);
  const mallory = { userId: unique('mallory'), username: bob.userId };
  await listed(mallory);
  const { conversation: { id } } = await make(alice, bob);
  assert.ok((await listed(bob))[id], 'it is the user with this id');
  assert.equal((await listed(mallory))[id], undefined);

  const given = unique('dora');
  const dora = person('Dora');
  await provision(dora.userId, given);
  const eve = { userId: unique('eve'), username: given };
  await listed(eve);
  const { conversation: second } = await make(alice, { username: given });
  assert.ok((await listed(dora))[second.id], 'it is whom the administrator gave the name');
  assert.equal((await listed(eve))[second.id], undefined);
});

test('where names are ids, a name is the id of somebody who may not have been here', async () => {
  const alice = named('alice');
  const bob = named('bob');
  const mallory = { userId: unique('mallory'), username: bob.userId };
  await listed(mallory);
  const { conversation: { id }, participants } = await make(alice, bob);
  assert.ok(participants.every((one) => !one.pending));
  assert.equal((await listed(mallory))[id], undefined);
  await listed({ ...mallory, username: bob.userId, userId: unique('mallory') });
  assert.ok((await listed(bob))[id]);
});

test('a name that two have means neither, and a name to show means nobody', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  await listed({ userId: unique('other'), username: bob.username });
  const { conversation: { id }, participants } = await make(alice, bob);
  assert.equal(participants.filter((one) => one.pending).length, 1);
  assert.equal((await listed(bob))[id], undefined);

  const shown = unique('Bo');
  const bo = unique('bo');
  const headers = { Authorization: `Bearer ${token({ userId: bo, name: shown })}` };
  await call(null, 'GET', '/api/conversations', undefined, headers);
  const { participants: others } = await make(alice, { username: shown });
  assert.equal(others.filter((one) => one.pending).length, 1);
  const own = await call(null, 'GET', '/api/conversations', undefined, headers);
  assert.deepEqual(own.json.conversations, []);
});

test('who takes part already takes nobody\'s place', async () => {
  const [alice] = await knownUsers('Alice');
  const bob = person('Bob');
  const { conversation: { id } } = await make(alice, bob);
  await must(201, rest(alice, `POST /api/conversations/${id}/participants`, { userId: bob.userId, role: 'admin' }));
  await listed(bob);
  const { participants } = await must(200, rest(alice, `GET /api/conversations/${id}`));
  const active = participants.filter((one) => one.status === 'active').map(({ userId, role }) => [userId, role]);
  assert.deepEqual(active.toSorted(), [[alice.userId, 'admin'], [bob.userId, 'admin']].toSorted());
});

test('somebody who comes while it is made is not missed', async () => {
  const [alice] = await knownUsers('Alice');
  for (let round = 0; round < 20; round += 1) {
    const bob = person('Bob');
    const [{ conversation: { id } }] = await Promise.all([make(alice, bob), listed(bob)]);
    assert.ok((await listed(bob))[id], `round ${round}`);
  }
});
