// `conversation`: rates. Started with small limits (`tests/it/clients.rs`) and 127.0.0.1 as a trusted proxy, so that each test
// has addresses of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newAddressHeader } from '../support/addresses.mjs';
import { unique, user } from '../support/relay.mjs';
import { DONE, REFUSALS, call, enter, failed, found, inConversation, names, online, present, witness } from '../support/conversations.mjs';
import { until } from '../support/session.mjs';

const number = (name) => Number.parseInt(process.env[name], 10);
const JOINS = number('JOIN_BURST');
const MESSAGES = number('MESSAGE_BURST');
const SIGNALS = number('SIGNAL_BURST');
const { rate } = REFUSALS;

/** Options of a client that seems to come from an address no other test uses. */
function newAddress() {
  return { extraHeaders: newAddressHeader() };
}

/** Two members of a conversation of somebody else, so that neither has used any of their messages. */
async function pair() {
  const [one, two] = [user('Alice'), user('Bob')];
  const id = await found(user('Founder'), [one, two]);
  const [alice, bob] = [await present(one, id, newAddress()), await present(two, id, newAddress())];
  await alice.next('user:online');
  return [alice, bob];
}

const times = (count, ask) => Promise.all(Array.from({ length: count }, (_, n) => ask(n)));
const granted = (answers) => answers.filter(({ success }) => success).length;
/** Asks until it is refused, since a little is granted again all the time: how often it was granted, and the refusal. */
async function untilRefused(ask) {
  let granted = -1;
  const answer = await until(() => {
    granted += 1;
    return ask();
  }, ({ success, status }) => success === false || status === 429);
  return { granted, answer };
}
/** Uses up what a user may send. */
const exhaust = (client) => untilRefused(() => client.ask('message:send', inConversation(client, { content: 'x' })));

test('the limits are the ones this suite counts on', () => {
  for (const value of [JOINS, MESSAGES, SIGNALS]) assert.ok(value > 0);
});

test('messages over the rate are refused by an error that names them, the others arrive', async () => {
  const [alice, bob] = await pair();
  const { conversationId } = alice;
  let answers;
  const [toAlice, toBob] = await witness([alice, bob], async () => {
    answers = await times(MESSAGES * 3, (n) => alice.ask('message:send', inConversation(alice, { content: n })));
  });
  assert.ok(answers.slice(0, MESSAGES).every(({ success }) => success), 'the burst is granted');
  const refusals = answers.filter(({ success }) => !success);
  assert.ok(refusals.length > 0, 'more than the burst is not');
  for (const answer of refusals) assert.deepEqual(answer, failed(rate));
  const errors = toAlice.filter(([name]) => name === 'error').map(([, payload]) => payload);
  assert.deepEqual(errors, refusals.map(() => ({ ...rate, context: { conversationId, event: 'message:send' } })));
  const arrived = answers.flatMap(({ success }, n) => (success ? [n] : []));
  const messages = toBob.filter(([name]) => name !== 'user:online');
  assert.deepEqual(messages.map(([name, { content }]) => [name, content]), arrived.map((n) => ['message:new', n]));
});

for (const [event, fields] of Object.entries({
  'message:update': { content: 'x' },
  'message:delete': {},
  'reaction:add': { emoji: '👍' },
  'reaction:remove': { reactionId: 'x' },
})) {
  test(`${event} counts as a message`, async () => {
    const [alice] = await pair();
    const { messageId } = await alice.ask('message:send', inConversation(alice, { content: 'x' }));
    const { conversationId } = alice;
    const [seen] = await witness([alice], async () => {
      const answers = await times(MESSAGES * 3, () => alice.ask(event, inConversation(alice, { messageId, ...fields })));
      assert.ok(answers.some(({ error }) => error?.code === 'RATE_LIMIT'));
      assert.ok(answers.slice(0, MESSAGES - 1).every(({ error }) => error?.code !== 'RATE_LIMIT'));
    });
    const errors = seen.filter(([name, { code }]) => name === 'error' && code === 'RATE_LIMIT').map(([, payload]) => payload);
    assert.deepEqual(errors[0], { ...rate, context: { conversationId, messageId, event } });
  });
}

test('the rate is a user’s: over all their sockets and REST, and nobody else’s', async () => {
  const [alice, bob] = await pair();
  const second = await present(alice, alice.conversationId, newAddress());
  await exhaust(alice);
  const spent = await untilRefused(() => second.ask('message:send', inConversation(second, { content: 'x' })));
  assert.deepEqual(spent.answer, failed(rate));
  assert.ok(spent.granted < MESSAGES / 2, `${spent.granted} more`);
  const { answer: over } = await untilRefused(() => call(alice, 'POST', '/api/messages', inConversation(alice, { content: 'x' })));
  assert.deepEqual([over.status, over.json], [429, { error: rate.message, code: rate.code }]);
  assert.ok(Number(over.headers['retry-after']) >= 1);
  assert.equal((await bob.ask('message:send', inConversation(bob, { content: 'x' }))).success, true);
});

