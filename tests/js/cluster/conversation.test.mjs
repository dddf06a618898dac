// Stored conversations between clients of several nodes, of every dialect that has them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, token, unique, user } from '../support/relay.mjs';
import { done, found, history } from '../support/rest.mjs';
import { at, client, times } from '../support/nodes.mjs';

const DONE = { success: true };
/** What a message is called in each dialect, and where its content is. */
const NEW = {
  conversation: ['message:new', (message) => message.content],
  feed: ['new-message', (message) => message.encrypted_msg_content],
  chat: ['message:new', (message) => message.data.content],
};

const person = (name) => ({ userId: unique(name.toLowerCase()), username: unique(name) });

/** A client of a dialect in a conversation. */
async function member(who, id, node, dialect = 'conversation') {
  const made = await client(who, node, dialect);
  Object.assign(made, { dialect, id });
  if (dialect === 'conversation') assert.deepEqual(await made.ask('conversation:join', { conversationId: id }), DONE);
  if (dialect === 'feed') assert.deepEqual(await made.ask('join-conversation', id), DONE);
  return made;
}

async function send(from, content) {
  const answer = await from.ask('message:send', { conversationId: from.id, content });
  assert.equal(answer.success, true, JSON.stringify(answer));
  return answer.messageId;
}

/** Waits for a message with this content. */
function receives(receiver, content) {
  const [name, read] = NEW[receiver.dialect];
  return receiver.next(name, (message) => read(message) === content);
}

/** The contents that a client was sent, in order. */
function receivedBy(receiver) {
  const [name, read] = NEW[receiver.dialect];
  return receiver.all(name).map(read);
}

test('a message reaches every member once and in order, in the shape of each dialect', async () => {
  const all = ['Alice', 'Bob', 'Carol', 'Dave'].map(person);
  const id = await found(all[0], all.slice(1));
  const alice = await member(all[0], id, 0);
  const others = [
    await member(all[1], id, 1), await member(all[2], id, 1, 'feed'), await member(all[3], id, 2, 'chat'),
    await member(all[1], id, 2, 'chat'), await member(all[2], id, 0), await member(all[0], id, 2, 'feed'),
  ];
  const sent = await Promise.all(Array.from({ length: 60 }, (_, n) => send(alice, n)));
  await send(alice, 'last');
  for (const other of others) {
    await receives(other, 'last');
    assert.deepEqual(receivedBy(other), [...sent.map((_, n) => n), 'last'], `${other.dialect} on ${other.node}`);
  }
  await receives(alice, 'last');
  assert.deepEqual(receivedBy(alice), [...sent.map((_, n) => n), 'last']);
});

test('senders on several nodes each keep their order, and the history has what all were sent', async () => {
  const all = ['Alice', 'Bob', 'Carol'].map(person);
  const id = await found(all[0], all.slice(1));
  const members = await Promise.all(all.map((who, node) => member(who, id, node)));
  await Promise.all(members.map(async (from, index) => {
    for (let n = 0; n < 30; n += 1) await send(from, `${index}.${n}`);
  }));
  const stored = (await history(all[0], id)).map(({ content }) => content);
  assert.equal(stored.length, 90);
  for (const receiver of members) {
    for (const index of members.keys()) await receives(receiver, `${index}.29`);
    assert.deepEqual(receivedBy(receiver).toSorted(), stored.toSorted());
    for (const index of members.keys()) {
      const own = receivedBy(receiver).filter((content) => content.startsWith(`${index}.`));
      assert.deepEqual(own, Array.from({ length: 30 }, (_, n) => `${index}.${n}`));
    }
  }
});

test('nothing of one conversation reaches another, nor who is in none', async () => {
  const knownUsers = ['Alice', 'Bob', 'Carol', 'Dave'].map(person);
  const [one, other] = [await found(knownUsers[0], [knownUsers[1]]), await found(knownUsers[2], [knownUsers[3]])];
  const pairs = [
    [await member(knownUsers[0], one, 0), await member(knownUsers[1], one, 1)],
    [await member(knownUsers[2], other, 0), await member(knownUsers[3], other, 1)],
  ];
  const outsider = await client(person('Erin'), 1, 'chat');
  await Promise.all(pairs.map(async ([from], index) => {
    for (let n = 0; n < 40; n += 1) await send(from, `${index}.${n}`);
  }));
  for (const [index, pair] of pairs.entries()) {
    for (const receiver of pair) {
      await receives(receiver, `${index}.39`);
      assert.deepEqual(receivedBy(receiver), Array.from({ length: 40 }, (_, n) => `${index}.${n}`));
    }
  }
  assert.equal(times(outsider, 'message:new'), 0);
});

