// `session`: a client as deployed ones are, with the habits that they have. Started with DIALECTS=session and nothing else.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Client, MILLIS, same, unique } from '../support/relay.mjs';
import { creator, cut, entry, history, member, reserved, settle } from '../support/session.mjs';

const FILE = 5 * 1024 * 1024;

/**
 * Sets its listeners before it joins, asks for keys before it joins, leaves on any `session-error`, sends nothing before
 * `session-metadata`, and joins again with a null key whenever it has connected again.
 */
class Deployed {
  #waiting = [];
  #ready = false;
  #connected = 0;

  constructor(where, name) {
    this.userId = unique(name.toLowerCase());
    this.displayName = name;
    this.publicKey = `public key of ${name}`;
    this.sessionId = where.sessionId;
    this.client = new Client({ transports: ['websocket', 'polling'], reconnection: true, reconnectionDelay: 50, autoConnect: false });
    this.client.joined = new Set();
    this.keys = [];
    this.messages = [];
    this.listen(this.client.socket, where);
    this.client.socket.connect();
  }

  listen(socket, { sessionId, authKey }) {
    const { userId, displayName } = this;
    socket.once('session-error', () => socket.emit('leave-session', { sessionId, userId }));
    socket.on('disconnect', () => (this.#ready = false));
    socket.on('session-metadata', ({ chatMode }) => this.start(chatMode));
    socket.on('public-keys-updated', (keys) => (this.keys = keys));
    socket.on('messages-history', (messages) => (this.messages = messages));
    socket.on('new-message', (message) => this.messages.push(message));
    socket.on('connect', () => {
      socket.emit('get-public-keys', { sessionId, userId });
      const publicKey = this.#connected++ === 0 ? this.publicKey : null;
      socket.emit('join-session', { sessionId: `${sessionId}:${authKey}`, userId, displayName, publicKey, isCreator: false });
    });
  }

  start(chatMode) {
    this.chatMode = chatMode;
    this.#ready = true;
    for (const send of this.#waiting.splice(0)) send();
  }

  send(fields) {
    const { sessionId, userId } = this;
    const send = () => this.client.emit('send-message', { sessionId, from: userId, to: 'all', type: 'text', ...fields });
    if (this.#ready) send();
    else this.#waiting.push(send);
  }
}

test('it asks for keys, joins, sends a file of five megabytes, and goes on after its connection was lost', async () => {
  const where = await reserved();
  const alice = await creator(where, 'Alice');
  const bob = new Deployed(where, 'Bob');
  const data = randomBytes(FILE).toString('base64');
  const originalContent = JSON.stringify({ fileName: 'plan.pdf', size: FILE });
  bob.send({ encrypted: JSON.stringify({ iv: 'aXY=', data }), originalContent, type: 'file', clientMessageId: 'the file' });
  const got = await alice.next('new-message', () => true, 20_000);
  assert.ok(got.encrypted === JSON.stringify({ iv: 'aXY=', data }), 'every byte of it');
  assert.ok(!('originalContent' in got));
  assert.equal((await bob.client.next('message-sent', () => true, 20_000)).originalContent, originalContent);

  const before = bob.client.events.map(({ name }) => name).filter((name) => name !== 'connect');
  assert.deepEqual(before.slice(0, 4), ['public-keys-updated', 'messages-history', 'session-metadata', 'public-keys-updated']);
  assert.deepEqual(bob.client.all('public-keys-updated')[0], []);
  assert.equal(bob.chatMode, 'group');

  cut(bob.client);
  await bob.client.next('disconnect');
  bob.send({ encrypted: 'sent while away' });
  assert.equal((await alice.next('new-message', ({ encrypted }) => encrypted === 'sent while away')).from, bob.userId);
  await settle([alice, bob.client]);
  same(bob.keys.toSorted((a, b) => a.displayName.localeCompare(b.displayName)), [entry(alice, MILLIS), entry(bob, MILLIS)]);
  assert.ok(bob.messages.some(({ id, encrypted }) => id === 'the file' && encrypted === got.encrypted), 'the file is in the history');
  assert.deepEqual(bob.client.all('session-error'), []);
  const late = await member(where, 'Carol');
  assert.deepEqual(history(late).map(({ type }) => type), ['file', 'text']);
});

test('two of them meet before the creator comes', async () => {
  const where = await reserved();
  const [bob, carol] = [new Deployed(where, 'Bob'), new Deployed(where, 'Carol')];
  bob.send({ encrypted: 'from Bob' });
  carol.send({ encrypted: 'from Carol' });
  for (const { client } of [bob, carol]) await client.next('message-sent');
  const alice = await creator(where, 'Alice');
  assert.deepEqual(history(alice).map(({ encrypted }) => encrypted).toSorted(), ['from Bob', 'from Carol']);
  await bob.client.next('user-joined', ({ userId }) => userId === alice.userId);
  await bob.client.next('public-keys-updated', (keys) => keys.length === 3);
  for (const { client } of [bob, carol]) assert.deepEqual(client.all('session-error'), []);
});

test('one that finds no session leaves, and nothing else happens', async () => {
  const eve = new Deployed({ sessionId: unique('session'), authKey: 'k' }, 'Eve');
  assert.equal((await eve.client.next('session-error')).error, 'SESSION_NOT_FOUND');
  assert.equal((await eve.client.next('session-error')).error, 'NOT_A_MEMBER');
  assert.equal(eve.client.socket.connected, true);
  eve.client.close();
});

test('a hundred of them at one address come back at once', async () => {
  const where = await reserved();
  const all = Array.from({ length: 100 }, (_, number) => new Deployed(where, `Member${number}`));
  await Promise.all(all.map(({ client }) => client.next('session-metadata')));
  for (const { client } of all) cut(client);
  await Promise.all(all.map(({ client }) => client.next('disconnect')));
  await Promise.all(all.map(({ client }) => client.next('session-metadata')));
  for (const { client } of all) {
    assert.deepEqual(client.all('session-error'), []);
    client.close();
  }
});

for (const transports of [['websocket'], ['polling']]) {
  test(`a hundred questions for keys at once are all answered, over ${transports}`, { timeout: 60_000 }, async () => {
    const alice = await creator(await reserved(), 'Alice', {}, { transports });
    const { sessionId, userId } = alice;
    const mark = alice.mark();
    const questions = Array.from({ length: 100 }, () => alice.ask('get-public-keys', { sessionId, userId }));
    for (const answer of await Promise.all(questions)) assert.deepEqual(answer, { success: true });
    assert.deepEqual(alice.since(mark), questions.map(() => ['public-keys-updated', []]));
  });
}
