// `direct`: presence when users become too many for everyone to be told. Started with PRESENCE_EVERYONE_LIMIT=3,
// PRESENCE_PEERS_LIMIT=1 and a short OFFLINE_GRACE.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, connect, exchange, same, user } from '../support/relay.mjs';

const LIMIT = Number(process.env.PRESENCE_EVERYONE_LIMIT);
const about = (who) => (payload) => payload.userId === who.userId;
const presence = (client, who) =>
  client.events.filter(({ name, args: [payload] }) => name.startsWith('user:') && about(who)(payload)).map(({ name }) => name);

/** Clients of so many other users. */
function crowd(size) {
  return Promise.all(Array.from({ length: size }, () => connect(user('Crowd'))));
}

for (const transports of [['websocket'], ['polling']]) {
  test(`who was told below the limit that a user is online is told above it that they went, and nobody else, over ${transports}`, async () => {
    const [observer, who] = [await connect(user('Observer'), { transports }), user('Alice')];
    const alice = await connect(who);
    await observer.next('user:online', about(who));
    const others = await crowd(LIMIT);
    const stranger = await connect(user('Stranger'));
    // Above it, nobody is told of who is no peer.
    const silent = user('Silent');
    const second = await connect(silent);
    await exchange(second, stranger, () => {});
    alice.close();
    same(await observer.next('user:offline', about(who)), { ...who, lastSeen: TIME });
    assert.deepEqual(presence(observer, silent), []);
    await exchange(others[0], stranger, () => {});
    assert.deepEqual(presence(stranger, who), []);
    await connect(who);
    await exchange(others[0], observer, () => {});
    assert.deepEqual(presence(observer, who), ['user:online', 'user:offline']);
  });

  test(`who was told of a peer that is forgotten since is told that they went, over ${transports}`, async () => {
    await crowd(LIMIT + 1);
    const [watcher, who] = [user('Observer'), user('Alice')];
    const first = await connect(watcher);
    const alice = await connect(who);
    await exchange(alice, first, () => {});
    first.close();
    await alice.next('user:offline', about(watcher));
    const observer = await connect(watcher, { transports });
    same(await observer.next('user:online', about(who)), who);
    for (const one of [observer, alice]) await exchange(one, await connect(user('Newer')), () => {});
    alice.close();
    same(await observer.next('user:offline', about(who)), { ...who, lastSeen: TIME });
  });
}
