// Fields that the relay does not know, of what is told and not kept: reactions, conversations, participants.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failed, inConversation, invalid, members, names, observe, payloads, send } from '../support/conversations.mjs';
import { chat, feed, knownUsers, observe as watch, talker } from '../support/feed-chat.mjs';
import { at, done, invalid as invalidOverRest, refused } from '../support/rest.mjs';

const SAID = { type: 'group', skin: 3, nested: { a: [1.5, null, 'x'] }, e: '' };
/** What is the relay's own, in one of the events or answers. */
const FORGED = {
  id: 'forged', messageId: 'forged', chatId: 'forged', senderId: 'forged', createdAt: 'forged', created_at: 'forged', createdBy: 'forged',
  lastMessageAt: 'forged', unreadCount: 'forged', usernames: 'forged', added_by: 'forged', initiated_by: 'forged', keys: 'forged', status: 'forged',
};
/** A name and a text with quotes, a colon and a comma that are 1 KiB together. */
const FULL = { note: 'x'.repeat(1024 - 'note'.length - 6) };
const MORE = { note: `${FULL.note}x` };

test('what is said beside a reaction, and beside its removal, reaches all', async () => {
  const clients = await members('Alice', 'Bob');
  const [alice, bob] = clients;
  const messageId = await send(alice);
  const { id, createdAt: at } = FORGED;
  const forged = { id, createdAt: at, chatId: id, senderId: id, user: id, userId: id };
  for (const said of [SAID, FULL]) {
    let reactionId;
    const seen = await observe(clients, async () => {
      ({ reactionId } = await bob.ask('reaction:add', inConversation(bob, { messageId, emoji: '👍', ...forged, ...said })));
      const answer = await bob.ask('reaction:remove', inConversation(bob, { messageId, reactionId, ...forged, emoji: 'forged', ...said }));
      assert.deepEqual(answer, { success: true });
    });
    const own = { id: reactionId, messageId, conversationId: bob.conversationId, userId: bob.userId };
    for (const events of seen) {
      const [{ createdAt, user, ...added }] = payloads(events, 'reaction:added');
      assert.match(createdAt, /Z$/);
      assert.equal(user.id, bob.userId);
      assert.deepEqual(added, { ...own, emoji: '👍', ...said });
      const [removed] = payloads(events, 'reaction:removed');
      assert.deepEqual(removed, { ...own, ...said });
    }
  }
});

test('more than 1 KiB beside a reaction is refused by the name of the field, and nobody is told', async () => {
  const clients = await members('Alice', 'Bob');
  const [alice] = clients;
  const messageId = await send(alice);
  const tooMany = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`f${index}`, 1]));
  for (const [said, field] of [[MORE, 'note'], [tooMany, 'f64'], [{ b: Buffer.from('bytes') }, 'b']]) {
    const [seen, toBob] = await observe(clients, async () => {
      const answer = await alice.ask('reaction:add', inConversation(alice, { messageId, emoji: '👍', ...said }));
      assert.deepEqual(answer, failed(invalid(field)));
    });
    const others = names(seen).filter((name) => name !== 'message:delivered');
    assert.deepEqual([others, toBob], [['error'], []]);
  }
});

