// REST: rate limits. Started with small limits (`tests/it/clients.rs`) and 127.0.0.1 as a trusted proxy, so that each test
// has an address of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newAddressHeader as newAddress } from '../support/addresses.mjs';
import { attempt, seconds, token, unique, user } from '../support/relay.mjs';
import { present } from '../support/conversations.mjs';
import { ADMIN, NO_ROUTE, at, bearer, call, done, history, refused } from '../support/rest.mjs';
import { until } from '../support/session.mjs';

const PATH = '/api/messages';
const BURST = Number(process.env.MESSAGE_BURST);
const FAILED_AUTHS = Number.parseInt(process.env.FAILED_AUTH_RATE, 10);
const LIMITED = { error: 'Rate limit exceeded', code: 'RATE_LIMIT' };
const ATTEMPTS = { error: 'Too many attempts', code: 'TOO_MANY_ATTEMPTS' };

/** A conversation that somebody else made, so that nothing of a user's own limit is used. */
async function place(...users) {
  const fields = { id: unique('limits'), participantIds: users.map(({ userId }) => userId) };
  return (await done(201, user('Owner'), 'POST', '/api/conversations', fields)).conversation.id;
}

/** Sends until it is refused: how many were taken, and the refusal. */
async function exhaust(request) {
  for (let taken = 0; taken < BURST * 20; taken += 1) {
    const answer = await request(taken);
    if (answer.status === 429) return { taken, answer };
    assert.ok(answer.status < 300, answer.body);
  }
  throw new Error('nothing was refused');
}

test('the limits are the ones this suite counts on', () => {
  for (const value of [BURST, FAILED_AUTHS]) assert.ok(value > 0);
});

test('messages over the limit are refused, with the time to wait, and not stored', async () => {
  const alice = user('Alice');
  const conversationId = await place(alice);
  const { taken, answer } = await exhaust((number) => call(alice, 'POST', PATH, { conversationId, content: String(number) }));
  assert.ok(taken >= BURST);
  assert.deepEqual([answer.json, answer.headers['retry-after']], [LIMITED, '1']);
  const contents = (await history(alice, conversationId)).map(({ content }) => content);
  assert.deepEqual(contents, Array.from({ length: taken }, (_, number) => String(number)));
});

test('after a while messages are taken again', async () => {
  const alice = user('Alice');
  const conversationId = await place(alice);
  await exhaust(() => call(alice, 'POST', PATH, { conversationId, content: 'x' }));
  await until(() => call(alice, 'POST', PATH, { conversationId, content: 'again' }), ({ status }) => status === 201);
});

test('the limit is the user’s, over REST and sockets together, and nobody else’s', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const conversationId = await place(alice, bob);
  const client = await present(alice, conversationId);
  await exhaust(() => call(alice, 'POST', PATH, { conversationId, content: 'x' }));
  // Over a socket half a burst more is waited for.
  const sent = Array.from({ length: BURST + 1 }, () => client.ask('message:send', { conversationId, content: 'x' }));
  const over = (await Promise.all(sent)).filter(({ success }) => !success);
  assert.ok(over.length > BURST / 4, `${over.length} of ${sent.length}`);
  for (const answer of over) assert.deepEqual(answer, { success: false, error: { message: LIMITED.error, code: LIMITED.code } });
  await done(201, bob, 'POST', PATH, { conversationId, content: 'x' });
});

