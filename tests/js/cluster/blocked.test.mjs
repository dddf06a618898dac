// Blocked users, with the blocked one, the other, and requests on nodes of their own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { token, user } from '../support/relay.mjs';
import { found } from '../support/rest.mjs';
import { client, sendDirect } from '../support/nodes.mjs';
import { sendEverything } from '../support/blocked.mjs';

const NODES = process.env.RELAY_URLS.split(',');
const about = (who) => (payload) => payload.userId === who.userId;
const presence = (from, who) =>
  from.events.filter(({ name, args: [payload] }) => name.startsWith('user:') && about(who)(payload)).map(({ name }) => name);

/** Blocks, or no longer, by a request to this node. */
async function change(method, node, who, other) {
  const headers = { Authorization: `Bearer ${token(who)}` };
  const answer = await fetch(`${NODES[node]}/api/users/me/blocked/${other.userId}`, { method, headers });
  assert.ok(answer.ok, await answer.text());
}

test('who is blocked is so on every node from the answer on', async () => {
  const [mallory, bob, gone] = ['Mallory', 'Bob', 'Gone'].map(user);
  const senders = [await client(mallory, 0, 'direct'), await client(mallory, 1, 'direct'), await client(mallory, 2, 'direct')];
  const receivers = [await client(bob, 0, 'direct'), await client(bob, 1, 'direct')];
  for (let round = 0; round < 4; round += 1) {
    await change('PUT', round % 3, bob, mallory);
    for (const sender of senders) {
      assert.equal((await sendDirect(sender, bob, `blocked ${round}`)).recipientOnline, false);
    }
    if (round === 0) {
      for (const sender of senders) assert.deepEqual(await sendEverything(sender, bob), await sendEverything(sender, gone));
    }
    await change('DELETE', (round + 1) % 3, bob, mallory);
    for (const sender of senders) {
      assert.equal((await sendDirect(sender, bob, `free ${round} ${sender.node}`)).recipientOnline, true);
    }
    for (const receiver of receivers) {
      for (const { node } of senders) await receiver.next('receive_message', ({ seq }) => seq === `free ${round} ${node}`);
    }
  }
  for (const receiver of receivers) {
    const sequence = receiver.all('receive_message').map(({ seq }) => seq);
    assert.ok(sequence.every((seq) => seq.startsWith('free')), sequence.join());
    for (const name of ['room:user-ready', 'key-exchange:receive', 'receive_file_chunk', 'file:requested', 'typing:user']) {
      assert.deepEqual(receiver.all(name), [], name);
    }
  }
});

test('who connects after they were blocked is blocked, on every node', async () => {
  const [mallory, bob] = ['Mallory', 'Bob'].map(user);
  await client(bob, 1, 'direct');
  await change('PUT', 2, bob, mallory);
  for (const node of [0, 1, 2]) {
    const sender = await client(mallory, node, 'direct');
    assert.equal((await sendDirect(sender, bob, 1)).recipientOnline, false);
  }
});

test('nobody sees on another node that who has blocked them is online', async () => {
  const [mallory, bob, carol] = ['Mallory', 'Bob', 'Carol'].map(user);
  const [watcher, blocker, witness] = [await client(mallory, 0, 'direct'), await client(bob, 1, 'direct'), await client(carol, 0, 'direct')];
  for (const other of [blocker, witness]) await sendDirect(watcher, other, 1);
  await watcher.next('user:online', about(bob));
  await change('PUT', 2, bob, mallory);
  assert.equal((await watcher.next('user:offline', about(bob))).username, bob.username);
  const before = presence(watcher, bob);
  blocker.close();
  await witness.next('user:offline', about(bob));
  const back = await client(bob, 2, 'direct');
  await witness.next('user:online', about(bob));
  witness.close();
  await watcher.next('user:offline', about(carol));
  assert.deepEqual(presence(watcher, bob), before);
  await sendDirect(back, mallory, 2);
  await change('DELETE', 1, bob, mallory);
  assert.equal((await watcher.next('user:online', about(bob))).username, bob.username);
});

