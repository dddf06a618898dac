// The headers of every answer, whoever makes it: the routes, the Socket.IO library, or what stands in front of both.
// Started with an admin token, MAX_EVENT_BYTES=2000000 and REQUEST_TIMEOUT=1s.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect as dial } from 'node:net';
import { RELAY_URL, request, token, unique, user } from '../support/relay.mjs';

const POLLING = '/socket.io/?EIO=4&transport=polling';
const { hostname, port } = new URL(RELAY_URL);
const bearer = { Authorization: `Bearer ${token(user('Alice'))}` };
const json = { ...bearer, 'Content-Type': 'application/json' };

/** Sends text as it is: the head of what is answered. */
function raw(text) {
  return new Promise((resolve, reject) => {
    const socket = dial(Number(port), hostname, () => socket.write(text));
    let answer = '';
    socket.setEncoding('utf8').on('data', (part) => (answer += part));
    socket.on('error', reject).on('close', () => resolve(answer.split('\r\n\r\n')[0]));
  });
}

const ANSWERS = {
  'health': [200, '/health'],
  'no endpoint': [404, '/nowhere'],
  'another method': [404, '/health', { method: 'DELETE' }],
  'no token': [401, '/api/conversations'],
  'no admin': [401, '/api/admin/audit'],
  'a refused origin': [403, '/health', { headers: { Origin: 'http://evil.example' } }],
  'a preflight': [200, '/api/messages', { method: 'OPTIONS', headers: { Origin: 'http://localhost:5173', 'Access-Control-Request-Method': 'POST' } }],
  'a refused preflight': [403, '/api/messages', { method: 'OPTIONS', headers: { Origin: 'http://evil.example', 'Access-Control-Request-Method': 'POST' } }],
  'no JSON': [415, '/api/messages', { method: 'POST', headers: bearer, body: 'x' }],
  'malformed JSON': [400, '/api/messages', { method: 'POST', headers: json, body: '{' }],
  'a body that is too large': [413, '/api/messages', { method: 'POST', headers: json, body: 'x'.repeat(2_100_000) }],
  'a reservation': [400, '/api/reserve-session', { method: 'POST', headers: json, body: '{}' }],
  'a polling handshake': [200, POLLING],
  'another revision': [400, '/socket.io/?EIO=3&transport=polling'],
  'another transport': [400, '/socket.io/?EIO=4&transport=carrier-pigeon'],
  'an unknown session': [400, `${POLLING}&sid=nobody`],
  'another method of polling': [400, POLLING, { method: 'PUT' }],
  'a WebSocket': [101, '/socket.io/?EIO=4&transport=websocket', {
    headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' },
  }],
};

for (const [what, [expected, path, options = {}]] of Object.entries(ANSWERS)) {
  test(`${what}: the type is not to be guessed, nobody keeps it, and the id is the request’s`, async () => {
    const id = unique('id');
    const { status, headers, body } = await request(path, { ...options, headers: { ...options.headers, 'x-request-id': id } });
    assert.equal(status, expected, body);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-request-id'], id);
  });
}

test('polling answers and posts have them', async () => {
  const { body } = await request(POLLING);
  const { sid } = JSON.parse(body.slice(1));
  const path = `${POLLING}&sid=${sid}`;
  const answers = [await request(path, { method: 'POST', body: '40' }), await request(path)];
  for (const { headers } of answers) {
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cache-control'], 'no-store');
  }
});

test('what a token opens is kept by nobody', async () => {
  for (const path of ['/api/conversations', '/api/users/me/blocked', '/api/changes']) {
    const { status, headers, body } = await request(path, { headers: bearer });
    assert.equal(status, 200, body);
    assert.equal(headers['cache-control'], 'no-store');
  }
});

test('browsers may remember for two hours that a request is allowed', async () => {
  const asked = { Origin: 'http://localhost:5173', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization' };
  for (const path of ['/api/messages', '/api/conversations/x', POLLING]) {
    const { headers } = await request(path, { method: 'OPTIONS', headers: asked });
    assert.equal(headers['access-control-max-age'], '7200', path);
    assert.equal(headers['access-control-allow-headers'], 'authorization');
  }
  const refused = await request('/api/messages', { method: 'OPTIONS', headers: { ...asked, Origin: 'http://evil.example' } });
  assert.equal(refused.headers['access-control-max-age'], undefined);
});

const HEADS = {
  'a request without a host': 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n',
  'a body that comes too slowly': `POST /api/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n${Object.entries(bearer)[0].join(': ')}\r\nContent-Length: 100\r\n\r\n{`,
  'what is no HTTP': 'no such thing\r\n\r\n',
  'an unknown version': 'GET /health HTTP/7.7\r\nHost: x\r\n\r\n',
  'a head that is too large': `GET /health HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
  'a wrong length': 'POST /api/messages HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n',
};

for (const [what, text] of Object.entries(HEADS)) {
  test(`${what}: the type is not to be guessed`, async () => {
    const head = await raw(text);
    assert.match(head, /^HTTP\/1\.[01] 4\d\d /);
    assert.match(head, /^x-content-type-options: nosniff$/im);
  });
}

test('a request id that is no such thing is replaced', async () => {
  for (const id of ['a b', 'a/b', 'a"b', '{}', 'é', 'x'.repeat(129), '<script>']) {
    const { headers } = await request('/health', { headers: { 'x-request-id': Buffer.from(id).toString('latin1') } });
    assert.match(headers['x-request-id'], /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, id);
  }
  for (const id of ['a', 'A-z_0.9', 'x'.repeat(128)]) {
    assert.equal((await request('/health', { headers: { 'x-request-id': id } })).headers['x-request-id'], id);
  }
  const twice = await raw('GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx-request-id: a\r\nx-request-id: b\r\n\r\n');
  assert.match(twice, /^x-request-id: [0-9a-f-]{36}$/im);
});
