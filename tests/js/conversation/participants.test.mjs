// `conversation`: participants who are taken out, go, or are put in while they are connected. Started with OFFLINE_GRACE=300ms.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, user } from '../support/relay.mjs';
import {
  REFUSALS, add, call, done, enter, failed, inConversation, members, names, observe, online, person, present, react, refused, remove, send, settle,
} from '../support/conversations.mjs';

const { notParticipant } = REFUSALS;
const offline = ({ conversationId, userId }) => ['user:offline', { conversationId, userId, timestamp: TIME, lastSeenAt: TIME }];

/** What was sent when Bob's participation ended. */
async function ending(action) {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  const { conversationId } = alice;
  const clients = { alice, carol, bob, second: await present(bob, conversationId), apart: await online(bob) };
  const [toAlice, toCarol, ...toBob] = await observe(Object.values(clients), () => action(clients, conversationId));
  for (const events of [toAlice, toCarol]) same(events, [offline({ ...clients.bob, conversationId, userId: bob.userId })]);
  assert.deepEqual(toBob, [[['conversation:left', { conversationId }]], [['conversation:left', { conversationId }]], []]);
  return clients;
}

test('who is taken out leaves with all their sockets at once', async () => {
  const { alice, bob } = await ending(({ alice: admin, bob: member }, id) => remove(admin, id, member));
  const seen = await observe([bob, alice], () => send(alice));
  assert.deepEqual(seen.map(names), [[], ['message:new', 'message:delivered']]);
});

test('who goes by themselves leaves with all their sockets at once', async () => {
  const { alice, bob } = await ending(({ bob: member }, id) => remove(member, id, member));
  const [toBob] = await observe([bob, alice], () => send(alice));
  assert.deepEqual(toBob, []);
});

test('all of that has happened when the request is answered', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await remove(alice, alice.conversationId, bob);
  for (const client of [alice, bob]) await client.ask('typing:stop', inConversation(client));
  assert.equal(bob.all('conversation:left').length, 1);
  assert.equal(alice.all('user:offline').length, 1);
});

test('who was taken out is refused everything, over every socket', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const second = await present(bob, bob.conversationId);
  const [own, messageId] = [await send(bob), await send(alice)];
  const reactionId = await react(bob, messageId);
  await remove(alice, alice.conversationId, bob);
  const { conversationId } = bob;
  for (const client of [bob, second]) {
    for (const [event, fields, context = {}] of [
      ['message:send', { content: 'x' }],
      ['message:update', { messageId: own, content: 'x' }, { messageId: own }],
      ['message:delete', { messageId: own }, { messageId: own }],
      ['message:read', { messageIds: [messageId] }],
      ['reaction:add', { messageId, emoji: '👎' }, { messageId }],
      ['reaction:remove', { messageId, reactionId }, { messageId }],
      ['presence:request', {}],
    ]) {
      await refused(client, event, inConversation(client, fields), notParticipant, { conversationId, ...context }, [alice]);
    }
    for (const event of ['typing:start', 'typing:stop']) {
      const seen = await observe([client, alice], async () => assert.deepEqual(await client.ask(event, inConversation(client)), failed(notParticipant)));
      assert.deepEqual(seen, [[], []]);
    }
    const [seen] = await observe([client, alice], async () => {
      assert.deepEqual(await client.ask('conversation:join', inConversation(client)), failed(notParticipant));
    });
    assert.deepEqual(seen, [['conversation:join:error', { conversationId, ...notParticipant }]]);
  }
  const { onlineUsers } = await alice.ask('presence:request', inConversation(alice));
  assert.deepEqual(onlineUsers, [person(alice)]);
});

test('an event that was sent before the removal is done, one sent after it is not', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const asked = Array.from({ length: 100 }, (_, n) => bob.ask('message:send', inConversation(bob, { content: n })));
  await asked[0];
  await remove(alice, alice.conversationId, bob);
  const answers = await Promise.all(asked);
  const after = await bob.ask('message:send', inConversation(bob, { content: 'after' }));
  assert.deepEqual(after, failed(notParticipant));
  const stored = answers.filter(({ success }) => success);
  assert.ok(answers.slice(stored.length).every(({ success }) => !success), 'none is done after one was refused');
  await settle([alice]);
  assert.deepEqual(alice.all('message:new').map(({ id }) => id), stored.map(({ messageId }) => messageId));
  assert.equal(alice.events.at(-1).name, 'user:offline', 'no message of theirs comes after they left');
});

test('typing of who is taken out ends', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await bob.ask('typing:start', inConversation(bob));
  const [toAlice] = await observe([alice, bob], () => remove(alice, alice.conversationId, bob));
  assert.deepEqual(names(toAlice), ['typing:user:stop', 'user:offline']);
});

test('who was taken out stays in their other conversations', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const other = await done(201, alice, 'POST', '/api/conversations', { participantIds: [bob.userId] });
  const { conversationId } = alice;
  for (const client of [alice, bob]) await enter(client, other.conversation.id);
  await remove(alice, conversationId, bob);
  const [, toBob] = await observe([alice, bob], () => send(alice));
  assert.deepEqual(names(toBob), ['message:new']);
});

test('who is put in again is not in the conversation until they join, and then is', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const { conversationId } = alice;
  await remove(alice, conversationId, bob);
  const [toBob] = await observe([bob, alice], async () => {
    assert.equal((await add(alice, conversationId, bob)).status, 201);
    await send(alice);
  });
  assert.deepEqual(toBob, []);
  const [, toAlice] = await observe([bob, alice], () => enter(bob, conversationId));
  same(toAlice[0], ['user:online', { conversationId, userId: bob.userId, user: person(bob), timestamp: TIME }]);
  const [again] = await observe([bob, alice], () => send(alice));
  assert.deepEqual(names(again), ['message:new']);
});

test('who went may be put in again', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const { conversationId } = alice;
  await remove(bob, conversationId, bob);
  assert.equal((await add(alice, conversationId, bob)).status, 201);
  await enter(bob, conversationId);
});

test('who disconnected and is taken out meanwhile is reported offline once', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  bob.close();
  await remove(alice, alice.conversationId, bob);
  await alice.next('user:offline', ({ userId }) => userId === bob.userId);
  // Carol disconnects after both: what is still to be sent about Bob comes before what is sent about her.
  carol.close();
  await alice.next('user:offline', ({ userId }) => userId === carol.userId);
  await settle([alice]);
  assert.equal(alice.all('user:offline').filter(({ userId }) => userId === bob.userId).length, 1);
});

test('a member takes nobody else out, and nobody is notified', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  const eve = await online(user('Eve'));
  const seen = await observe([alice, bob, carol, eve], async () => {
    for (const who of [bob, eve]) {
      for (const other of [alice, carol]) {
        const path = `/api/conversations/${alice.conversationId}/participants/${other.userId}`;
        assert.equal((await call(who, 'DELETE', path)).status, 403);
      }
    }
    for (const who of [bob, eve]) assert.equal((await add(who, alice.conversationId, eve)).status, 403);
  });
  assert.deepEqual(seen, [[], [], [], []]);
  await send(carol);
  assert.equal((await eve.ask('conversation:join', inConversation(alice))).success, false);
});

test('an admin who goes is no admin any more', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const messageId = await send(bob);
  await remove(alice, alice.conversationId, alice);
  const { conversationId } = alice;
  await refused(alice, 'message:delete', inConversation(alice, { messageId }), notParticipant, { conversationId, messageId }, [bob]);
  assert.equal((await add(alice, conversationId, alice)).status, 403);
});
