// The history that newcomers see: all of it, or what was sent since they joined; in every dialect, live and over REST.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, unique, user } from '../support/relay.mjs';
import { DONE, REFUSALS, failed, observe, present, react } from '../support/conversations.mjs';
import { chat, must, reader, rest } from '../support/feed-chat.mjs';
import { ADMIN, NO_CONVERSATION, NOT_PARTICIPANT, at, call, done, found, invalid, past, post, read, refused } from '../support/rest.mjs';

const NOT_ALLOWED = { error: 'Not allowed', code: 'NOT_AUTHORIZED' };
const NO_MESSAGE = { error: 'Message not found', code: 'NOT_FOUND' };
const texts = (messages) => messages.map(({ content, encrypted_msg_content }) => content ?? encrypted_msg_content);
const add = (admin, id, { userId }) => done(201, admin, 'POST', at(id, 'participants'), { userId });
const leave = (who, id) => done(200, who, 'DELETE', at(id, 'participants', who.userId));
const set = (status, who, id, history) => done(status, who, 'PATCH', at(id), { history });

/** A conversation of Alice and Bob, in which there are two messages, and Carol who is to join. */
async function scene(fields = { history: 'joined' }) {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const id = await found(alice, [bob], fields);
  const earlier = [await post(alice, id, 'one'), await post(bob, id, 'two')];
  return { alice, bob, carol, id, earlier };
}

/** What somebody reads of a conversation in every way that there is: the texts of each. */
async function everything(who, id, anchor) {
  const of = async (path, list = 'messages') => {
    const all = (await done(200, who, 'GET', path))[list];
    return texts(list === 'changes' ? all.filter(({ type }) => type === 'message:new').map(({ message }) => message) : all);
  };
  const ways = {
    history: await of(`/api/messages?conversationId=${id}`),
    chat: await of(`/api/messages?chatId=${id}`),
    feed: await of(`/api/messages/${id}`),
    after: await of(`/api/messages?conversationId=${id}&after=0`),
    'after a message': await of(`/api/messages?conversationId=${id}&after=${anchor}`),
    changes: await of(`${at(id, 'changes')}?after=0`, 'changes'),
  };
  const [[, first], ...others] = Object.entries(ways);
  for (const [way, seen] of others) {
    const expected = way === 'after a message' ? first.filter((text) => text !== 'one') : first;
    assert.deepEqual(seen, expected, way);
  }
  const { pagination } = await done(200, who, 'GET', `/api/messages/${id}`);
  assert.equal(pagination.total, first.length);
  return first;
}

test('by default a newcomer sees all', async () => {
  for (const fields of [{}, { history: 'all' }, { history: null }]) {
    const { alice, carol, id, earlier } = await scene(fields);
    await add(alice, id, carol);
    assert.deepEqual(await everything(carol, id, earlier[0].id), ['one', 'two']);
    const { conversation } = await done(200, alice, 'GET', at(id));
    assert.equal(conversation.history, undefined);
  }
});

test('where the history is that since joining, a newcomer sees what is sent from then on', async () => {
  const { alice, bob, carol, id, earlier } = await scene();
  await past(earlier[1].createdAt);
  const { participant } = await add(alice, id, carol);
  assert.deepEqual(await everything(carol, id, earlier[0].id), []);
  const listed = async () => (await done(200, carol, 'GET', '/api/conversations')).conversations.find((one) => one.id === id);
  same(await listed(), {
    ...(await listed()), history: 'joined', unreadCount: 0, lastMessageAt: participant.joinedAt,
  });
  await post(bob, id, 'three');
  await post(carol, id, 'four');
  assert.deepEqual(await everything(carol, id, earlier[0].id), ['three', 'four']);
  assert.deepEqual(await everything(bob, id, earlier[0].id), ['one', 'two', 'three', 'four']);
  assert.equal((await listed()).unreadCount, 1);
  const { messages, nextCursor } = await read(carol, id, { limit: 1 });
  assert.deepEqual(texts(messages), ['four']);
  const before = await read(carol, id, { limit: 1, before: nextCursor });
  assert.deepEqual([texts(before.messages), before.nextCursor], [['three'], undefined]);
});

test('earlier messages are not there for a newcomer', async () => {
  const { alice, bob, carol, id, earlier: [one] } = await scene();
  await add(alice, id, carol);
  await done(200, alice, 'PATCH', at(id, 'participants', carol.userId), { role: 'admin' });
  const client = await present(carol, id);
  const toAlice = await present(alice, id);
  const { cursor } = await done(200, carol, 'GET', at(id, 'receipts'));
  const [seen] = await observe([toAlice], async () => {
    for (const query of ['', '?forAll=false']) await refused(404, NO_MESSAGE, carol, 'DELETE', `/api/messages/${one.id}${query}`);
    const about = { conversationId: id, messageId: one.id };
    for (const [name, payload] of [
      ['message:delete', about], ['message:update', { ...about, content: 'mine' }], ['reaction:add', { ...about, emoji: '👍' }],
    ]) assert.deepEqual(await client.ask(name, payload), failed(REFUSALS.unauthorized), name);
    assert.deepEqual(await client.ask('message:read', { conversationId: id, messageIds: [one.id] }), DONE);
  });
  assert.deepEqual(seen, []);
  await done(200, bob, 'POST', '/api/messages/read', { conversationId: id, messageIds: [one.id] });
  assert.deepEqual((await done(200, carol, 'GET', `${at(id, 'receipts')}?after=${cursor}`)).receipts, []);
});

