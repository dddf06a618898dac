// `feed`: who is notified that conversations are made, and that users are added and removed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MILLIS, TIME, connect, same, token, unique } from '../support/relay.mjs';
import {
  DONE, add, asFeed, changed, chat, conversation, feed, feedMessage, knownUsers, must, number, observe, person, reader, refused, remove, rest, talker,
} from '../support/feed-chat.mjs';

const CREATED = 'conversation-created';
const ADDED = 'conversation-participants-added';
const REMOVED = 'conversation-participants-removed';
const UPDATED = 'conversation-updated';

/** An entry of the form in which clients of `feed` make a conversation. */
function entry(id, { username }, keyNumber = 1) {
  return { id, username, encrypted_content_key: `key for ${username}`, content_key_number: keyNumber };
}

const make = (who, entries) => rest(who, 'POST /api/conversations', { conversation_entries: entries });

/** The events, with the lists of names in them in one order. */
const sorted = (events) => events.map(([name, { participants, ...payload }]) =>
  [name, participants ? { ...payload, participants: participants.toSorted() } : payload]);

const created = (conversationId, by, all, keyNumber = null) => {
  const participants = all.map(({ username }) => username).toSorted();
  return [CREATED, { conversationId, participants, content_key_number: keyNumber, initiated_by: by.username }];
};

test('all participants are notified of a new conversation on each of their sockets, and nobody else', async () => {
  const [alice, bob, carol, eve] = await knownUsers('Alice', 'Bob', 'Carol', 'Eve');
  const clients = [await feed(alice), await feed(alice), await feed(bob), await feed(carol), await feed(eve)];
  const id = unique('conversation');
  const seen = await observe(clients, () => conversation(alice, [bob, carol], { id, title: 'plans' }));
  const expected = created(id, alice, [alice, bob, carol]);
  assert.deepEqual(seen.map(sorted), [...Array(4).fill([expected]), []]);
});

test('of many participants the first hundred are named, so that nobody is made to read what another can write without end', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const client = await feed(bob);
  const others = Array.from({ length: 999 }, (_, index) => ({ userId: `${index}-`.padEnd(128, 'x') }));
  const id = await conversation(alice, [bob, ...others]);
  const { participants, initiated_by } = await client.next(CREATED, ({ conversationId }) => conversationId === id);
  assert.deepEqual([participants.length, initiated_by], [100, alice.username]);
  assert.ok(JSON.stringify(participants).length < 16_000);
});

test('it is sent before the request is answered', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const client = await feed(bob);
  for (let round = 0; round < 20; round += 1) {
    const id = await conversation(alice, [bob]);
    await client.echo();
    assert.equal(client.all(CREATED).at(-1)?.conversationId, id);
  }
});

test('entries that share an id name the conversation', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const clients = [await feed(alice), await feed(bob)];
  const id = unique('conversation');
  let answer;
  const seen = await observe(clients, async () => {
    answer = await must(201, make(alice, [entry(id, bob, 4), entry(id, alice, 5)]));
  });
  answer.conversation.participants.sort();
  answer.participants.sort((one, other) => (one.userId === alice.userId ? -1 : 1) - (other.userId === alice.userId ? -1 : 1));
  const { conversation: { createdAt } } = answer;
  same(answer, {
    message: 'Conversation created successfully',
    conversation: {
      id, createdBy: alice.userId, createdAt: TIME, lastMessageAt: createdAt, created_at: MILLIS, content_key_number: 5,
      encrypted_content_key: `key for ${alice.username}`,
      participants: [alice.username, bob.username].toSorted(),
    },
    participants: [
      { userId: alice.userId, role: 'admin', status: 'active', joinedAt: TIME },
      { userId: bob.userId, role: 'member', status: 'active', joinedAt: TIME },
    ],
  });
  assert.equal(answer.conversation.created_at, Date.parse(createdAt));
  assert.deepEqual(seen.map(sorted), Array(2).fill([created(id, alice, [alice, bob], 5)]));
});

