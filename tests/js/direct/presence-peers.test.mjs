// `direct`: presence among peers only. Started with PRESENCE_AUDIENCE=peers and a short OFFLINE_GRACE.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, connect, exchange, same, user } from '../support/relay.mjs';

const about = (who) => (payload) => payload.userId === who.userId;
const presence = (client, who) => client.events.filter(({ name, args: [payload] }) => name.startsWith('user:') && payload.userId === who.userId);

test('users who are no peers are not notified, peers are', async () => {
  const [first, second] = [user('Alice'), user('Bob')];
  const [alice, peer, outsider] = [await connect(first), await connect(second), await connect(user('Stranger'))];
  await exchange(alice, peer, () => {});
  await exchange(peer, alice, () => {});
  alice.close();
  same(await peer.next('user:offline', about(first)), { ...first, lastSeen: TIME });
  await connect(first);
  same(await peer.next('user:online', about(first)), first);
  await exchange(peer, outsider, () => {});
  assert.deepEqual(presence(outsider, first), []);
});

test('users who joined a room with each other are peers', async () => {
  const [first, second] = [user('Alice'), user('Bob')];
  const [alice, bob] = [await connect(first), await connect(second)];
  await alice.ask('join_room', { recipientId: second.userId });
  await bob.ask('join_room', { recipientId: first.userId });
  alice.close();
  await bob.next('user:offline', about(first));
  const back = await connect(first);
  await bob.next('user:online', about(first));
  same(await back.next('user:online', about(second)), second);
});
