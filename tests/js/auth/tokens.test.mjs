// Admission by token where every connection speaks one dialect. Started with DIALECTS=direct.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, connect, exchange, same, seconds, token, unique, user } from '../support/relay.mjs';

const REQUIRED = 'Authentication token required';
const INVALID = 'Invalid token';
const EXPIRED = 'Token expired';
const withToken = (value) => attempt({ auth: { token: value } });
const alice = () => user('Alice');

async function refused(options, message) {
  const { client, outcome } = await attempt(options);
  assert.equal(outcome, message);
  assert.equal(client.socket.connected, false);
  assert.deepEqual(client.all('auth:success'), []);
}

test('who is admitted is notified', async () => {
  const who = alice();
  const client = await connect(who);
  same(client.welcome, { userId: who.userId, socketId: client.socket.id, message: 'Authentication successful' });
  assert.equal(client.all('auth:success').length, 1);
});

for (const [name, options] of Object.entries({
  'nothing at all': {}, 'an empty token': { auth: { token: '' } }, 'a null token': { auth: { token: null } }, 'other fields': { auth: { name: 'x' } },
})) {
  test(`${name} is refused for want of a token`, () => refused(options, REQUIRED));
}

for (const [name, transports] of [['websocket', ['websocket']], ['polling', ['polling']]]) {
  test(`a token may come as auth.token or in the Authorization header over ${name}`, async () => {
    for (const give of [
      (value) => ({ auth: { token: value } }),
      (value) => ({ auth: { token: `Bearer ${value}` } }),
      (value) => ({ extraHeaders: { Authorization: `Bearer ${value}` } }),
    ]) {
      const who = alice();
      const { outcome, welcome } = await attempt({ ...give(token(who)), transports });
      assert.equal(outcome, 'connected');
      assert.equal(welcome.userId, who.userId);
    }
  });
}

test('a token in the query is not taken', () => refused({ query: { token: token(alice()) } }, REQUIRED));

for (const [name, value] of Object.entries({
  'no JWT': 'nonsense', 'dots only': '..', 'bad base64': 'a.b.c', 'control characters': 'a\nb\u0000c.d.e', 'a bare Bearer': 'Bearer nonsense',
})) {
  test(`a token that is ${name} is invalid`, () => refused({ auth: { token: value } }, INVALID));
}

test('a token that is no string is refused', async () => {
  for (const value of [42, true, {}, [token(alice())], { $gt: '' }]) {
    const { outcome } = await withToken(value);
    assert.ok([REQUIRED, INVALID].includes(outcome), `${JSON.stringify(value)}: ${outcome}`);
  }
});

for (const [name, options] of Object.entries({
  'made with another secret': { secret: 'another secret of more than thirty-two bytes' },
  'of alg none': { alg: 'none' },
  'of alg HS512, with the right secret': { alg: 'HS512' },
  'that says HS256 in lower case': { header: { alg: 'hs256' } },
  'that says none in its header but is signed': { header: { alg: 'none' } },
  'that says RS256 but is made with the secret': { header: { alg: 'RS256' } },
})) {
  test(`a token ${name} is invalid`, () => refused({ auth: { token: token(alice(), options) } }, INVALID));
}

test('a token with a changed claim is invalid', async () => {
  const [header, , signature] = token(alice()).split('.');
  const claims = Buffer.from(JSON.stringify({ ...alice(), exp: seconds(3600) })).toString('base64url');
  await refused({ auth: { token: `${header}.${claims}.${signature}` } }, INVALID);
});

const expiries = [
  ['no exp', undefined, [INVALID]],
  ['a null exp', null, [INVALID]],
  ['exp as a string', String(seconds(3600)), [INVALID]],
  ['exp as an object', {}, [INVALID]],
  ['a negative exp', -1, [INVALID, EXPIRED]],
  ['exp 0', 0, [EXPIRED]],
  ['an exp long past', seconds(-3600), [EXPIRED]],
  ['an exp past by more than the leeway', seconds(-30), [EXPIRED]],
  ['a fractional exp long past', seconds(-3600) + 0.5, [EXPIRED, INVALID]],
];
for (const [name, exp, messages] of expiries) {
  test(`a token with ${name} is refused`, async () => {
    const { outcome } = await withToken(token({ ...alice(), exp }));
    assert.ok(messages.includes(outcome), outcome);
  });
}

