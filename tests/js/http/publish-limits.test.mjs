// How much a backend may publish with one token. Started with two ADMIN_TOKENS, PUBLISH_RATE=1/min and PUBLISH_BURST=1000.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique } from '../support/relay.mjs';
import { bearer, call, done, refused } from '../support/rest.mjs';

const PATH = '/api/admin/publish';
const users = (count) => Array.from({ length: count }, () => unique('user'));
const body = (count) => ({ targets: { users: users(count) }, event: 'app:x' });
const LIMITED = { error: 'Rate limit exceeded', code: 'RATE_LIMIT' };

test('each target counts, for each token, and what was done before does not', async () => {
  const [one, other] = ['token of publish', 'token of all'].map(bearer);
  await done(200, one, 'POST', PATH, body(600));
  const repeated = body(300);
  const headers = { 'Idempotency-Key': unique('key') };
  await done(200, one, 'POST', PATH, repeated, headers);
  await refused(429, LIMITED, one, 'POST', PATH, body(200));
  assert.equal((await done(200, one, 'POST', PATH, repeated, headers)).duplicate, true);
  const late = { 'Idempotency-Key': unique('key') };
  const answer = await refused(429, LIMITED, one, 'POST', PATH, body(101), late);
  assert.match(answer.headers['retry-after'], /^\d+$/);
  await done(200, one, 'POST', PATH, body(99), late);
  await refused(429, LIMITED, one, 'POST', PATH, body(5));
  await done(200, other, 'POST', PATH, body(1000));
  assert.equal((await call(other, 'POST', PATH, body(2))).status, 429);
});
