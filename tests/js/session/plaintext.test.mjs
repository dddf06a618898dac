// `session`: originalContent, the author's plaintext, reaches nobody but its author's own confirmation.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MILLIS, same, unique } from '../support/relay.mjs';
import { member, members, message, observe, rejoin } from '../support/session.mjs';

const encrypted = 'q83vEg==';
const originalContent = 'the plaintext of this very message';
const plain = { 'a string': originalContent, 'an object': { text: originalContent, n: 1 }, binary: Buffer.from(originalContent) };

/** Whether the plaintext is anywhere in what a client was given. */
function leaked(client) {
  const seen = JSON.stringify(client.events.map(({ args }) => args));
  return seen.includes(originalContent) || seen.includes('originalContent') || seen.includes(JSON.stringify([...Buffer.from(originalContent)]));
}

for (const [name, value] of Object.entries(plain)) {
  for (const toOne of [false, true]) {
    test(`as ${name} it comes back to its author only, ${toOne ? 'in a private message' : 'in one to all'}`, async () => {
      const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
      const id = unique('message');
      const to = toOne ? { to: bob.userId } : {};
      const [toAlice] = await observe([alice, bob, carol], () =>
        alice.emit('send-message', message(alice, { ...to, encrypted, originalContent: value, clientMessageId: id })),
      );
      const expected = { id, from: alice.userId, ...to, encrypted, timestamp: MILLIS, type: 'text', senderDisplayName: 'Alice', originalContent: value };
      same(toAlice, [['message-sent', expected]]);
      const [late, again] = [await member(alice.where, 'Dave'), await rejoin(alice)];
      for (const client of [bob, carol, late, again]) assert.equal(leaked(client), false, client.displayName);
      assert.ok(leaked(alice), 'the search finds it where it is');
      assert.ok(again.all('messages-history').flat().some((item) => item.id === id), 'the message is in the history');
    });
  }
}

test('a repeated message gives it to nobody either', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const again = message(alice, { originalContent, clientMessageId: unique('message') });
  const [, toBob] = await observe([alice, bob], async () => {
    for (const _ of [1, 2]) await alice.ask('send-message', again);
  });
  assert.equal(toBob.length, 2);
  assert.equal(leaked(bob), false);
});

test('the author’s other socket does not get it', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const second = await rejoin(alice);
  const [toSecond, toFirst] = await observe([second, alice, bob], () => second.emit('send-message', message(second, { originalContent })));
  assert.equal(toSecond[0][1].originalContent, originalContent);
  assert.deepEqual(toFirst.map(([name]) => name), ['new-message']);
  assert.equal(leaked(alice), false);
  assert.equal(leaked(bob), false);
});

test('a refusal does not repeat it', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  for (const fields of [{ from: bob.userId }, { encrypted: undefined }, { sessionId: unique('nowhere') }]) {
    const answer = await alice.ask('send-message', message(alice, { ...fields, originalContent }));
    assert.equal(answer.success, false);
    assert.ok(!JSON.stringify(answer).includes(originalContent));
  }
  assert.equal(leaked(alice), false);
});
