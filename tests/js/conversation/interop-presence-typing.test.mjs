// One conversation, three dialects: who types, who is there, who comes and goes. Started with a short OFFLINE_GRACE.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same } from '../support/relay.mjs';
import { add, changed, chat, chatMessage, conversation, feed, feedPost, joined, knownUsers, observe, reader, remove, settle, talker } from '../support/feed-chat.mjs';
import { trio } from '../support/interop.mjs';
import { NOT_PARTICIPANT, done, found } from '../support/rest.mjs';

const GRACE = Number.parseInt(process.env.OFFLINE_GRACE, 10);
/** Longer than any typing lasts, in milliseconds. */
const AUTO_STOP = 8000;
const shownTyping = ({ userId }, chatId, isTyping, type = 'user:typing') => [type, { type, data: { userId, chatId, isTyping }, userId, chatId, isTyping }];
const stopped = (who, chatId) => [shownTyping(who, chatId, false), shownTyping(who, chatId, false, 'user:stop-typing')];
const shownPresence = (status, { userId }, more = {}) => {
  const data = { userId, status, timestamp: TIME, ...more };
  const type = `user:${status}`;
  return [type, { type, data, ...data }];
};
const byId = ([, one], [, other]) => (one.userId < other.userId ? -1 : 1);

test('the suite counts on a short grace', () => assert.ok(GRACE > 0 && GRACE < 2000));

test('what the relay does not know of typing is passed on, but for what it says itself', async () => {
  const { id, alice, carol } = await trio();
  const more = { device: 'd', nested: [{ a: 1.5 }], none: null };
  const forged = { userId: 'x', user: { id: 'x' }, isTyping: 'x', type: 'x', data: 'x' };
  await alice.ask('typing:start', { conversationId: id, ...more, ...forged });
  const flat = { userId: alice.userId, chatId: id, isTyping: true, ...more };
  same(await carol.next('user:typing'), { type: 'user:typing', data: flat, ...flat });
  await carol.ask('user:typing', { chatId: id, ...more, ...forged });
  const { userId, username } = carol;
  same(await alice.next('typing:user:start'), { conversationId: id, userId, user: { id: userId, name: username }, ...more });
  for (const [who, event, field] of [[alice, 'typing:start', 'conversationId'], [carol, 'user:typing', 'chatId']]) {
    for (const bad of [{ more: 'x'.repeat(1024) }, { more: Buffer.from('x') }]) {
      const { success } = await who.ask(event, { [field]: id, ...bad });
      assert.equal(success, false);
    }
  }
});

test('typing in `conversation` is shown in `chat`', async () => {
  const { id, alice, bob, carol } = await trio();
  const start = await observe([alice, bob, carol], () => alice.ask('typing:start', { conversationId: id }));
  assert.deepEqual(start, [[], [], [shownTyping(alice, id, true)]]);
  const stop = await observe([alice, bob, carol], () => alice.ask('typing:stop', { conversationId: id }));
  assert.deepEqual(stop, [[], [], stopped(alice, id)]);
});

test('typing in `chat` is shown in `conversation`', async () => {
  const { id, alice, bob, carol } = await trio();
  const start = await observe([alice, bob, carol], () => carol.ask('user:typing', { chatId: id }));
  const payload = { conversationId: id, userId: carol.userId };
  assert.deepEqual(start, [[['typing:user:start', { ...payload, user: { id: carol.userId, name: carol.username } }]], [], []]);
  const stop = await observe([alice, bob, carol], () => carol.ask('user:stop-typing', { chatId: id }));
  assert.deepEqual(stop, [[['typing:user:stop', payload]], [], []]);
});

