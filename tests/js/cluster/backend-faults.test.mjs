// What a backend publishes and asks while a node or Redis is away. The test that runs this owns the processes.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { user } from '../support/relay.mjs';
import { found } from '../support/rest.mjs';
import { NODES, allReady, client, control, until } from '../support/nodes.mjs';

afterEach(async () => {
  await control('heal');
  await allReady();
});

async function ask(node, method, path, body, headers = {}) {
  const all = { Authorization: `Bearer ${process.env.ADMIN_TOKEN}`, 'Content-Type': 'application/json', ...headers };
  const began = Date.now();
  const answer = await fetch(`${NODES[node]}${path}`, { method, headers: all, body: JSON.stringify(body) });
  return { ...(await answer.json()), status: answer.status, took: Date.now() - began };
}
const publish = (node, users, data, headers) => ask(node, 'POST', '/api/admin/publish', { targets: { users: users.map(({ userId }) => userId) }, event: 'app:x', data }, headers);
const presence = (node, users) => ask(node, 'POST', '/api/admin/presence', { userIds: users.map(({ userId }) => userId) });

/** A client of a user of its own on each node. */
async function everywhere() {
  const users = NODES.map((_, node) => user(`User${node}`));
  const clients = [];
  for (const [node, who] of users.entries()) clients.push(await client(who, node, 'direct'));
  return { users, clients };
}

test('a node that hangs is waited for a second, and the answer says that it is missing', async () => {
  const { users, clients } = await everywhere();
  assert.deepEqual(await publish(0, users, 1).then(({ connections, complete }) => [connections, complete]), [3, true]);
  await control('pause', '2');
  const late = await publish(0, users, 2);
  assert.deepEqual([late.connections, late.complete, late.status], [2, false, 200]);
  assert.ok(late.took >= 900 && late.took < 5_000, `${late.took} ms`);
  const known = await presence(0, users);
  assert.deepEqual([known.complete, ...known.users.map(({ online }) => online)], [false, true, true, false]);
  for (const one of clients.slice(0, 2)) assert.equal(await one.next('app:x', (data) => data === 2), 2);
  await control('resume', '2');
  await until('all nodes answer', async () => (await publish(0, users, 3)).complete);
  // What was said meanwhile is still heard, in its order.
  await clients[2].next('app:x', (data) => data === 3);
  assert.deepEqual([...new Set(clients[2].all('app:x'))], [1, 2, 3]);
});

test('on a node that was late, it comes behind what was confirmed before it', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice, [bob]);
  const [sender, receiver] = [await client(alice, 0, 'conversation'), await client(bob, 2, 'conversation')];
  for (const one of [sender, receiver]) assert.equal((await one.ask('conversation:join', { conversationId: id })).success, true);
  const count = 150;
  await control('pause', '2');
  for (let n = 0; n < count; n += 1) assert.equal((await sender.ask('message:send', { conversationId: id, content: `m${n}` })).success, true);
  const { complete } = await ask(1, 'POST', '/api/admin/publish', { targets: { conversations: [id] }, event: 'app:x', data: 'behind' });
  assert.equal(complete, false);
  await control('resume', '2');
  await receiver.next('app:x');
  const place = receiver.events.findIndex(({ name }) => name === 'app:x');
  const before = receiver.events.slice(0, place).filter(({ name }) => name === 'message:new');
  assert.deepEqual(before.map(({ args }) => args[0].content), Array.from({ length: count }, (_, n) => `m${n}`));
});

test('while Redis is away, this node alone is told, and a key is known here', async () => {
  const { users, clients } = await everywhere();
  await control('stop', 'redis');
  const headers = { 'Idempotency-Key': `key-${users[0].userId}` };
  const alone = await until('Redis is missed', async () => {
    const answer = await publish(0, users, 'alone', headers);
    return answer.complete === false ? answer : undefined;
  });
  assert.equal(alone.status, 200);
  assert.ok(alone.took < 5_000, `${alone.took} ms`);
  assert.equal(await clients[0].next('app:x'), 'alone');
  const again = await publish(0, users, 'alone', headers);
  assert.deepEqual([again.duplicate, again.id], [true, alone.id]);
  await control('start', 'redis');
  await allReady();
  await until('all nodes answer', async () => (await publish(0, users, 'all')).complete);
  for (const one of clients) await one.next('app:x', (data) => data === 'all');
  assert.equal(clients[0].all('app:x').filter((data) => data === 'alone').length, 1);
});

test('a node that was killed is not waited for', async () => {
  const { users, clients } = await everywhere();
  await control('kill', '2');
  const answer = await until('nobody waits for it', async () => {
    const answer = await publish(1, users, 'left');
    return answer.complete ? answer : undefined;
  });
  assert.equal(answer.connections, 2);
  assert.ok(answer.took < 900, `${answer.took} ms`);
  for (const one of clients.slice(0, 2)) await one.next('app:x', (data) => data === 'left');
  await control('restart', '2');
  await allReady();
});

test('a connection is closed and listed from whichever node', async () => {
  const { users, clients } = await everywhere();
  const path = `/api/admin/connections?user=${encodeURIComponent(users[2].userId)}`;
  const { connections, complete } = await ask(0, 'GET', path);
  assert.deepEqual([connections.length, connections[0].user, complete], [1, users[2].userId, true]);
  const closed = await ask(1, 'DELETE', `/api/admin/connections/${connections[0].id}`);
  assert.deepEqual([closed.status, closed.disconnected], [200, 1]);
  await clients[2].next('disconnect');
});
