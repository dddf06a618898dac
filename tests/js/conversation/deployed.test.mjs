// `conversation`: a client as deployed ones are, with the habits that they have. Started with nothing set.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, RELAY_URL, TIMEOUT, token, unique, user } from '../support/relay.mjs';
import { call, found, person, remove } from '../support/conversations.mjs';
import { cut, until } from '../support/session.mjs';

/**
 * Declares no dialect and starts with polling; joins its conversations without a callback whenever it has connected, shows a
 * message before it is sent, and sends over REST what the socket cannot. It keeps what it shows by the ids in the events.
 */
class Deployed {
  messages = new Map();
  online = new Map();
  typing = new Set();
  joined = new Set();
  errors = [];
  #last;

  constructor(who, ...conversationIds) {
    this.who = who;
    this.conversationIds = conversationIds;
    this.client = new Client({
      auth: { token: token(who) },
      transports: undefined,
      reconnection: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
      reconnectionAttempts: 5,
      timeout: 20_000,
    });
    this.listen(this.client.socket);
  }

  listen(socket) {
    socket.on('connect', () => {
      if (socket.recovered) return;
      for (const conversationId of this.conversationIds) socket.emit('conversation:join', { conversationId });
    });
    socket.on('conversation:joined', ({ conversationId }) => this.sync(conversationId));
    socket.on('disconnect', (reason) => {
      this.joined.clear();
      if (reason === 'io server disconnect') socket.connect();
    });
    socket.on('message:new', (message) => this.show(message));
    socket.on('message:updated', ({ id, content, editedAt }) => Object.assign(this.messages.get(id), { content, editedAt }));
    socket.on('message:deleted', ({ id, deletedAt }) => Object.assign(this.messages.get(id), { content: null, deletedAt }));
    socket.on('message:delivered', ({ messageId, deliveredTo }) => Object.assign(this.messages.get(messageId) ?? {}, { deliveredTo }));
    socket.on('message:read:receipt', ({ messageIds, readBy }) => {
      for (const id of messageIds) Object.assign(this.messages.get(id), { readBy });
    });
    socket.on('reaction:added', ({ id, messageId, emoji, user: { name } }) => this.reactions(messageId).set(id, `${name} ${emoji}`));
    socket.on('reaction:removed', ({ id, messageId }) => this.reactions(messageId).delete(id));
    socket.on('typing:user:start', ({ user: { name } }) => this.typing.add(name));
    socket.on('typing:user:stop', ({ userId }) => this.typing.delete(this.online.get(userId)));
    socket.on('user:online', ({ conversationId, userId, user: who }) => conversationId && this.online.set(userId, who.name));
    socket.on('user:offline', ({ conversationId, userId }) => conversationId && this.online.delete(userId));
    socket.on('presence:response', ({ onlineUsers }) => (this.online = new Map(onlineUsers.map(({ id, name }) => [id, name]))));
    for (const name of ['error', 'auth:error', 'conversation:join:error', 'conversation:left']) {
      socket.on(name, (payload) => this.errors.push([name, payload]));
    }
  }

  reactions(messageId) {
    const message = this.messages.get(messageId);
    return (message.reactions ??= new Map());
  }

  /** In place of the message that was shown before it was sent. */
  show(message) {
    if (message.tempId) this.messages.delete(message.tempId);
    this.messages.set(message.id, { ...this.messages.get(message.id), ...message });
    this.#last = [this.#last, message.id].filter(Boolean).toSorted().at(-1);
  }

  async sync(conversationId) {
    const after = this.#last ? `&after=${this.#last}` : '';
    const { messages } = await this.rest('GET', `/api/messages?conversationId=${encodeURIComponent(conversationId)}${after}`);
    for (const message of messages) this.show(message);
    this.client.emit('presence:request', { conversationId });
    this.joined.add(conversationId);
  }

  async rest(method, path, body) {
    const headers = { Authorization: `Bearer ${token(this.who)}`, ...(body && { 'Content-Type': 'application/json' }) };
    const response = await fetch(new URL(path, RELAY_URL), { method, headers, body: body && JSON.stringify(body) });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    return response.json();
  }

  /** Its id. */
  async send(conversationId, content) {
    const message = { conversationId, content, tempId: unique('temp') };
    this.messages.set(message.tempId, message);
    const { socket } = this.client;
    const response = socket.connected && (await socket.timeout(TIMEOUT).emitWithAck('message:send', message).catch(() => undefined));
    if (response?.success) return response.messageId;
    return (await this.rest('POST', '/api/messages', message)).message.id;
  }

