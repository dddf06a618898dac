// `session`: as many sessions as set. Started with MAX_SESSIONS=2.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../support/relay.mjs';
import { REFUSALS, creator, joining, leave, member, place, refusal, reserve, reserved } from '../support/session.mjs';

const MOST = Number(process.env.MAX_SESSIONS);

test('over the number of sessions none is opened and none reserved, those there go on', async () => {
  const where = await reserved();
  const open = [];
  while (open.length < MOST - 1) open.push(await creator(place()));
  assert.equal(JSON.parse((await request('/health')).body).activeSessions, MOST);
  const another = place();
  assert.deepEqual(await refusal(joining(another, 'Eve', { isCreator: true })), REFUSALS.busy);
  assert.deepEqual(await refusal(joining(another, 'Eve')), REFUSALS.notFound);
  const { status, json } = await reserve(another);
  assert.deepEqual([status, json], [503, { error: REFUSALS.busy.message, code: REFUSALS.busy.error }]);
  assert.equal((await reserve({ ...where, authKey: 'another' })).status, 409, 'that it exists is said first');
  const alice = await member(where, 'Alice');
  await member(open[0].where, 'Bob');
  await leave(alice);
  await creator(another);
});
