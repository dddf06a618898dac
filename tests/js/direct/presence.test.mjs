// `direct`: user:online and user:offline, to everyone on a small server. Started with a short OFFLINE_GRACE.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, connect, exchange, same, user } from '../support/relay.mjs';

const about = (who) => (payload) => payload.userId === who.userId;
const presence = (client, who) =>
  client.events.filter(({ name, args: [payload] }) => name.startsWith('user:') && payload.userId === who.userId).map(({ name }) => name);

test('the first socket of a user is announced, the last one’s end is too', async () => {
  const observer = await connect(user('Observer'));
  const who = user('Alice');
  const alice = await connect(who);
  same(await observer.next('user:online', about(who)), who);
  alice.close();
  same(await observer.next('user:offline', about(who)), { ...who, lastSeen: TIME });
});

test('further sockets of an online user are not announced, nor is the end of any but the last', async () => {
  const observer = await connect(user('Observer'));
  const who = user('Alice');
  const sockets = [await connect(who), await connect(who), await connect(who)];
  await observer.next('user:online', about(who));
  await exchange(sockets[2], observer, () => {});
  sockets[0].close();
  sockets[1].close();
  // Somebody else who leaves after them is reported offline: by then their end would have been reported as well.
  const other = user('Other');
  (await connect(other)).close();
  await observer.next('user:offline', about(other));
  await exchange(sockets[2], observer, () => {});
  assert.deepEqual(presence(observer, who), ['user:online']);
  sockets[2].close();
  await observer.next('user:offline', about(who));
  assert.deepEqual(presence(observer, who), ['user:online', 'user:offline']);
});

test('a user who comes back at once was never away', async () => {
  const observer = await connect(user('Observer'));
  const who = user('Alice');
  (await connect(who)).close();
  const back = await connect(who);
  await observer.next('user:online', about(who));
  const other = user('Other');
  (await connect(other)).close();
  await observer.next('user:offline', about(other));
  await exchange(back, observer, () => {});
  assert.deepEqual(presence(observer, who), ['user:online']);
});

test('a user who comes back later is announced again', async () => {
  const observer = await connect(user('Observer'));
  const who = user('Alice');
  for (let round = 0; round < 2; round += 1) {
    const alice = await connect(who);
    await observer.next('user:online', about(who));
    alice.close();
    await observer.next('user:offline', about(who));
  }
  assert.deepEqual(presence(observer, who), ['user:online', 'user:offline', 'user:online', 'user:offline']);
});

test('nobody is notified of their own presence', async () => {
  const who = user('Alice');
  const one = await connect(who);
  const two = await connect(who);
  const bob = await connect(user('Bob'));
  for (const socket of [one, two]) {
    await exchange(bob, socket, () => {});
    assert.deepEqual(presence(socket, who), []);
  }
  one.close();
  const other = user('Other');
  (await connect(other)).close();
  await two.next('user:offline', about(other));
  assert.deepEqual(presence(two, who), []);
});

test('every socket of the others is notified once', async () => {
  const watcher = user('Observer');
  const observers = [await connect(watcher), await connect(watcher)];
  const who = user('Alice');
  const alice = await connect(who);
  for (const observer of observers) {
    await observer.next('user:online', about(who));
    await exchange(alice, observer, () => {});
    assert.deepEqual(presence(observer, who), ['user:online']);
  }
});

test('who connects is notified of the peers who are online already, not of other users', async () => {
  const [first, second, third] = [user('Alice'), user('Bob'), user('Carol')];
  const [alice, carol] = [await connect(first), await connect(third)];
  const bob = await connect(second);
  await exchange(alice, bob, () => {});
  await exchange(bob, alice, () => {});
  bob.close();
  await alice.next('user:offline', about(second));
  const back = await connect(second);
  same(await back.next('user:online', about(first)), first);
  await exchange(carol, back, () => {});
  assert.deepEqual(presence(back, first), ['user:online']);
  assert.deepEqual(presence(back, third), []);
});

test('a peer who is offline is not announced to who connects', async () => {
  const [first, second] = [user('Alice'), user('Bob')];
  const [alice, bob, observer] = [await connect(first), await connect(second), await connect(user('Observer'))];
  await exchange(alice, bob, () => {});
  alice.close();
  bob.close();
  await observer.next('user:offline', about(first));
  await observer.next('user:offline', about(second));
  const back = await connect(second);
  await exchange(observer, back, () => {});
  assert.deepEqual(presence(back, first), []);
});
