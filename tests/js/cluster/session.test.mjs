// `session`: members on several nodes share one session.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, unique } from '../support/relay.mjs';
import { at, times } from '../support/nodes.mjs';

/** A guest on a node who joins: everything until the keys came. */
async function join(place, name, node, fields = {}) {
  const client = new Client(at(node, 'session'));
  await client.next('connect');
  Object.assign(client, { userId: fields.userId ?? unique(name.toLowerCase()), node });
  const payload = { ...place, userId: client.userId, displayName: name, publicKey: `key of ${client.userId}`, isCreator: false, ...fields };
  client.emit('join-session', payload);
  client.history = await client.next('messages-history');
  await client.next('session-metadata');
  client.keys = await client.next('public-keys-updated', (keys) => keys.some(({ userId }) => userId === client.userId));
  return client;
}

const place = () => ({ sessionId: unique('session'), authKey: unique('key') });

function send(client, { sessionId }, text, fields = {}) {
  const clientMessageId = unique('message');
  client.emit('send-message', { sessionId, from: client.userId, encrypted: text, clientMessageId, ...fields });
  return client.next('message-sent', ({ id }) => id === clientMessageId);
}

const ids = (keys) => keys.map(({ userId }) => userId).sort();

test('a join is sent to all, with the keys of all', async () => {
  const where = place();
  const alice = await join(where, 'Alice', 0, { isCreator: true });
  const bob = await join(where, 'Bob', 1);
  await alice.next('user-joined', ({ userId }) => userId === bob.userId);
  const carol = await join(where, 'Carol', 2);
  for (const other of [alice, bob]) {
    await other.next('user-joined', ({ userId }) => userId === carol.userId);
    await other.next('public-keys-updated', (keys) => keys.length === 3);
  }
  assert.deepEqual(ids(carol.keys), ids([alice, bob, carol]));
  for (const [client, others] of [[alice, 2], [bob, 1], [carol, 0]]) assert.equal(times(client, 'user-joined'), others);
});

test('messages reach all others once and in order, and a single one only whom it is for', async () => {
  const where = place();
  const [alice, bob] = [await join(where, 'Alice', 0, { isCreator: true }), await join(where, 'Bob', 1)];
  const [carol, dave] = [await join(where, 'Carol', 2), await join(where, 'Dave', 1)];
  for (let n = 0; n < 50; n += 1) alice.emit('send-message', { sessionId: where.sessionId, from: alice.userId, encrypted: { n } });
  await send(alice, where, 'for carol', { to: carol.userId });
  await send(alice, where, 'last');
  for (const other of [bob, carol, dave]) {
    await other.next('new-message', ({ encrypted }) => encrypted === 'last');
    const got = other.all('new-message').map(({ encrypted }) => encrypted.n ?? encrypted);
    const own = other === carol ? ['for carol'] : [];
    assert.deepEqual(got, [...Array.from({ length: 50 }, (_, n) => n), ...own, 'last']);
  }
  assert.equal(times(alice, 'new-message'), 0);
});

test('who joins reads what was sent on any node, and gets nothing of it twice', async () => {
  const where = place();
  const alice = await join(where, 'Alice', 0, { isCreator: true });
  const joined = [];
  const sending = (async () => {
    for (let n = 0; n < 120; n += 1) await send(alice, where, `${n}`);
  })();
  for (let round = 0; round < 6; round += 1) joined.push(await join(where, `Bob${round}`, 1 + (round % 2)));
  await sending;
  for (const member of joined) {
    if (member.history.length < 120) await member.next('new-message', ({ encrypted }) => encrypted === '119');
    const got = [...member.history, ...member.all('new-message')].map(({ encrypted }) => encrypted);
    assert.deepEqual(got, Array.from({ length: 120 }, (_, n) => `${n}`));
  }
});

