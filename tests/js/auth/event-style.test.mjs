// Refusals as events instead of connect errors. Started with DIALECTS=direct and AUTH_ERROR_STYLE=event.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, connect, exchange, seconds, token, user } from '../support/relay.mjs';

for (const transport of ['websocket', 'polling']) {
  for (const [name, auth, code] of [
    ['no token', {}, 'MISSING_TOKEN'],
    ['a bad token', { token: 'nonsense' }, 'INVALID_TOKEN'],
    ['an unsigned token', { token: token(user('Alice'), { alg: 'none' }) }, 'INVALID_TOKEN'],
    ['an expired token', { token: token({ ...user('Alice'), exp: seconds(-60) }) }, 'EXPIRED_TOKEN'],
  ]) {
    test(`${name}: connected, sent ${code} and disconnected over ${transport}`, async () => {
      const client = new Client({ auth, transports: [transport] });
      await client.next('connect');
      const refusal = await client.next('auth:error');
      assert.deepEqual(Object.keys(refusal).sort(), ['code', 'message']);
      assert.equal(refusal.code, code);
      assert.ok(refusal.message.length > 0);
      await client.next('disconnect');
      assert.deepEqual(client.all('auth:success'), []);
      assert.deepEqual(client.all('connect_error'), []);
    });
  }
}

test('what a refused client emits meanwhile reaches nobody', async () => {
  const bob = await connect(user('Bob'));
  const mark = bob.mark();
  const client = new Client({ auth: { token: 'nonsense' } });
  for (let seq = 0; seq < 5; seq += 1) client.emit('send_message', { recipientId: bob.userId, ciphertext: 'c', iv: 'i', tag: 't', seq });
  await client.next('disconnect');
  await exchange(bob, bob, () => {});
  assert.deepEqual(bob.since(mark).filter(([name, { seq }]) => name === 'receive_message' && Number.isInteger(seq)), []);
  assert.deepEqual(client.all('message:sent'), []);
});

test('a good token is admitted as ever', async () => {
  const alice = await connect(user('Alice'));
  await exchange(alice, alice, () => {});
});
