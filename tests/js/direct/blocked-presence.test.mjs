// `direct`: the presence of who has blocked somebody. Started with a short OFFLINE_GRACE, for all and for peers only.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, connect, exchange, same, user } from '../support/relay.mjs';
import { block, entry, unblock } from '../support/blocked.mjs';
import { done } from '../support/rest.mjs';

const about = (who) => (payload) => payload.userId === who.userId;
const presence = (client, who) =>
  client.events.filter(({ name, args: [payload] }) => name.startsWith('user:') && about(who)(payload)).map(({ name }) => name);

test('who is blocked is told that the other went offline, and nothing of them until they are not blocked any more', async () => {
  const [mallory, bob, carol] = ['Mallory', 'Bob', 'Carol'].map(user);
  const [watcher, first, witness] = [await connect(mallory), await connect(bob), await connect(carol)];
  for (const other of [first, witness]) {
    await exchange(watcher, other, () => {});
    await exchange(other, watcher, () => {});
  }
  await exchange(first, witness, () => {});
  const before = presence(watcher, bob);
  await block(bob, mallory);
  same(await watcher.next('user:offline', about(bob)), { ...bob, lastSeen: TIME });
  await done(200, bob, 'PUT', entry(mallory));
  first.close();
  await witness.next('user:offline', about(bob));
  await connect(bob);
  await witness.next('user:online', about(bob));
  // What comes later to the same client comes after it.
  witness.close();
  await watcher.next('user:offline', about(carol));
  assert.deepEqual(presence(watcher, bob), [...before, 'user:offline']);
  await unblock(bob, mallory);
  same(await watcher.next('user:online', about(bob)), bob);
});

test('a new connection of who is blocked is not told that the other is online, and the other sees them', async () => {
  const [mallory, bob, carol] = ['Mallory', 'Bob', 'Carol'].map(user);
  const [old, blocker, other] = [await connect(mallory), await connect(bob), await connect(carol)];
  await exchange(old, blocker, () => {});
  await exchange(old, other, () => {});
  await block(bob, mallory);
  old.close();
  await blocker.next('user:offline', about(mallory));
  const watcher = await connect(mallory);
  await blocker.next('user:online', about(mallory));
  // Peers are told in the order in which they met.
  await watcher.next('user:online', about(carol));
  assert.deepEqual(presence(watcher, bob), []);
});

test('who is offline is not told of when they block somebody', async () => {
  const [mallory, bob, carol] = ['Mallory', 'Bob', 'Carol'].map(user);
  const [watcher, gone, other] = [await connect(mallory), await connect(bob), await connect(carol)];
  await exchange(watcher, gone, () => {});
  await exchange(watcher, other, () => {});
  gone.close();
  await watcher.next('user:offline', about(bob));
  const before = presence(watcher, bob);
  await block(bob, mallory);
  await unblock(bob, mallory);
  other.close();
  await watcher.next('user:offline', about(carol));
  assert.deepEqual(presence(watcher, bob), before);
});
