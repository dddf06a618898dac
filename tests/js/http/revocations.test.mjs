// Tokens that a backend takes back: who has one is told so and disconnected, and it opens nothing any more. Started with ADMIN_TOKEN.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, TIME, TIMEOUT, attempt, same, seconds, token, unique, user } from '../support/relay.mjs';
import { ADMIN, ID, bearer, call, done, found, invalid, refused } from '../support/rest.mjs';

const PATH = '/api/admin/revocations';
const DAY = 24 * 3600_000;
const INVALID = { message: 'Invalid token', code: 'INVALID_TOKEN' };
const REFUSED = { error: 'Invalid or expired token', code: 'INVALID_TOKEN' };
const NO_REVOCATION = { error: 'Revocation not found', code: 'NOT_FOUND' };

const revoke = (body) => done(200, ADMIN, 'POST', PATH, body);
const takeBack = ({ id }) => done(200, ADMIN, 'DELETE', `${PATH}/${id}`);
const iso = (second) => new Date(second * 1000).toISOString();
const signIn = (claims = {}) => ({ jti: unique('jti'), sid: unique('sid'), ...claims });
const claimsOf = ({ userId, username }) => ({ userId, username });

/** A client with this token. */
async function open(text, options = {}) {
  const client = new Client({ auth: { token: text, dialect: 'direct' }, ...options });
  await client.next('auth:success');
  return client;
}

/** The client is told that its token is not good, and that is the end. */
async function isEnded(client) {
  same(await client.next('auth:error'), INVALID);
  assert.equal(await client.next('disconnect'), 'io server disconnect');
  assert.equal(client.all('auth:error').length, 1);
}

async function isRefused(text, options = {}) {
  assert.equal((await attempt({ auth: { token: text, dialect: 'direct' }, ...options })).outcome, 'Invalid token');
  await refused(403, REFUSED, bearer(text), 'GET', '/api/conversations');
}

async function isGood(text) {
  assert.equal((await attempt({ auth: { token: text, dialect: 'direct' } })).outcome, 'connected');
  await done(200, bearer(text), 'GET', '/api/conversations');
}

for (const [kind, claim] of [['token', 'jti'], ['session', 'sid']]) {
  test(`a ${kind} is taken back by its ${claim}, on whatever connection`, async () => {
    const who = user('Alice');
    const [one, other] = [signIn(), signIn()].map((more) => ({ text: token({ ...claimsOf(who), ...more }), ...more }));
    const clients = [await open(one.text), await open(one.text, { transports: ['polling'] }), await open(other.text), await open(one.text)];
    const { revocation, ...rest } = await revoke({ kind, id: one[claim] });
    const expiresAt = new Date(Date.parse(revocation.createdAt) + 30 * DAY).toISOString();
    same(revocation, { id: revocation.id, kind, subject: one[claim], createdAt: TIME, expiresAt });
    assert.match(revocation.id, ID);
    assert.deepEqual(rest, { disconnected: 3, complete: true });
    for (const at of [0, 1, 3]) await isEnded(clients[at]);
    await isRefused(one.text);
    await isRefused(one.text, { transports: ['polling'] });
    await isGood(other.text);
    assert.ok(clients[2].socket.connected);
    assert.deepEqual(clients[2].all('auth:error'), []);
    const { revocation: again, ...nobody } = await revoke({ kind, id: one[claim] });
    assert.equal(again.id, revocation.id);
    assert.deepEqual(nobody, { disconnected: 0, complete: true });
  });
}

test('the same id of two users, and the same text of another kind', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = unique('both');
  const both = [alice, bob].map((who) => token({ ...claimsOf(who), jti: id }));
  const bySession = token({ ...claimsOf(alice), sid: id });
  const clients = [await open(both[0]), await open(both[1]), await open(bySession)];
  assert.equal((await revoke({ kind: 'token', id })).disconnected, 2);
  for (const client of clients.slice(0, 2)) await isEnded(client);
  for (const text of both) await isRefused(text);
  await isGood(bySession);
});

test('tokens of a user are taken back that were made until a second', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const second = seconds(-100);
  const made = (who, iat) => token({ ...claimsOf(who), iat });
  const [old, same_, part, next, none] = [second - 1, second, second + 0.9, second + 1, undefined].map((iat) => made(alice, iat));
  const others = made(bob, second - 1);
  const clients = [];
  for (const text of [old, same_, part, none, next, others]) clients.push(await open(text));
  const { revocation, disconnected } = await revoke({ kind: 'user', id: alice.userId, before: new Date(second * 1000 + 500).toISOString() });
  assert.equal(revocation.before, new Date(second * 1000 + 500).toISOString());
  assert.equal(disconnected, 4);
  for (const client of clients.slice(0, 4)) await isEnded(client);
  for (const text of [old, same_, part, none]) await isRefused(text);
  for (const text of [next, others]) await isGood(text);
});

