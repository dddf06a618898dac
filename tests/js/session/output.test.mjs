// `session`: what a small event makes the relay send is paid by who sent it. Started with OUTPUT_RATE and OUTPUT_BURST.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DONE, creator, member, members, message, mine, place, rejoin, settle, until } from '../support/session.mjs';

const RATE = Number(process.env.OUTPUT_RATE);
const BURST = Number(process.env.OUTPUT_BURST);
const NODES = (process.env.RELAY_URLS ?? '').split(',').length;
const KEY = 'k'.repeat(5000);

/** The most bytes that may have been sent in so many seconds, when nothing is cut off at the limit, by each node. */
function most(seconds, one) {
  return NODES * (BURST + RATE * seconds + 2 * one);
}

test('changes of a key make no more lists than the session may have sent, and the newest always comes', async () => {
  const clients = await members('Alice', 'Bob', 'Carol', 'Dave');
  for (const client of clients) {
    assert.deepEqual(await client.ask('save-public-key', mine(client, { publicKey: KEY })), DONE);
  }
  const [alice, bob] = clients;
  const last = `${KEY}-40`;
  const isLast = (keys) => keys.some(({ publicKey }) => publicKey === last);
  const [mark, began] = [bob.mark(), performance.now()];
  for (let n = 1; n <= 40; n += 1) alice.emit('save-public-key', mine(alice, { publicKey: `${KEY}-${n}` }));
  await Promise.all(clients.map((client) => until(() => client.all('public-keys-updated').some(isLast))));
  const seconds = (performance.now() - began) / 1000;
  const lists = bob.since(mark).filter(([name]) => name === 'public-keys-updated');
  const sent = clients.length * lists.reduce((sum, [, keys]) => sum + JSON.stringify(keys).length, 0);
  assert.ok(sent <= most(seconds, clients.length * 5 * KEY.length), `${sent} bytes in ${seconds} s`);
  // With Redis each change costs its sender so much more that it is slowed down to what the session may have sent.
  if (NODES === 1) assert.ok(lists.length < 40, `${lists.length} lists for 40 changes`);
});

test('who joins when the session may not send more is told all keys at once', async () => {
  const clients = await members('Alice', 'Bob', 'Carol');
  const [alice] = clients;
  for (const client of clients) client.emit('save-public-key', mine(client, { publicKey: KEY }));
  for (let n = 0; n < 40; n += 1) alice.emit('save-public-key', mine(alice, { publicKey: KEY }));
  const dave = await member(alice.where, 'Dave');
  const [keys] = dave.all('public-keys-updated');
  assert.deepEqual(keys.map(({ displayName }) => displayName), ['Alice', 'Bob', 'Carol', 'Dave']);
  const knowsDave = (keys) => keys.some(({ displayName }) => displayName === 'Dave');
  await Promise.all(clients.map((client) => until(() => client.all('public-keys-updated').some(knowsDave))));
});

test('who joins again and again is sent the history as often as they may have sent, and completely', async () => {
  const alice = await creator(place());
  for (let n = 0; n < 10; n += 1) {
    assert.equal((await alice.ask('send-message', message(alice, { encrypted: 'e'.repeat(10_000) }))).success, true);
  }
  const bob = await member(alice.where, 'Bob');
  const [first] = bob.all('messages-history');
  assert.equal(first.length, 10);
  const [mark, began] = [bob.mark(), performance.now()];
  const join = { ...bob.where, userId: bob.userId, displayName: 'Bob', publicKey: 'key', isCreator: false };
  for (let n = 0; n < 20; n += 1) bob.emit('join-session', join);
  await until(() => bob.since(mark).filter(([name]) => name === 'messages-history').length === 20);
  const seconds = (performance.now() - began) / 1000;
  const histories = bob.since(mark).filter(([name]) => name === 'messages-history').map(([, history]) => history);
  for (const history of histories) assert.deepEqual(history, first);
  const sent = histories.length * JSON.stringify(first).length;
  assert.ok(sent <= most(seconds, JSON.stringify(first).length), `${sent} bytes in ${seconds} s`);
  // Another one is not held up by that.
  const carol = await rejoin(alice);
  await settle([carol]);
});
