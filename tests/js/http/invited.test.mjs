// Who is added is asked first. Started with WHO_MAY_ADD=invite.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique } from '../support/relay.mjs';
import { ADMIN, NOT_PARTICIPANT, NO_CONVERSATION, at, done, found, history, post, refused } from '../support/rest.mjs';
import { changed, chat, chatPost, feed, feedMessage, knownUsers, observe, rest, talker } from '../support/feed-chat.mjs';
import { block, unblock } from '../support/blocked.mjs';

const DONE = { success: true };
const list = async (who) => (await done(200, who, 'GET', '/api/conversations')).conversations;
const entryOf = async (who, id) => (await list(who)).find((one) => one.id === id);
const add = (who, id, { userId }, status = 201) => done(status, who, 'POST', at(id, 'participants'), { userId });
const end = async (who, id, { userId }) => (await done(200, who, 'DELETE', at(id, 'participants', userId))).participant.status;
const statusOf = async (who, id, { userId }) => {
  const { participants } = await done(200, who, 'GET', at(id));
  return participants.find((one) => one.userId === userId)?.status;
};
/** A user's connections, by each dialect. */
const everywhere = async (who) => [await chat(who), await feed(who), await talker(who)];

/** What is refused to who is no participant, whether they are invited or not. */
async function hasNothing(who, id) {
  for (const path of [at(id, 'changes?after=0').replace('%3F', '?').replace('%3D', '='), at(id, 'receipts')]) {
    assert.ok([403, 404].includes((await rest(who, `GET ${path}`)).status), path);
  }
  await refused(404, NO_CONVERSATION, who, 'GET', at(id, 'participants'));
  assert.deepEqual((await done(200, who, 'GET', '/api/changes?after=')).changes, []);
}

test('who is invited is told by whom, and has nothing else until they join', async () => {
  const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
  const watchers = await everywhere(alice);
  const invited = await everywhere(bob);
  let id;
  const told = await observe([...watchers, ...invited], async () => {
    const made = await done(201, alice, 'POST', '/api/conversations', { participantIds: [bob.userId, carol.userId], title: 'A title', said: 'to those who take part' });
    id = made.conversation.id;
    const statuses = made.participants.map(({ userId, status }) => [userId, status]);
    assert.deepEqual(new Map(statuses), new Map([[alice.userId, 'active'], [bob.userId, 'invited'], [carol.userId, 'invited']]));
  });
  const names = told.map((events) => events.map(([name]) => name));
  assert.deepEqual(names, [[], ['conversation-created'], [], [], ['conversation-participants-added', 'conversation-updated'], []]);
  assert.deepEqual([told[1][0][1].participants, told[1][0][1].said], [[alice.username], 'to those who take part']);
  assert.deepEqual(told[4][0][1], { conversationId: id, usernames: [bob.username], added_by: alice.username });

  // What is sent in the meantime does not reach them.
  const sent = await observe(invited, async () => {
    await post(alice, id, 'before');
    await chatPost(alice, id);
    await watchers[2].ask('conversation:join', { conversationId: id });
    await watchers[2].ask('typing:start', { conversationId: id });
  });
  assert.deepEqual(sent, [[], [], []]);
  await hasNothing(bob, id);
  const entry = await entryOf(bob, id);
  const { invitedBy, status, title, createdBy, participants, unreadCount, createdAt, lastMessageAt } = entry;
  assert.deepEqual({ invitedBy, status, title, createdBy, participants, unreadCount }, {
    invitedBy: alice.userId, status: 'invited', title: undefined, createdBy: alice.userId, participants: [alice.username], unreadCount: 0,
  });
  assert.equal(createdAt, lastMessageAt);
  const shown = await done(200, bob, 'GET', at(id));
  assert.deepEqual(shown.conversation, entry);
  assert.deepEqual(shown.participants.map(({ userId, status: own }) => [userId, own]), [[bob.userId, 'invited']]);
  for (const path of [`/api/messages?conversationId=${id}`, `/api/messages?chatId=${id}`, `/api/messages/${id}`]) {
    assert.deepEqual((await done(200, bob, 'GET', path)).messages, [], path);
  }
  // Nor do others learn who they are.
  const seen = (await done(200, alice, 'GET', at(id))).participants.find(({ userId }) => userId === bob.userId);
  assert.deepEqual([seen.name, seen.status], [bob.userId, 'invited']);
  const page = (await done(200, alice, 'GET', at(id, 'participants'))).participants.find(({ userId }) => userId === bob.userId);
  assert.deepEqual([page.name, page.status], [bob.userId, 'invited']);
  assert.deepEqual((await entryOf(alice, id)).participants, [alice.username]);

  const joined = await observe([watchers[1], invited[1]], async () => {
    assert.deepEqual(await invited[2].ask('conversation:join', { conversationId: id }), DONE);
  }, [invited[2]]);
  const added = changed('conversation-participants-added', { conversationId: id, usernames: [bob.username], added_by: bob.username });
  assert.deepEqual(joined, [added, added]);
  assert.equal(await statusOf(alice, id, bob), 'active');
  assert.equal((await history(bob, id)).length, 2);
  assert.deepEqual([(await entryOf(bob, id)).title, (await entryOf(bob, id)).unreadCount], ['A title', 0]);
  const [, , talk] = invited;
  const mark = talk.mark();
  await post(alice, id, 'after');
  await talk.next('message:new');
  assert.equal(talk.since(mark).filter(([name]) => name === 'message:new').length, 1);
  await invited[0].next('message:new');
  const log = (await done(200, bob, 'GET', `${at(id, 'changes')}?after=0`)).changes;
  assert.deepEqual(log[0].participants.map(({ userId }) => userId), [alice.userId]);
  assert.deepEqual(new Set(log[0].invited.map(({ userId }) => userId)), new Set([bob.userId, carol.userId]));
  assert.equal(await statusOf(bob, id, carol), 'invited');
});

