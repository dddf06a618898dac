// `conversation`: reaction:add and reaction:remove.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, unique, user } from '../support/relay.mjs';
import {
  DONE, ID, REFUSALS, askInOrder, found, inConversation, invalid, members, names, observe, online, person, present, react, refused, send, settle,
} from '../support/conversations.mjs';

/** Another id of the same form. */
const altered = (id) => id.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
const unreact = (client, messageId, reactionId) => client.ask('reaction:remove', inConversation(client, { messageId, reactionId }));

/** `members`, and a message by the first of them. */
async function scene(...others) {
  const clients = await members('Alice', 'Bob', ...others);
  return { clients, messageId: await send(clients[0]) };
}

test('a reaction is sent to everybody, the one who reacts too', async () => {
  const { clients, messageId } = await scene('Carol');
  const [, bob] = clients;
  let answer;
  const seen = await observe(clients, async () => {
    answer = await bob.ask('reaction:add', inConversation(bob, { messageId, emoji: '👍' }));
  });
  const { reactionId: id, ...rest } = answer;
  assert.match(id, ID);
  assert.deepEqual(rest, { success: true });
  const { conversationId, userId } = bob;
  const expected = { id, messageId, conversationId, emoji: '👍', userId, createdAt: TIME, user: person(bob) };
  for (const events of seen) same(events, [['reaction:added', expected]]);
});

test('its removal is sent to everybody, the one who removes it too', async () => {
  const { clients, messageId } = await scene('Carol');
  const [, bob] = clients;
  const id = await react(bob, messageId);
  const seen = await observe(clients, async () => assert.deepEqual(await unreact(bob, messageId, id), DONE));
  const { conversationId, userId } = bob;
  for (const events of seen) assert.deepEqual(events, [['reaction:removed', { id, messageId, conversationId, userId }]]);
});

test('the callbacks are called before the events come', async () => {
  const { clients: [alice], messageId } = await scene();
  await settle([alice]);
  const start = alice.mark();
  const added = await askInOrder(alice, 'reaction:add', inConversation(alice, { messageId, emoji: '👍' }));
  assert.equal(added.mark, start);
  await settle([alice]);
  const next = alice.mark();
  const removed = await askInOrder(alice, 'reaction:remove', inConversation(alice, { messageId, reactionId: added.answer.reactionId }));
  assert.equal(removed.mark, next);
  await settle([alice]);
  assert.deepEqual(names(alice.since(start)), ['reaction:added', 'reaction:removed']);
});

test('the avatar is not shown with a reaction, and a participant who has not joined may react', async () => {
  const [one, two] = [user('Alice'), { ...user('Bob'), avatarUrl: 'https://example.test/b.png' }];
  const conversationId = await found(one, [two]);
  const [alice, apart] = [await present(one, conversationId), Object.assign(await online(two), { conversationId })];
  const messageId = await send(alice);
  const [toAlice, toBob] = await observe([alice, apart], () => react(apart, messageId));
  const { userId, username } = two;
  assert.deepEqual(toAlice[0][1].user, person({ userId, username }));
  assert.deepEqual(toBob, []);
});

test('adding the same again answers with the one that is there, and nobody is notified', async () => {
  const { clients: [alice, bob], messageId } = await scene();
  const id = await react(bob, messageId);
  const second = await present(bob, bob.conversationId);
  const seen = await observe([bob, alice, second], async () => {
    for (const client of [bob, second]) assert.equal(await react(client, messageId), id);
  });
  assert.deepEqual(seen, [[], [], []]);
});

test('another emoji, another user or another message is another reaction', async () => {
  const { clients: [alice, bob], messageId } = await scene();
  const other = await send(bob);
  const ids = new Set();
  const [toAlice] = await observe([alice, bob], async () => {
    for (const [client, message, emoji] of [[bob, messageId, '👍'], [bob, messageId, '👎'], [alice, messageId, '👍'], [bob, other, '👍']]) {
      ids.add(await react(client, message, emoji));
    }
  });
  assert.equal(ids.size, 4);
  assert.deepEqual(toAlice.map(([name, { id }]) => [name, id]), [...ids].map((id) => ['reaction:added', id]));
});

