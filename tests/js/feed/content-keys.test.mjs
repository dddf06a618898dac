// `feed`: adding participants with and without what was said before, new content keys for all, and leaving.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MILLIS, same, unique } from '../support/relay.mjs';
import {
  DONE, SEALED, changed, feed, feedMessage, feedPost, knownUsers, must, number, observe, person, reader, refused, rest, talker,
} from '../support/feed-chat.mjs';

const ADDED = 'conversation-participants-added';
const REMOVED = 'conversation-participants-removed';
const ROTATED = 'conversation-key-rotated';
const keyFor = ({ username }, n = 1) => `key ${n} for ${username}`;
const entry = (who, n) => ({ username: who.username, encrypted_content_key: keyFor(who, n) });
const shared = (who, ...numbers) =>
  ({ username: who.username, keys: numbers.map((n) => ({ content_key_number: n, encrypted_content_key: keyFor(who, n) })) });
const usernames = (...all) => all.map(({ username }) => username);

/** A conversation that `all` make as the deployed client does, under a number: its id. */
async function make(...all) {
  const id = number();
  const entries = all.map((who) => ({ id, content_key_number: 1, ...entry(who, 1) }));
  await must(201, rest(all[0], 'POST /api/conversations', { conversation_entries: entries }));
  return id;
}

const change = (who, id, body) => rest(who, `POST /api/conversations/${id}/participants`, body);
const share = (who, id, ...entries) => change(who, id, { share_history: true, entries });
const rotate = (who, id, n, ...all) => change(who, id, { share_history: false, content_key_number: n, entries: all.map((one) => entry(one, n)) });
const leave = (who, id, body) => rest(who, `DELETE /api/conversations/${id}`, body);

/** A conversation as one finds it in the list, and by itself. */
async function listed(who, id) {
  const { conversations } = await must(200, rest(who, 'GET /api/conversations'));
  const found = conversations.find((one) => one.id === id);
  if (found) {
    const { conversation } = await must(200, rest(who, `GET /api/conversations/${id}`));
    assert.deepEqual(conversation.keys, found.keys);
  }
  return found;
}

/** Expects the keys that somebody has, of which the last counts. */
async function hasKeys(who, id, ...numbers) {
  const found = await listed(who, id);
  same(found.keys, numbers.map((n) => ({ content_key_number: n, encrypted_content_key: keyFor(who, n), created_at: MILLIS })));
  assert.deepEqual([found.content_key_number, found.encrypted_content_key], [numbers.at(-1), keyFor(who, numbers.at(-1))]);
  return found;
}

test('who is added with what was said before gets all keys, and all are told', async () => {
  const [alice, bob, carol, dave] = await knownUsers('Alice', 'Bob', 'Carol', 'Dave');
  const id = await make(alice, bob);
  await must(200, rotate(alice, id, 2, alice, bob));
  const clients = [await feed(alice), await feed(bob), await feed(carol)];
  let answer;
  const seen = await observe(clients, async () => { answer = await must(200, share(alice, id, shared(carol, 1, 2), shared(dave, 2, 1))); });
  assert.deepEqual(answer, { message: 'Participants added with existing history', share_history: true, participants: usernames(carol, dave) });
  const added = (who) => changed(ADDED, { conversationId: id, usernames: usernames(who), added_by: alice.username });
  assert.deepEqual(seen, Array(3).fill([...added(carol), ...added(dave)]));
  for (const who of [alice, bob, carol, dave]) {
    const { participants } = await hasKeys(who, id, 1, 2);
    assert.deepEqual(participants.toSorted(), usernames(alice, bob, carol, dave).toSorted());
  }
  assert.deepEqual(await clients[2].ask('join-conversation', id), DONE);
});