test('what is said beside a new conversation is answered, and told to those who take part', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const clients = [await feed(bob), await chat(bob), await talker(bob)];
  const key = { encrypted_content_key: 'k', content_key_number: 1 };
  const entries = (id) => [alice, bob].map(({ username }) => ({ id, username, ...key }));
  for (const body of [{ participantIds: [bob.userId] }, { conversation_entries: entries(Date.now()) }]) {
    const { id: _, ...forged } = FORGED;
    let made;
    const [toFeed, toChat, toTalker] = await watch(clients, async () => {
      made = (await done(201, alice, 'POST', '/api/conversations', { ...body, ...forged, ...SAID })).conversation;
    });
    const { skin, type, nested, e, createdBy, createdAt } = made;
    assert.deepEqual({ type, skin, nested, e }, SAID);
    assert.equal(createdBy, alice.userId);
    assert.match(createdAt, /Z$/);
    const [{ participants, content_key_number: _number, ...told }] = toFeed.filter(([name]) => name === 'conversation-created').map(([, payload]) => payload);
    assert.deepEqual(participants.toSorted(), [alice.username, bob.username].toSorted());
    assert.deepEqual(told, { conversationId: made.id, initiated_by: alice.username, ...SAID });
    for (const name of ['message:new', 'conversation:updated', 'chat:updated']) {
      assert.ok(![...toChat, ...toTalker].some(([event]) => event === name), name);
    }
    const { conversation } = await done(200, bob, 'GET', at(made.id));
    assert.deepEqual(Object.keys(SAID).filter((name) => name in conversation), [], 'it is not kept');
  }
});

test('what is said beside a new participant is told to those who take part', async () => {
  const [alice, bob, carol, dave] = await knownUsers('Alice', 'Bob', 'Carol', 'Dave');
  const key = { encrypted_content_key: 'k', content_key_number: 1 };
  const entries = [alice, bob].map(({ username }) => ({ id: Date.now(), username, ...key }));
  const { conversation: { id } } = await done(201, alice, 'POST', '/api/conversations', { conversation_entries: entries });
  const clients = [await feed(bob), await feed(carol), await feed(dave)];
  const sharing = { share_history: true, entries: [{ username: dave.username, keys: [key] }] };
  for (const [who, body, index] of [[carol, { userId: carol.userId, role: 'member' }, 1], [dave, sharing, 2]]) {
    await done(index === 1 ? 201 : 200, alice, 'POST', at(id, 'participants'), { ...body, ...FORGED, ...SAID });
    for (const client of [clients[0], clients[index]]) {
      const told = await client.next('conversation-participants-added', ({ usernames }) => usernames[0] === who.username);
      assert.deepEqual(told, { conversationId: told.conversationId, usernames: [who.username], added_by: alice.username, ...SAID });
    }
  }
});

test('what is said beside another title is answered, and told in the words of each dialect', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const { conversation: { id } } = await done(201, alice, 'POST', '/api/conversations', { participantIds: [bob.userId] });
  const clients = [await feed(bob), await chat(bob), await talker(bob)];
  const now = { title: 'Now', avatarUrl: null };
  const seen = await watch(clients, async () => {
    const { conversation } = await done(200, alice, 'PATCH', at(id), { title: 'Now', ...FORGED, ...SAID });
    assert.deepEqual({ title: 'Now', ...SAID, ...conversation }, conversation);
    assert.deepEqual([conversation.id, conversation.createdBy], [id, alice.userId]);
    // Clients on other nodes are told a moment later.
    await Promise.all(['conversation-updated', 'chat:updated', 'conversation:updated'].map((name, index) => clients[index].next(name)));
  });
  assert.deepEqual(seen, [
    [['conversation-updated', { conversationId: id, ...now, ...SAID }]],
    [['chat:updated', { type: 'chat:updated', data: { chatId: id, ...now, ...SAID } }]],
    [['conversation:updated', { conversationId: id, ...now, ...SAID }]],
  ]);
});

test('more than 1 KiB over REST is refused by the name of the field, and nothing is done', async () => {
  const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
  const { conversation: { id } } = await done(201, alice, 'POST', '/api/conversations', { participantIds: [bob.userId], ...FULL });
  const [client] = [await feed(bob)];
  const [toBob] = await watch([client], async () => {
    for (const [method, path, body] of [
      ['POST', '/api/conversations', { participantIds: [bob.userId] }],
      ['POST', at(id, 'participants'), { userId: carol.userId }],
      ['PATCH', at(id), { title: 'Now' }],
    ]) await refused(422, invalidOverRest('note'), alice, method, path, { ...body, ...MORE });
  });
  assert.deepEqual(toBob, []);
  assert.equal((await done(200, alice, 'GET', at(id))).participants.length, 2);
});