test('each way to open or to post accepts', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const [reader, talk] = [await feed(bob), await talker(bob)];
  const ways = [
    (id) => reader.ask('join-conversation', id),
    (id) => talk.ask('conversation:join', { conversationId: id }),
    (id) => talk.ask('message:send', { conversationId: id, content: 'sealed' }),
    (id) => chatPost(bob, id),
    (id) => feedMessage(bob, id),
    (id) => post(bob, id, 'sealed'),
    (id) => add(bob, id, bob),
  ];
  for (const [index, way] of ways.entries()) {
    const id = await found(alice);
    assert.equal((await add(alice, id, bob)).participant.status, 'invited');
    assert.equal((await add(alice, id, bob, 200)).participant.status, 'invited');
    await way(id);
    assert.equal(await statusOf(alice, id, bob), 'active', `way ${index}`);
    const { changes } = await done(200, alice, 'GET', `${at(id, 'changes')}?after=0`);
    const types = changes.map(({ type }) => type).filter((type) => type !== 'message:new');
    assert.deepEqual(types, ['conversation:created', 'participant:invited', 'participant:added']);
    assert.equal((await add(alice, id, bob, 200)).participant.status, 'active');
  }
});

test('who declines or leaves comes back only by their own act', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await found(alice, [bob]);
  const [watcher, other, talk] = [await feed(alice), await feed(bob), await talker(bob)];
  const join = () => talk.ask('conversation:join', { conversationId: id });
  const removed = changed('conversation-participants-removed', { conversationId: id, usernames: [bob.username] });
  const declined = await observe([watcher, other], async () => assert.equal(await end(bob, id, bob), 'left'));
  assert.deepEqual(declined, [[], removed]);
  assert.equal(await entryOf(bob, id), undefined);
  assert.equal((await join()).success, false);
  await refused(403, NOT_PARTICIPANT.conversation, bob, 'POST', '/api/messages', { conversationId: id, content: 'x' });
  for (let round = 0; round < 2; round += 1) {
    const told = await observe([watcher, talk], () => add(alice, id, bob));
    assert.deepEqual(told, [[], []]);
    assert.equal(await statusOf(alice, id, bob), 'invited');
    await post(alice, id, 'sealed');
    assert.deepEqual((await rest(bob, `GET /api/messages?conversationId=${id}`)).json.messages, []);
    assert.deepEqual(await join(), DONE);
    assert.equal(await end(bob, id, bob), 'left');
    assert.equal((await join()).success, false);
  }
  // An invitation is withdrawn, and a participant removed.
  await add(alice, id, bob);
  const withdrawn = await observe([watcher, other], async () => assert.equal(await end(alice, id, bob), 'removed'));
  assert.deepEqual(withdrawn, [[], removed]);
  assert.equal((await join()).success, false);
  await add(alice, id, bob);
  assert.deepEqual(await join(), DONE);
  assert.equal(await end(alice, id, bob), 'removed');
  await add(alice, id, bob);
  assert.equal(await statusOf(alice, id, bob), 'invited');
});

