// `conversation`: who was named by presence:request, in whichever dialect they follow, is reported when they go. Started with a
// short OFFLINE_GRACE.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same } from '../support/relay.mjs';
import { block } from '../support/blocked.mjs';
import { add, chat, joined, knownUsers, reader, remove, settle, talker } from '../support/feed-chat.mjs';
import { found } from '../support/rest.mjs';

const about = ({ userId }) => (payload) => payload.userId === userId;
const left = (who) => (payload) => about(who)(payload) && payload.conversationId !== undefined;
const times = (client, who) => client.all('user:offline').filter(left(who)).length;

/** Three users in a conversation, and its id. */
async function three() {
  const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
  return { alice, bob, carol, id: await found(alice, [bob, carol]) };
}

async function listed(client, conversationId) {
  const { onlineUsers } = await client.ask('presence:request', { conversationId });
  return onlineUsers.map(({ id }) => id);
}

/** Somebody else who is in the room leaves it: whoever left before them has been reported by then. */
async function someoneElseLeaves(client, admin, conversationId) {
  const [other] = await knownUsers('Other');
  await add(admin, conversationId, other);
  (await joined(other, conversationId)).close();
  await client.next('user:offline', left(other));
}

for (const [dialect, follow] of [['chat', (who) => chat(who)], ['feed', (who, id) => reader(who, id)]]) {
  test(`a follower by ${dialect} who was named is reported when they are gone`, async () => {
    const { alice, bob, id } = await three();
    const desk = await joined(alice, id);
    const client = await follow(bob, id);
    assert.ok((await listed(desk, id)).includes(bob.userId));
    client.close();
    same(await desk.next('user:offline', left(bob)), { conversationId: id, userId: bob.userId, timestamp: TIME, lastSeenAt: TIME });
    assert.ok(!(await listed(desk, id)).includes(bob.userId));
  });

  test(`a follower by ${dialect} who comes back was not away, nor who has another socket`, async () => {
    const { alice, bob, id } = await three();
    const desk = await joined(alice, id);
    const clients = [await follow(bob, id), await follow(bob, id)];
    await listed(desk, id);
    clients[0].close();
    await someoneElseLeaves(desk, alice, id);
    assert.equal(times(desk, bob), 0);
    const back = follow(bob, id);
    clients[1].close();
    const client = await back;
    await someoneElseLeaves(desk, alice, id);
    assert.equal(times(desk, bob), 0);
    client.close();
    await desk.next('user:offline', left(bob));
  });
}

test('who stops to follow is reported at once, and who is taken out', async () => {
  const { alice, bob, carol, id } = await three();
  const desk = await joined(alice, id);
  const [client] = [await reader(bob, id), await chat(carol)];
  await listed(desk, id);
  await client.ask('leave-conversation', id);
  await desk.next('user:offline', left(bob));
  await remove(alice, id, carol);
  await desk.next('user:offline', left(carol));
});

test('who was not named is not reported, and who is in the room is once', async () => {
  const { alice, bob, carol, id } = await three();
  const desk = await joined(alice, id);
  (await chat(carol)).close();
  const clients = [await joined(bob, id), await chat(bob)];
  await desk.next('user:online', left(bob));
  await listed(desk, id);
  for (const client of clients) client.close();
  await desk.next('user:offline', left(bob));
  await someoneElseLeaves(desk, alice, id);
  assert.equal(times(desk, bob), 1);
});

test('who asked without being in the room is told, too', async () => {
  const { alice, bob, carol, id } = await three();
  const desk = await talker(alice);
  const clients = [await joined(bob, id), await chat(carol)];
  await listed(desk, id);
  for (const client of clients) client.close();
  for (const who of [bob, carol]) await desk.next('user:offline', left(who));
  await settle([desk]);
  for (const who of [bob, carol]) assert.equal(times(desk, who), 1);
});

test('who asked before they entered the room is told once, and who is named and enters it then', async () => {
  const { alice, bob, carol, id } = await three();
  const desk = await talker(alice);
  const clients = [await joined(bob, id), await chat(carol)];
  await listed(desk, id);
  assert.equal((await desk.ask('conversation:join', { conversationId: id })).success, true);
  clients.push(await joined(carol, id));
  await desk.next('user:online', left(carol));
  for (const client of clients) client.close();
  for (const who of [bob, carol]) await desk.next('user:offline', left(who));
  await someoneElseLeaves(desk, alice, id);
  for (const who of [bob, carol]) assert.equal(times(desk, who), 1);
});

test('of who blocks them one is told that they went, and a former participant of nobody', async () => {
  const { alice, bob, carol, id } = await three();
  const [desk, own] = [await joined(alice, id), await joined(carol, id)];
  const client = await chat(bob);
  await listed(desk, id);
  await listed(own, id);
  await block(bob, alice);
  await desk.next('user:offline', left(bob));
  await remove(alice, id, carol);
  await own.next('conversation:left');
  client.close();
  await someoneElseLeaves(desk, alice, id);
  await settle([own]);
  assert.deepEqual([times(desk, bob), times(own, bob)], [1, 0]);
});
