// REST: the list of the users whom one has blocked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, unique, user } from '../support/relay.mjs';
import { ADMIN, call, done, invalid, refused } from '../support/rest.mjs';
import { block, blockedBy, entry, unblock } from '../support/blocked.mjs';

const LIST = '/api/users/me/blocked';
const NOBODY = { error: 'User is not blocked', code: 'NOT_FOUND' };

test('a user is blocked once, and found until they are not blocked any more', async () => {
  const [bob, mallory] = ['Bob', 'Mallory'].map(user);
  await refused(404, NOBODY, bob, 'GET', entry(mallory));
  const blocked = await block(bob, mallory);
  same(blocked, { blocked: { userId: mallory.userId, since: TIME } });
  for (const method of ['PUT', 'GET']) assert.deepEqual(await done(200, bob, method, entry(mallory)), blocked);
  assert.deepEqual(await done(200, bob, 'GET', LIST), { blocked: [blocked.blocked] });
  assert.deepEqual(await blockedBy(mallory), []);
  await refused(404, NOBODY, mallory, 'GET', entry(bob));
  assert.deepEqual(await unblock(bob, mallory), blocked);
  for (const _ of ['again', 'and again']) assert.deepEqual(await unblock(bob, mallory), { blocked: null });
  await refused(404, NOBODY, bob, 'GET', entry(mallory));
  assert.deepEqual(await blockedBy(bob), []);
});

test('the list is read in pages, in the order of the ids', async () => {
  const bob = user('Bob');
  const all = Array.from({ length: 5 }, (_, index) => ({ userId: `${index}/ü ${unique('x')}` }));
  for (const other of all.toReversed()) await block(bob, other);
  const seen = [];
  let cursor = '';
  do {
    const page = await done(200, bob, 'GET', `${LIST}?limit=2&cursor=${encodeURIComponent(cursor)}`);
    assert.ok(page.blocked.length <= 2);
    seen.push(...page.blocked.map(({ userId }) => userId));
    cursor = page.nextCursor;
  } while (cursor);
  assert.deepEqual(seen, all.map(({ userId }) => userId));
});

test('what is no id, no page, or oneself is refused', async () => {
  const bob = user('Bob');
  for (const userId of ['x'.repeat(129), 'a\nb']) {
    await refused(400, invalid('id'), bob, 'PUT', entry({ userId }));
    for (const method of ['GET', 'DELETE']) await refused(404, NOBODY, bob, method, entry({ userId }));
  }
  await refused(422, invalid('id'), bob, 'PUT', entry(bob));
  for (const limit of ['0', 'x', '-1']) await refused(400, invalid('limit'), bob, 'GET', `${LIST}?limit=${limit}`);
  await refused(400, invalid('cursor'), bob, 'GET', `${LIST}?cursor=${'x'.repeat(129)}`);
  for (const method of ['PUT', 'GET', 'DELETE']) {
    await refused(401, { error: 'Access token required', code: 'MISSING_TOKEN' }, null, method, entry(user('Mallory')));
  }
});

test('a list has at most 1 000 entries', async () => {
  const bob = user('Bob');
  const others = Array.from({ length: 1_000 }, (_, index) => ({ userId: `u${index}` }));
  for (let at = 0; at < others.length; at += 100) {
    await Promise.all(others.slice(at, at + 100).map((other) => block(bob, other)));
  }
  const full = { error: 'Too many users are blocked', code: 'BLOCK_LIST_FULL' };
  await refused(409, full, bob, 'PUT', entry({ userId: 'one more' }));
  await done(200, bob, 'PUT', entry(others[0]));
  await unblock(bob, others[0]);
  await block(bob, { userId: 'one more' });
  const { blocked, nextCursor } = await done(200, bob, 'GET', `${LIST}?limit=1000`);
  assert.deepEqual([blocked.length, nextCursor], [1_000, undefined]);
});

test('what was changed is recorded, and nothing else', async () => {
  const [bob, mallory] = ['Bob', 'Mallory'].map(user);
  await block(bob, mallory);
  await done(200, bob, 'PUT', entry(mallory));
  await done(200, bob, 'GET', LIST);
  await unblock(bob, mallory);
  let records = [];
  for (let tries = 0; records.length < 2 && tries < 200; tries += 1) {
    records = (await done(200, ADMIN, 'GET', `/api/admin/audit?user=${bob.userId}`)).records;
    if (records.length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const seen = records.map(({ eventType, level, details }) => [eventType, level, details]);
  const details = { recipient: mallory.userId };
  assert.deepEqual(seen, [['USER_UNBLOCKED', 'info', details], ['USER_BLOCKED', 'info', details]]);
  const { records: others } = (await call(ADMIN, 'GET', `/api/admin/audit?user=${mallory.userId}`)).json;
  assert.deepEqual(others, []);
});
