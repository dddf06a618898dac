// `session` over HTTP: reservations and the number of sessions. Started without DEBUG and without an admin token.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request, unique } from '../support/relay.mjs';
import { REFUSALS, creator, joining, leave, member, message, place, refusal, reserve, reserved } from '../support/session.mjs';

const MISSING = { error: 'Missing sessionId or authKey' };
const health = async () => JSON.parse((await request('/health')).body);

for (const chatMode of [undefined, 'group', 'private', 'password']) {
  test(`a reservation of mode ${chatMode ?? 'not given'} is confirmed`, async () => {
    const where = { ...place(), authKey: 'key:cGFzc3dvcmQ=' };
    const { status, headers, json } = await reserve({ ...where, chatMode });
    assert.equal(status, 200);
    assert.match(headers['content-type'], /^application\/json/);
    assert.deepEqual(json, { success: true, sessionId: where.sessionId, chatMode: chatMode ?? 'group', message: 'Session reserved successfully' });
    assert.equal((await member(where, 'Alice')).all('session-metadata')[0].chatMode, chatMode ?? 'group');
  });
}

test('what is missing is named', async () => {
  const { sessionId, authKey } = place();
  for (const body of [
    {}, { sessionId }, { authKey }, { sessionId: '', authKey }, { sessionId, authKey: '' }, { sessionId: null, authKey }, { sessionId, authKey: null },
    { sessionId: {}, authKey }, { sessionId, authKey: [] }, { sessionId: 'x'.repeat(129), authKey }, { sessionId: 'a\nb', authKey },
    [], [sessionId, authKey], null, 'text', '', '{', '{"sessionId":', '[1,',
  ]) {
    const { status, json } = await reserve(body);
    assert.deepEqual([status, json], [400, MISSING], JSON.stringify(body));
  }
});

test('a mode that is none is refused', async () => {
  for (const chatMode of ['Group', 'public', 7, {}, []]) {
    const { status, json } = await reserve({ ...place(), chatMode });
    assert.deepEqual([status, json], [400, { error: 'Invalid chatMode' }], JSON.stringify(chatMode));
  }
});

test('a refused reservation reserves nothing', async () => {
  const where = place();
  await reserve({ ...where, chatMode: 'public' });
  assert.deepEqual(await refusal(joining(where, 'Bob')), REFUSALS.notFound);
});

test('a session that is there is not reserved again', async () => {
  const where = await reserved();
  const open = place();
  await creator(open);
  const again = await reserve({ ...where, chatMode: 'group' });
  assert.deepEqual([again.status, again.json.success], [200, true], 'the same request is answered the same');
  for (const taken of [{ ...where, authKey: 'other' }, { ...where, chatMode: 'private' }, { ...open, authKey: 'other' }]) {
    const { status, json } = await reserve(taken);
    assert.deepEqual([status, json], [409, { error: 'Session already exists' }]);
  }
  await member(where, 'Bob');
});

test('a session that ended may be reserved', async () => {
  const where = place();
  await leave(await creator(where));
  assert.equal((await reserve({ ...where, authKey: unique('key') })).status, 200);
});

test('an integer id is taken', async () => {
  const sessionId = Number.parseInt(place().sessionId.slice(-12), 16);
  const { status, json } = await reserve({ sessionId, authKey: 'k' });
  assert.equal(status, 200);
  assert.strictEqual(json.sessionId, String(sessionId));
  await member({ sessionId, authKey: 'k' }, 'Alice');
});

test('a web page of an allowed origin may reserve, one of another may not', async () => {
  const good = await reserve(place(), { Origin: 'http://localhost:5173' });
  assert.equal(good.status, 200);
  assert.equal(good.headers['access-control-allow-origin'], 'http://localhost:5173');
  const body = JSON.stringify(place());
  const bad = await request('/api/reserve-session', { method: 'POST', headers: { 'Content-Type': 'application/json', Origin: 'http://evil.example' }, body });
  assert.equal(bad.status, 403);
  const preflight = await request('/api/reserve-session', {
    method: 'OPTIONS', headers: { Origin: 'http://localhost:5173', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' },
  });
  assert.ok([200, 204].includes(preflight.status), String(preflight.status));
  assert.match(preflight.headers['access-control-allow-headers'] ?? '', /content-type|\*/i);
});

test('a body of megabytes is refused', async () => {
  const body = JSON.stringify({ ...place(), chatMode: 'x'.repeat(3_000_000) });
  const answer = request('/api/reserve-session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  // The server does not read all of it: the connection may be closed before the answer is read.
  const outcome = await answer.then(({ status }) => status, ({ code }) => code);
  assert.ok([413, 'ECONNRESET', 'EPIPE'].includes(outcome), String(outcome));
  await reserved();
});

test('only POST reserves', async () => {
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const { status } = await request('/api/reserve-session', { method });
    assert.ok([404, 405].includes(status), `${method}: ${status}`);
  }
});

test('/health counts the sessions, reserved and open, up and down', async () => {
  const before = (await health()).activeSessions;
  const where = await reserved();
  const open = place();
  const alice = await creator(open);
  await alice.ask('send-message', message(alice));
  const { activeSessions, sessions } = await health();
  assert.deepEqual([activeSessions, sessions], [before + 2, before + 2]);
  await leave(alice);
  assert.equal((await health()).activeSessions, before + 1);
  await leave(await member(where, 'Bob'));
  assert.equal((await health()).sessions, before);
});

test('without DEBUG and an admin token the sessions are shown to nobody', async () => {
  const secret = process.env.JWT_SECRET;
  for (const headers of [{}, { Authorization: 'Bearer ' }, { Authorization: 'Bearer undefined' }, { Authorization: `Bearer ${secret}` }]) {
    const { status, body } = await request('/sessions', { headers });
    assert.equal(status, 404);
    assert.deepEqual(JSON.parse(body), { error: 'Endpoint not found' });
  }
});