for (const exp of [seconds(3600) + 0.5, seconds() * 1000, 2 ** 53, 2 ** 63, 1e300]) {
  test(`exp ${exp} neither stops the server nor cuts the connection off`, async () => {
    const { client, outcome } = await withToken(token({ ...alice(), exp }));
    assert.ok(['connected', INVALID].includes(outcome), outcome);
    const other = await connect(alice());
    await exchange(other, other, () => {});
    assert.equal(client.socket.connected, outcome === 'connected');
    assert.deepEqual(client.all('auth:error'), []);
  });
}

test('a token whose nbf is in the future is invalid, one whose nbf has passed is not', async () => {
  await refused({ auth: { token: token({ ...alice(), nbf: seconds(600) }) } }, INVALID);
  assert.equal((await withToken(token({ ...alice(), nbf: seconds(-600) }))).outcome, 'connected');
  await refused({ auth: { token: token({ ...alice(), nbf: 'tomorrow' }) } }, INVALID);
});

const identities = [
  [{ userId: 'a', id: 'b', sub: 'c' }, 'a'], [{ id: 'b', sub: 'c' }, 'b'], [{ sub: 'c' }, 'c'],
  [{ userId: 12345 }, 12345], [{ id: 0 }, 0], [{ sub: -7 }, -7], [{ userId: '12346' }, '12346'],
  [{ userId: 'with_under:score and ünïcode' }, 'with_under:score and ünïcode'], [{ userId: 'x'.repeat(128) }, 'x'.repeat(128)],
];
for (const [claims, userId] of identities) {
  test(`the claims ${JSON.stringify(claims).slice(0, 60)} make the user ${JSON.stringify(userId).slice(0, 30)}`, async () => {
    const { outcome, welcome } = await withToken(token(claims));
    assert.equal(outcome, 'connected');
    assert.strictEqual(welcome.userId, userId);
  });
}

for (const claims of [
  {}, { userId: '' }, { userId: 'a\u0000b' }, { userId: 'a\nb' }, { sub: 'a\u001b[31m' }, { id: '\u007f' }, { userId: 'x'.repeat(129) },
  { userId: 'é'.repeat(65) }, { userId: 'x'.repeat(10_240) }, { userId: {} }, { userId: ['a'] }, { userId: true }, { userId: 1.5 },
]) {
  test(`the claims ${JSON.stringify(claims).slice(0, 60)} make no user`, () => refused({ auth: { token: token(claims) } }, INVALID));
}

for (const [claims, expected] of [
  [{ username: 'A', name: 'B', displayName: 'C' }, 'A'], [{ name: 'B', displayName: 'C' }, 'B'], [{ displayName: 'C' }, 'C'], [{}, null],
  [{ username: 42 }, '42'], [{ name: 0 }, '0'], [{ displayName: -1.5 }, '-1.5'], [{ name: 1e21 }, '1e+21'], [{ name: 1e-7 }, '1e-7'], [{ name: 1e20 }, '100000000000000000000'], [{ username: null, name: 7, displayName: 'C' }, '7'],
  [{ username: true, name: {}, displayName: ['x'] }, null], [{ username: [], name: 'B' }, 'B'], [{ avatarUrl: 9, name: 'B' }, 'B'],
]) {
  test(`the claims ${JSON.stringify(claims)} give the name ${expected ?? 'of the user id'}`, async () => {
    const userId = unique('named');
    const client = await connect({ userId, ...claims });
    client.emit('send_message', { recipientId: userId, ciphertext: 'c', iv: 'i', tag: 't', seq: 1 });
    assert.equal((await client.next('receive_message')).senderUsername, expected ?? userId);
  });
}

test('a token of a megabyte is refused and harms nobody', async () => {
  const other = await connect(alice());
  const { outcome } = await withToken('x'.repeat(1_000_000));
  assert.ok([INVALID, 'closed'].includes(outcome), outcome);
  await exchange(other, other, () => {});
});

test('what is emitted on a refused connection reaches nobody', async () => {
  const bob = await connect(user('Bob'));
  const { client } = await attempt({ auth: { token: token(alice(), { alg: 'none' }) } });
  client.raw(`2${JSON.stringify(['send_message', { recipientId: bob.userId, ciphertext: 'c', iv: 'i', tag: 't', seq: 1 }])}`);
  const { received } = await exchange(bob, bob, () => {});
  assert.deepEqual(received, []);
});
