// Users whose ids are numbers in their tokens: they are told as numbers wherever they are told, and `"7"` is the same user as `7`.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { connect, exchange, token, unique } from '../support/relay.mjs';
import { at, call, done } from '../support/rest.mjs';

const numbered = (name) => ({ userId: randomInt(1, 2 ** 47), username: unique(name) });
const client = (who, dialect) => connect(who, { auth: { token: token(who), dialect } });

/** Fails if one of these ids is a text anywhere in what was told, or nowhere a number. */
function areNumbers(told, users) {
  const json = JSON.stringify(told);
  for (const { userId } of users) {
    assert.ok(!json.includes(`"${userId}"`), `${userId} is a text in ${json}`);
    assert.match(json, new RegExp(`[:,[]${userId}[,}\\]]`), `${userId} in ${json}`);
  }
}

const everything = (...clients) => clients.flatMap(({ events }) => events.map(({ name, args }) => [name, args]));

async function enter(who, id) {
  const made = await client(who, 'conversation');
  assert.equal((await made.ask('conversation:join', { conversationId: id })).success, true);
  return made;
}

test('in a conversation of every dialect, over REST and over sockets', async () => {
  const users = ['Alice', 'Bob', 'Carol'].map(numbered);
  const [one, two, three] = users;
  const made = await done(201, one, 'POST', '/api/conversations', { participantIds: [two.userId, three.userId] });
  const { id } = made.conversation;
  const [alice, bob, carol, dora] = [await enter(one, id), await enter(two, id), await client(three, 'chat'), await client(two, 'feed')];
  assert.strictEqual(alice.welcome.userId, one.userId);
  await dora.ask('join-conversation', id);
  const { messageId } = await alice.ask('message:send', { conversationId: id, content: 'sealed' });
  for (const [from, name] of [[bob, 'message:new'], [carol, 'message:new'], [dora, 'new-message']]) await from.next(name);
  await alice.next('message:delivered');
  const { reactionId } = await bob.ask('reaction:add', { conversationId: id, messageId, emoji: '👍' });
  await alice.next('reaction:added');
  await bob.ask('reaction:remove', { conversationId: id, messageId, reactionId });
  await alice.next('reaction:removed');
  await bob.ask('typing:start', { conversationId: id });
  await bob.ask('typing:stop', { conversationId: id });
  await alice.next('typing:user:stop');
  await carol.next('user:stop-typing');
  await bob.ask('message:read', { conversationId: id, messageIds: [messageId] });
  await alice.next('message:read:receipt');
  await alice.ask('presence:request', { conversationId: id });
  await alice.next('presence:response');
  bob.close();
  await alice.next('user:offline');
  areNumbers(everything(alice, bob, carol), users.slice(0, 2));

  const answers = [made];
  for (const path of [at(id), at(id, 'participants'), at(id, 'messages'), at(id, 'receipts'), at(id, 'changes'), `/api/messages?chatId=${id}`, '/api/conversations']) {
    answers.push(await done(200, one, 'GET', path));
  }
  answers.push(await done(201, one, 'PUT', `/api/users/me/blocked/${three.userId}`), await done(200, one, 'GET', '/api/users/me/blocked'));
  await done(200, one, 'DELETE', `/api/users/me/blocked/${three.userId}`);
  areNumbers(answers, users);
});

test('between two users, however the recipient is written', async () => {
  const users = ['Alice', 'Bob'].map(numbered);
  const [alice, bob] = await Promise.all(users.map((who) => client(who, 'direct')));
  const { userId } = bob;
  const frames = bob.frames();
  for (const to of [`${userId}`, `"${userId}"`, `${userId}.0`, `${userId}e0`]) {
    alice.raw(`2["send_message",{"recipientId":${to},"ciphertext":"c","iv":"i","tag":"t","seq":1}]`);
    await bob.next('receive_message', ({ senderId }) => senderId === alice.userId);
  }
  await exchange(alice, bob, () => {
    alice.emit('join_room', { recipientId: userId });
    alice.emit('typing:start', { recipientId: userId });
    alice.emit('send_message', { recipientId: userId, ciphertext: 'c', iv: 'i', tag: 't', seq: 2, messageId: 'm' });
    alice.emit('send_file_chunk', { recipientId: userId, encryptedData: 'e', iv: 'i', tag: 't' });
    alice.emit('request_file', { senderId: userId, messageId: 'm' });
    alice.emit('key-exchange:send', { recipientId: userId, publicKey: 'k' });
  });
  const { received } = await exchange(bob, alice, () => bob.emit('message:read', { senderId: alice.userId, messageId: 'm' }));
  assert.deepEqual(received, [['message:read-confirmed', { messageId: 'm', userId }]]);
  assert.ok(!frames.join('').includes(`"${alice.userId}"`), frames.join('\n'));
  areNumbers(everything(bob), [alice]);
});

test('the last token says which type an id has, and a text that looks like a number stays one', async () => {
  const who = numbered('Alice');
  const text = { ...who, userId: `${who.userId}` };
  const other = { userId: `${randomInt(1, 2 ** 47)}`, username: unique('Bob') };
  const bob = await client(other, 'direct');
  assert.strictEqual(bob.welcome.userId, other.userId);
  for (const now of [who, text, who]) {
    const alice = await client(now, 'direct');
    assert.strictEqual(alice.welcome.userId, now.userId);
    const { received } = await exchange(bob, alice, () => bob.emit('send_message', { recipientId: who.userId, ciphertext: 'c', iv: 'i', tag: 't', seq: 1 }));
    assert.strictEqual(received[0][1].senderId, other.userId);
    const answer = await exchange(alice, bob, () => alice.emit('send_message', { recipientId: other.userId, ciphertext: 'c', iv: 'i', tag: 't', seq: 1 }));
    assert.strictEqual(answer.received[0][1].senderId, now.userId);
    const { conversation } = await done(201, now, 'POST', '/api/conversations', { participantIds: [] });
    assert.strictEqual(conversation.createdBy, now.userId);
    alice.close();
  }
  assert.equal((await call(who, 'GET', '/api/conversations')).json.conversations.length, 3, 'they are one user');
});