test('without a time, it is now; in the future, also those that are made until then', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const [now, later] = [token(claimsOf(alice)), token({ ...claimsOf(alice), iat: seconds(5) })];
  const { revocation } = await revoke({ kind: 'user', id: alice.userId });
  assert.equal(revocation.before, revocation.createdAt);
  await isRefused(now);
  await isGood(later);
  await revoke({ kind: 'user', id: bob.userId, before: iso(seconds(3600)) });
  await isRefused(token({ ...claimsOf(bob), iat: seconds(3599) }));
  await isGood(token({ ...claimsOf(bob), iat: seconds(3602), exp: seconds(7200) }));
  await isRefused(token({ ...claimsOf(bob), iat: Date.now(), exp: seconds(7200) }));
});

test('it is widened, and never narrowed', async () => {
  const id = unique('user');
  const [soon, late] = [seconds(100), seconds(1000)].map(iso);
  const first = (await revoke({ kind: 'user', id, before: iso(seconds(-50)), expiresAt: soon })).revocation;
  const narrower = (await revoke({ kind: 'user', id, before: iso(seconds(-500)), expiresAt: iso(seconds(50)) })).revocation;
  assert.deepEqual(narrower, first);
  const before = iso(seconds(-10));
  const wider = (await revoke({ kind: 'user', id, before, expiresAt: late })).revocation;
  assert.deepEqual(wider, { ...first, before, expiresAt: late });
  await isRefused(token({ userId: id, iat: seconds(-11) }));
});

test('it ends when it expires', async () => {
  const more = signIn();
  const text = token({ ...claimsOf(user('Alice')), ...more });
  const { revocation } = await revoke({ kind: 'token', id: more.jti, expiresAt: new Date(Date.now() + 2_000).toISOString() });
  await isRefused(text);
  const deadline = Date.now() + TIMEOUT;
  for (;;) {
    const { status } = await call(bearer(text), 'GET', '/api/conversations');
    if (status === 200) break;
    assert.ok(Date.now() < deadline);
  }
  assert.ok(Date.now() >= Date.parse(revocation.expiresAt));
  await isGood(text);
  await refused(404, NO_REVOCATION, ADMIN, 'DELETE', `${PATH}/${revocation.id}`);
});

test('it is taken back, and made again', async () => {
  const more = signIn();
  const text = token({ ...claimsOf(user('Alice')), ...more });
  const { revocation } = await revoke({ kind: 'token', id: more.jti });
  await isRefused(text);
  assert.deepEqual(await takeBack(revocation), { revocation, complete: true });
  await refused(404, NO_REVOCATION, ADMIN, 'DELETE', `${PATH}/${revocation.id}`);
  await isGood(text);
  const client = await open(text);
  const again = await revoke({ kind: 'token', id: more.jti, expiresAt: iso(seconds(100)) });
  assert.notEqual(again.revocation.id, revocation.id);
  assert.equal(again.revocation.expiresAt, iso(seconds(100)));
  await isEnded(client);
  await isRefused(text);
});

test('a token that is brought later, or anew', async () => {
  const who = user('Alice');
  const [bad, good] = [signIn(), signIn()].map((more) => ({ text: token({ ...claimsOf(who), ...more }), ...more }));
  const late = new Client({ auth: { dialect: 'feed' } });
  await late.next('connect');
  const renewed = await open(good.text);
  await revoke({ kind: 'token', id: bad.jti });
  for (const client of [late, renewed]) {
    client.emit('authenticate', bad.text);
    same(await client.next('authenticated'), { success: false, error: 'Invalid token' });
    assert.equal(await client.next('disconnect'), 'io server disconnect');
  }
  // By which token it is there counts, and no longer the one that it came with.
  const [came, has] = [signIn(), signIn()];
  const client = await open(token({ ...claimsOf(who), ...came }));
  client.emit('authenticate', token({ ...claimsOf(who), ...has }));
  same(await client.next('authenticated'), { success: true });
  assert.equal((await revoke({ kind: 'token', id: came.jti })).disconnected, 0);
  assert.equal((await revoke({ kind: 'token', id: has.jti })).disconnected, 1);
  await isEnded(client);
  const feed = new Client({ auth: { dialect: 'feed' } });
  await feed.next('connect');
  const brought = signIn();
  feed.emit('authenticate', token({ ...claimsOf(who), ...brought }));
  same(await feed.next('authenticated'), { success: true });
  assert.equal((await revoke({ kind: 'token', id: brought.jti })).disconnected, 1);
  await isEnded(feed);
});

test('handshakes that are under way meet it, too', async () => {
  const who = user('Alice');
  for (let round = 0; round < 10; round += 1) {
    const more = signIn();
    const text = token({ ...claimsOf(who), ...more });
    const clients = Array.from({ length: 4 }, (_, n) => new Client({ auth: { token: text, dialect: 'direct' }, transports: [n % 2 ? 'polling' : 'websocket'] }));
    await revoke({ kind: 'token', id: more.jti });
    for (const client of clients) {
      const { name, args } = await client.nextEvent(['connect_error', 'disconnect']);
      if (name === 'connect_error') assert.equal(args[0].message, 'Invalid token');
      else await client.next('auth:error', ({ code }) => code === 'INVALID_TOKEN');
    }
  }
});

