// `session`: GET /sessions. Started with DEBUG=true.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request, unique } from '../support/relay.mjs';
import { creator, leave, member, members, message, reserved } from '../support/session.mjs';

async function listed() {
  const { status, headers, body } = await request('/sessions');
  assert.equal(status, 200);
  assert.match(headers['content-type'], /^application\/json/);
  return JSON.parse(body);
}
const of = async ({ sessionId }) => (await listed()).filter((item) => item.sessionId === sessionId);

test('a session is listed with its counts', async () => {
  const where = await reserved();
  assert.deepEqual(await of(where), [{ sessionId: where.sessionId, members: 0, messages: 0, publicKeys: 0 }]);
  const alice = await creator(where, 'Alice');
  const bob = await member(where, 'Bob', { publicKey: null });
  for (const client of [alice, bob, alice]) await client.ask('send-message', message(client));
  assert.deepEqual(await of(where), [{ sessionId: where.sessionId, members: 2, messages: 3, publicKeys: 1 }]);
  await leave(alice);
  assert.deepEqual(await of(where), [{ sessionId: where.sessionId, members: 1, messages: 3, publicKeys: 0 }]);
  await leave(bob);
  assert.deepEqual(await of(where), []);
});

test('nothing of what is secret is shown', async () => {
  const [alice] = await members('Alice');
  const [encrypted, originalContent] = [unique('encrypted'), unique('plain')];
  await alice.ask('send-message', message(alice, { encrypted, originalContent }));
  const text = JSON.stringify(await listed());
  for (const secret of [alice.where.authKey, alice.publicKey, alice.userId, encrypted, originalContent]) assert.ok(!text.includes(secret));
});

test('the list is read in parts, each session once', async () => {
  const made = [];
  for (let count = 0; count < 7; count += 1) made.push((await reserved()).sessionId);
  const seen = [];
  for (let query = '?limit=3'; ; ) {
    const { status, body } = await request(`/sessions${query}`);
    assert.equal(status, 200, body);
    const { sessions, nextCursor } = JSON.parse(body);
    assert.ok(sessions.length <= 3);
    seen.push(...sessions.map(({ sessionId }) => sessionId));
    if (nextCursor === undefined) break;
    query = `?limit=3&cursor=${encodeURIComponent(nextCursor)}`;
  }
  assert.deepEqual(seen, seen.toSorted());
  assert.equal(new Set(seen).size, seen.length);
  for (const id of made) assert.ok(seen.includes(id), id);
  assert.equal((await request('/sessions?limit=201')).status, 200);
  for (const query of ['limit=0', 'limit=x']) assert.equal((await request(`/sessions?${query}`)).status, 400);
  assert.ok(Array.isArray(JSON.parse((await request('/sessions?other=1')).body)));
});