test('typing, downloads and session keys pass between nodes', async () => {
  const where = place();
  const [alice, bob] = [await join(where, 'Alice', 0, { isCreator: true }), await join(where, 'Bob', 1)];
  const { sessionId } = where;
  alice.emit('typing', { sessionId, userId: alice.userId, displayName: 'Alice' });
  assert.deepEqual(await bob.next('user-typing'), { userId: alice.userId, displayName: 'Alice' });
  alice.emit('stopped-typing', { sessionId, userId: alice.userId, displayName: 'Alice' });
  assert.deepEqual(await bob.next('user-stopped-typing'), { userId: alice.userId, displayName: 'Alice' });
  bob.emit('file-downloaded', { sessionId, downloadedBy: 'Bob', senderId: alice.userId, fileName: 'f', timestamp: 1 });
  assert.deepEqual(await alice.next('download-notification'), { downloadedBy: 'Bob', userId: bob.userId, fileName: 'f', timestamp: 1 });
  alice.emit('set-session-key', { sessionId, encryptedKeys: { [bob.userId]: 'k' } });
  for (const member of [alice, bob]) {
    assert.deepEqual(await member.next('session-key-available'), { encryptedKeys: { [bob.userId]: 'k' } });
  }
  bob.emit('save-public-key', { sessionId, userId: bob.userId, publicKey: 'new', displayName: 'Bob' });
  await alice.next('public-keys-updated', (keys) => keys.some(({ publicKey }) => publicKey === 'new'));
});

test('a member who comes back on another node is the same without a word', async () => {
  const where = place();
  const [alice, bob] = [await join(where, 'Alice', 0, { isCreator: true }), await join(where, 'Bob', 1)];
  const again = await join(where, 'Bob', 2, { userId: bob.userId, publicKey: null });
  assert.deepEqual(again.keys.find(({ userId }) => userId === bob.userId)?.publicKey, `key of ${bob.userId}`);
  await send(alice, where, 'one');
  await again.next('new-message', ({ encrypted }) => encrypted === 'one');
  bob.close();
  await send(alice, where, 'two', { to: bob.userId });
  await again.next('new-message', ({ encrypted }) => encrypted === 'two');
  await send(again, where, 'three');
  await alice.next('new-message', ({ encrypted }) => encrypted === 'three');
  assert.equal(times(alice, 'user-left'), 0);
  assert.equal(times(alice, 'user-joined', ({ userId }) => userId === bob.userId), 1);
});

test('a leave, or the end of a connection, is sent to all once', async () => {
  const where = place();
  const alice = await join(where, 'Alice', 0, { isCreator: true });
  const [bob, carol] = [await join(where, 'Bob', 1), await join(where, 'Carol', 2)];
  bob.emit('leave-session', { sessionId: where.sessionId, userId: bob.userId });
  await alice.next('user-left', ({ userId }) => userId === bob.userId);
  carol.close();
  await alice.next('user-left', ({ userId }) => userId === carol.userId);
  await alice.next('public-keys-updated', (keys) => keys.length === 1);
  assert.equal(times(alice, 'user-left'), 2);
  assert.equal(times(bob, 'user-left', ({ userId }) => userId === bob.userId), 0);
});

test('a session of two members is full, whichever node they are on', async () => {
  const { sessionId, authKey } = place();
  const url = `${at(0).url}/api/reserve-session`;
  const reserved = await fetch(url, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ sessionId, authKey, chatMode: 'private' }),
  });
  assert.equal(reserved.status, 200);
  const again = await fetch(`${at(1).url}/api/reserve-session`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ sessionId, authKey }),
  });
  assert.equal(again.status, 409);
  await join({ sessionId, authKey }, 'Alice', 1);
  await join({ sessionId, authKey }, 'Bob', 2);
  const third = new Client(at(0, 'session'));
  await third.next('connect');
  third.emit('join-session', { sessionId, authKey, userId: unique('carol'), displayName: 'Carol', publicKey: 'k', isCreator: false });
  assert.equal((await third.next('session-error')).error, 'SESSION_FULL');
});