test('a new key for all goes to each with its number, and who is added with it gets that alone', async () => {
  const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
  const id = await make(alice, bob);
  const clients = [await feed(alice), await feed(bob), await feed(carol), await talker(bob)];
  let answer;
  const seen = await observe(clients, async () => { answer = await must(200, rotate(alice, id, 2, alice, bob, carol)); });
  assert.deepEqual(answer, {
    message: 'Conversation key rotated', share_history: false, content_key_number: 2, participants: usernames(alice, bob, carol),
  });
  const rotated = changed(ROTATED, { conversationId: id, content_key_number: 2 });
  const added = changed(ADDED, { conversationId: id, usernames: usernames(carol), added_by: alice.username });
  assert.deepEqual(seen, [[...rotated, ...added], [...rotated, ...added], added, []]);
  await hasKeys(alice, id, 1, 2);
  await hasKeys(bob, id, 1, 2);
  await hasKeys(carol, id, 2);
  const { changes } = await must(200, rest(bob, `GET /api/conversations/${id}/changes?after=0`));
  assert.deepEqual(changes.map(({ type, contentKeyNumber }) => [type, contentKeyNumber]), [
    ['conversation:created', undefined], ['conversation:key-rotated', 2], ['participant:added', undefined],
  ]);
});

test('what the client says of it is a message as any other', async () => {
  const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
  const id = await make(alice, bob);
  const client = await reader(bob, id);
  const said = { encrypted_msg_content: SEALED, content_key_number: 2 };
  const body = { share_history: false, content_key_number: 2, entries: [alice, bob, carol].map((who) => entry(who, 2)), system_broadcast: said };
  const [seen] = await observe([client], () => must(200, change(alice, id, body)));
  const names = seen.map(([name]) => name);
  assert.deepEqual(names, [ROTATED, 'conversation-updated', ADDED, 'conversation-updated', 'new-message']);
  const message = seen.at(-1)[1];
  assert.deepEqual([message.encrypted_msg_content, message.content_key_number, message.sender_username], [SEALED, 2, alice.username]);
  const [left] = await observe([client], () => must(200, leave(carol, id, { system_broadcast: said })));
  assert.deepEqual(left.map(([name]) => name), ['new-message', REMOVED, 'conversation-updated']);
  assert.equal(left[0][1].sender_username, carol.username);
});

test('who leaves has the conversation no more, and all are told', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await make(alice, bob);
  const clients = [await feed(alice), await reader(bob, id)];
  const seen = await observe(clients, async () => {
    assert.deepEqual(await must(200, leave(bob, id)), { message: 'Conversation deleted successfully' });
  });
  const gone = changed(REMOVED, { conversationId: id, usernames: usernames(bob) });
  assert.deepEqual(seen, [gone, gone]);
  assert.equal(await listed(bob, id), undefined);
  assert.deepEqual((await listed(alice, id)).participants, usernames(alice));
  await refused(feedPost(bob, id), 403, 'Access denied to this conversation', 'NOT_PARTICIPANT');
  await refused(leave(bob, unique('none')), 404, 'Conversation not found', 'NOT_FOUND');
  // They come back with the keys they had, and the new one.
  await must(200, rotate(alice, id, 2, alice, bob));
  await hasKeys(bob, id, 1, 2);
});

test('any participant gives a new key, and only admins add somebody', async () => {
  const [alice, bob, carol, eve] = await knownUsers('Alice', 'Bob', 'Carol', 'Eve');
  const id = await make(alice, bob);
  await must(200, rotate(bob, id, 2, alice, bob));
  const client = await feed(alice);
  const [seen] = await observe([client], async () => {
    await refused(rotate(bob, id, 3, alice, bob, carol), 403, 'Not allowed', 'NOT_AUTHORIZED');
    await refused(share(bob, id, shared(carol, 1)), 403, 'Not allowed', 'NOT_AUTHORIZED');
    await refused(rotate(eve, id, 3, eve), 404, 'Conversation not found', 'NOT_FOUND');
    await refused(share(eve, id, shared(eve, 1)), 404, 'Conversation not found', 'NOT_FOUND');
  });
  assert.deepEqual(seen, []);
  await hasKeys(alice, id, 1, 2);
});