test('typing stops by itself, everywhere', async () => {
  const { id, alice, carol } = await trio();
  await settle([alice, carol]);
  const marks = [alice.mark(), carol.mark()];
  await Promise.all([carol.ask('user:typing', { chatId: id }), alice.ask('typing:start', { conversationId: id })]);
  const start = Date.now();
  await alice.next('typing:user:stop', ({ userId }) => userId === carol.userId, AUTO_STOP);
  const chatLasted = Date.now() - start;
  await carol.next('user:stop-typing', ({ userId }) => userId === alice.userId, AUTO_STOP);
  const conversationLasted = Date.now() - start;
  await settle([alice, carol]);
  assert.ok(chatLasted > 2500 && chatLasted < 4500, `${chatLasted} ms in chat`);
  assert.ok(conversationLasted > 4500 && conversationLasted < 6500, `${conversationLasted} ms in conversation`);
  assert.deepEqual(alice.since(marks[0]).map(([name]) => name), ['typing:user:start', 'typing:user:stop']);
  assert.deepEqual(carol.since(marks[1]), [shownTyping(alice, id, true), ...stopped(alice, id)]);
});

test('who is gone types no more', async () => {
  const { id, alice, carol } = await trio();
  await carol.ask('user:typing', { chatId: id });
  await alice.next('typing:user:start');
  carol.close();
  assert.deepEqual(await alice.next('typing:user:stop'), { conversationId: id, userId: carol.userId });
  const second = await chat(carol);
  await settle([alice, second]);
  await alice.ask('typing:start', { conversationId: id });
  const [seen] = await observe([second], () => alice.ask('conversation:leave', { conversationId: id }), [alice]);
  assert.deepEqual(seen, stopped(alice, id));
});

test('who is present is listed whatever dialect they use', async () => {
  const { id, alice, bob, carol } = await trio();
  const ask = async () => {
    const { onlineUsers, ...rest } = await alice.ask('presence:request', { conversationId: id });
    same(rest, { success: true, conversationId: id, timestamp: TIME });
    return onlineUsers;
  };
  const asListed = ({ userId, username }) => ({ id: userId, name: username });
  const sorted = (...users) => users.map(asListed).toSorted((one, other) => (one.id < other.id ? -1 : 1));
  assert.deepEqual(await ask(), sorted(alice, bob, carol));
  const second = await reader(carol, id);
  assert.deepEqual(await ask(), sorted(alice, bob, carol));
  await bob.ask('leave-conversation', id);
  assert.deepEqual(await ask(), sorted(alice, carol));
  await second.ask('leave-conversation', id);
  assert.deepEqual(await ask(), sorted(alice, carol));
  await alice.ask('conversation:leave', { conversationId: id });
  assert.deepEqual(await ask(), sorted(carol));
});

test('for `chat` one is online however one connects, once, until the last socket is gone', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  await found(alice, [bob]);
  const watcher = await chat(alice);
  const clients = [];
  const [seen] = await observe([watcher], async () => {
    for (const open of [feed, talker, chat]) clients.push(await open(bob));
    await settle(clients);
  });
  same(seen, [shownPresence('online', bob)]);
  const mark = watcher.mark();
  for (const client of clients) client.close();
  const from = Date.now();
  await watcher.next('user:offline');
  assert.ok(Date.now() - from >= GRACE - 50, 'after the grace');
  await settle([watcher]);
  same(watcher.since(mark), [shownPresence('offline', bob, { lastSeen: TIME })]);
});

test('who comes back in another dialect was not away', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  await found(alice, [bob]);
  const watcher = await chat(alice);
  const first = await talker(bob);
  await watcher.next('user:online');
  const mark = watcher.mark();
  first.close();
  const second = await feed(bob);
  second.close();
  await watcher.next('user:offline');
  assert.equal(watcher.since(mark).length, 1);
});

test('a chat client is sent who is online, however they are', async () => {
  const { alice, bob, carol } = await trio();
  const second = await chat(carol);
  await settle([second]);
  const sentOnline = second.events.filter(({ name }) => name === 'user:online').map(({ args: [{ userId, status }] }) => [userId, status]);
  assert.deepEqual(sentOnline.toSorted(), [[alice.userId, 'online'], [bob.userId, 'online']].toSorted());
});

