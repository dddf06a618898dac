// What was written while a client was away comes all at once: it is taken more slowly, up to a bound, and not refused.
// Started with the limits by default.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, user } from '../support/relay.mjs';
import { DONE, found, present } from '../support/conversations.mjs';
import { members, message, mine, until } from '../support/session.mjs';

const OUTBOX = 150;
/** More than is waited for. */
const FLOOD = 1000;
const numbers = Array.from({ length: OUTBOX }, (_, number) => number);
const sealed = { ciphertext: 'c', iv: 'i', tag: 't' };
const texts = numbers.map(String);

for (const transport of ['websocket', 'polling']) {
  const options = { transports: [transport] };

  test(`direct, ${transport}`, async () => {
    const [alice, bob] = [await connect(user('Alice'), options), await connect(user('Bob'))];
    alice.socket.disconnect();
    for (const seq of numbers) alice.emit('send_message', { recipientId: bob.userId, ...sealed, seq });
    alice.socket.connect();
    await until(() => bob.all('receive_message').length === OUTBOX);
    assert.deepEqual(bob.all('receive_message').map(({ seq }) => seq), numbers);
    assert.deepEqual(alice.all('message:error'), []);
  });

  test(`conversation, ${transport}`, async () => {
    const [one, two] = [user('Alice'), user('Bob')];
    const conversationId = await found(user('Founder'), [one, two]);
    const [alice, bob] = [await present(one, conversationId, options), await present(two, conversationId)];
    for (const content of numbers) alice.emit('message:send', { conversationId, content });
    await until(() => bob.all('message:new').length === OUTBOX);
    assert.deepEqual(bob.all('message:new').map(({ content }) => content), numbers);
    assert.deepEqual(alice.all('error'), []);
  });
}

test('a session', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  for (const encrypted of texts) alice.emit('send-message', message(alice, { encrypted }));
  const news = () => bob.all('new-message').filter(({ encrypted }) => texts.includes(encrypted));
  await until(() => news().length === OUTBOX);
  assert.deepEqual(news().map(({ encrypted }) => encrypted), texts);
  assert.deepEqual(alice.all('session-error'), []);
});

test('who asks a session for its keys a hundred times is answered as often', async () => {
  const [alice] = await members('Alice');
  const before = alice.all('public-keys-updated').length;
  const answers = await Promise.all(Array.from({ length: 100 }, () => alice.ask('get-public-keys', mine(alice))));
  assert.ok(answers.every(({ success }) => success === DONE.success));
  assert.equal(alice.all('public-keys-updated').length, before + 100);
});

test('a flood is refused in the end', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  const send = (seq) => alice.ask('send_message', { recipientId: bob.userId, ...sealed, seq });
  const answers = await Promise.all(Array.from({ length: FLOOD }, (_, seq) => send(seq)));
  assert.ok(answers.slice(0, OUTBOX).every(({ success }) => success));
  const refused = answers.filter(({ success }) => !success);
  assert.ok(refused.length > OUTBOX && refused.every(({ error }) => error.code === 'RATE_LIMIT'), `${refused.length}`);
});