  /** The texts that it shows, in their order. */
  get texts() {
    return [...this.messages.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(({ content }) => content);
  }

  /** It shows so many messages, and each as the server has sent it. */
  shows(count) {
    return until(() => this.messages.size === count && [...this.messages.values()].every(({ createdAt }) => createdAt));
  }

  ready() {
    return until(() => this.conversationIds.every((id) => this.joined.has(id)));
  }
}

/** Alice, Bob and the conversation they have, and who they are. */
async function pair() {
  const [one, two] = [user('Alice'), user('Bob')];
  const id = await found(one, [two], { id: unique('conv') });
  const [alice, bob] = [new Deployed(one, id), new Deployed(two, id)];
  await Promise.all([alice.ready(), bob.ready()]);
  await until(() => alice.online.size === 2 && bob.online.size === 2);
  return { alice, bob, id };
}

test('two of them talk, and see what each other does', async () => {
  const { alice, bob, id } = await pair();
  await until(() => alice.client.socket.io.engine.transport.name === 'websocket');
  assert.deepEqual(alice.client.all('auth:success'), [
    { userId: alice.who.userId, socketId: alice.client.socket.id, message: 'Authentication successful' },
  ]);

  bob.client.emit('typing:start', { conversationId: id });
  await until(() => alice.typing.has('Bob'));
  bob.client.emit('typing:stop', { conversationId: id });
  const first = await bob.send(id, 'Hello');
  await alice.shows(1);
  assert.equal(alice.typing.size, 0);
  assert.deepEqual(alice.messages.get(first).sender, person(bob.who));
  const second = await alice.send(id, 'Hi');
  await until(() => alice.messages.get(second)?.deliveredTo);
  assert.deepEqual(alice.messages.get(second).deliveredTo, [bob.who.userId]);

  alice.client.emit('message:read', { conversationId: id, messageIds: [first] });
  await until(() => bob.messages.get(first).readBy === alice.who.userId);
  alice.client.emit('reaction:add', { messageId: first, conversationId: id, emoji: '👍' });
  await until(() => bob.reactions(first).size === 1);
  const [reactionId] = bob.reactions(first).keys();
  assert.equal(bob.reactions(first).get(reactionId), 'Alice 👍');
  alice.client.emit('reaction:remove', { reactionId, messageId: first, conversationId: id });
  await until(() => bob.reactions(first).size === 0);

  bob.client.emit('message:update', { messageId: first, conversationId: id, content: 'Hello!' });
  await until(() => alice.texts[0] === 'Hello!');
  alice.client.emit('message:delete', { messageId: second, conversationId: id });
  await until(() => [alice, bob].every(({ messages }) => messages.get(second)?.deletedAt));
  for (const { texts, errors } of [alice, bob]) assert.deepEqual([texts, errors], [['Hello!', null], []]);
});

test('one that is cut off sends over REST, comes back by itself and has all it missed', async () => {
  const { alice, bob, id } = await pair();
  await alice.send(id, '1');
  await bob.shows(1);
  cut(bob.client);
  await until(() => !bob.client.socket.connected);
  await bob.send(id, '2');
  await alice.send(id, '3');
  await until(() => bob.client.socket.connected);
  await bob.ready();
  await bob.send(id, '4');
  for (const client of [alice, bob]) {
    await client.shows(4);
    assert.deepEqual([client.texts, client.errors], [['1', '2', '3', '4'], []]);
  }
});

test('it edits and deletes over REST while it has no connection, and the other sees it', async () => {
  const { alice, bob, id } = await pair();
  const ids = [await alice.send(id, '1'), await alice.send(id, '2')];
  await bob.shows(2);
  alice.client.close();
  await alice.rest('PATCH', `/api/messages/${ids[0]}`, { content: 'edited' });
  await alice.rest('DELETE', `/api/messages/${ids[1]}`);
  await until(() => bob.messages.get(ids[1]).deletedAt);
  assert.deepEqual(bob.texts, ['edited', null]);
});

test('a hundred messages at once are within the limits, and arrive in their order', async () => {
  const { alice, bob, id } = await pair();
  const texts = Array.from({ length: 100 }, (_, n) => `message ${n}`);
  await Promise.all(texts.map((text) => alice.send(id, text)));
  for (const client of [alice, bob]) {
    await client.shows(texts.length);
    assert.deepEqual([client.texts, client.errors], [texts, []]);
  }
});

test('it joins ten conversations at once, and all of them again after its connection was lost', async () => {
  const [one, two] = [user('Alice'), user('Bob')];
  const ids = await Promise.all(Array.from({ length: 10 }, () => found(one, [two])));
  const bob = new Deployed(two, ...ids);
  for (const round of [1, 2]) {
    await bob.ready();
    assert.equal(bob.client.all('conversation:joined').length, ids.length * round);
    cut(bob.client);
    await bob.client.next('disconnect');
  }
  assert.deepEqual(bob.errors, []);
});

test('one that is removed is notified, and refused afterwards', async () => {
  const { alice, bob, id } = await pair();
  await remove(alice.who, id, bob.who);
  await until(() => bob.errors.length > 0);
  assert.deepEqual(bob.errors, [['conversation:left', { conversationId: id }]]);
  await until(() => !alice.online.has(bob.who.userId));
  const { status } = await call(bob.who, 'POST', '/api/messages', { conversationId: id, content: 'x' });
  assert.equal(status, 403);
  const response = await bob.client.ask('message:send', { conversationId: id, content: 'x' });
  assert.equal(response.error.code, 'NOT_PARTICIPANT');
});

test('one with a token that has expired is not let in', async () => {
  const client = new Client({ auth: { token: token({ ...user('Eve'), exp: 1 }) }, transports: undefined, reconnection: true });
  assert.equal((await client.next('connect_error')).message, 'Token expired');
});

test('one that takes part in a hundred conversations joins all of them, and again when its connection was lost', async () => {
  const who = user('Alice');
  const ids = [];
  for (let count = 0; count < 100; count += 1) ids.push(await found(who));
  const alice = new Deployed(who, ...ids);
  await alice.ready();
  alice.joined.clear();
  cut(alice.client);
  await alice.client.next('disconnect');
  await alice.ready();
  assert.deepEqual(alice.errors, []);
  alice.client.close();
});
