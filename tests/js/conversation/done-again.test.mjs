// What a client ends, takes back or leaves, and does again since the answer was lost, in every dialect: it succeeds again,
// and nobody is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, user } from '../support/relay.mjs';
import { DONE, inConversation, members, names, observe, online, present, react, send } from '../support/conversations.mjs';
import { chat, feed } from '../support/feed-chat.mjs';
import { ADMIN, at, done } from '../support/rest.mjs';
import { message as sessionMessage, members as sessionMembers, mine, observe as observeSession } from '../support/session.mjs';

/** Does it twice: the answers are equal, and the second time none of the others is told anything. */
async function twice(act, others, seeing = observe) {
  const first = await act();
  const seen = await seeing(others, async () => assert.deepEqual(await act(), first));
  return { first, seen };
}

for (const transports of [['websocket'], ['polling']]) {
  const over = `over ${transports}`;

  test(`direct: a room is left again, and typing ends again, ${over}`, async () => {
    const [alice, bob] = [await connect(user('Alice'), { transports }), await connect(user('Bob'))];
    const recipientId = bob.userId;
    await alice.ask('join_room', { recipientId });
    for (const event of ['leave_room', 'typing:stop']) {
      for (let times = 0; times < 2; times += 1) assert.equal((await alice.ask(event, { recipientId })).success, true, event);
    }
  });

  test(`conversation: what is deleted, unsubscribed, read or not typed any more, ${over}`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const { conversationId } = alice;
    const admin = await present(alice, conversationId, { transports });
    const writer = await present(bob, conversationId, { transports });
    const all = [admin, writer, alice, bob];
    const [own, others] = [await send(writer), await send(writer)];
    for (const [client, messageId] of [[writer, own], [admin, others], [admin, own], [writer, others]]) {
      const { first, seen } = await twice(() => client.ask('message:delete', { conversationId, messageId }), all);
      assert.deepEqual([first, seen.map(names)], [DONE, [[], [], [], []]]);
    }
    const messageId = await send(writer);
    const reactionId = await react(admin, messageId);
    const events = { 'message:read': { messageIds: [messageId] }, 'reaction:remove': { messageId, reactionId }, 'typing:stop': {} };
    for (const [event, fields] of Object.entries(events)) {
      const { first, seen } = await twice(() => admin.ask(event, { conversationId, ...fields }), all);
      assert.deepEqual([event, first], [event, DONE]);
      if (event !== 'typing:stop') assert.deepEqual(seen.map(names), [[], [], [], []], event);
    }
    const { first, seen } = await twice(() => admin.ask('conversation:leave', { conversationId }), [admin, writer, alice, bob]);
    assert.deepEqual([first, seen.map(names)], [DONE, [['conversation:left'], [], [], []]]);
  });

  test(`feed and chat: a conversation is left again, and typing ends again, ${over}`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const { userId, username, conversationId } = bob;
    const [reader, talker] = [await feed({ userId, username }, { transports }), await chat({ userId, username }, { transports })];
    await reader.ask('join-conversation', conversationId);
    const left = await twice(() => reader.ask('leave-conversation', conversationId), [alice]);
    assert.deepEqual([left.first, left.seen.map(names)], [DONE, [[]]]);
    await talker.ask('user:typing', { chatId: conversationId });
    assert.deepEqual((await twice(() => talker.ask('user:stop-typing', { chatId: conversationId }), [alice])).first, DONE);
  });

  test(`session: typing ends again, a file is said to be downloaded again, keys are set again, ${over}`, async () => {
    const [alice, bob] = await sessionMembers('Alice', 'Bob');
    const { sessionId } = alice;
    for (const [event, fields] of [
      ['stopped-typing', mine(bob)], ['set-session-key', { sessionId, encryptedKeys: { [alice.userId]: 'k' } }],
      ['file-downloaded', { sessionId, downloadedBy: bob.userId, senderId: alice.userId, fileName: 'f' }],
      ['save-public-key', mine(bob, { publicKey: bob.publicKey })], ['send-message', sessionMessage(bob, { clientMessageId: 'again' })],
    ]) {
      const { first } = await twice(async () => (await bob.ask(event, fields)).success, [bob, alice], observeSession);
      assert.equal(first, true, event);
    }
  });
}

test('REST: a message is deleted, hidden and read again, by each who may', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const { conversationId } = alice;
  for (const [who, query] of [[bob, ''], [alice, ''], [alice, '?forAll=false'], [bob, '?forAll=false']]) {
    const id = await send(bob);
    const { seen } = await twice(() => done(200, who, 'DELETE', `/api/messages/${id}${query}`), [alice, bob]);
    assert.deepEqual(seen.map(names), [[], []]);
    // What is deleted for all may be hidden still.
    await done(200, who, 'DELETE', `/api/messages/${id}?forAll=false`);
    await done(200, who, 'DELETE', `/api/messages/${id}?forAll=false`);
  }
  const id = await send(bob);
  for (const [path, body] of [
    [`/api/messages/${id}/read`], [at(conversationId, 'read')], ['/api/messages/read', { conversationId, messageIds: [id] }],
  ]) {
    const { seen } = await twice(() => done(200, alice, 'POST', path, body), [alice, bob]);
    assert.deepEqual(seen.map(names), [[], []], path);
  }
});

test('REST: who is added, blocked or suspended again', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [carol, mallory] = [user('Carol'), user('Mallory')];
  const { conversationId } = alice;
  const path = at(conversationId, 'participants');
  await done(201, alice, 'POST', path, { userId: carol.userId });
  const added = await twice(() => done(200, alice, 'POST', path, { userId: carol.userId }), [alice, bob]);
  assert.deepEqual(added.seen.map(names), [[], []]);
  const blocked = `/api/users/me/blocked/${mallory.userId}`;
  await done(201, alice, 'PUT', blocked);
  await twice(() => done(200, alice, 'PUT', blocked), [alice]);
  await done(200, alice, 'DELETE', blocked);
  await twice(() => done(200, alice, 'DELETE', blocked), [alice]);
  for (const status of ['suspended', 'active']) {
    await twice(() => done(200, ADMIN, 'PUT', `/api/admin/users/${mallory.userId}`, { status }), [alice]);
  }
  await twice(() => done(200, ADMIN, 'POST', `/api/admin/users/${mallory.userId}/disconnect`), [alice]);
  await twice(() => done(200, alice, 'PATCH', at(conversationId), { title: 'Again' }), [bob]);
});

test('who is no participant any more unsubscribes all the same', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const { conversationId } = alice;
  const reader = await feed({ userId: bob.userId, username: bob.username });
  await reader.ask('join-conversation', conversationId);
  await done(200, bob, 'DELETE', at(conversationId));
  await bob.next('conversation:left');
  for (let times = 0; times < 2; times += 1) {
    assert.deepEqual(await bob.ask('conversation:leave', { conversationId }), DONE);
    assert.deepEqual(await reader.ask('leave-conversation', conversationId), DONE);
  }
  const again = await online({ userId: bob.userId, username: bob.username });
  assert.deepEqual(await again.ask('conversation:leave', inConversation(alice)), DONE);
});