test('each finds the key that was given for them in the list', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = unique('conversation');
  await must(201, make(alice, [entry(id, alice, 5), entry(id, bob, 4)]));
  for (const [who, keyNumber] of [[alice, 5], [bob, 4]]) {
    const { conversations: [found] } = await must(200, rest(who, 'GET /api/conversations'));
    assert.equal(found.id, id);
    assert.equal(found.content_key_number, keyNumber);
    assert.equal(found.encrypted_content_key, `key for ${who.username}`);
    assert.deepEqual(found.participants.toSorted(), [alice.username, bob.username].toSorted());
  }
});

test('entries with the ids of users make a conversation with an id of its own', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const client = await feed(bob);
  const [got] = await observe([client], () => must(201, make(alice, [entry(alice.userId, alice), entry(bob.userId, bob)])));
  const [[, { conversationId: id }]] = got;
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(sorted(got), [created(id, alice, [alice, bob], 1)]);
  assert.deepEqual(await client.ask('join-conversation', id), DONE);
});

test('one entry alone names the conversation, unless it names the user', async () => {
  const [alice] = await knownUsers('Alice');
  const id = unique('conversation');
  assert.equal((await must(201, make(alice, [entry(id, alice)]))).conversation.id, id);
  assert.notEqual((await must(201, make(alice, [entry(alice.userId, alice)]))).conversation.id, alice.userId);
});

test('an id that is a number is sent as one, until a socket has joined by text', async () => {
  const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
  const clients = [await feed(alice), await feed(bob)];
  const id = number();
  const named = (events) => events.map(([, { conversationId }]) => conversationId);
  const made = await observe(clients, async () => {
    assert.equal((await must(201, make(alice, [entry(id, alice), entry(id, bob)]))).conversation.id, id);
  });
  assert.deepEqual(made.map(named), [[id], [id]]);
  assert.deepEqual(await clients[0].ask('join-conversation', id), DONE);
  assert.deepEqual(await clients[1].ask('join-conversation', String(id)), DONE);
  const others = await observe(clients, async () => {
    await add(alice, id, carol);
    await remove(alice, id, carol);
  });
  assert.deepEqual(others.map(named), [Array(4).fill(id), Array(4).fill(String(id))]);
});

test('only clients of feed are notified', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const spoken = asFeed(await connect(bob), bob);
  // It declared no dialect: what it says first makes it one of feed.
  await spoken.echo();
  const declared = asFeed(await connect(bob, { auth: { dialect: 'feed', token: token(bob) } }), bob);
  const others = [await chat(bob), await talker(bob)];
  const seen = await observe([spoken, declared, ...others], () => conversation(alice, [bob]));
  assert.deepEqual(seen.map((events) => events.map(([name]) => name)), [[CREATED], [CREATED], [], []]);
});

for (const [name, [entries, error]] of Object.entries({
  'no list of entries': [() => 'none', 'Conversation entries array is required'],
  'an empty list': [() => [], 'Conversation entries array is required'],
  'an entry that is no object': [() => [1], 'Invalid conversation entry format'],
  'an entry without an id': [(alice) => [entry(undefined, alice)], 'Invalid conversation entry format'],
  'an entry without a name': [(alice) => [{ ...entry('x', alice), username: undefined }], 'Invalid conversation entry format'],
  'an entry without a key': [(alice) => [{ ...entry('x', alice), encrypted_content_key: undefined }], 'Invalid conversation entry format'],
  'an entry whose key number is none': [(alice) => [entry('x', alice, 'first')], 'Invalid conversation entry format'],
})) {
  test(`${name} is refused`, async () => {
    const [alice] = await knownUsers('Alice');
    const client = await feed(alice);
    const seen = await observe([client], () => refused(make(alice, entries(alice)), 400, error, 'INVALID_INPUT'));
    assert.deepEqual(seen, [[]]);
  });
}

