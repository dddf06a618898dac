// `session`: what the parser of a published client fails on is refused at its sender, and keeps nobody from a history.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failed, history, invalid, member, members, message, mine, observe } from '../support/session.mjs';
import { LIMIT, UNREADABLE, attached, nested } from '../support/unreadable.mjs';

const EVENTS = {
  'send-message': ['encrypted', ({ sessionId, userId }) => ({ sessionId, from: userId })],
  'save-public-key': ['publicKey', mine],
  'set-session-key': ['encryptedKeys', mine],
};

for (const [event, [field, fields]] of Object.entries(EVENTS)) {
  test(`${event}: ${Object.keys(UNREADABLE).join(', ')}`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    for (const [name, json] of Object.entries(UNREADABLE)) {
      const text = `${JSON.stringify(fields(alice)).slice(0, -1)},"${field}":{"iv":${json}}}`;
      const [sent, received] = await observe([alice, bob], () => alice.raw(`2["${event}",${text}]`));
      assert.deepEqual(sent, [['session-error', invalid(field)]], name);
      assert.deepEqual(received, [], name);
    }
  });
}

test('a field that no event has is not relayed, and refused where it cannot be read', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const fields = JSON.stringify(message(alice)).slice(0, -1);
  const [sent, received] = await observe([alice, bob], () => alice.raw(`2["send-message",${fields},"more":${nested(LIMIT + 1)}}]`));
  assert.deepEqual([sent, received], [[['session-error', invalid('more')]], []]);
});

test('the deepest that is allowed reaches members, and those who join later, beside attachments too', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const fields = JSON.stringify(message(alice)).slice(0, -1);
  // The field is there twice: the last one counts.
  alice.raw(`2["send-message",${fields},"encrypted":${nested(LIMIT)}}]`);
  attached(alice, `["send-message",${fields},"encrypted":[${nested(LIMIT - 1)},{"_placeholder":true,"num":0}]}]`);
  const first = await bob.next('new-message');
  const second = await bob.next('new-message');
  assert.equal(JSON.stringify(first.encrypted), nested(LIMIT));
  assert.ok(Buffer.isBuffer(second.encrypted[1]));
  const carol = await member(alice.where, 'Carol');
  assert.deepEqual(history(carol).map(({ encrypted }) => encrypted), [first.encrypted, second.encrypted]);
  assert.ok(carol.socket.connected && bob.socket.connected);
});

test('a callback is answered with the field', async () => {
  const [alice] = await members('Alice');
  const encrypted = JSON.parse(nested(LIMIT + 1));
  assert.deepEqual(await alice.ask('send-message', message(alice, { encrypted })), failed(invalid('encrypted')));
});
