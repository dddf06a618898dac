// Connections that declare no dialect are told who is online in the words of `direct`, and who went, too, whatever they
// speak by then. Started with OFFLINE_GRACE=300ms; clients take turns between the nodes there are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, connect, exchange, same, unique, user } from '../support/relay.mjs';
import { DONE, call, found } from '../support/conversations.mjs';
import { joining, place } from '../support/session.mjs';

const about = (who) => (payload) => payload.userId === who.userId;
/** What a client was told of somebody, but in conversations. */
const presence = (client, { userId }) =>
  client.events.filter(({ name, args: [payload] }) => /^user:o(n|ff)line$/.test(name) && payload.userId === userId && !payload.conversationId);

/** By what a client that has declared nothing turns, and what it is told in by then. */
const TURNS = {
  conversation: ['conversation:join', async (who) => ({ conversationId: await found(who) })],
  feed: ['join-conversation', (who) => found(who)],
  chat: ['user:stop-typing', () => ({ chatId: unique('nowhere') })],
  session: ['join-session', () => ({ ...joining(place(), 'Bob'), isCreator: true })],
};

for (const transport of ['websocket', 'polling']) {
  for (const [dialect, [event, payloadFor]] of Object.entries(TURNS)) {
    for (const audience of ['while everyone is told', 'as a peer']) {
      test(`who was told online is told offline by ${dialect}, ${audience}, over ${transport}`, async () => {
        const [who, other] = [user('Alice'), user('Bob')];
        let bob;
        let alice;
        if (audience === 'as a peer') {
          const [one, two] = [await connect(who), await connect(other)];
          await exchange(one, two, () => {});
          two.close();
          await one.next('user:offline', about(other));
          alice = one;
          bob = await connect(other, { transports: [transport] });
        } else {
          bob = await connect(other, { transports: [transport] });
          alice = await connect(who);
        }
        same(await bob.next('user:online', about(who)), who);
        await bob.ask(event, await payloadFor(other));
        alice.close();
        const gone = await bob.next('user:offline', about(who));
        if (dialect === 'chat') {
          const facts = { userId: who.userId, status: 'offline', timestamp: TIME, lastSeen: TIME };
          same(gone, { type: 'user:offline', data: facts, ...facts });
        } else {
          same(gone, { ...who, lastSeen: TIME });
        }
        assert.deepEqual(presence(bob, who).map(({ name }) => name), ['user:online', 'user:offline']);
      });
    }
  }
}

test('who comes after it turned is not told to it, nor that they went', async () => {
  const [early, late, other] = [user('Alice'), user('Late'), user('Bob')];
  const bob = await connect(other);
  await bob.ask('conversation:join', { conversationId: await found(other) });
  const clients = [await connect(late), await connect(early)];
  const watcher = await connect(user('Watcher'));
  for (const client of clients) client.close();
  for (const who of [early, late]) await watcher.next('user:offline', about(who));
  assert.deepEqual(await bob.ask('typing:stop', { conversationId: unique('nowhere') }).then(({ success }) => success), false);
  assert.deepEqual([presence(bob, early), presence(bob, late)], [[], []]);
});

test('who was told is told once of who blocks them, in the same words', async () => {
  const [who, other] = [user('Alice'), user('Bob')];
  const bob = await connect(other);
  const alice = await connect(who);
  await bob.next('user:online', about(who));
  assert.deepEqual(await bob.ask('conversation:join', { conversationId: await found(other) }), DONE);
  assert.equal((await call(who, 'PUT', `/api/users/me/blocked/${other.userId}`)).status, 201);
  same(await bob.next('user:offline', about(who)), { ...who, lastSeen: TIME });
  const watcher = await connect(user('Watcher'));
  alice.close();
  await watcher.next('user:offline', about(who));
  await bob.ask('typing:stop', { conversationId: unique('nowhere') });
  assert.deepEqual(presence(bob, who).map(({ name }) => name), ['user:online', 'user:offline']);
});
