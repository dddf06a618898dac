// Connections outlive their tokens. Started with EXPIRED_TOKENS=keep, EXPIRED_TOKEN_STATUS=401, JWT_LEEWAY=0s and
// AUTH_EXPIRING_NOTICE=1s.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, connect, exchange, request, seconds, token, user } from '../support/relay.mjs';

const LONG = 10_000;
const expiring = (who, exp, options = {}) => connect(who, { auth: { token: token({ ...who, exp }) }, ...options });

const ask = (bearer) => request('/api/users/me/blocked', { headers: bearer && { Authorization: `Bearer ${bearer}` } });

/** Waits until a token is refused, as it is when it has expired. */
async function expired(bearer) {
  while ((await ask(bearer)).status === 200);
}

for (const transport of ['websocket', 'polling']) {
  test(`a connection stays when its token expires, over ${transport}`, async () => {
    const [alice, bob] = [{ ...user('Alice'), exp: seconds(2) }, { ...user('Bob'), exp: seconds(4) }];
    const options = { transports: [transport] };
    const client = await expiring(alice, alice.exp, options);
    const witness = await expiring(bob, bob.exp, options);
    await expired(token(alice));
    const { outcome } = await attempt({ ...options, auth: { token: token(alice) } });
    assert.equal(outcome, 'Token expired');
    // The relay looks at its connections twice a second, and has done so by the time that the other's end is announced.
    await witness.next('auth:expiring', () => true, LONG);
    await expired(token(bob));
    await exchange(client, witness, () => {});
    await exchange(witness, client, () => {});
    for (const one of [client, witness]) {
      assert.equal(one.all('auth:expiring').length, 1);
      assert.deepEqual([one.all('auth:error'), one.all('disconnect')], [[], []]);
    }
  });
}

test('over REST an expired token is 401, and another bad one 403', async () => {
  const status = async (bearer) => {
    const { status: code, body } = await ask(bearer);
    return [code, JSON.parse(body).code];
  };
  assert.deepEqual(await status(token({ ...user('Alice'), exp: seconds(-60) })), [401, 'EXPIRED_TOKEN']);
  assert.deepEqual(await status(`${token(user('Alice'))}x`), [403, 'INVALID_TOKEN']);
  assert.deepEqual(await status(), [401, 'MISSING_TOKEN']);
});
