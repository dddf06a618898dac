// Tokens that are taken back while a node, Redis or MongoDB is away. The test that runs this owns the processes.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Client, token, unique, user } from '../support/relay.mjs';
import { NODES, allReady, control, until } from '../support/nodes.mjs';

afterEach(async () => {
  await control('heal');
  await allReady();
});

async function ask(node, method, path, body, bearer = process.env.ADMIN_TOKEN) {
  const headers = { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' };
  const answer = await fetch(`${NODES[node]}${path}`, { method, headers, body: JSON.stringify(body) });
  return { ...(await answer.json()), status: answer.status };
}
const revoke = (node, jti) => ask(node, 'POST', '/api/admin/revocations', { kind: 'token', id: jti });
const takeBack = (node, { id }) => ask(node, 'DELETE', `/api/admin/revocations/${id}`);
const status = async (node, text) => (await ask(node, 'GET', '/api/users/me/blocked', undefined, text)).status;

/** A token, and a client with it on each node. */
async function everywhere() {
  const jti = unique('jti');
  const text = token({ ...user('Alice'), jti });
  const clients = NODES.map((url) => new Client({ url, auth: { token: text, dialect: 'direct' } }));
  for (const client of clients) await client.next('auth:success');
  return { jti, text, clients };
}

async function isEnded(client) {
  assert.deepEqual(await client.next('auth:error'), { message: 'Invalid token', code: 'INVALID_TOKEN' });
  assert.equal(await client.next('disconnect'), 'io server disconnect');
}

/** Milliseconds until a token opens nothing any more on a node; or, otherwise, until it does again. */
async function takes(node, text, wanted = 403) {
  const began = Date.now();
  await until(`the token is answered with ${wanted} by ${node}`, async () => (await status(node, text)) === wanted);
  return Date.now() - began;
}

test('a token is taken back on all nodes before the answer, and is good again likewise', async () => {
  const { jti, text, clients } = await everywhere();
  const answer = await revoke(1, jti);
  assert.deepEqual([answer.status, answer.disconnected, answer.complete], [200, 3, true]);
  for (const node of NODES.keys()) assert.equal(await status(node, text), 403);
  for (const client of clients) await isEnded(client);
  assert.equal((await takeBack(2, answer.revocation)).complete, true);
  for (const node of NODES.keys()) assert.equal(await status(node, text), 200);
});

test('a node that hangs is not waited for, and does it when it goes on', async () => {
  const { jti, text, clients } = await everywhere();
  await control('pause', '2');
  const answer = await revoke(0, jti);
  assert.deepEqual([answer.status, answer.disconnected, answer.complete], [200, 2, false]);
  for (const client of clients.slice(0, 2)) await isEnded(client);
  await control('resume', '2');
  await isEnded(clients[2]);
  await takes(2, text);
});

test('a node that was killed knows it when it is back', async () => {
  const { jti, text } = await everywhere();
  const { revocation } = await revoke(0, jti);
  await control('kill', '0');
  await control('restart', '0');
  await allReady();
  assert.equal(await status(0, text), 403);
  const other = await everywhere();
  await control('kill', '1');
  await revoke(0, other.jti);
  await takeBack(0, revocation);
  await control('restart', '1');
  await allReady();
  assert.deepEqual([await status(1, text), await status(1, other.text)], [200, 403]);
});

test('while Redis is away, the others read it', async () => {
  const { jti, text, clients } = await everywhere();
  const kept = await everywhere();
  await control('stop', 'redis');
  const first = await until('Redis is missed', async () => {
    const answer = await revoke(0, jti);
    return answer.complete === false ? answer : undefined;
  });
  assert.equal(first.status, 200);
  assert.equal(await status(0, text), 403);
  for (const node of [1, 2]) assert.ok((await takes(node, text)) < 10_000);
  for (const client of clients) await isEnded(client);
  assert.equal((await takeBack(1, first.revocation)).complete, false);
  for (const node of [0, 2]) assert.ok((await takes(node, text, 200)) < 10_000);
  const again = await revoke(2, jti);
  assert.notEqual(again.revocation.id, first.revocation.id);
  for (const node of [0, 1]) assert.ok((await takes(node, text)) < 10_000);
  for (const client of kept.clients) assert.ok(client.socket.connected);
});

const listed = async (node, { id }) => (await ask(node, 'GET', '/api/admin/revocations?limit=1000')).revocations?.some((one) => one.id === id);

test('while MongoDB is away, it survives with its node, and is stored when MongoDB is back', async () => {
  const { jti, text, clients } = await everywhere();
  await control('stop', 'mongodb');
  const { revocation, ...answer } = await revoke(0, jti);
  assert.deepEqual([answer.status, answer.disconnected, answer.complete], [200, 3, true]);
  for (const client of clients) await isEnded(client);
  for (const node of NODES.keys()) assert.equal(await status(node, text), 403);
  assert.equal((await ask(0, 'GET', '/api/admin/revocations')).status, 500);
  await control('kill', '0');
  await control('restart', '0');
  assert.equal(await status(0, text), 403);
  await control('start', 'mongodb');
  await allReady();
  await until('it is stored', () => listed(1, revocation));
  await control('kill', '2');
  await control('restart', '2');
  await allReady();
  assert.equal(await status(2, text), 403);
  assert.equal((await takeBack(2, revocation)).status, 200);
  for (const node of NODES.keys()) await takes(node, text, 200);
});

test('while both are away, it holds on one node, and on the others when Redis is back', async () => {
  const [kept, taken] = [await everywhere(), await everywhere()];
  await control('stop', 'mongodb');
  await control('stop', 'redis');
  const answers = await until('Redis is missed', async () => {
    const all = [await revoke(0, kept.jti), await revoke(0, taken.jti)];
    return all.every(({ complete }) => complete === false) ? all : undefined;
  });
  for (const { text } of [kept, taken]) assert.deepEqual([await status(0, text), await status(1, text)], [403, 500]);
  assert.ok(kept.clients[1].socket.connected);
  assert.equal((await takeBack(0, answers[1].revocation)).status, 200);
  await control('start', 'redis');
  for (const client of kept.clients) await isEnded(client);
  for (const node of [1, 2]) await takes(node, kept.text);
  for (const client of taken.clients.slice(1)) assert.ok(client.socket.connected);
  await control('start', 'mongodb');
  await allReady();
  await until('it is stored', () => listed(2, answers[0].revocation));
  for (const node of NODES.keys()) assert.deepEqual([await status(node, kept.text), await status(node, taken.text)], [403, 200]);
});
