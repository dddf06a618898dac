// `conversation` on connections that declare no dialect, with all dialects served: what they share with `direct` goes by the
// payload. Started with OFFLINE_GRACE=300ms.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, TIME, connect, same, token, user } from '../support/relay.mjs';
import { DONE, enter, failed, found, inConversation, invalid, names, observe, person, present, react, send, settle } from '../support/conversations.mjs';
import { cut } from '../support/session.mjs';

/** Presence of `direct` is sent to everybody on such a connection, of whatever test. */
const foreign = ([name, payload]) => name.startsWith('user:') && payload.conversationId === undefined;
const observed = async (clients, action) => (await observe(clients, action)).map((events) => events.filter((event) => !foreign(event)));

/** Connected clients that declare nothing, of two users in a conversation; they have emitted nothing. */
async function connected() {
  const [one, two] = [user('Alice'), user('Bob')];
  const conversationId = await found(one, [two]);
  return [await connect(one), await connect(two)].map((client) => Object.assign(client, { conversationId }));
}

/** The same, joined. */
async function joined() {
  const clients = await connected();
  for (const client of clients) await enter(client, client.conversationId);
  await settle(clients);
  return clients;
}

test('every event of the dialect is taken from them, and every event of it reaches them', async () => {
  const [alice, bob] = await joined();
  const [toAlice, toBob] = await observed([alice, bob], async () => {
    const messageId = await send(alice);
    // Its delivery is sent after the callback, and Bob does not wait for it.
    await settle([alice, bob]);
    const reactionId = await react(bob, messageId);
    await bob.ask('reaction:remove', inConversation(bob, { messageId, reactionId }));
    await bob.ask('message:read', inConversation(bob, { messageIds: [messageId] }));
    await alice.ask('message:update', inConversation(alice, { messageId, content: 'y' }));
    await alice.ask('message:delete', inConversation(alice, { messageId }));
    await bob.ask('typing:start', inConversation(bob));
    await bob.ask('presence:request', inConversation(bob));
    await bob.ask('conversation:leave', inConversation(bob));
  });
  assert.deepEqual(names(toAlice), [
    'message:new', 'message:delivered', 'reaction:added', 'reaction:removed', 'message:read:receipt', 'message:updated', 'message:deleted',
    'typing:user:start', 'typing:user:stop', 'user:offline',
  ]);
  assert.deepEqual(names(toBob), [
    'message:new', 'reaction:added', 'reaction:removed', 'message:updated', 'message:deleted', 'presence:response', 'conversation:left',
  ]);
});

test('they and those who declare it are in the same conversation', async () => {
  const [alice, bob] = await joined();
  const declared = await present(bob, bob.conversationId);
  const seen = await observed([alice, bob, declared], () => send(alice));
  assert.deepEqual(seen.map(names), [['message:new', 'message:delivered'], ['message:new'], ['message:new']]);
});

for (const [event, isTyping, received] of [['typing:start', true, 'typing:user:start'], ['typing:stop', false, 'typing:user:stop']]) {
  test(`${event} with a conversationId is sent to the conversation, with a recipientId to that user`, async () => {
    const [alice, bob] = await joined();
    const { userId, username, conversationId } = alice;
    const [, there] = await observed([alice, bob], () => alice.emit(event, { conversationId }));
    assert.deepEqual(there, [[received, { conversationId, userId, ...(isTyping && { user: person(alice) }) }]]);
    const [, direct] = await observed([alice, bob], () => alice.emit(event, { recipientId: bob.userId }));
    assert.deepEqual(direct, [['typing:user', { userId, username, isTyping }]]);
    const [, both] = await observed([alice, bob], () => alice.emit(event, { conversationId, recipientId: bob.userId }));
    assert.deepEqual(names(both), [received]);
  });
}

