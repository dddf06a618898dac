// `session`: GET /sessions for who has the admin token. Started with ADMIN_TOKEN and without DEBUG.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../support/relay.mjs';
import { members } from '../support/session.mjs';

const { ADMIN_TOKEN } = process.env;

test('the sessions are shown to who has the admin token', async () => {
  const [{ sessionId }] = await members('Alice');
  const { status, body } = await request('/sessions', { headers: { Authorization: `Bearer ${ADMIN_TOKEN}` } });
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(body), [{ sessionId, members: 1, messages: 0, publicKeys: 1 }]);
});

test('for everybody else there is no such thing', async () => {
  assert.ok(ADMIN_TOKEN);
  for (const headers of [
    {}, { Authorization: ADMIN_TOKEN }, { Authorization: `Basic ${ADMIN_TOKEN}` }, { Authorization: `Bearer ${ADMIN_TOKEN}x` },
    { Authorization: `Bearer ${ADMIN_TOKEN.slice(0, -1)}` }, { Authorization: 'Bearer' }, { Authorization: `Bearer ${process.env.JWT_SECRET}` },
  ]) {
    const { status, body } = await request('/sessions', { headers });
    assert.equal(status, 404, JSON.stringify(headers));
    assert.deepEqual(JSON.parse(body), { error: 'Endpoint not found' });
  }
  assert.equal((await request(`/sessions?token=${ADMIN_TOKEN}`)).status, 404);
});
