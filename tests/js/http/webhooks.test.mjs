// REST: endpoints of the backend, what they have not taken, and having it told again. Started with ADMIN_TOKEN, and with an endpoint at
// which nobody listens and that is given up soon.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, TIMEOUT, same, unique } from '../support/relay.mjs';
import { ADMIN, call, done, refused } from '../support/rest.mjs';

const PATH = '/api/admin/webhooks';
const UNKNOWN = { error: 'Webhook not found', code: 'NOT_FOUND' };

const dead = (query = '') => done(200, ADMIN, 'GET', `${PATH}/default/dead${query}`);
const replay = (body) => done(200, ADMIN, 'POST', `${PATH}/default/replay`, body);

/** All dead facts, read in pages of two. */
async function allDead() {
  const all = [];
  for (let cursor; ;) {
    const page = await dead(`?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
    all.push(...page.dead);
    assert.ok(page.dead.length <= 2);
    if (!page.nextCursor) return all;
    cursor = page.nextCursor;
  }
}

/** The dead facts about these users, once there are as many. */
async function deadOf(users) {
  const subjects = users.map((user) => `user:${user}`);
  for (const end = Date.now() + TIMEOUT; Date.now() < end;) {
    const found = (await allDead()).filter(({ subject }) => subjects.includes(subject));
    if (found.length >= users.length) return found;
  }
  return assert.fail('they are not dead');
}

/** The only endpoint, once it says that so many are dead: they are listed a moment earlier. */
async function stateWith(count) {
  for (const end = Date.now() + TIMEOUT; Date.now() < end;) {
    const { webhooks: [webhook, ...others] } = await done(200, ADMIN, 'GET', PATH);
    assert.deepEqual(others, []);
    if (webhook.dead >= count) return webhook;
  }
  return assert.fail('they are not counted');
}

test('what an endpoint does not take is listed, and told again', async () => {
  const users = [1, 2, 3, 4, 5].map(() => unique('user'));
  for (const user of users) await done(200, ADMIN, 'PUT', `/api/admin/users/${encodeURIComponent(user)}`, { name: 'Bob' });
  const found = await deadOf(users);
  assert.deepEqual(found.map(({ subject }) => subject), users.map((user) => `user:${user}`));
  for (const fact of found) {
    same(fact, { id: fact.id, type: 'user.changed', subject: fact.subject, occurredAt: TIME, outcome: 'connection' });
  }
  const webhook = await stateWith(5);
  assert.deepEqual([webhook.name, webhook.state, webhook.lastFailure.outcome], ['default', 'failing', 'connection']);
  assert.ok(webhook.events.includes('user.changed'));

  assert.deepEqual(await replay({ ids: [found[1].id] }), { replayed: 1 });
  assert.deepEqual(await replay({ ids: [found[1].id] }), { replayed: 0 });
  assert.deepEqual(await replay({ from: found[0].occurredAt, to: found[0].occurredAt }), { replayed: 0 });
  // It is told again, as often as at first, and is dead again.
  assert.equal((await deadOf(users)).length, 5);
  const { replayed } = await replay();
  assert.ok(replayed >= 5);
});

test('an endpoint is tried', async () => {
  const tried = await done(200, ADMIN, 'POST', `${PATH}/default/test`);
  assert.equal(tried.outcome, 'connection');
  assert.equal(typeof tried.durationSeconds, 'number');
});

test('what cannot be meant is refused', async () => {
  for (const [method, what] of [['GET', 'dead'], ['POST', 'replay'], ['POST', 'test']]) {
    await refused(404, UNKNOWN, ADMIN, method, `${PATH}/other/${what}`);
  }
  for (const [field, body] of [
    ['ids', { ids: ['x'] }], ['ids', { ids: [], from: '2026-01-01T00:00:00Z' }], ['ids', { ids: 'x' }], ['from', { from: 'x' }], ['to', { to: 1 }], ['x', { x: 1 }],
  ]) {
    const { status, json } = await call(ADMIN, 'POST', `${PATH}/default/replay`, body);
    assert.deepEqual([status, json.field], [422, field], JSON.stringify(body));
  }
  const { status, json } = await call(ADMIN, 'GET', `${PATH}/default/dead?cursor=x`);
  assert.deepEqual([status, json.field], [400, 'cursor']);
});
