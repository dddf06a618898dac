// `conversation`: who joins is told who is there already. Started with OFFLINE_GRACE=300ms; clients take turns between the
// nodes there are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, user } from '../support/relay.mjs';
import { add, call, enter, found, inConversation, names, observe, online, person, present, remove, settle } from '../support/conversations.mjs';
import { feed } from '../support/feed-chat.mjs';
import { cut } from '../support/session.mjs';

const about = (who) => (payload) => payload.userId === who.userId;
const isThere = ({ conversationId }, who) => ['user:online', { conversationId, userId: who.userId, user: person(who), timestamp: TIME }];
const sorted = (...users) => users.toSorted((one, other) => (one.userId < other.userId ? -1 : 1));
/** What a client was sent of who is there, in the order in which it came. */
const presence = (client, who) => client.events.filter(({ name, args: [payload] }) => name.startsWith('user:') && about(who)(payload)).map(({ name }) => name);

/** A conversation of new users with these names: its id and the users, of whom the first made it. */
async function scene(...all) {
  const users = all.map((name) => ({ ...user(name), ...(name === 'Alice' && { avatarUrl: 'https://example.test/a.png' }) }));
  return { conversationId: await found(users[0], users.slice(1)), users };
}

/** Clients of these users in the conversation, on whichever nodes, when each knows of the others. */
async function gathered(conversationId, users) {
  const clients = [];
  for (const who of users) clients.push(await present(who, conversationId));
  for (const client of clients) {
    for (const other of users.filter(({ userId }) => userId !== client.userId)) await client.next('user:online', about(other));
  }
  await settle(clients);
  return clients;
}

for (const transport of ['websocket', 'polling']) {
  test(`who joins is told of each who is there, and when they leave, over ${transport}`, async () => {
    const { conversationId, users } = await scene('Alice', 'Bob', 'Carol');
    const [alice, bob] = await gathered(conversationId, users.slice(0, 2));
    const carol = await online(users[2], { transports: [transport] });
    const [seen] = await observe([carol], () => enter(carol, conversationId));
    same(seen, [
      ['conversation:joined', { conversationId, participantCount: 3 }], ...sorted(users[0], users[1]).map((who) => isThere(carol, who)),
    ]);
    await alice.ask('conversation:leave', { conversationId });
    await carol.next('user:offline', about(alice));
    cut(bob);
    await carol.next('user:offline', about(bob));
    for (const who of [alice, bob]) assert.deepEqual(presence(carol, who), ['user:online', 'user:offline']);
  });
}

test('each is named once, and nobody of themselves; a second join on the connection tells nothing', async () => {
  const { conversationId, users } = await scene('Alice', 'Bob');
  await gathered(conversationId, [users[0], users[0]]);
  const second = await online(users[1]);
  const [seen] = await observe([second], () => enter(second, conversationId));
  same(seen.slice(1), [isThere(second, users[0])]);
  const third = await online(users[1]);
  const [again] = await observe([third, second], () => enter(third, conversationId));
  same(again.slice(1), [isThere(third, users[0])]);
  const [twice] = await observe([second], () => enter(second, conversationId));
  assert.deepEqual(names(twice), ['conversation:joined']);
  await second.ask('conversation:leave', { conversationId });
  const [back] = await observe([second], () => enter(second, conversationId));
  same(back.slice(1), [isThere(second, users[0])]);
});

test('who is away for a moment is there, until that is over', async () => {
  const { conversationId, users } = await scene('Alice', 'Bob');
  const alice = await present(users[0], conversationId);
  const bob = await online(users[1]);
  await settle([alice, bob]);
  cut(alice);
  await enter(bob, conversationId);
  await settle([bob]);
  if (presence(bob, alice).length > 0) {
    await bob.next('user:offline', about(alice));
    assert.deepEqual(presence(bob, alice), ['user:online', 'user:offline']);
  }
});

test('who does not follow it by this dialect is not in the room, nor who is removed, or left', async () => {
  const { conversationId, users } = await scene('Alice', 'Bob', 'Carol', 'Dave');
  const [alice, bob] = await gathered(conversationId, users.slice(0, 2));
  const dave = await feed(users[3]);
  await dave.ask('join-conversation', conversationId);
  await bob.ask('conversation:leave', { conversationId });
  await alice.next('user:offline', about(bob));
  const eve = user('Eve');
  await add(users[0], conversationId, eve);
  const removed = await present(eve, conversationId);
  await remove(users[0], conversationId, eve);
  await removed.next('conversation:left');
  await alice.next('user:offline', about(eve));
  const carol = await online(users[2]);
  const [seen] = await observe([carol], () => enter(carol, conversationId));
  same(seen.slice(1), [isThere(carol, users[0])]);
});

test('who changes from feed to it is told; who has blocked them is not named', async () => {
  const { conversationId, users } = await scene('Alice', 'Bob', 'Carol');
  await gathered(conversationId, users.slice(0, 2));
  assert.equal((await call(users[0], 'PUT', `/api/users/me/blocked/${users[2].userId}`)).status, 201);
  const { userId, username } = users[2];
  const carol = await feed({ userId, username });
  await carol.ask('join-conversation', conversationId);
  const mark = carol.mark();
  await carol.ask('conversation:join', { conversationId });
  await carol.ask('typing:stop', inConversation({ conversationId }));
  await carol.ask('typing:stop', inConversation({ conversationId }));
  const seen = carol.since(mark).filter(([name]) => name === 'user:online');
  same(seen, [isThere({ conversationId }, users[1])]);
});

test('who joins a large room is told of all', async () => {
  const all = Array.from({ length: 41 }, (_, index) => `User ${index}`);
  const { conversationId, users } = await scene(...all);
  await gathered(conversationId, users.slice(1));
  const late = await online(users[0]);
  const [seen] = await observe([late], () => enter(late, conversationId));
  same(seen.slice(1), sorted(...users.slice(1)).map((who) => isThere(late, who)));
});
