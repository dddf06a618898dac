// `session`: messages that are not relayed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique } from '../support/relay.mjs';
import {
  NOT_A_MEMBER, failed, guest, history, invalid, leave, member, members, message, observe, place, reserved,
} from '../support/session.mjs';

const encrypted = 'q83vEg==';

test('nobody sends in another’s name', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [eve] = await members('Eve');
  for (const [client, fields] of [
    [alice, { from: bob.userId }],
    [alice, { from: unique('nobody') }],
    [eve, { sessionId: alice.sessionId }],
    [eve, { sessionId: alice.sessionId, from: alice.userId }],
    [await guest(), { sessionId: alice.sessionId, from: alice.userId }],
    [await guest(), { sessionId: place().sessionId, from: alice.userId }],
  ]) {
    const others = [alice, bob].filter((other) => other !== client);
    const [seen, ...toOthers] = await observe([client, ...others], async () => {
      assert.deepEqual(await client.ask('send-message', message(client, fields)), failed(NOT_A_MEMBER));
    });
    assert.deepEqual(seen, [['session-error', NOT_A_MEMBER]]);
    assert.ok(toOthers.every((events) => events.length === 0));
  }
  assert.deepEqual(history(await member(alice.where, 'Carol')), []);
});

test('who is reserved for but has not joined sends nothing', async () => {
  const { sessionId } = await reserved();
  const client = await guest();
  const from = unique('alice');
  assert.deepEqual(await client.ask('send-message', { sessionId, from, encrypted }), failed(NOT_A_MEMBER));
});

const BAD = {
  sessionId: [undefined, null, '', {}, 'x'.repeat(129)],
  from: [undefined, null, '', {}, 'x'.repeat(129)],
  encrypted: [undefined, null],
  to: [{}, true, 'x'.repeat(129)],
  type: [{}, true, [7], 'x'.repeat(1025)],
  clientMessageId: [{}, true, 'x'.repeat(129)],
};
for (const [field, values] of Object.entries(BAD)) {
  test(`a message with a malformed ${field} is refused and reaches nobody`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    for (const value of values) {
      const [toAlice, toBob] = await observe([alice, bob], async () => {
        const answer = await alice.ask('send-message', message(alice, { [field]: value }));
        assert.deepEqual(answer, failed(invalid(field)), JSON.stringify(value));
      });
      assert.deepEqual(toAlice, [['session-error', invalid(field)]]);
      assert.deepEqual(toBob, []);
    }
    assert.deepEqual(history(await member(alice.where, 'Carol')), []);
  });
}

test('after a message with an empty or malformed payload the connection goes on', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  for (const args of [[], [null], ['text'], [[]], [7]]) {
    alice.emit('send-message', ...args);
    assert.equal((await alice.next('session-error')).error, 'INVALID_REQUEST');
  }
  const [, toBob] = await observe([alice, bob], () => alice.emit('send-message', message(alice)));
  assert.equal(toBob.length, 1);
});

test('who left gets and sends nothing', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await leave(bob);
  const [, toBob] = await observe([alice, bob], async () => {
    await alice.ask('send-message', message(alice));
    await alice.ask('send-message', message(alice, { to: bob.userId }));
  });
  assert.deepEqual(toBob, []);
  assert.deepEqual(await bob.ask('send-message', message(bob)), failed(NOT_A_MEMBER));
});
