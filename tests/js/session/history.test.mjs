// `session`: messages-history, and how much of it is stored. Started with SESSION_HISTORY_MESSAGES=20 and
// SESSION_HISTORY_BYTES=65536.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { same } from '../support/relay.mjs';
import { creator, cut, guest, history, joining, leave, member, members, message, place, rejoin } from '../support/session.mjs';

const MESSAGES = Number(process.env.SESSION_HISTORY_MESSAGES);
const BYTES = Number(process.env.SESSION_HISTORY_BYTES);
const ATTACHMENTS = 10;
const send = async (client, fields) => {
  const { success, ...sent } = await client.ask('send-message', message(client, fields));
  assert.equal(success, true);
  return sent;
};

test('who joins later gets the messages to all, in order and as they were', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const sent = [await send(alice, {}), await send(bob, { to: 'all', type: 'file' }), await send(alice, { encrypted: { n: 1 } })];
  same(history(await member(alice.where, 'Carol')), sent);
});

test('everybody gets the private messages to and from them, and nobody else’s', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  const toBob = await send(alice, { to: bob.userId });
  const toCarol = await send(alice, { to: carol.userId });
  const toAll = await send(alice, {});
  const fromBob = await send(bob, { to: alice.userId });
  same(history(await rejoin(alice)), [toBob, toCarol, toAll, fromBob]);
  same(history(await rejoin(bob)), [toBob, toAll, fromBob]);
  same(history(await rejoin(carol)), [toCarol, toAll]);
  same(history(await member(alice.where, 'Dave')), [toAll]);
});

test('a message to a member who is away waits for them', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  cut(bob);
  await alice.next('user-left');
  const sent = [await send(alice, { to: bob.userId }), await send(alice, {})];
  same(history(await rejoin(bob)), sent);
});

test('a message to somebody who has never been there waits for them', async () => {
  const where = place();
  const alice = await creator(where, 'Alice');
  const payload = joining(where, 'Bob');
  const sent = await send(alice, { to: payload.userId });
  same(history(await member(where, 'Bob', { userId: payload.userId })), [sent]);
});

test('who left and comes again gets the history', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const sent = [await send(bob, {}), await send(alice, {})];
  await leave(bob);
  same(history(await rejoin(bob)), sent);
});

test('a session that ended has left no history to the next of its name', async () => {
  const [alice] = await members('Alice');
  await send(alice, {});
  await leave(alice);
  assert.deepEqual(history(await creator(alice.where, 'Bob')), []);
});

test('only the last messages are stored, as many as set', async () => {
  const where = place();
  const alice = await creator(where, 'Alice');
  const sent = [];
  for (let count = 0; count < MESSAGES + 7; count += 1) sent.push(await send(alice, {}));
  same(history(await member(where, 'Bob')), sent.slice(-MESSAGES));
});

test('only the last bytes are stored, as many as set', async () => {
  const where = place();
  const alice = await creator(where, 'Alice');
  const part = BYTES / 8;
  const sent = [];
  for (const encrypted of Array.from({ length: 12 }, (_, index) => String(index % 10).repeat(part))) sent.push(await send(alice, { encrypted }));
  const stored = history(await member(where, 'Bob'));
  // The eighth does not fit: a message is more than what is encrypted in it.
  assert.ok(stored.length >= 6 && stored.length <= 8, `${stored.length} stored`);
  same(stored, sent.slice(-stored.length));
});

test('binary messages count with their bytes', async () => {
  const where = place();
  const alice = await creator(where, 'Alice');
  const sent = [];
  for (let count = 0; count < 12; count += 1) sent.push(await send(alice, { encrypted: Buffer.alloc(BYTES / 8, count) }));
  const stored = history(await member(where, 'Bob'));
  assert.ok(stored.length >= 6 && stored.length <= 8, `${stored.length} stored`);
  same(stored, sent.slice(-stored.length));
});

test('a message that is larger than the history is relayed and not stored', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const encrypted = 'x'.repeat(BYTES + 1);
  await send(alice, { encrypted });
  assert.equal((await bob.next('new-message', ({ id }) => !id.startsWith('marker'))).encrypted, encrypted);
  const stored = history(await member(alice.where, 'Carol'));
  assert.ok(stored.every((item) => item.encrypted !== encrypted));
});

test('a repetition of what is no longer stored is a message as any other', async () => {
  const where = place();
  const alice = await creator(where, 'Alice');
  const first = await send(alice, { clientMessageId: 'the first' });
  for (let count = 0; count < MESSAGES; count += 1) await send(alice, {});
  const again = await send(alice, { clientMessageId: 'the first' });
  assert.ok(again.timestamp >= first.timestamp);
  assert.equal(alice.all('message-sent').filter(({ id }) => id === 'the first').length, 2);
  assert.equal(history(await member(where, 'Bob')).at(-1).id, 'the first');
});

test('a history with more attachments than a client takes at once comes in several events', async () => {
  const where = place();
  const alice = await creator(where, 'Alice');
  const sent = [];
  for (let count = 0; count < MESSAGES; count += 1) {
    const [iv, data] = [Buffer.from([count]), Buffer.from(`data ${count}`)];
    sent.push(await send(alice, { encrypted: count % 3 === 0 ? 'text' : { iv, data } }));
  }
  const bob = await guest();
  const mark = bob.mark();
  await bob.ask('join-session', joining(where, 'Bob'));
  const events = bob.since(mark);
  const parts = events.filter(([name]) => name === 'messages-history');
  assert.ok(parts.length > 1);
  const attachments = (items) => items.filter(({ encrypted }) => encrypted !== 'text').length * 2;
  assert.ok(parts.every(([, items]) => items.length > 0 && attachments(items) <= ATTACHMENTS));
  assert.deepEqual(events.map(([name]) => name), [...parts.map(([name]) => name), 'session-metadata', 'public-keys-updated']);
  same(parts.flatMap(([, items]) => items), sent);
});

// A receiver's parser puts attachments in the place of such objects, and closes the connection when there are too few.
for (const encrypted of [{ _placeholder: true, num: 99 }, { _placeholder: true, num: 0 }, { parts: [{ _placeholder: true, num: 1 }] }]) {
  test(`text that reads as the place of an attachment, ${JSON.stringify(encrypted)}, is not taken for one`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const sent = [await send(bob, { encrypted: Buffer.from('one') }), await send(alice, { encrypted }), await send(bob, { encrypted: Buffer.from('two') })];
    assert.deepEqual(sent[1].encrypted, encrypted);
    const carol = await guest();
    carol.emit('join-session', joining(alice.where, 'Carol'));
    assert.equal((await carol.nextEvent(['public-keys-updated', 'disconnect'])).name, 'public-keys-updated');
    same(history(carol), sent);
  });
}
