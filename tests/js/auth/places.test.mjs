// Where a token may be, and which claims it must have. Started with AUTH_COOKIE=session,jwt,
// JWT_USER_ID_CLAIMS=userId,_id,user.id,uid,https://app.test/id and JWT_REQUIRED_CLAIMS=type=access,app.use.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, attempt, request, token, unique } from '../support/relay.mjs';

const ALLOWED = 'http://localhost:5173';
/** What a token of the application has beside its user. */
const USE = { type: 'access', app: { use: 'chat' } };
const tokenOf = (claims) => token({ ...USE, ...claims });
const someone = () => unique('someone');

/** Who is authenticated by these options; else why not. */
async function who(options) {
  const { outcome, welcome, client } = await attempt(options);
  client.close();
  return outcome === 'connected' ? welcome.userId : outcome;
}

/** The status of a request of theirs. */
async function status(headers, { method = 'GET', path = '/api/conversations', body } = {}) {
  const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
  return (await request(path, { method, headers: { ...type, ...headers }, body })).status;
}

const DIRECT = { dialect: 'direct' };
/** Declares a dialect that takes nobody without a token. */
const query = DIRECT;

for (const field of ['token', 'accessToken', 'access_token', 'authToken', 'jwt']) {
  test(`a token may be in auth.${field}`, async () => {
    const userId = someone();
    assert.equal(await who({ auth: { ...DIRECT, [field]: tokenOf({ userId }) } }), userId);
    assert.equal(await who({ auth: { ...DIRECT, [field]: `bearer ${tokenOf({ userId })}` } }), userId);
    assert.equal(await who({ auth: { ...DIRECT, [field]: 7 } }), 'Invalid token');
    assert.equal(await who({ auth: { ...DIRECT, [field]: '' } }), 'Authentication token required');
  });
}

test('of several the first that is there counts', async () => {
  const [first, second] = [someone(), someone()];
  const tokens = { jwt: tokenOf({ userId: second }), accessToken: tokenOf({ userId: first }), token: null };
  assert.equal(await who({ auth: { ...DIRECT, ...tokens } }), first);
  assert.equal(await who({ auth: { ...DIRECT, token: '' }, extraHeaders: { Authorization: `Bearer ${tokenOf({ userId: second })}` } }), second);
});

test('so it may in the event', async () => {
  for (const field of ['token', 'accessToken', 'access_token', 'authToken', 'jwt']) {
    const client = new Client({ auth: { dialect: 'feed' } });
    await client.next('connect');
    client.emit('authenticate', { [field]: tokenOf({ userId: someone() }) });
    assert.deepEqual(await client.next('authenticated'), { success: true });
  }
});

for (const transports of [['websocket'], ['polling']]) {
  test(`over ${transports}, a cookie counts for pages of an allowed origin, and for programs`, async () => {
    const userId = someone();
    const options = (extraHeaders) => ({ transports, query, extraHeaders });
    for (const name of ['session', 'jwt']) {
      const Cookie = `other=1; ${name}=${tokenOf({ userId })}`;
      assert.equal(await who(options({ Cookie })), userId);
      assert.equal(await who(options({ Cookie, Origin: ALLOWED })), userId);
      const cross = { Cookie, 'Sec-Fetch-Site': 'cross-site' };
      assert.equal(await who(options(cross)), 'Authentication token required');
    }
    assert.equal(await who(options({ Cookie: `token=${tokenOf({ userId })}` })), 'Authentication token required');
    assert.equal(await who(options({ Cookie: 'jwt=nonsense' })), 'Invalid token');
  });
}

test('any other place comes before a cookie', async () => {
  const [mine, other] = [someone(), someone()];
  const extraHeaders = { Cookie: `session=${tokenOf({ userId: other })}` };
  assert.equal(await who({ auth: { ...DIRECT, token: tokenOf({ userId: mine }) }, extraHeaders }), mine);
  const Authorization = `Bearer ${tokenOf({ userId: mine })}`;
  assert.equal(await who({ query, extraHeaders: { ...extraHeaders, Authorization } }), mine);
});

test('over REST, what a cookie changes needs an allowed origin', async () => {
  const Cookie = `session=${tokenOf({ userId: someone() })}`;
  assert.equal(await status({ Cookie }), 200);
  assert.equal(await status({ Cookie, Origin: ALLOWED }), 200);
  assert.equal(await status({ Cookie, 'Sec-Fetch-Site': 'cross-site' }), 401);
  const post = { method: 'POST', body: '{"participantIds":[]}' };
  assert.equal(await status({ Cookie, Origin: ALLOWED }, post), 201);
  assert.equal(await status({ Cookie, 'Sec-Fetch-Site': 'same-origin' }, post), 201);
  assert.equal(await status({ Cookie }, post), 401);
  assert.equal(await status({ Cookie, 'Sec-Fetch-Site': 'same-site' }, post), 401);
  assert.equal(await status({ Cookie, Origin: 'https://evil.example' }, post), 403);
  assert.equal(await status({ Cookie: `session=${process.env.ADMIN_TOKEN}` }, { path: '/api/admin/audit' }), 401);
});

for (const [name, claims] of [
  ['_id', (id) => ({ _id: id })],
  ['uid', (id) => ({ uid: id, sub: 'somebody else' })],
  ['user.id', (id) => ({ user: { id, name: 'x' } })],
  ['a name with dots', (id) => ({ 'https://app.test/id': id })],
  ['the first of several', (id) => ({ uid: 'somebody else', _id: id })],
  ['one behind those that are null', (id) => ({ userId: null, _id: null, user: { id } })],
]) {
  test(`a user's id may be in ${name}`, async () => {
    const id = someone();
    assert.equal(await who({ auth: { ...DIRECT, token: tokenOf(claims(id)) } }), id);
    assert.equal(await status({ Authorization: `Bearer ${tokenOf(claims(id))}` }), 200);
  });
}

for (const [name, claims] of [
  ['only in a claim that is not named', { sub: 'alice', id: 'alice' }],
  ['no text and no integer', { userId: { id: 'alice' } }],
  ['too long', { user: { id: 'x'.repeat(129) } }],
]) {
  test(`an id that is ${name} is none`, async () => {
    assert.equal(await who({ auth: { ...DIRECT, token: tokenOf(claims) } }), 'Invalid token');
  });
}

for (const [name, claims] of [
  ['is one to refresh others', { type: 'refresh' }],
  ['does not say what it is for', { type: undefined }],
  ['lacks the other claim', { app: {} }],
  ['has null in its place', { app: { use: null } }],
]) {
  test(`a token that ${name} admits nobody`, async () => {
    const bad = tokenOf({ userId: someone(), ...claims });
    assert.equal(await who({ auth: { ...DIRECT, token: bad } }), 'Invalid token');
    assert.equal(await status({ Authorization: `Bearer ${bad}` }), 403);
    const userId = someone();
    const client = new Client({ auth: { ...DIRECT, token: tokenOf({ userId }) } });
    await client.next('auth:success');
    client.emit('authenticate', tokenOf({ userId, ...claims }));
    assert.deepEqual(await client.next('authenticated'), { success: false, error: 'Invalid token' });
  });
}

test('a claim that is a list has the value if that is one of it', async () => {
  const userId = someone();
  assert.equal(await who({ auth: { ...DIRECT, token: tokenOf({ userId, type: ['refresh', 'access'] }) } }), userId);
});
