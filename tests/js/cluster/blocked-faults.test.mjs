// Blocked users while Redis or MongoDB is away. The test that runs this owns the processes.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { token, user } from '../support/relay.mjs';
import { NODES, allReady, client, control, ready, sendDirect, until } from '../support/nodes.mjs';

afterEach(async () => {
  await control('heal');
  await allReady();
});

/** A user blocks another one by a request to this node. */
async function block(node, who, other) {
  const headers = { Authorization: `Bearer ${token(who)}` };
  const answer = await fetch(`${NODES[node]}/api/users/me/blocked/${other.userId}`, { method: 'PUT', headers });
  assert.ok(answer.ok, await answer.text());
}

const arrives = async (from, to) => (await sendDirect(from, to, 1)).recipientOnline;

test('who was blocked while Redis was away is blocked on every node once it is back', async () => {
  const [mallory, bob] = ['Mallory', 'Bob'].map(user);
  const senders = [await client(mallory, 0, 'direct'), await client(mallory, 1, 'direct')];
  await client(bob, 2, 'direct');
  for (const sender of senders) assert.equal(await arrives(sender, bob), true);
  await control('stop', 'redis');
  await until('the nodes say that Redis is away', async () => (await ready(2)).reason?.includes('Redis is away'));
  await block(2, bob, mallory);
  await control('start', 'redis');
  await allReady();
  for (const sender of senders) await until('blocked', async () => !(await arrives(sender, bob)));
});

test('while MongoDB is away, those stay blocked of whom it is known, and all others are relayed', async () => {
  const [mallory, mike, bob, carol] = ['Mallory', 'Mike', 'Bob', 'Carol'].map(user);
  const sender = await client(mallory, 0, 'direct');
  await client(bob, 1, 'direct');
  for (const other of [mallory, mike]) await block(2, bob, other);
  await control('stop', 'mongodb');
  assert.equal(await arrives(sender, bob), false);
  sender.close();
  assert.equal(await arrives(await client(mallory, 0, 'direct'), bob), false);
  assert.equal(await arrives(await client(carol, 0, 'direct'), bob), true);
  // Nobody here knows of this one until the store answers.
  const late = await client(mike, 0, 'direct');
  assert.equal(await arrives(late, bob), true);
  await control('start', 'mongodb');
  await until('blocked', async () => !(await arrives(late, bob)));
});
