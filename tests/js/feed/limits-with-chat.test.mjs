// `feed` and `chat`: rates. Started with low ones, and a trusted proxy so that each test has an address of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, token } from '../support/relay.mjs';
import { chat, chatPost, conversation, feed, feedPost, guest, knownUsers, must, observe, refused } from '../support/feed-chat.mjs';

const LIMITED = [429, 'Rate limit exceeded', 'RATE_LIMIT'];
const [MESSAGES, SIGNALS] = [process.env.MESSAGE_BURST, process.env.SIGNAL_BURST].map(Number);
let addresses = 0;
/** A client at an address that no other test has. */
const apart = () => ({ extraHeaders: { 'X-Forwarded-For': `203.0.113.${(addresses += 1)}` } });
const failed = ({ success, error }) => !success && error.code;

test('joins of what one takes part in are not limited as reservations are', async () => {
  const [alice] = await knownUsers('Alice');
  const id = await conversation(alice);
  const client = await feed(alice, apart());
  const answers = await Promise.all(Array.from({ length: 100 }, () => client.ask('join-conversation', id)));
  assert.deepEqual(answers.map(failed), Array(100).fill(false));
});

test('posts over the rate are refused, and reach nobody', async () => {
  for (const [post, name, come] of [[feedPost, 'new-message', feed], [chatPost, 'message:new', chat]]) {
    const [alice, bob] = await knownUsers('Alice', 'Bob');
    const id = await conversation(bob, [alice]);
    const client = await come(alice, apart());
    if (come === feed) await client.ask('join-conversation', id);
    const [got] = await observe([client], async () => {
      for (let index = 0; index < MESSAGES; index += 1) await must(201, post(alice, id));
      const over = await post(alice, id);
      await refused(over, ...LIMITED);
      assert.ok(Number(over.headers['retry-after']) >= 1);
      // The rate is that of a user.
      await must(201, post(bob, id));
    });
    assert.deepEqual(got.map(([event]) => event), Array(MESSAGES + 1).fill(name));
  }
});

test('typing over the rate is dropped without a word, unless there is a callback', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  const [typist, other] = [await chat(alice, apart()), await chat(bob, apart())];
  await typist.next('user:online', ({ userId }) => userId === bob.userId);
  const marks = [typist.mark(), other.mark()];
  const answers = [];
  for (let index = 0; index < SIGNALS; index += 1) typist.emit('user:typing', { chatId: id });
  for (let index = 0; index < 2; index += 1) answers.push(await typist.ask('user:typing', { chatId: id }));
  assert.deepEqual(answers.map(failed), ['RATE_LIMIT', 'RATE_LIMIT']);
  // It stops by itself all the same.
  await other.next('user:stop-typing');
  assert.deepEqual(typist.since(marks[0]), []);
  const starts = other.since(marks[1]).filter(([name, { isTyping }]) => name === 'user:typing' && isTyping);
  assert.ok(starts.length > 0 && starts.length <= SIGNALS, `${starts.length} of ${SIGNALS + 2}`);
});

test('bad tokens in the event and in the query lock out no good ones, over either transport', async () => {
  const [alice] = await knownUsers('Alice');
  const address = apart();
  for (let tries = 0; tries < 25; tries += 1) {
    const client = await guest(address);
    client.emit('authenticate', 'nonsense');
    assert.deepEqual(await client.next('authenticated'), { success: false, error: 'Invalid token' });
    const { outcome } = await attempt({ ...address, query: { token: 'nonsense' } });
    assert.equal(outcome, 2 * tries + 2 > 20 ? 'Too many attempts' : 'Invalid token', `try ${tries}`);
  }
  for (const transports of [['websocket'], ['polling']]) {
    await feed(alice, { ...address, transports });
    await chat(alice, { ...address, transports });
    const { outcome } = await attempt({ ...address, transports, auth: { accessToken: token(alice) } });
    assert.equal(outcome, 'connected');
  }
});
