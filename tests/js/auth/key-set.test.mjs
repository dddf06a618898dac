// Tokens verified by a key set. Started with DIALECTS=direct, JWT_ALGORITHMS=HS256,RS256,ES256,EdDSA and JWKS_URL, an address that
// answers 503 until a PUT there gives it a body.
import assert from 'node:assert/strict';
import http from 'node:http';
import { before, test } from 'node:test';
import { ALGORITHMS, keyPair, publicJwk, publicPem } from '../support/keys.mjs';
import { attempt, token, user } from '../support/relay.mjs';

const INVALID = 'Invalid token';
/** Once the key set is there the server has it within seconds. */
const START = 20_000;

const pairs = Object.fromEntries(ALGORITHMS.map((alg) => [alg, keyPair(alg)]));
const second = keyPair('ES256');
const encryption = keyPair('RS256');
const secret = 'a symmetric key that somebody left in the key set';

async function serve(keys) {
  const answer = await fetch(process.env.JWKS_URL, { method: 'PUT', body: JSON.stringify({ keys }) });
  assert.equal(answer.status, 200);
}

async function outcome({ alg, privateKey }, kid, options = {}) {
  const who = user('Alice');
  const header = { kid, ...options.header };
  const result = await attempt({ auth: { token: token(who, { alg, key: privateKey, ...options, header }) } });
  if (result.outcome === 'connected') assert.equal(result.welcome.userId, who.userId);
  return result.outcome;
}

before(async () => {
  for (const alg of ALGORITHMS) assert.equal(await outcome(pairs[alg], alg), INVALID, 'before there is a key set');
  assert.equal(await outcome({ alg: 'HS256' }), 'connected', 'the shared secret needs no key set');
  await serve([
    ...ALGORITHMS.map((alg) => publicJwk(pairs[alg], { kid: alg, alg, use: 'sig' })),
    publicJwk(second, { kid: 'second' }),
    publicJwk(encryption, { kid: 'encryption', use: 'enc' }),
    { kty: 'oct', kid: 'oct', k: Buffer.from(secret).toString('base64url') },
    { kty: 'of the future', kid: 'future' },
  ]);
  const deadline = Date.now() + START;
  while ((await outcome(pairs.RS256, 'RS256')) !== 'connected') assert.ok(Date.now() < deadline, 'the key set was not fetched');
});

for (const alg of ALGORITHMS) {
  test(`${alg}: the key that the token names verifies it`, async () => {
    assert.equal(await outcome(pairs[alg], alg), 'connected');
    assert.equal(await outcome(keyPair(alg), alg), INVALID, 'another key under that name');
  });

  test(`${alg}: another key’s name is of no use`, async () => {
    for (const other of ALGORITHMS.filter((name) => name !== alg)) {
      assert.equal(await outcome(pairs[alg], other), INVALID, other);
      assert.equal(await outcome(pairs[alg], alg, { header: { alg: other } }), INVALID, `called ${other}`);
    }
  });
}

test('keys of one kind are distinguished by their names', async () => {
  assert.equal(await outcome(second, 'second'), 'connected');
  assert.equal(await outcome(second, 'ES256'), INVALID);
  assert.equal(await outcome(pairs.ES256, 'second'), INVALID);
});

test('a token without a name may use the only key of its kind, and no other', async () => {
  assert.equal(await outcome(pairs.EdDSA, undefined), 'connected');
  assert.equal(await outcome(pairs.ES256, undefined), INVALID);
});

test('the shared secret verifies HS256 beside the keys, whatever key is named', async () => {
  for (const kid of [undefined, 'RS256', 'oct']) assert.equal(await outcome({ alg: 'HS256' }, kid), 'connected');
});

for (const [name, value] of Object.entries({
  'a public key': publicPem(pairs.RS256), 'a public key of the set': JSON.stringify(publicJwk(pairs.RS256)), 'a symmetric key of the set': secret,
})) {
  test(`an HS256 token with ${name} for a secret is invalid`, async () => {
    for (const kid of [undefined, 'RS256', 'oct']) assert.equal(await outcome({ alg: 'HS256' }, kid, { secret: value }), INVALID);
  });
}

test('a key for encryption verifies nothing', async () => {
  assert.equal(await outcome(encryption, 'encryption'), INVALID);
});

for (const [name, kid] of Object.entries({
  unknown: 'nobody', empty: '', 'a path': '../../../../etc/passwd', 'a device': '/dev/null', SQL: "x' UNION SELECT 'key' --", long: 'k'.repeat(10_000),
  'with control characters': 'RS256\u0000\n', 'another case': 'rs256', 'a number': 7, 'an array': ['RS256'], 'an object': { $ne: '' },
})) {
  test(`a name that is ${name} finds no key`, async () => {
    assert.equal(await outcome(pairs.RS256, kid), INVALID);
    assert.equal(await outcome(pairs.RS256, 'RS256'), 'connected');
  });
}

test('a key or an address that the token brings along is not used', async () => {
  const own = keyPair('RS256');
  const asked = [];
  const server = http.createServer((request, response) => {
    asked.push(request.url);
    response.end(JSON.stringify({ keys: [publicJwk(own, { kid: 'own' })] }));
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const jku = `http://127.0.0.1:${server.address().port}/keys`;
  for (const header of [{ jwk: publicJwk(own) }, { jku }, { x5u: jku }]) {
    assert.equal(await outcome(own, 'own', { header }), INVALID);
    assert.equal(await outcome(own, 'RS256', { header }), INVALID);
  }
  server.close();
  assert.deepEqual(asked, []);
});
