// REST without ADMIN_TOKEN: there are no admin routes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { token, user } from '../support/relay.mjs';
import { NO_ROUTE, at, bearer, found, known, refused } from '../support/rest.mjs';

const alice = user('Alice');
const ROUTES = [
  ['PUT', `/api/admin/users/${alice.userId}`, { status: 'suspended' }],
  ['POST', `/api/admin/users/${alice.userId}/disconnect`],
  ['POST', '/api/admin/conversations', { participantIds: [alice.userId] }],
  ['GET', '/api/admin/audit'],
  ['GET', '/api/admin'],
];

test('admin routes are as unknown as any other, whoever asks', async () => {
  assert.equal(process.env.ADMIN_TOKEN, undefined);
  for (const who of [null, alice, ...['', 'undefined', 'null', process.env.JWT_SECRET, token({ ...alice, role: 'admin', admin: true })].map(bearer)]) {
    for (const [method, path, body] of ROUTES) await refused(404, NO_ROUTE, who, method, path, body);
  }
  await known(alice);
});

test('nobody is an admin by a token of another kind', async () => {
  const id = await found(alice);
  for (const text of ['undefined', 'null', process.env.JWT_SECRET]) {
    await refused(403, { error: 'Invalid or expired token', code: 'INVALID_TOKEN' }, bearer(text), 'GET', at(id));
  }
  await refused(401, { error: 'Access token required', code: 'MISSING_TOKEN' }, bearer(''), 'GET', at(id));
});