test('who makes a conversation must be in it', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const client = await feed(bob);
  const seen = await observe([client], async () => {
    const { status, json } = await make(alice, [entry(unique('conversation'), bob)]);
    assert.deepEqual([status, json.error], [403, 'User must be a participant in the conversation']);
  });
  assert.deepEqual(seen, [[]]);
});

test('a conversation that exists is not made again', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  const client = await feed(bob);
  const seen = await observe([client], async () => {
    await refused(make(bob, [entry(id, bob)]), 409, 'Conversation already exists', 'CONVERSATION_EXISTS');
    await refused(rest(bob, 'POST /api/conversations', { id, participantIds: [] }), 409, 'Conversation already exists', 'CONVERSATION_EXISTS');
  });
  assert.deepEqual(seen, [[]]);
});

test('all participants are notified of one who is added, and so are they', async () => {
  const [alice, bob, carol, eve] = await knownUsers('Alice', 'Bob', 'Carol', 'Eve');
  const id = await conversation(alice, [bob]);
  const clients = [await feed(alice), await feed(bob), await feed(carol), await feed(eve)];
  const seen = await observe(clients, async () => {
    await add(alice, id, carol);
    // Who is a participant already is not added again.
    await must(200, rest(alice, `POST /api/conversations/${id}/participants`, { userId: carol.userId }));
  });
  const expected = changed(ADDED, { conversationId: id, usernames: [carol.username], added_by: alice.username });
  assert.deepEqual(seen, [expected, expected, expected, []]);
  assert.deepEqual(await clients[2].ask('join-conversation', id), DONE);
});

for (const [name, { by }] of Object.entries({ 'is removed': { by: 'alice' }, leaves: { by: 'bob' } })) {
  test(`all are notified of one who ${name}, and that one receives no more`, async () => {
    const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
    const id = await conversation(alice, [bob, carol]);
    const clients = [await reader(alice, id), await reader(bob, id), await reader(carol, id)];
    const seen = await observe(clients, async () => {
      await remove({ alice, bob }[by], id, bob);
      await feedMessage(alice, id);
      await remove(alice, id, carol);
    });
    const expected = (who) => changed(REMOVED, { conversationId: id, usernames: [who.username] });
    assert.deepEqual(seen[1], expected(bob));
    const [message] = seen[0].splice(2, 1);
    assert.equal(message[0], 'new-message');
    assert.deepEqual(seen[0], [...expected(bob), ...expected(carol)]);
    seen[2].splice(2, 1);
    assert.deepEqual(seen[2], seen[0]);
  });
}

test('who was removed and added again receives messages again once they have joined again', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  const client = await reader(bob, id);
  const [got] = await observe([client], async () => {
    await remove(alice, id, bob);
    await add(alice, id, bob);
    await feedMessage(alice, id);
    assert.deepEqual(await client.ask('join-conversation', id), DONE);
    await feedMessage(alice, id);
  });
  assert.deepEqual(got.map(([event]) => event), [REMOVED, UPDATED, ADDED, UPDATED, 'new-message']);
});

test('what is refused is sent to nobody', async () => {
  const [alice, bob, eve] = await knownUsers('Alice', 'Bob', 'Eve');
  const id = await conversation(alice, [bob]);
  const clients = [await feed(alice), await feed(bob), await feed(eve)];
  const seen = await observe(clients, async () => {
    const participants = `/api/conversations/${id}/participants`;
    await refused(rest(bob, `POST ${participants}`, { userId: eve.userId }), 403, 'Not allowed', 'NOT_AUTHORIZED');
    await refused(rest(bob, `DELETE ${participants}/${alice.userId}`), 403, 'Not allowed', 'NOT_AUTHORIZED');
    await refused(rest(alice, `DELETE ${participants}/${eve.userId}`), 404, 'Participant not found', 'NOT_FOUND');
    const strange = rest(eve, `POST ${participants}`, { userId: eve.userId });
    await refused(strange, 403, 'Not a participant of this conversation', 'NOT_PARTICIPANT');
  });
  assert.deepEqual(seen, [[], [], []]);
});
