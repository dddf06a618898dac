// REST: what histories say of their messages besides what these say: edits, deletions, reactions and receipts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, user } from '../support/relay.mjs';
import { present, react } from '../support/conversations.mjs';
import { at, done, found, post, read } from '../support/rest.mjs';

/** Alice, Bob and Carol in a conversation, with a message of Alice that Bob was sent, and one of Bob before it. */
async function scene() {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const id = await found(alice, [bob, carol]);
  const earlier = await post(bob, id, 'earlier');
  const client = await present(bob, id);
  const message = await post(alice, id, 'sealed');
  await client.next('message:new', (sent) => sent.id === message.id);
  return { alice, bob, carol, id, earlier, message, client };
}

const reads = (id) => [`/api/messages?conversationId=${id}`, `/api/messages?chatId=${id}`, `/api/messages/${id}`];

test('a history comes with the reactions to its messages', async () => {
  const { alice, bob, carol, id, earlier, message, client } = await scene();
  const kept = await react(client, message.id, '👍');
  const gone = await react(client, message.id, 'no');
  const other = await react(client, earlier.id, '🎉');
  const about = { conversationId: id, messageId: message.id, reactionId: gone };
  assert.equal((await client.ask('reaction:remove', about)).success, true);
  const reaction = (reactionId, messageId, emoji) => ({ id: reactionId, messageId, userId: bob.userId, emoji, createdAt: TIME });
  for (const path of reads(id)) {
    for (const who of [alice, carol]) {
      const { reactions } = await done(200, who, 'GET', path);
      same(reactions, [reaction(other, earlier.id, '🎉'), reaction(kept, message.id, '👍')]);
    }
  }
  const { reactions } = await read(alice, id, { limit: 1 });
  same(reactions, [reaction(kept, message.id, '👍')]);
  const before = await read(alice, id, { before: message.id });
  same(before.reactions, [reaction(other, earlier.id, '🎉')]);
  const after = await read(alice, id, { after: earlier.id });
  same(after.reactions, [reaction(kept, message.id, '👍')]);
});

test('a history comes with the receipts that one may know', async () => {
  const { alice, bob, carol, id, earlier, message } = await scene();
  const mark = (who, messageIds) => done(200, who, 'POST', '/api/messages/read', { conversationId: id, messageIds });
  await mark(bob, [message.id]);
  await mark(carol, [earlier.id, message.id]);
  const receipt = ({ id: messageId }, { userId }) => ({ messageId, userId, deliveredAt: TIME, readAt: TIME });
  const byUser = (receipts) => receipts.toSorted((one, other) => (one.userId < other.userId ? -1 : 1));
  for (const path of reads(id)) {
    const of = async (who) => (await done(200, who, 'GET', path)).receipts;
    same(byUser(await of(alice)), byUser([receipt(message, bob), receipt(message, carol)]));
    same(await of(carol), [receipt(earlier, carol), receipt(message, carol)]);
    same(await of(bob), [receipt(earlier, carol), receipt(message, bob)]);
  }
});

test('a history has messages as they are, edited and deleted', async () => {
  const { alice, bob, id, earlier, message } = await scene();
  await done(200, alice, 'PATCH', `/api/messages/${message.id}`, { content: 'better' });
  await done(200, bob, 'DELETE', `/api/messages/${earlier.id}`);
  const [conversation, chat, feed] = await Promise.all(reads(id).map(async (path) => (await done(200, alice, 'GET', path)).messages));
  for (const [gone, edited] of [conversation, chat]) {
    same([gone.content, gone.deletedAt, edited.content, edited.editedAt], [null, TIME, 'better', TIME]);
  }
  const [gone, edited] = feed;
  assert.deepEqual([gone.encrypted_msg_content, gone.is_deleted, edited.encrypted_msg_content], [null, 1, 'better']);
  assert.ok(edited.updated_at >= edited.created_at);
});

test('a client that was away reads all that happened meanwhile, and each of it once', async () => {
  const { alice, bob, carol, id, earlier, message, client } = await scene();
  const { cursor } = await read(carol, id);
  const { cursor: receiptsCursor } = await done(200, alice, 'GET', at(id, 'receipts'));
  await done(200, alice, 'PATCH', `/api/messages/${message.id}`, { content: 'better' });
  await done(200, bob, 'DELETE', `/api/messages/${earlier.id}`);
  await react(client, message.id, '👍');
  await done(200, alice, 'PATCH', at(id, 'participants', bob.userId), { role: 'admin' });
  await post(bob, id, 'later');
  await done(200, carol, 'POST', '/api/messages/read', { conversationId: id, messageIds: [message.id] });
  const { messages, changes, cursor: next } = await read(carol, id, { after: cursor });
  assert.deepEqual(messages.map(({ content }) => content), ['later']);
  assert.deepEqual(changes.map(({ type }) => type), ['message:updated', 'message:deleted', 'reaction:added', 'participant:updated']);
  const again = await read(carol, id, { after: next });
  assert.deepEqual([again.messages, again.changes], [[], []]);
  const { receipts } = await done(200, alice, 'GET', `${at(id, 'receipts')}?after=${receiptsCursor}`);
  assert.ok(receipts.some(({ messageId, userId, readAt }) => messageId === message.id && userId === carol.userId && readAt));
});
