// `conversation`: a client that loses its connection joins again and fetches what it missed; nothing is missing, nothing comes twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, token, user } from '../support/relay.mjs';
import { DONE, call, done, found, inConversation, members, online, present, send, sendMany, settle } from '../support/conversations.mjs';
import { cut, until } from '../support/session.mjs';

const PAGE = 50;

/** All messages of a conversation after one of them, page by page. */
async function missed(who, conversationId, after) {
  const messages = [];
  for (let cursor = after; cursor !== undefined; ) {
    const page = await done(200, who, 'GET', `/api/messages?conversationId=${conversationId}&limit=${PAGE}&after=${cursor}`);
    assert.ok(page.messages.length <= PAGE);
    messages.push(...page.messages);
    cursor = page.nextCursor;
  }
  return messages;
}

/** Joins again whenever it has connected again, and then fetches all after the last message it had when it lost the connection. */
class Reader {
  /** Ids in the order in which they came over the socket, and what was fetched each time. */
  live = [];
  fetched = [];
  #last;
  #catchingUp;

  constructor(who, conversationId, first) {
    this.who = who;
    this.conversationId = conversationId;
    this.#last = first;
    this.client = new Client({ auth: { token: token(who), dialect: 'conversation' }, reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 40 });
    const { socket } = this.client;
    socket.on('message:new', ({ id }) => this.live.push(id));
    socket.on('disconnect', () => (this.#last = this.#newest()));
    this.joined = new Promise((resolve) => {
      socket.on('connect', () => {
        this.#catchingUp = this.#catchUp();
        resolve(this.#catchingUp);
      });
    });
  }

  /** Over the socket or fetched: the newest there is. */
  #newest() {
    return [this.#last, this.live.at(-1), this.fetched.at(-1)?.ids.at(-1)].filter(Boolean).toSorted().at(-1);
  }

  async #catchUp() {
    const after = this.#last;
    assert.deepEqual(await this.client.ask('conversation:join', { conversationId: this.conversationId }), DONE);
    const messages = await missed(this.who, this.conversationId, after);
    this.fetched.push({ after, ids: messages.map(({ id }) => id) });
  }

  /** Loses the connection, and comes back. */
  async loseConnection() {
    cut(this.client);
    await this.client.next('disconnect');
    await until(() => this.client.socket.connected);
    await this.#catchingUp;
  }
}

test('while messages are sent all the time a reader that loses its connection again and again has all of them', { timeout: 60_000 }, async () => {
  const [one, two] = [user('Alice'), user('Bob')];
  const conversationId = await found(one, [two]);
  const senders = [await present(one, conversationId), await present(one, conversationId)];
  const sent = [await send(senders[0], 'the first')];
  const bob = new Reader(two, conversationId, sent[0]);
  await bob.joined;

  let going = true;
  const chatter = senders.map(async (sender) => {
    for (let n = 0; going; n += 1) sent.push(await send(sender, n));
  });
  for (let times = 0; times < 8; times += 1) {
    const enough = sent.length + 40;
    await until(() => sent.length > enough);
    await bob.loseConnection();
  }
  going = false;
  await Promise.all(chatter);
  await settle([...senders, bob.client]);

  const order = sent.toSorted();
  assert.equal(new Set(order).size, order.length);
  assert.deepEqual(bob.live, bob.live.toSorted(), 'over the socket they came in their order');
  assert.equal(new Set(bob.live).size, bob.live.length, 'over the socket nothing came twice');
  for (const { after, ids } of bob.fetched) {
    const from = order.indexOf(after) + 1;
    assert.deepEqual(ids, order.slice(from, from + ids.length), 'what was fetched has no gap, and nothing twice');
  }
  assert.ok(bob.fetched.some(({ ids }) => ids.length > 0), 'something was missed');
  const all = new Set([sent[0], ...bob.live, ...bob.fetched.flatMap(({ ids }) => ids)]);
  assert.deepEqual([...all].toSorted(), order);
});

test('who has nothing missed is given nothing, and no cursor', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const id = await send(alice);
  const { messages, nextCursor } = await done(200, bob, 'GET', `/api/messages?conversationId=${alice.conversationId}&after=${id}`);
  assert.deepEqual([messages, nextCursor], [[], undefined]);
});

test('what was missed comes page by page, the oldest first', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const first = await send(alice, 'first');
  bob.close();
  const ids = await sendMany(alice, PAGE * 2 + 1);
  const messages = await missed(bob, alice.conversationId, first);
  assert.deepEqual(messages.map(({ id }) => id), ids);
  assert.deepEqual(messages.map(({ content }) => content), ids.map((_, n) => n));
});

test('what is fetched is what would have come', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const first = await send(alice, 'first');
  await send(alice, { iv: 'i', n: 1.5 }, { tempId: 'temp' });
  await settle([alice, bob]);
  const live = bob.all('message:new').at(-1);
  assert.deepEqual(await missed(bob, alice.conversationId, first), [live]);
});

test('who was taken out fetches nothing more', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const first = await send(alice);
  await done(200, alice, 'DELETE', `/api/conversations/${alice.conversationId}/participants/${bob.userId}`);
  const answer = await call(bob, 'GET', `/api/messages?conversationId=${alice.conversationId}&after=${first}`);
  assert.deepEqual([answer.status, answer.json.code], [403, 'NOT_PARTICIPANT']);
});

test('messages that were sent while the sender had no connection arrive when it has one, each once', async () => {
  const [one, two] = [user('Alice'), user('Bob')];
  const conversationId = await found(one, [two]);
  const bob = await present(two, conversationId);
  const alice = await online(one, { auth: { token: token(one), dialect: 'conversation' }, reconnection: true, reconnectionDelay: 20 });
  Object.assign(alice, { conversationId });
  const answers = [];
  for (let n = 0; n < 20; n += 1) {
    // What is emitted without a connection the client keeps until it has one; what was not acknowledged it sends again.
    if (n % 5 === 2) cut(alice);
    const payload = inConversation(alice, { content: n, tempId: `temp ${n}` });
    answers.push(retried(alice, payload));
  }
  const ids = (await Promise.all(answers)).map(({ messageId }) => messageId);
  await settle([alice, bob]);
  assert.equal(new Set(ids).size, 20);
  assert.deepEqual(bob.all('message:new').map(({ id }) => id).toSorted(), ids.toSorted());
});

/** Sends until it is acknowledged. */
async function retried({ socket }, payload) {
  for (;;) {
    try {
      return await socket.timeout(500).emitWithAck('message:send', payload);
    } catch {
      // No answer in time: it may have been stored or not.
    }
  }
}
