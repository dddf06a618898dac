// All routes below a path, for proxies that pass it on. Started with BASE_PATH=relay/ and TRUSTED_PROXIES=127.0.0.1.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, exchange, request, token, user } from '../support/relay.mjs';

const BASE = '/relay';
const PATHS = [`${BASE}/socket.io`, `${BASE}/socket.io/`, '/socket.io'];

async function connected(who, path, transports) {
  const client = new Client({ path, transports, auth: { token: token(who) }, query: { dialect: 'direct' } });
  client.userId = who.userId;
  await client.next('auth:success');
  return client;
}

for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
  test(`the published client connects below it by ${transports}`, async () => {
    const clients = [];
    for (const path of PATHS) clients.push(await connected(user('Alice'), path, transports));
    const [alice, bob, carol] = clients;
    await exchange(alice, bob, () => {});
    await exchange(bob, carol, () => {});
  });
}

test('REST and its preflights are below it, with and without a slash at the end', async () => {
  const headers = { Authorization: `Bearer ${token(user('Alice'))}` };
  const preflight = { Origin: 'http://localhost:5173', 'Access-Control-Request-Method': 'POST' };
  for (const [status, path, options] of [
    [200, '/health'], [200, '/ready/'], [401, '/api/conversations'], [200, '/api/conversations?limit=1', { headers }],
    [200, '/api/conversations/', { headers }], [200, '/api/messages', { method: 'OPTIONS', headers: preflight }],
    [404, ''], [404, '/'], [404, '/nowhere'],
  ]) {
    for (const base of [BASE, '']) assert.equal((await request(`${base}${path || '/'}`, options)).status, status, `${base}${path}`);
  }
});

test('what only begins alike, or has it twice, is not below it', async () => {
  for (const path of ['/relayed/health', '/relayhealth', '/Relay/health', '/relay/relay/health', '/%72elay/health']) {
    assert.equal((await request(path)).status, 404, path);
  }
});