test('what happens to earlier messages is no news to a newcomer, in no dialect', async () => {
  const { alice, bob, carol, id, earlier: [one, two] } = await scene();
  await add(alice, id, carol);
  const { cursor } = await done(200, carol, 'GET', at(id, 'changes'));
  const theirs = [await present(carol, id), await reader(carol, id), await chat(carol)];
  const [toAlice, toBob] = [await present(alice, id), await present(bob, id)];
  const three = await post(bob, id, 'three');
  for (const client of [toAlice, toBob, theirs[0]]) await client.next('message:new', ({ id: sent }) => sent === three.id);
  const change = async ({ id: messageId }) => {
    await done(200, messageId === one.id ? alice : bob, 'PATCH', `/api/messages/${messageId}`, { content: 'edited' });
    const reactionId = await react(toAlice, messageId);
    assert.deepEqual(await toAlice.ask('reaction:remove', { conversationId: id, messageId, reactionId }), DONE);
  };
  await change(one);
  await done(200, bob, 'DELETE', `/api/messages/${two.id}`);
  await change(three);
  // All get what happens in one order: who got the last of it got everything before.
  const about = (payload) => payload.messageId ?? payload.data?.messageId ?? payload.id;
  const ofThree = (payload) => about(payload) === three.id;
  for (const client of [toBob, theirs[0]]) await client.next('reaction:removed', ofThree);
  await theirs[1].next('message-updated', ofThree);
  await theirs[2].next('message:edited', ofThree);
  const told = (client, ...names) => names.map((name) => client.all(name).map(about));
  const changes = ['message:updated', 'reaction:added', 'reaction:removed', 'message:deleted'];
  assert.deepEqual(told(toBob, ...changes), [[one.id, three.id], [one.id, three.id], [one.id, three.id], [two.id]]);
  assert.deepEqual(told(theirs[0], ...changes), [[three.id], [three.id], [three.id], []]);
  assert.deepEqual(told(theirs[1], 'message-updated', 'message-deleted'), [[three.id], []]);
  assert.deepEqual(told(theirs[2], 'message:edited', 'message:deleted'), [[three.id], []]);
  const types = async (who) => (await done(200, who, 'GET', `${at(id, 'changes')}?after=${cursor}`)).changes.map(({ type }) => type);
  const later = ['message:updated', 'reaction:added', 'reaction:removed'];
  assert.deepEqual(await types(carol), ['message:new', ...later]);
  assert.deepEqual(await types(alice), ['message:new', ...later, 'message:deleted', ...later]);
  const page = await done(200, carol, 'GET', `/api/messages?conversationId=${id}&after=${cursor}`);
  assert.deepEqual(page.changes.map(({ type }) => type), later);
});

test('who comes back sees what is sent since they joined last', async () => {
  const { alice, bob, id, earlier } = await scene();
  await leave(bob, id);
  await post(alice, id, 'meanwhile');
  await add(alice, id, bob);
  await post(alice, id, 'again');
  assert.deepEqual(await everything(bob, id, earlier[0].id), ['again']);
  await refused(404, NO_MESSAGE, bob, 'PATCH', `/api/messages/${earlier[1].id}`, { content: 'mine' });
});

test('an admin sets it later, for who is added from then on', async () => {
  const { alice, bob, carol, id, earlier } = await scene({});
  const dave = user('Dave');
  const { conversation } = await set(200, alice, id, 'joined');
  assert.deepEqual([conversation.id, conversation.history], [id, 'joined']);
  await add(alice, id, carol);
  assert.deepEqual(await everything(carol, id, earlier[0].id), []);
  assert.deepEqual(await everything(bob, id, earlier[0].id), ['one', 'two']);
  assert.equal((await set(200, ADMIN, id, 'all')).conversation.history, undefined);
  await add(alice, id, dave);
  assert.deepEqual(await everything(dave, id, earlier[0].id), ['one', 'two']);
  assert.deepEqual(await everything(carol, id, earlier[0].id), []);
});

test('nobody else sets it, and to nothing else', async () => {
  const { alice, bob, carol, id } = await scene({});
  await refused(403, NOT_ALLOWED, bob, 'PATCH', at(id), { history: 'joined' });
  for (const where of [id, unique('absent')]) await refused(403, NOT_PARTICIPANT.conversation, carol, 'PATCH', at(where), { history: 'joined' });
  await refused(404, NO_CONVERSATION, ADMIN, 'PATCH', at(unique('absent')), { history: 'joined' });
  for (const body of [{}, { history: null }]) await refused(400, invalid('history'), alice, 'PATCH', at(id), body);
  for (const history of ['', 'none', 7, true, [], { $ne: 1 }]) {
    await refused(422, invalid('history'), alice, 'PATCH', at(id), { history });
    await refused(422, invalid('history'), alice, 'POST', '/api/conversations', { participantIds: [], history });
  }
  assert.equal((await done(200, alice, 'GET', at(id))).conversation.history, undefined);
});

test('a conversation is made with it in the form of feed and by administrators, too', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  await must(200, rest(alice, 'GET /api/conversations'));
  const entry = { id: unique('feed'), username: alice.username, encrypted_content_key: 'k', content_key_number: 1 };
  const { conversation } = await done(201, alice, 'POST', '/api/conversations', { conversation_entries: [entry], history: 'joined' });
  const made = await done(201, ADMIN, 'POST', '/api/admin/conversations', { participantIds: [alice.userId], history: 'joined' });
  for (const { id } of [conversation, made.conversation]) {
    const first = await post(alice, id, 'one');
    for (const who of [bob, carol]) await add(alice, id, who);
    assert.deepEqual(await everything(carol, id, first.id), []);
    assert.equal((await call(alice, 'GET', at(id))).json.conversation.history, 'joined');
  }
  same(made.conversation, { id: made.conversation.id, createdBy: alice.userId, createdAt: TIME, lastMessageAt: TIME, history: 'joined' });
});