test('what was removed may be added again, as a new one', async () => {
  const { clients: [alice, bob], messageId } = await scene();
  const id = await react(bob, messageId);
  await unreact(bob, messageId, id);
  let again;
  const [toAlice] = await observe([alice, bob], async () => {
    again = await react(bob, messageId);
  });
  assert.notEqual(again, id);
  assert.deepEqual(toAlice.map(([name, payload]) => [name, payload.id]), [['reaction:added', again]]);
});

for (const [name, emoji] of Object.entries({ 'one character': '❤', 'a family': '👨‍👩‍👧‍👦', 'ten characters': '🧑🏽‍🚀👍🏿👍🏿👍🏿', text: ':+1:' })) {
  test(`an emoji may be ${name} and arrives as it is`, async () => {
    const { clients: [alice, bob], messageId } = await scene();
    const [toAlice] = await observe([alice, bob], () => react(bob, messageId, emoji));
    assert.equal(toAlice[0][1].emoji, emoji);
  });
}

test('an emoji that is missing, too long or no text is refused', async () => {
  const { clients: [alice, bob], messageId } = await scene();
  const { conversationId } = bob;
  for (const emoji of [undefined, null, '', '👍'.repeat(11), 'a\u0000', 7, true, {}, ['👍']]) {
    const context = { conversationId, messageId, field: 'emoji' };
    await refused(bob, 'reaction:add', inConversation(bob, { messageId, emoji }), invalid('emoji'), context, [alice]);
  }
});

test('only a message that is there can be reacted to', async () => {
  const { clients: [alice, bob], messageId } = await scene();
  const foreign = await send(await present(bob, await found(bob)));
  const deleted = await send(alice);
  await alice.ask('message:delete', inConversation(alice, { messageId: deleted }));
  const { conversationId } = bob;
  for (const id of [foreign, deleted, altered(messageId), unique('message')]) {
    await refused(bob, 'reaction:add', inConversation(bob, { messageId: id, emoji: '👍' }), REFUSALS.unauthorized, { conversationId, messageId: id }, [alice]);
  }
});

test('only one’s own reaction can be removed, and only where it is', async () => {
  const { clients: [alice, bob], messageId } = await scene();
  const other = await send(alice);
  const id = await react(bob, messageId);
  const { conversationId } = bob;
  for (const [client, message, reactionId] of [
    [alice, messageId, id], [bob, other, id], [bob, messageId, altered(id)], [bob, messageId, messageId], [bob, messageId, 'x'], [bob, 'x', id],
  ]) {
    const context = { conversationId, messageId: message };
    await refused(client, 'reaction:remove', inConversation(client, { messageId: message, reactionId }), REFUSALS.unauthorized, context, [client === alice ? bob : alice]);
  }
  assert.deepEqual(await unreact(bob, messageId, id), DONE);
  await refused(alice, 'reaction:remove', inConversation(alice, { messageId, reactionId: id }), REFUSALS.unauthorized, { conversationId, messageId }, [bob]);
});

test('who is no participant neither reacts nor removes', async () => {
  const { clients: [alice, bob], messageId } = await scene();
  const reactionId = await react(bob, messageId);
  const eve = await online(user('Eve'));
  for (const conversationId of [alice.conversationId, unique('conversation')]) {
    const fields = { conversationId, messageId };
    await refused(eve, 'reaction:add', { ...fields, emoji: '👍' }, REFUSALS.notParticipant, fields, [alice, bob]);
    await refused(eve, 'reaction:remove', { ...fields, reactionId }, REFUSALS.notParticipant, fields, [alice, bob]);
  }
});
