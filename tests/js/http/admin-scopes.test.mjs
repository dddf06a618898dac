// REST for who has a token of an administrator with scopes. Started with ADMIN_TOKENS, and without ADMIN_TOKEN.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, request, unique, user } from '../support/relay.mjs';
import { bearer, call, done, known, refused } from '../support/rest.mjs';

const SCOPES = ['publish', 'presence', 'connections', 'provision', 'revoke', 'audit', 'webhooks', 'metrics', 'all'];
const has = (scope) => bearer(`token of ${scope}`);
const ID = encodeURIComponent(unique('user'));
/** Every route of administrators, with the scope that it asks for. */
const ROUTES = [
  ['provision', 'PUT', `/api/admin/users/${ID}`, {}],
  ['connections', 'POST', `/api/admin/users/${ID}/disconnect`, undefined],
  ['provision', 'POST', '/api/admin/conversations', { participantIds: [unique('user')] }],
  ['provision', 'PATCH', '/api/admin/conversations/x', { messageRetention: 60 }],
  ['provision', 'GET', '/api/conversations/x', undefined],
  ['provision', 'GET', '/api/conversations/x/participants', undefined],
  ['audit', 'GET', '/api/admin/audit?limit=1', undefined],
  ['publish', 'POST', '/api/admin/publish', { targets: { users: [ID] }, event: 'app:x' }],
  ['presence', 'GET', `/api/admin/users/${ID}/presence`, undefined],
  ['presence', 'POST', '/api/admin/presence', { userIds: [ID] }],
  ['presence', 'GET', '/api/admin/conversations/x/presence', undefined],
  ['connections', 'GET', '/api/admin/connections', undefined],
  ['connections', 'DELETE', '/api/admin/connections/x', undefined],
  ['revoke', 'POST', '/api/admin/revocations', { kind: 'token', id: 'x' }],
  ['revoke', 'GET', '/api/admin/revocations', undefined],
  ['revoke', 'DELETE', '/api/admin/revocations/x', undefined],
  ['webhooks', 'GET', '/api/admin/webhooks', undefined],
  ['webhooks', 'GET', '/api/admin/webhooks/x/dead', undefined],
  ['webhooks', 'POST', '/api/admin/webhooks/x/replay', {}],
  ['webhooks', 'POST', '/api/admin/webhooks/x/test', undefined],
  ['all', 'POST', '/api/admin/reload', undefined],
];

test('a token opens what its scope names, and nothing else', async () => {
  for (const [scope, method, path, body] of ROUTES) {
    for (const other of SCOPES) {
      const about = `${method} ${path} by ${other}`;
      if (other === scope || other === 'all') {
        const { status } = await call(has(other), method, path, body);
        assert.ok([200, 201, 404].includes(status), `${about}: ${status}`);
        continue;
      }
      await refused(403, { error: 'Not allowed', code: 'NOT_AUTHORIZED', field: scope }, has(other), method, path, body);
    }
  }
});

test('metrics and the list of sessions ask for theirs', async () => {
  for (const scope of SCOPES) {
    const headers = { Authorization: `Bearer token of ${scope}` };
    const metrics = await request('/metrics', { headers });
    assert.equal(metrics.status, ['metrics', 'all'].includes(scope) ? 200 : 403, scope);
    if (metrics.status === 403) assert.equal(JSON.parse(metrics.body).field, 'metrics');
    const sessions = await request('/sessions', { headers });
    assert.equal(sessions.status, ['connections', 'all'].includes(scope) ? 200 : 404, scope);
  }
});

test('a token may have several scopes, and a hash in upper case', async () => {
  await done(200, has('two'), 'GET', '/api/admin/audit?limit=1');
  await done(200, has('two'), 'PUT', `/api/admin/users/${ID}`, {});
  const refusal = { error: 'Not allowed', code: 'NOT_AUTHORIZED', field: 'connections' };
  await refused(403, refusal, has('two'), 'POST', `/api/admin/users/${ID}/disconnect`);
});

test('what is no token, or one that is listed no more, is answered as before', async () => {
  const unknown = { error: 'Invalid or expired token', code: 'INVALID_TOKEN' };
  for (const wrong of ['token of removed', 'token of', 'Token of all', 'all', '0'.repeat(64)]) {
    await refused(403, unknown, bearer(wrong), 'GET', '/api/admin/audit');
  }
  await refused(401, { error: 'Access token required', code: 'MISSING_TOKEN' }, null, 'GET', '/api/admin/audit');
});

test('the audit has the name of the token, of what was done and of what was refused', async () => {
  const who = user('Alice');
  await known(who);
  const client = await connect(who);
  await done(200, has('connections'), 'POST', `/api/admin/users/${encodeURIComponent(who.userId)}/disconnect`);
  await client.next('disconnect');
  await refused(403, { error: 'Not allowed', code: 'NOT_AUTHORIZED', field: 'audit' }, has('webhooks'), 'GET', '/api/admin/audit');
  const deadline = Date.now() + 20_000;
  for (;;) {
    const { records } = await done(200, has('audit'), 'GET', '/api/admin/audit?limit=1000');
    const disconnected = records.find(({ details }) => details.reason === 'user disconnected' && details.recipient === who.userId);
    const missing = records.find(({ details, username }) => details.reason === 'scope_missing' && username === 'webhooks');
    if (disconnected !== undefined && missing !== undefined) {
      assert.deepEqual([disconnected.eventType, disconnected.username, disconnected.user], ['ADMIN', 'connections', undefined]);
      assert.deepEqual([missing.eventType, missing.details.code, missing.user], ['AUTH_FAILED', 'NOT_AUTHORIZED', undefined]);
      assert.ok(records.some(({ details, username }) => details.reason === 'audit read' && username === 'audit'));
      assert.ok(!JSON.stringify(records).includes('token of '));
      return;
    }
    assert.ok(Date.now() < deadline, JSON.stringify(records.slice(0, 5)));
  }
});