test('message:read with a conversationId is a receipt there, with a senderId one to that user', async () => {
  const [alice, bob] = await joined();
  const messageId = await send(alice);
  const { conversationId } = alice;
  const [, direct] = await observed([bob, alice], () => bob.emit('message:read', { messageId, senderId: alice.userId }));
  // It was no message to him alone, so it is said who has read it.
  assert.deepEqual(direct, [['message:read-confirmed', { messageId, userId: bob.userId }]]);
  const [, there] = await observed([bob, alice], async () => {
    assert.deepEqual(await bob.ask('message:read', { conversationId, messageIds: [messageId], messageId, senderId: alice.userId }), DONE);
  });
  same(there, [['message:read:receipt', { conversationId, messageIds: [messageId], readBy: bob.userId, readAt: TIME }]]);
});

test('what is malformed is answered as the dialect it is taken for does', async () => {
  const [alice] = await joined();
  const { conversationId } = alice;
  const context = { conversationId, event: 'message:read', field: 'messageIds' };
  const [there] = await observed([alice], async () => {
    assert.deepEqual(await alice.ask('message:read', { conversationId, messageIds: [] }), failed(invalid('messageIds')));
  });
  assert.deepEqual(there, [['error', { ...invalid('messageIds'), context }]]);
  const [direct] = await observed([alice], () => {
    for (const event of ['message:read', 'typing:start', 'typing:stop']) alice.emit(event, {});
  });
  assert.deepEqual(direct, [], 'direct says nothing of these');
});

test('before its first event of this dialect a connection receives nothing of it, from then on all', async () => {
  const [alice, bob] = await connected();
  const { userId, username, conversationId } = bob;
  const messageId = await send(Object.assign(await connect({ userId, username }), { conversationId }));
  const read = () => alice.ask('message:read', inConversation(alice, { messageIds: [messageId] }));
  const [, before] = await observed([alice, bob], read);
  assert.deepEqual(before, []);
  await bob.ask('presence:request', inConversation(bob));
  const next = await send(bob);
  const [, after] = await observed([alice, bob], () => alice.ask('message:read', inConversation(alice, { messageIds: [next] })));
  // Alice had not joined: by reading it she has received it.
  assert.deepEqual(names(after), ['message:delivered', 'message:read:receipt']);
});

test('1-1 messages reach them all the same', async () => {
  const [alice, bob] = await joined();
  alice.emit('send_message', { recipientId: bob.userId, ciphertext: 'c', iv: 'i', tag: 't', seq: 1 });
  assert.equal((await bob.next('receive_message')).senderId, alice.userId);
});

test('a lost connection is reported to the conversation', async () => {
  const [alice, bob] = await joined();
  const { conversationId, userId } = alice;
  cut(alice);
  const payload = await bob.next('user:offline', (fields) => fields.conversationId === conversationId);
  same(payload, { conversationId, userId, timestamp: TIME, lastSeenAt: TIME });
});

test('who has no token may not use it', async () => {
  const guest = new Client();
  await guest.next('connect');
  const [alice] = await joined();
  const mark = guest.mark();
  guest.emit('conversation:join', inConversation(alice));
  assert.equal((await guest.next('auth:error')).code, 'MISSING_TOKEN');
  guest.emit('message:send', inConversation(alice, { content: 'x' }));
  assert.equal((await guest.next('auth:error')).code, 'MISSING_TOKEN');
  assert.ok(guest.since(mark).every(([name]) => name === 'auth:error'));
});

test('one who declares `direct` has none of it, one who declares `conversation` nothing else', async () => {
  const [one, two] = [user('Alice'), user('Bob')];
  const conversationId = await found(one, [two]);
  const direct = await connect(one, { auth: { token: token(one), dialect: 'direct' } });
  direct.emit('conversation:join', { conversationId });
  assert.deepEqual((await direct.next('error')).context, { event: 'conversation:join' });
  const bob = await present(two, conversationId);
  bob.emit('join_room', { recipientId: one.userId });
  assert.deepEqual((await bob.next('error')).context, { event: 'join_room' });
});