test('they are listed by kind and in parts, with the id of the token in the list of connections', async () => {
  const who = user('Alice');
  const more = signIn();
  await open(token({ ...claimsOf(who), ...more }));
  await open(token(claimsOf(who)));
  const { connections } = await done(200, ADMIN, 'GET', `/api/admin/connections?user=${encodeURIComponent(who.userId)}`);
  assert.deepEqual(connections.map(({ tokenId }) => tokenId).toSorted(), [more.jti, undefined]);
  const made = [];
  for (const kind of ['session', 'token', 'session', 'user', 'session']) made.push((await revoke({ kind, id: unique(kind) })).revocation);
  const list = async (kind) => {
    const all = [];
    let cursor;
    do {
      const part = await done(200, ADMIN, 'GET', `${PATH}?${new URLSearchParams({ limit: 2, ...(kind && { kind }), ...(cursor && { cursor }) })}`);
      assert.ok(part.revocations.length <= 2);
      all.push(...part.revocations);
      cursor = part.nextCursor;
    } while (cursor !== undefined);
    return all;
  };
  assert.deepEqual((await list()).slice(-5), made);
  assert.deepEqual((await list('session')).slice(-3), made.filter(({ kind }) => kind === 'session'));
  assert.ok((await list('user')).every(({ kind }) => kind === 'user'));
});

test('what is not meant so is refused', async () => {
  for (const [status, field, body] of [
    [400, 'kind', { id: 'x' }], [422, 'kind', { kind: 'all', id: 'x' }], [422, 'kind', { kind: 7, id: 'x' }],
    [400, 'id', { kind: 'token' }], [422, 'id', { kind: 'token', id: '' }], [422, 'id', { kind: 'token', id: 'x'.repeat(513) }],
    [422, 'id', { kind: 'user', id: 'x'.repeat(129) }], [422, 'id', { kind: 'session', id: ['x'] }], [422, 'id', { kind: 'token', id: { $gt: '' } }],
    [422, 'before', { kind: 'token', id: 'x', before: iso(seconds()) }], [422, 'before', { kind: 'user', id: 'x', before: 'soon' }],
    [422, 'before', { kind: 'user', id: 'x', before: 7 }], [422, 'expiresAt', { kind: 'token', id: 'x', expiresAt: iso(seconds(-1)) }],
    [422, 'expiresAt', { kind: 'token', id: 'x', expiresAt: true }], [422, 'until', { kind: 'token', id: 'x', until: 1 }],
  ]) {
    await refused(status, invalid(field), ADMIN, 'POST', PATH, body);
  }
  for (const [status, query, field] of [[400, 'kind=x', 'kind'], [400, 'cursor=x', 'cursor'], [400, 'limit=0', 'limit'], [422, 'x=1', 'x']]) {
    await refused(status, invalid(field), ADMIN, 'GET', `${PATH}?${query}`);
  }
  for (const id of ['x', '00000000-0000-4000-8000-000000000000']) await refused(404, NO_REVOCATION, ADMIN, 'DELETE', `${PATH}/${id}`);
});

test('who did it is in the audit, and no id of a token', async () => {
  const who = user('Alice');
  const more = signIn();
  const text = token({ ...claimsOf(who), ...more });
  const client = await open(text);
  await found(who);
  const { revocation } = await revoke({ kind: 'token', id: more.jti });
  await isEnded(client);
  await isRefused(text);
  await takeBack(revocation);
  await revoke({ kind: 'user', id: who.userId, before: iso(seconds(-100)) });
  const deadline = Date.now() + TIMEOUT;
  for (;;) {
    const { records } = await done(200, ADMIN, 'GET', '/api/admin/audit?limit=1000');
    const has = (wanted) => records.some(({ eventType, details }) => eventType === 'ADMIN' && Object.entries(wanted).every(([key, value]) => details[key] === value));
    const mine = records.filter((record) => record.user === who.userId);
    const reasons = mine.map(({ eventType, details }) => `${eventType} ${details.reason ?? ''}`);
    if (has({ reason: 'tokens revoked', recipient: who.userId, count: 0 }) && has({ reason: 'tokens revoked', count: 1 }) && has({ reason: 'revocation taken back' })
      && has({ reason: 'revocations read' }) && reasons.includes('AUTH_FAILED revoked') && reasons.includes('SOCKET_DISCONNECT revoked')) {
      assert.ok(!JSON.stringify(records).includes(more.jti));
      return;
    }
    assert.ok(Date.now() < deadline, JSON.stringify(records.slice(0, 9)));
  }
});