test('content that is binary or oddly written arrives as it is', async () => {
  const all = ['Alice', 'Bob'].map(person);
  const id = await found(all[0], all.slice(1));
  const [alice, bob] = [await member(all[0], id, 0), await member(all[1], id, 1)];
  const binary = Buffer.from([0, 1, 255]);
  await send(alice, { cipher: binary });
  assert.ok(binary.equals((await bob.next('message:new')).content.cipher));
  const frames = bob.frames();
  const content = '{"n":1.50e+2,"a":"\\u0041","a":2}';
  alice.raw(`2["message:send",{"conversationId":${JSON.stringify(id)},"content":${content}}]`);
  await bob.next('message:new');
  assert.ok(frames.some((frame) => frame.includes(`"content":${content}`)), frames.join('\n'));
});

test('changes, reactions and receipts are sent', async () => {
  const all = ['Alice', 'Bob'].map(person);
  const id = await found(all[0], all.slice(1));
  const [alice, bob, device] = [await member(all[0], id, 0), await member(all[1], id, 1), await member(all[0], id, 2)];
  const messageId = await send(alice, 'sealed');
  for (const sender of [alice, device]) {
    const delivered = await sender.next('message:delivered');
    assert.deepEqual([delivered.messageId, delivered.deliveredTo], [messageId, [bob.userId]]);
  }
  assert.equal((await bob.ask('message:read', { conversationId: id, messageIds: [messageId] })).success, true);
  for (const sender of [alice, device]) {
    const receipt = await sender.next('message:read:receipt');
    assert.deepEqual([receipt.messageIds, receipt.readBy], [[messageId], bob.userId]);
  }
  assert.equal((await alice.ask('message:update', { conversationId: id, messageId, content: 'other' })).success, true);
  assert.equal((await bob.next('message:updated')).content, 'other');
  const { reactionId } = await bob.ask('reaction:add', { conversationId: id, messageId, emoji: '👍' });
  assert.deepEqual((await alice.next('reaction:added')).user.id, bob.userId);
  assert.equal((await bob.ask('reaction:remove', { conversationId: id, messageId, reactionId })).success, true);
  assert.equal((await alice.next('reaction:removed')).id, reactionId);
  assert.equal((await alice.ask('message:delete', { conversationId: id, messageId })).success, true);
  for (const receiver of [bob, device]) assert.equal((await receiver.next('message:deleted')).id, messageId);
  for (const sender of [alice, device]) assert.equal(times(sender, 'message:delivered'), 1);
});

test('who reads on one node is told on the others, in the words of each dialect, and never before the message', async () => {
  const all = ['Alice', 'Bob'].map(person);
  const id = await found(all[0], all.slice(1));
  const alice = await member(all[0], id, 0);
  const bob = await member(all[1], id, 1);
  const devices = [await member(all[1], id, 2), await member(all[1], id, 2, 'chat'), await member(all[1], id, 0, 'feed')];
  const read = {
    conversation: ({ messageIds, readBy, conversationId }) => [messageIds, readBy, conversationId],
    chat: ({ data: { messageIds, readBy, chatId } }) => [messageIds, readBy, chatId],
    feed: ({ message_ids, read_by, conversation_id }) => [message_ids, read_by, conversation_id],
  };
  for (let round = 0; round < 20; round += 1) {
    const messageId = await send(alice, round);
    assert.deepEqual(await bob.ask('message:read', { conversationId: id, messageIds: [messageId] }), DONE);
    for (const device of devices) {
      const receipt = read[device.dialect](await device.next('message:read:receipt'));
      assert.deepEqual(receipt, [[messageId], bob.userId, id], device.dialect);
      assert.deepEqual(receivedBy(device).at(-1), round, `${device.dialect} knows the message that was read`);
    }
  }
  assert.equal(times(bob, 'message:read:receipt'), 0);
});

test('typing is sent, and stops by itself', async () => {
  const all = ['Alice', 'Bob', 'Carol'].map(person);
  const id = await found(all[0], all.slice(1));
  const [alice, bob, carol] = [await member(all[0], id, 0), await member(all[1], id, 1), await member(all[2], id, 2, 'chat')];
  alice.emit('typing:start', { conversationId: id });
  assert.equal((await bob.next('typing:user:start')).userId, alice.userId);
  assert.equal((await carol.next('user:typing')).userId, alice.userId);
  assert.equal((await bob.next('typing:user:stop')).userId, alice.userId);
  await carol.next('user:stop-typing');
  carol.emit('user:typing', { chatId: id });
  assert.equal((await alice.next('typing:user:start')).userId, carol.userId);
  carol.close();
  assert.equal((await alice.next('typing:user:stop')).userId, carol.userId);
  assert.equal(times(bob, 'typing:user:stop', ({ userId }) => userId === alice.userId), 1);
});

