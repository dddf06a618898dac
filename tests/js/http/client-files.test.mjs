// The published client for browsers, from the folder CLIENT_FILES: the same bytes, which browsers keep for an hour, and no
// other file. Beside those of the package the folder has `socket.io.min.js.map`, a link out of it, and `private.js`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';
// Browsers have one; of Node not every version does.
import WebSocket from 'ws';
import { RELAY_URL, request, token, user } from '../support/relay.mjs';
import { NO_ROUTE, refused } from '../support/rest.mjs';

const FOLDER = process.env.CLIENT_FILES;
const SERVED = ['socket.io.js', 'socket.io.js.map', 'socket.io.min.js', 'socket.io.esm.min.js', 'socket.io.esm.min.js.map', 'socket.io.msgpack.min.js', 'socket.io.msgpack.min.js.map'];
const NOT_SERVED = ['socket.io.min.js.map', 'private.js', 'x', '..%2Frelay.db', '%2e%2e%2frelay.db', 'socket.io.js%00', 'SOCKET.IO.JS', 'below/socket.io.js'];
const ORIGIN = 'http://localhost:5173';

for (const name of SERVED) {
  test(`${name} is that of the folder, and is kept for an hour`, async () => {
    const { status, headers, body } = await request(`/socket.io/${name}`);
    assert.equal(status, 200);
    assert.equal(body, readFileSync(`${FOLDER}/${name}`, 'utf8'));
    assert.equal(headers['content-type'], 'text/javascript; charset=utf-8');
    assert.equal(headers['cache-control'], 'public, max-age=3600');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    const head = await request(`/socket.io/${name}`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.body, head.headers.etag], [200, '', headers.etag]);
    assert.equal(Number(head.headers['content-length']), Buffer.byteLength(body));
  });
}

test('who has a file is not sent it again', async () => {
  const path = '/socket.io/socket.io.min.js';
  const { etag } = (await request(path)).headers;
  assert.match(etag, /^"[\w-]{43}"$/);
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const { status, headers, body } = await request(path, { headers: { 'If-None-Match': known } });
    assert.deepEqual([status, body, headers.etag, headers['cache-control']], [304, '', etag, 'public, max-age=3600'], known);
  }
  for (const other of ['"other"', etag.slice(1, -1), '']) {
    assert.equal((await request(path, { headers: { 'If-None-Match': other } })).status, 200, other);
  }
});

test('nothing else is served', async () => {
  for (const name of NOT_SERVED) {
    await refused(404, NO_ROUTE, null, 'GET', `/socket.io/${name}`);
  }
  await refused(404, NO_ROUTE, null, 'POST', '/socket.io/socket.io.js', {});
  await refused(404, NO_ROUTE, null, 'DELETE', '/socket.io/socket.io.js');
});

test('pages of allowed origins may load them, and no others', async () => {
  const path = '/socket.io/socket.io.esm.min.js';
  const { status, headers } = await request(path, { headers: { Origin: ORIGIN } });
  assert.deepEqual([status, headers['access-control-allow-origin']], [200, ORIGIN]);
  const other = await request(path, { headers: { Origin: 'http://evil.example' } });
  assert.equal(other.status, 403);
});

test('what is served connects', async () => {
  const { body } = await request('/socket.io/socket.io.js');
  const page = { WebSocket, setTimeout, clearTimeout, console, ArrayBuffer, Blob, URLSearchParams, exports: {}, module: {} };
  page.module.exports = page.exports;
  vm.runInNewContext(body, page);
  const socket = page.module.exports.io(RELAY_URL, { transports: ['websocket'], forceNew: true, auth: { token: token(user('Alice')) } });
  await new Promise((resolve, reject) => socket.on('auth:success', resolve).on('connect_error', reject));
  socket.close();
});