test('whatever is written is limited, and nothing that is read', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const conversationId = await place(alice);
  const { message } = await done(201, alice, 'POST', PATH, { conversationId, content: 'x' });
  const writes = [
    ['POST', PATH, { conversationId, content: 'x' }],
    ['POST', PATH, { chatId: conversationId, content: 'x' }],
    ['POST', PATH, { conversation_id: conversationId, content_key_number: 1, encrypted_msg_content: 'x' }],
    ['PATCH', `${PATH}/${message.id}`, { content: 'y' }],
    ['PUT', `${PATH}/${message.id}`, { encrypted_msg_content: 'y' }],
    ['DELETE', `${PATH}/${message.id}`],
    ['POST', `${PATH}/read`, { conversationId, messageIds: [message.id] }],
    ['POST', '/api/conversations', { participantIds: [] }],
    ['POST', at(conversationId, 'participants'), { userId: bob.userId }],
    ['DELETE', at(conversationId, 'participants', alice.userId)],
  ];
  for (const [method, path, body] of writes) {
    // What was granted meanwhile is used up first.
    await exhaust(() => call(alice, 'POST', PATH, { conversationId, content: 'x' }));
    const answer = await call(alice, method, path, body);
    assert.deepEqual([answer.status, answer.json, answer.headers['retry-after']], [429, LIMITED, '1'], `${method} ${path}`);
  }
  for (const path of ['/api/conversations', at(conversationId), `${PATH}?conversationId=${conversationId}`, `${PATH}/${conversationId}`]) {
    for (let count = 0; count < BURST * 2; count += 1) await done(200, alice, 'GET', path);
  }
});

test('too many failed tokens from one address are turned away, good ones never', async () => {
  const address = newAddress();
  const expired = bearer(token({ ...user('Alice'), exp: seconds(-60) }));
  const outcomes = [];
  for (let tries = 0; tries < FAILED_AUTHS + 3; tries += 1) outcomes.push(await call(expired, 'GET', '/api/conversations', undefined, address));
  assert.deepEqual(outcomes.slice(0, FAILED_AUTHS).map(({ status }) => status), Array(FAILED_AUTHS).fill(403));
  const { status, json, headers } = outcomes.at(-1);
  assert.deepEqual([status, json], [429, ATTEMPTS]);
  assert.match(headers['retry-after'], /^[1-9][0-9]*$/);
  await done(200, user('Alice'), 'GET', '/api/conversations', undefined, address);
  await refused(429, ATTEMPTS, expired, 'GET', '/api/conversations', undefined, address);
});

test('failures of tokens count together with those of sockets', async () => {
  const address = newAddress();
  for (let tries = 0; tries < FAILED_AUTHS + 1; tries += 1) await call(bearer('nonsense'), 'GET', '/api/conversations', undefined, address);
  const come = async (credential) => (await attempt({ auth: { token: credential }, extraHeaders: address })).outcome;
  assert.equal(await come('nonsense'), 'Too many attempts');
  assert.equal(await come(token(user('Alice'))), 'connected');
});

test('a missing token is no failed one', async () => {
  const address = newAddress();
  for (let tries = 0; tries < FAILED_AUTHS * 3; tries += 1) assert.equal((await call(null, 'GET', '/api/conversations', undefined, address)).status, 401);
  await done(200, user('Alice'), 'GET', '/api/conversations', undefined, address);
});

test('wrong admin tokens are turned away when there are too many, on every route, and the right one never', async () => {
  const wrong = bearer('an admin token that nobody has, of more than 32 bytes');
  const admin = (who, address) => call(who, 'PUT', `/api/admin/users/${unique('user')}`, { name: 'Name' }, address);
  const [one, another] = [newAddress(), newAddress()];
  const statuses = [];
  for (let tries = 0; tries < FAILED_AUTHS + 2; tries += 1) statuses.push((await admin(wrong, one)).status);
  assert.deepEqual(statuses, [...Array(FAILED_AUTHS).fill(403), 429, 429]);
  for (let tries = 0; tries < FAILED_AUTHS; tries += 1) await refused(404, NO_ROUTE, wrong, 'GET', '/sessions', undefined, another);
  assert.equal((await admin(wrong, another)).status, 429);
  for (const address of [one, another]) {
    await done(200, user('Alice'), 'GET', '/api/conversations', undefined, address);
    assert.equal((await admin(ADMIN, address)).status, 200);
    await done(200, ADMIN, 'GET', '/sessions', undefined, address);
  }
});
