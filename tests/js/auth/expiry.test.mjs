// Expiry and refresh while connected. Started with DIALECTS=direct, JWT_LEEWAY=1s and AUTH_EXPIRING_NOTICE=1s.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, connect, exchange, same, seconds, token, user } from '../support/relay.mjs';

const LONG = 10_000;
const expiring = (who, exp, options = {}) => connect(who, { auth: { token: token({ ...who, exp }) }, ...options });

for (const transport of ['websocket', 'polling']) {
  test(`when the token expires the client is notified and disconnected over ${transport}`, async () => {
    const exp = seconds(3);
    const client = await expiring(user('Alice'), exp, { transports: [transport] });
    const { args: [payload], at } = await client.nextEvent('auth:error', () => true, LONG);
    assert.deepEqual(payload, { message: 'Token expired', code: 'EXPIRED_TOKEN' });
    assert.ok(at >= exp * 1000 - 100, 'not before the token expires');
    assert.ok(at <= (exp + 2.5) * 1000, 'nor later than its leeway');
    await client.next('disconnect');
    assert.equal(client.socket.connected, false);
  });
}

test('the end is announced ahead of it, once', async () => {
  const exp = seconds(4);
  const client = await expiring(user('Alice'), exp);
  const { args: [{ expiresAt, ...rest }], at } = await client.nextEvent('auth:expiring', () => true, LONG);
  assert.deepEqual(rest, {});
  assert.equal(new Date(expiresAt).toISOString(), new Date(exp * 1000).toISOString());
  assert.ok(at >= (exp - 1) * 1000 - 200 && at < exp * 1000, 'one second ahead');
  await client.next('disconnect', () => true, LONG);
  assert.equal(client.all('auth:expiring').length, 1);
});

for (const [name, shape] of [['a bare token', (value) => value], ['an object', (value) => ({ token: value })]]) {
  test(`a fresh token of the same user, as ${name}, keeps the connection`, async () => {
    const who = user('Alice');
    const refreshed = await expiring(who, seconds(2));
    const lost = await expiring(who, seconds(3));
    refreshed.emit('authenticate', shape(token(who)));
    same(await refreshed.next('authenticated'), { success: true });
    // The other socket's token ends later than the one replaced here.
    await lost.next('disconnect', () => true, LONG);
    await exchange(refreshed, refreshed, () => {});
    assert.deepEqual(refreshed.all('auth:error'), []);
    assert.deepEqual(refreshed.all('disconnect'), []);
  });
}

test('a fresh token that ends soon ends the connection then', async () => {
  const who = user('Alice');
  const client = await connect(who);
  const exp = seconds(2);
  client.emit('authenticate', token({ ...who, exp }));
  same(await client.next('authenticated'), { success: true });
  assert.equal((await client.next('auth:error', () => true, LONG)).code, 'EXPIRED_TOKEN');
  await client.next('disconnect');
});

for (const [name, make] of Object.entries({
  'another user’s token': () => token(user('Mallory')),
  'an expired token': (who) => token({ ...who, exp: seconds(-60) }),
  'a forged token': (who) => token(who, { secret: 'another secret of more than thirty-two bytes' }),
  nonsense: () => 'nonsense',
  nothing: () => null,
  'an empty object': () => ({}),
})) {
  test(`${name} does not refresh: the client is notified and disconnected`, async () => {
    const who = user('Alice');
    const client = await connect(who);
    client.emit('authenticate', make(who));
    same(await client.next('authenticated'), { success: false, error: 'Invalid token' });
    await client.next('disconnect');
    assert.equal(client.all('auth:success').length, 1);
  });
}

test('after a failed refresh nothing is sent in the other user’s name', async () => {
  const [who, mallory, bob] = [user('Alice'), user('Mallory'), await connect(user('Bob'))];
  const client = await connect(mallory);
  client.emit('authenticate', token(who));
  client.emit('send_message', { recipientId: bob.userId, ciphertext: 'c', iv: 'i', tag: 't', seq: 1 });
  await client.next('disconnect');
  await exchange(bob, bob, () => {});
  assert.ok(bob.all('receive_message').every(({ senderId }) => senderId !== who.userId));
});

test('a client whose token expired reconnects with a fresh one', async () => {
  const who = user('Alice');
  let exp = seconds(2);
  const client = new Client({ auth: (give) => give({ token: token({ ...who, exp }) }) });
  await client.next('auth:success');
  await client.next('disconnect', () => true, LONG);
  exp = seconds(3600);
  client.socket.connect();
  assert.equal((await client.next('auth:success')).userId, who.userId);
});