test('after a while messages are granted again', async () => {
  const [alice] = await pair();
  await exhaust(alice);
  await until(() => alice.ask('message:send', inConversation(alice, { content: 'x' })), ({ success }) => success);
});

test('a message over the rate is not stored, and its tempId is free', async () => {
  const [alice, bob] = await pair();
  let payload;
  const { answer } = await untilRefused(() => {
    payload = inConversation(alice, { content: 'x', tempId: unique('temp') });
    return alice.ask('message:send', payload);
  });
  assert.deepEqual(answer, failed(rate));
  await until(() => alice.ask('message:send', payload), ({ success }) => success);
  await bob.next('message:new', ({ tempId }) => tempId === payload.tempId);
});

for (const [event, received] of [['typing:start', 'typing:user:start'], ['typing:stop', 'typing:user:stop']]) {
  test(`${event} over the rate is dropped without an event`, async () => {
    const [alice, bob] = await pair();
    const [toAlice, toBob] = await witness([alice, bob], () => {
      for (let count = 0; count < SIGNALS * 10; count += 1) alice.emit(event, inConversation(alice));
    });
    assert.deepEqual(toAlice, []);
    const arrived = names(toBob).filter((name) => name === received).length;
    assert.ok(arrived >= SIGNALS && arrived < SIGNALS * 5, `${arrived} arrived`);
  });
}

test('asking who is there over the rate is dropped without an event', async () => {
  const [alice, bob] = await pair();
  const [seen] = await witness([alice, bob], () => {
    for (let count = 0; count < SIGNALS * 10; count += 1) alice.emit('presence:request', inConversation(alice));
  });
  const answered = names(seen);
  assert.ok(answered.every((name) => name === 'presence:response'), answered.join());
  assert.ok(answered.length < SIGNALS * 5, `${answered.length} answered`);
});

test('what is read over the rate is noted later, and all of it', async () => {
  const [alice, bob] = await pair();
  const messageIds = [];
  for (let count = 0; count < SIGNALS + 3; count += 1) {
    messageIds.push((await bob.ask('message:send', inConversation(bob, { content: 'x' }))).messageId);
  }
  const started = Date.now();
  const answers = await Promise.all(messageIds.map((id) => alice.ask('message:read', inConversation(alice, { messageIds: [id] }))));
  const took = Date.now() - started;
  assert.ok(answers.every(({ success }) => success));
  assert.ok(took >= 1_000, `three more than the burst at one a second took ${took} ms`);
  await bob.ask('typing:stop', inConversation(bob));
  assert.deepEqual(bob.all('message:read:receipt').flatMap((receipt) => receipt.messageIds ?? receipt.messageId), messageIds);
});

for (const [event, fields] of [['typing:start', {}], ['typing:stop', {}], ['presence:request', {}]]) {
  test(`a callback of ${event} over the rate reports that`, async () => {
    const [alice] = await pair();
    const [seen] = await witness([alice], async () => {
      const answers = await times(SIGNALS * 5, () => alice.ask(event, inConversation(alice, fields)));
      assert.ok(granted(answers) >= SIGNALS && granted(answers) < answers.length);
      for (const answer of answers.filter(({ success }) => !success)) assert.deepEqual(answer, failed(rate));
    });
    assert.ok(!names(seen).includes('error'));
  });
}

test('signals are a socket’s own, and are not messages', async () => {
  const [alice] = await pair();
  const second = await present(alice, alice.conversationId, newAddress());
  await times(SIGNALS * 5, () => alice.ask('typing:start', inConversation(alice)));
  assert.deepEqual(await second.ask('typing:start', inConversation(second)), DONE);
  assert.equal((await alice.ask('message:send', inConversation(alice, { content: 'x' }))).success, true);
});

test('joins of what one takes part in are not limited as reservations are', async () => {
  const [who, address] = [user('Alice'), newAddress()];
  const conversationId = await found(who);
  const eve = await online(user('Eve'), address);
  await times(JOINS * 2, () => eve.ask('conversation:join', { conversationId }));
  const alice = await online(who, address);
  const answers = await times(100, () => alice.ask('conversation:join', { conversationId }));
  assert.equal(granted(answers), 100);
});

test('leaving is never limited', async () => {
  const [alice, bob] = await pair();
  await exhaust(alice);
  await times(SIGNALS * 5, () => alice.ask('typing:start', inConversation(alice)));
  assert.deepEqual(await alice.ask('conversation:leave', inConversation(alice)), DONE);
  assert.equal((await bob.next('user:offline')).userId, alice.userId);
});