test('who is taken out is out in every dialect, at once', async () => {
  const { id, alice, bob, carol } = await trio();
  const [dave] = await knownUsers('Dave');
  await add(alice, id, dave);
  const own = [await joined(dave, id), await reader(dave, id), await chat(dave)];
  const [toAlice, toBob, toCarol, ...toDave] = await observe([alice, bob, carol, ...own], async () => {
    await remove(alice, id, dave);
    await chatMessage(carol, id);
  });
  const gone = changed('conversation-participants-removed', { conversationId: id, usernames: [dave.username] });
  assert.deepEqual(toDave.slice(0, 2), [[['conversation:left', { conversationId: id }]], gone]);
  // They share no chat any more.
  const offline = (who) => shownPresence('offline', who, { lastSeen: TIME });
  same(toDave[2].toSorted(byId), [alice, bob, carol].map(offline).toSorted(byId));
  same(toAlice[0], ['user:offline', { conversationId: id, userId: dave.userId, timestamp: TIME, lastSeenAt: TIME }]);
  assert.deepEqual(toAlice.slice(1).map(([name]) => name), ['message:new']);
  assert.equal(toBob.pop()[0], 'new-message');
  assert.deepEqual(toBob, gone);
  same(toCarol.slice(0, 1), [offline(dave)]);
  assert.deepEqual(toCarol.slice(1).map(([name]) => name), ['message:new']);
  for (const [client, event, payload] of [
    [own[0], 'message:send', { conversationId: id, content: 'x' }], [own[0], 'conversation:join', { conversationId: id }], [own[1], 'join-conversation', id],
    [own[2], 'user:typing', { chatId: id }],
  ]) {
    assert.equal((await client.ask(event, payload)).error.code, 'NOT_PARTICIPANT');
  }
  assert.deepEqual((await feedPost(dave, id)).json, NOT_PARTICIPANT.feed);
});

test('who is added is in it at once, in every dialect', async () => {
  const { id, alice, bob, carol } = await trio();
  const [dave] = await knownUsers('Dave');
  const own = [await talker(dave), await feed(dave), await chat(dave)];
  const [toAlice, toBob, toCarol, ...toDave] = await observe([alice, bob, carol, ...own], () => add(alice, id, dave));
  const added = changed('conversation-participants-added', { conversationId: id, usernames: [dave.username], added_by: alice.username });
  assert.deepEqual([toAlice, toBob], [[], added]);
  assert.deepEqual([toDave[0], toDave[1]], [[], added]);
  // They share a chat from now on.
  same(toCarol, [shownPresence('online', dave)]);
  same(toDave[2].toSorted(byId), [alice, bob, carol].map((who) => shownPresence('online', who)).toSorted(byId));
  const seen = await observe(own, () => chatMessage(carol, id));
  assert.deepEqual(seen.map((events) => events.map(([name]) => name)), [[], [], ['message:new']]);
  assert.deepEqual(await own[0].ask('conversation:join', { conversationId: id }), { success: true });
  assert.deepEqual(await own[1].ask('join-conversation', id), { success: true });
});

test('a conversation made in one dialect is there for the others', async () => {
  const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
  const [desk, second, third] = [await talker(alice), await feed(bob), await chat(carol)];
  let id;
  const seen = await observe([desk, second, third], async () => (id = await conversation(alice, [bob, carol])));
  const [toAlice, [[name, { participants, ...payload }], ...more], toCarol] = seen;
  assert.deepEqual([toAlice, name, more, toCarol.toSorted(byId).map(([event, { userId }]) => [event, userId])], [
    [], 'conversation-created', [], [alice, bob].map(({ userId }) => ['user:online', userId]).toSorted(([, one], [, other]) => (one < other ? -1 : 1)),
  ]);
  assert.deepEqual(participants.toSorted(), [alice, bob, carol].map(({ username }) => username).toSorted());
  assert.deepEqual(payload, { conversationId: id, content_key_number: null, initiated_by: alice.username });
  await done(201, alice, 'POST', '/api/messages', { conversationId: id, content: 'x' });
  assert.equal((await third.next('message:new')).data.chatId, id);
});
