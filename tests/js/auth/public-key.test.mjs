// Tokens verified by a public key file. Started with DIALECTS=direct, JWT_ALGORITHMS of one algorithm, its JWT_PUBLIC_KEY_FILE,
// and JWT_PRIVATE_KEY_FILE, which is for the suite alone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ALGORITHMS, keyPair, publicJwk } from '../support/keys.mjs';
import { attempt, seconds, token, user } from '../support/relay.mjs';

const { JWT_ALGORITHMS: alg, JWT_PRIVATE_KEY_FILE, JWT_PUBLIC_KEY_FILE } = process.env;
const key = readFileSync(JWT_PRIVATE_KEY_FILE, 'utf8');
const publicPem = readFileSync(JWT_PUBLIC_KEY_FILE, 'utf8');
const INVALID = 'Invalid token';

async function outcome(options, claims = {}, transport = 'websocket') {
  const who = user('Alice');
  const result = await attempt({ auth: { token: token({ ...who, ...claims }, { alg, key, ...options }) }, transports: [transport] });
  if (result.outcome === 'connected') assert.equal(result.welcome.userId, who.userId);
  return result.outcome;
}

for (const transport of ['websocket', 'polling']) {
  test(`a token signed with the private key is accepted over ${transport}`, async () => {
    assert.equal(await outcome({}, {}, transport), 'connected');
  });
}

test('a key id is of no account where there is one key', async () => {
  assert.equal(await outcome({ header: { kid: 'whatever' } }), 'connected');
});

test('what the token says counts as ever', async () => {
  assert.equal(await outcome({}, { exp: seconds(-60) }), 'Token expired');
  assert.equal(await outcome({}, { exp: undefined }), INVALID);
  assert.equal(await outcome({}, { nbf: seconds(60) }), INVALID);
});

test('a token signed with another key of the same kind is invalid', async () => {
  assert.equal(await outcome({ key: keyPair(alg).privateKey }), INVALID);
});

// The attack on verifiers that take the algorithm from the token: the public key is no secret.
for (const [name, secret] of Object.entries({
  'as it is': publicPem,
  'without its last line break': publicPem.trimEnd(),
  'as binary': Buffer.from(publicPem.replace(/-----.*-----/g, ''), 'base64'),
})) {
  test(`an HS256 token with the public key, ${name}, for a secret is invalid`, async () => {
    assert.equal(await outcome({ alg: 'HS256', secret }), INVALID);
    assert.equal(await outcome({ alg: 'HS256', secret, header: { alg } }), INVALID);
  });
}

test('algorithms that are not configured are refused, rightly signed or not', async () => {
  assert.equal(await outcome({ alg: 'HS256' }), INVALID);
  assert.equal(await outcome({ alg: 'none' }), INVALID);
  for (const other of ALGORITHMS.filter((name) => name !== alg)) {
    assert.equal(await outcome({ alg: other, key: keyPair(other).privateKey }), INVALID);
    assert.equal(await outcome({ header: { alg: other } }), INVALID, `signed by ${alg}, called ${other}`);
  }
});

test('the same key with another digest is refused', { skip: alg !== 'RS256' && 'the other kinds of key have one digest' }, async () => {
  assert.equal(await outcome({ alg: 'RS512' }), INVALID);
  assert.equal(await outcome({ alg: 'RS512', header: { alg: 'RS256' } }), INVALID);
});

test('another curve is refused', { skip: alg !== 'ES256' && 'only this kind of key has several curves' }, async () => {
  assert.equal(await outcome({ key: keyPair('P-384').privateKey }), INVALID);
});

test('a key that the token brings along is not used', async () => {
  const pair = keyPair(alg);
  assert.equal(await outcome({ key: pair.privateKey, header: { jwk: publicJwk(pair) } }), INVALID);
});

test('a token with an extension that must be understood is invalid', async () => {
  assert.equal(await outcome({ header: { crit: ['b64'], b64: true } }), INVALID);
});