test('of two who give the same number at once, one does', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await make(alice, bob);
  for (let n = 2; n < 12; n += 1) {
    const entries = (by) => [alice, bob].map((who) => ({ username: who.username, encrypted_content_key: `${n} by ${by.username} for ${who.username}` }));
    const both = await Promise.all([alice, bob].map((by) => change(by, id, { content_key_number: n, entries: entries(by) })));
    assert.deepEqual(both.map(({ status }) => status).toSorted(), [200, 400]);
    const winner = both[0].status === 200 ? alice : bob;
    for (const who of [alice, bob]) {
      assert.equal((await listed(who, id)).encrypted_content_key, `${n} by ${winner.username} for ${who.username}`);
    }
  }
});

test('a name that nobody has is added, and whoever has it later finds the keys', async () => {
  const [alice] = await knownUsers('Alice');
  const bob = person('Bob');
  const id = await make(alice);
  await must(200, rotate(alice, id, 2, alice));
  await must(200, share(alice, id, shared(bob, 1, 2)));
  await must(200, rotate(alice, id, 3, alice, bob));
  await feedMessage(alice, id);
  await hasKeys(bob, id, 1, 2, 3);
  const { messages } = await must(200, rest(bob, `GET /api/messages/${id}`));
  assert.equal(messages.length, 1);
});

test('who is a participant already keeps what they have', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await make(alice, bob);
  const client = await feed(bob);
  const [seen] = await observe([client], () => must(200, share(alice, id, shared(bob, 1))));
  assert.deepEqual(seen, []);
  await hasKeys(bob, id, 1);
});

for (const [name, [body, error]] of Object.entries({
  'no list': [() => ({ entries: 'none', content_key_number: 2 }), 'Participant entries are required'],
  'an empty list': [() => ({ entries: [], content_key_number: 2 }), 'Participant entries are required'],
  'an entry that is none': [() => ({ entries: [1], content_key_number: 2 }), 'Invalid participant entry'],
  'an entry without a name': [() => ({ entries: [{ encrypted_content_key: 'x' }], content_key_number: 2 }), 'Invalid participant entry'],
  'an entry without a key': [(alice) => ({ entries: [{ username: alice.username }], content_key_number: 2 }), 'Encrypted content key required'],
  'a key that is too long': [(alice) => ({ entries: [{ ...entry(alice, 2), encrypted_content_key: 'x'.repeat(8193) }], content_key_number: 2 }), 'Encrypted content key required'],
  'no number': [(alice) => ({ entries: [entry(alice, 2)] }), 'New content_key_number required when not sharing history'],
  'a number that there is': [(alice) => ({ entries: [entry(alice, 2)], content_key_number: 1 }), 'New content key number must be greater than existing'],
  'nothing for who gives it': [(alice, bob) => ({ entries: [entry(bob, 2)], content_key_number: 2 }), 'Current user must be included when rotating key'],
  'history without keys': [(alice, bob, carol) => ({ share_history: true, entries: [entry(carol, 1)] }), 'keys array required when sharing history'],
  'history with a key that is none': [(alice, bob, carol) => ({ share_history: true, entries: [{ ...shared(carol), keys: [{}] }] }), 'Invalid key entry format'],
  'history with a key that one does not have': [(alice, bob, carol) => ({ share_history: true, entries: [shared(carol, 1, 2)] }), 'Unknown content key number 2'],
})) {
  test(`${name} is refused, and nothing changes`, async () => {
    const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
    const id = await make(alice, bob);
    const client = await feed(bob);
    const [seen] = await observe([client], () => refused(change(alice, id, body(alice, bob, carol)), 400, error, 'INVALID_INPUT'));
    assert.deepEqual(seen, []);
    await hasKeys(alice, id, 1);
  });
}
