// Where `session` is not served. Started with DIALECTS=direct.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, connect, request, user } from '../support/relay.mjs';
import { joining, place } from '../support/session.mjs';

test('there are no reservations and no list', async () => {
  const reservation = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(place()) };
  for (const [path, options] of [['/api/reserve-session', reservation], ['/api/reserve-session', {}], ['/sessions', {}]]) {
    const { status, body } = await request(path, options);
    assert.equal(status, 404);
    assert.deepEqual(JSON.parse(body), { error: 'Endpoint not found' });
  }
});

test('there are no guests', async () => {
  for (const auth of [{}, { dialect: 'session' }]) assert.equal((await attempt({ auth })).outcome, 'Authentication token required');
});

test('its events are unknown', async () => {
  const alice = await connect(user('Alice'));
  const answer = await alice.ask('join-session', joining(place(), 'Alice', { isCreator: true }));
  assert.equal(answer.error.code, 'UNKNOWN_EVENT');
  assert.deepEqual(await alice.next('error'), { message: 'Unknown event', code: 'UNKNOWN_EVENT', context: { event: 'join-session' } });
  assert.deepEqual(alice.all('session-error'), []);
});