test('who is blocked invites nobody that they would be told of, and it looks as always', async () => {
  const [mallory, bob, carol] = await knownUsers('Mallory', 'Bob', 'Carol');
  await block(bob, mallory);
  const clients = await everywhere(bob);
  const answers = [];
  let id;
  const told = await observe(clients, async () => {
    for (const other of [bob, carol]) {
      id = await found(mallory, [carol, other]);
      answers.push([await statusOf(mallory, id, other), (await add(mallory, id, other, 200)).participant.status]);
    }
    id = await found(mallory, [bob]);
  });
  assert.deepEqual(told, [[], [], []]);
  assert.deepEqual(answers[0], answers[1]);
  assert.deepEqual(await list(bob), []);
  await refused(404, NO_CONVERSATION, bob, 'GET', at(id));
  await refused(403, NOT_PARTICIPANT.conversation, bob, 'GET', `/api/messages?conversationId=${id}`);
  await unblock(bob, mallory);
  assert.equal((await entryOf(bob, id)).status, 'invited');
});

test('a name is invited, and whoever is known by it', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const late = { userId: unique('late'), username: unique('Late') };
  const id = unique('conversation');
  const entries = [alice, bob, late].map(({ username }) => ({ id, username, encrypted_content_key: `for ${username}`, content_key_number: 3 }));
  const { conversation } = await done(201, alice, 'POST', '/api/conversations', { conversation_entries: entries });
  assert.deepEqual(conversation.participants, [alice.username]);
  for (const who of [bob, late]) {
    const entry = await entryOf(who, id);
    const { status, invitedBy, encrypted_content_key: key, content_key_number: number } = entry;
    assert.deepEqual({ status, invitedBy, key, number }, { status: 'invited', invitedBy: alice.userId, key: `for ${who.username}`, number: 3 });
    const client = await feed(who);
    assert.deepEqual(await client.ask('join-conversation', id), DONE);
    assert.equal((await entryOf(who, id)).encrypted_content_key, `for ${who.username}`);
    await feedMessage(alice, id);
    await client.next('new-message');
  }
});

test('an administrator of the server adds at once, and who makes a conversation is in it', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const body = { participantIds: [alice.userId, bob.userId] };
  const { conversation } = await done(201, ADMIN, 'POST', '/api/admin/conversations', body);
  assert.equal(await statusOf(bob, conversation.id, bob), 'active');
  const id = await found(alice, [bob]);
  await done(201, ADMIN, 'POST', at(id, 'participants'), { userId: bob.userId });
  assert.equal(await statusOf(bob, id, bob), 'active');
});

test('in the form of chats an invitation is listed first and not counted, and names who invited alone', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const body = { participantIds: [bob.userId] };
  const { chat: made } = await done(201, alice, 'POST', '/api/chats', body);
  assert.equal((await done(200, alice, 'POST', '/api/chats', body)).chat.id, made.id);
  const { chats, total, count } = await done(200, bob, 'GET', '/api/chats');
  assert.deepEqual([total, count, chats.length], [0, 0, 1]);
  const [{ id, status, invitedBy, lastMessage, participants: [by, ...others] }] = chats;
  assert.deepEqual([id, status, invitedBy, lastMessage, by.id, others], [made.id, 'invited', alice.userId, null, alice.userId, []]);
  assert.deepEqual((await done(200, bob, 'GET', `/api/chats/${id}`)).chat, chats[0]);
  await done(201, bob, 'POST', '/api/messages', { chatId: id, content: 'x' });
  const { chats: [joined], total: now } = await done(200, bob, 'GET', '/api/chats');
  assert.deepEqual([now, joined.status, joined.lastMessage.content, joined.participants.length], [1, undefined, 'x', 2]);
});