test('nor in a room, nor by how many are there', async () => {
  const [mallory, bob, carol] = ['Mallory', 'Bob', 'Carol'].map(user);
  const conversationId = await found(carol, [bob, mallory]);
  const enter = async (who, node) => {
    const made = await client(who, node, 'conversation');
    assert.equal((await made.ask('conversation:join', { conversationId })).success, true);
    return Object.assign(made, { joined: await made.next('conversation:joined') });
  };
  const [watcher, witness] = [await enter(mallory, 0), await enter(carol, 2)];
  const blockers = [await enter(bob, 1), await enter(bob, 1), await enter(bob, 2)];
  assert.equal(blockers[2].joined.participantCount, 5);
  await watcher.next('user:online', about(bob));
  await change('PUT', 2, bob, mallory);
  await watcher.next('user:offline', about(bob));
  const { onlineUsers } = await watcher.ask('presence:request', { conversationId });
  assert.deepEqual(onlineUsers.map(({ id }) => id).toSorted(), [mallory, carol].map(({ userId }) => userId).toSorted());
  for (const node of [0, 1]) {
    const other = await enter(mallory, node);
    assert.equal(other.joined.participantCount, 3);
    other.close();
    await blockers[0].ask('presence:request', { conversationId });
  }
  const before = presence(watcher, bob);
  for (const one of blockers) await one.ask('conversation:leave', { conversationId });
  await witness.next('user:offline', about(bob));
  await blockers[0].ask('conversation:join', { conversationId });
  await witness.next('user:online', about(bob));
  await change('DELETE', 0, bob, mallory);
  await watcher.next('user:online', about(bob));
  assert.deepEqual(presence(watcher, bob), [...before, 'user:online']);
});

test('who is blocked puts nobody in, whichever node they ask', async () => {
  const [mallory, bob, dave] = ['Mallory', 'Bob', 'Dave'].map(user);
  await change('PUT', 0, bob, mallory);
  const victims = [];
  for (const node of [0, 1, 2]) for (const dialect of ['chat', 'feed']) victims.push(await client(bob, node, dialect));
  const marks = victims.map((one) => one.mark());
  const witness = await client(dave, 1, 'feed');
  const id = await found(mallory, [bob, dave]);
  await witness.next('conversation-created', ({ conversationId }) => conversationId === id);
  const post = async (node, who, path, body) => {
    const headers = { Authorization: `Bearer ${token(who)}`, 'Content-Type': 'application/json' };
    const answer = await fetch(`${NODES[node]}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.ok(answer.ok, await answer.clone().text());
    return answer.json();
  };
  for (const node of [0, 1, 2]) {
    const headers = { Authorization: `Bearer ${token(mallory)}` };
    const removed = await fetch(`${NODES[node]}/api/conversations/${id}/participants/${bob.userId}`, { method: 'DELETE', headers });
    assert.equal((await removed.json()).participant.status, 'removed');
    const { participant } = await post((node + 1) % 3, mallory, `/api/conversations/${id}/participants`, { userId: bob.userId });
    assert.equal(participant.status, 'active');
    await witness.next('conversation-participants-added');
    await post((node + 2) % 3, mallory, '/api/messages', { chatId: id, content: `${node}` });
  }
  // Once they are added for good, everything before would have come.
  await change('DELETE', 2, bob, mallory);
  await post(1, mallory, `/api/conversations/${id}/participants`, { userId: bob.userId });
  for (const [index, victim] of victims.entries()) {
    const name = index % 2 === 0 ? 'message:new' : 'conversation-participants-added';
    if (name === 'message:new') await post(index % 3, mallory, '/api/messages', { chatId: id, content: `last ${index}` });
    await victim.next(name);
    if (name !== 'message:new') await victim.next('conversation-updated');
    const events = victim.since(marks[index]).map(([event]) => event).filter((event) => !event.startsWith('user:'));
    if (name === 'conversation-participants-added') assert.deepEqual(events, [name, 'conversation-updated']);
    else assert.ok(events.every((event) => event === name) && victim.all(name).every(({ data }) => data.content.startsWith('last')));
  }
});
