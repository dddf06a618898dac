// Tokens of one issuer for one audience. Started with DIALECTS=direct, JWT_ISSUER=https://issuer.test and JWT_AUDIENCE=relay.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, token, user } from '../support/relay.mjs';

const iss = 'https://issuer.test';
const aud = 'relay';

for (const [name, claims, expected] of [
  ['both', { iss, aud }, 'connected'],
  ['the audience among others', { iss, aud: ['other', aud] }, 'connected'],
  ['neither', {}, 'Invalid token'],
  ['no issuer', { aud }, 'Invalid token'],
  ['no audience', { iss }, 'Invalid token'],
  ['an empty issuer', { iss: '', aud }, 'Invalid token'],
  ['an empty audience', { iss, aud: '' }, 'Invalid token'],
  ['no audience in the list', { iss, aud: [] }, 'Invalid token'],
  ['null', { iss: null, aud: null }, 'Invalid token'],
  ['another issuer', { iss: 'https://other.test', aud }, 'Invalid token'],
  ['an issuer that begins the same', { iss: `${iss}.other`, aud }, 'Invalid token'],
  ['the issuer with a slash', { iss: `${iss}/`, aud }, 'Invalid token'],
  ['another audience', { iss, aud: 'other' }, 'Invalid token'],
  ['other audiences', { iss, aud: ['other', 'relay2'] }, 'Invalid token'],
  ['the audience in another case', { iss, aud: 'Relay' }, 'Invalid token'],
  ['the two exchanged', { iss: aud, aud: iss }, 'Invalid token'],
]) {
  test(`a token with ${name}: ${expected}`, async () => {
    const { outcome } = await attempt({ auth: { token: token({ ...user('Alice'), ...claims }) } });
    assert.equal(outcome, expected);
  });
}
