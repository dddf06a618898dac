// Plain HTTP: health, readiness, unknown routes, origins.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, isTime, request, user } from '../support/relay.mjs';

const health = async (headers = {}) => {
  const answer = await request('/health', { headers });
  return { ...answer, json: JSON.parse(answer.body) };
};

test('/health says what is running', async () => {
  const { status, headers, json } = await health();
  assert.equal(status, 200);
  assert.match(headers['content-type'], /^application\/json/);
  assert.equal(json.status, 'ok');
  assert.ok(json.uptime >= 0 && json.uptime < 3600, `uptime ${json.uptime} s`);
  assert.equal(json.activeSessions, 0);
  assert.equal(json.sessions, json.activeSessions);
  isTime(json.timestamp);
  assert.match(json.version, /^\d+\.\d+\.\d+/);
  assert.equal(json.connections, 0);
  assert.ok(typeof json.node === 'string' && json.node.length > 0);
});

test('/health counts connections up and down', async () => {
  const clients = [await connect(user('Alice')), await connect(user('Bob'), { transports: ['polling'] })];
  assert.equal((await health()).json.connections, 2);
  for (const client of clients) client.close();
  // The server learns of a closed socket when it reads the close: ask until it has.
  const deadline = Date.now() + 5000;
  let count;
  do count = (await health()).json.connections;
  while (count > 0 && Date.now() < deadline);
  assert.equal(count, 0);
});

test('/ready answers 200', async () => {
  assert.equal((await request('/ready')).status, 200);
});

test('an unknown route is a JSON 404 with a request id', async () => {
  const ids = new Set();
  for (const [path, method] of [['/', 'GET'], ['/nowhere', 'GET'], ['/api/nowhere?x=1', 'POST'], ['/health/more', 'DELETE'], ['/%00', 'GET']]) {
    const { status, headers, body } = await request(path, { method });
    assert.equal(status, 404, path);
    assert.deepEqual(JSON.parse(body), { error: 'Endpoint not found' });
    assert.ok(headers['x-request-id'], path);
    ids.add(headers['x-request-id']);
  }
  assert.equal(ids.size, 5, 'each request has its own id');
});

test('origins are checked on every route', async () => {
  const allowed = await health({ Origin: 'http://localhost:5173' });
  assert.equal(allowed.headers['access-control-allow-origin'], 'http://localhost:5173');
  for (const path of ['/health', '/ready', '/nowhere']) {
    assert.equal((await request(path, { headers: { Origin: 'http://evil.example' } })).status, 403, path);
  }
});