test('who is in a conversation is counted and named over all nodes', async () => {
  const all = ['Alice', 'Bob', 'Carol'].map(person);
  const id = await found(all[0], all.slice(1));
  const alice = await member(all[0], id, 0);
  assert.equal((await alice.next('conversation:joined')).participantCount, 1);
  const [bob, second] = [await member(all[1], id, 1), await member(all[1], id, 2)];
  assert.equal((await bob.next('conversation:joined')).participantCount, 2);
  assert.equal((await second.next('conversation:joined')).participantCount, 3);
  const carol = await member(all[2], id, 2, 'feed');
  const { onlineUsers } = await alice.ask('presence:request', { conversationId: id });
  assert.deepEqual(onlineUsers.map((one) => one.id).toSorted(), all.map(({ userId }) => userId).toSorted());
  assert.equal((await alice.next('user:online')).userId, bob.userId);
  bob.close();
  carol.close();
  second.emit('conversation:leave', { conversationId: id });
  // The room is not told of Carol, who follows by another dialect; Alice is, who was told of her when she asked.
  const gone = [await alice.next('user:offline'), await alice.next('user:offline')];
  assert.deepEqual(gone.map(({ userId }) => userId).toSorted(), [bob.userId, carol.userId].toSorted());
  const back = await member(all[1], id, 1);
  assert.equal((await alice.next('user:online')).userId, bob.userId);
  assert.equal((await back.next('conversation:joined')).participantCount, 2);
  assert.deepEqual([times(alice, 'user:online'), times(alice, 'user:offline')], [2, 2]);
});

test('who comes back to another node within the grace was never away', async () => {
  const all = ['Alice', 'Bob'].map(person);
  const id = await found(all[0], all.slice(1));
  const alice = await member(all[0], id, 0);
  let bob = await member(all[1], id, 1);
  await alice.next('user:online');
  for (const node of [2, 1, 2]) {
    bob.close();
    bob = await member(all[1], id, node);
  }
  await send(bob, 'here');
  await receives(alice, 'here');
  bob.close();
  await alice.next('user:offline');
  assert.deepEqual([times(alice, 'user:online'), times(alice, 'user:offline')], [1, 1]);
});

test('who is let in or taken out is so on every node at once', async () => {
  const all = ['Alice', 'Bob', 'Carol', 'Dave'].map(person);
  const id = await found(all[0], [all[1]]);
  const [alice, bob] = [await member(all[0], id, 0), await member(all[1], id, 1)];
  const [chat, feed] = [await client(all[2], 1, 'chat'), await client(all[2], 2, 'feed')];
  Object.assign(chat, { dialect: 'chat' });
  await done(201, all[0], 'POST', `/api/conversations/${id}/participants`, { userId: all[2].userId });
  await feed.next('conversation-participants-added');
  await send(alice, 'for carol, too');
  await receives(chat, 'for carol, too');
  await done(200, all[0], 'DELETE', `/api/conversations/${id}/participants/${bob.userId}`);
  await send(alice, 'not for bob');
  await receives(chat, 'not for bob');
  await bob.next('conversation:left');
  assert.equal((await alice.next('user:offline')).userId, bob.userId);
  assert.deepEqual(receivedBy(bob), ['for carol, too']);
  assert.equal((await bob.ask('message:send', { conversationId: id, content: 'x' })).error.code, 'NOT_PARTICIPANT');
  const made = await found(all[0], [all[2]]);
  await done(201, all[0], 'POST', '/api/messages', { chatId: made, content: 'at once' });
  await receives(chat, 'at once');
  assert.equal((await feed.next('conversation-created')).conversationId, made);
});

test('who shares a chat is notified of who comes online and goes offline', async () => {
  const all = ['Alice', 'Bob'].map(person);
  await found(all[0], all.slice(1));
  const alice = await client(all[0], 0, 'chat');
  const bob = await client(all[1], 1, 'chat');
  await alice.next('user:online', ({ userId }) => userId === bob.userId);
  await bob.next('user:online', ({ userId }) => userId === alice.userId);
  const second = await client(all[1], 2, 'chat');
  await second.next('user:online', ({ userId }) => userId === alice.userId);
  bob.close();
  second.close();
  await alice.next('user:offline', ({ userId }) => userId === bob.userId);
  for (const one of [alice, bob, second]) assert.equal(times(one, 'user:online'), 1);
});

test('an administrator closes the connections of a user everywhere', async () => {
  const bob = user('Bob');
  const admin = { bearer: process.env.ADMIN_TOKEN };
  const devices = [await client(bob, 0, 'direct'), await client(bob, 1, 'chat'), await client(bob, 2, 'conversation')];
  const { disconnected } = await done(200, admin, 'POST', `/api/admin/users/${bob.userId}/disconnect`);
  assert.equal(disconnected, 3);
  for (const device of devices) await device.next('disconnect');
  const again = [await client(bob, 1, 'direct'), await client(bob, 2, 'direct')];
  await done(200, admin, 'PUT', `/api/admin/users/${bob.userId}`, { status: 'suspended' });
  for (const device of again) await device.next('disconnect');
  for (const node of [0, 1, 2]) {
    const { outcome } = await attempt({ ...at(node), auth: { dialect: 'direct', token: token(bob) } });
    assert.equal(outcome, 'User not authorized');
  }
});
