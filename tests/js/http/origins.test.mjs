// Which web pages may call: lists, wildcards, and the page that the server itself, or a proxy, has served. Started with
// ALLOWED_ORIGINS with http://localhost:5173, https://*.example.com and the SHELLS, PUBLIC_HOSTS=chat.example and an admin
// token.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RELAY_URL, attempt, request, token, unique, user } from '../support/relay.mjs';
import { ADMIN, done } from '../support/rest.mjs';

const POLLING = '/socket.io/?EIO=4&transport=polling';
const WEBSOCKET = {
  Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};
const REFUSED = { error: 'Origin not allowed', code: 'ORIGIN_NOT_ALLOWED' };

/** The statuses of a request over REST, of a polling handshake and of a WebSocket with these headers, which must agree. */
async function status(headers) {
  const answers = [
    await request('/health', { headers }), await request(POLLING, { headers }),
    await request('/socket.io/?EIO=4&transport=websocket', { headers: { ...headers, ...WEBSOCKET } }),
  ];
  const allowed = answers.map((answer) => answer.status !== 403);
  assert.equal(new Set(allowed).size, 1, JSON.stringify(answers.map((answer) => answer.status)));
  return allowed[0] ? 'allowed' : 'refused';
}

/** What the shells of applications send. */
const SHELLS = [
  'file://', 'app://.', 'capacitor://localhost', 'ionic://localhost', 'tauri://localhost', 'chrome-extension://abcdefghijklmnop',
];

const ALLOWED = [
  ...SHELLS.map((origin) => ['a shell of the list', origin]),
  ['one of the list', 'http://localhost:5173'],
  ['below a domain', 'https://a.example.com'],
  ['far below it', 'https://a.b.example.com'],
  ['the public host itself', 'https://chat.example', 'chat.example'],
  ['the public host without encryption', 'http://chat.example', 'chat.example'],
  ['the public host on a port', 'https://chat.example:8443', 'chat.example:8443'],
  ['a host of the list on another port', 'http://localhost:9999', 'localhost:9999'],
];
const FORBIDDEN = [
  ['another', 'http://evil.example'],
  ['the domain itself', 'https://example.com'],
  ['another scheme below it', 'http://a.example.com'],
  ['what ends alike', 'https://evilexample.com'],
  ['what begins alike', 'https://a.example.com.evil.example'],
  ['none', 'null'],
  ['a shell that is not listed', 'app://-'],
  ['a host of a shell', 'file://localhost'],
  ['another scheme of the same host', 'http://localhost', 'other.example'],
  ['a shell at the host of the request', 'wails://localhost', 'localhost'],
  ['the host of the request, which anybody’s name may lead to', 'http://evil.example', 'evil.example'],
  ['the same on a port', 'http://evil.example:3000', 'evil.example:3000'],
  ['the public host, called by another name', 'https://chat.example', 'other.example'],
  ['the public host on another port', 'https://chat.example:8443', 'chat.example'],
];

for (const [expected, cases] of Object.entries({ allowed: ALLOWED, refused: FORBIDDEN })) {
  for (const [what, origin, host] of cases) {
    test(`${expected}: ${what}, ${origin} at ${host ?? 'the usual host'}`, async () => {
      assert.equal(await status({ Origin: origin, ...(host && { Host: host }) }), expected);
    });
  }
}

test('who is no trusted proxy names no host', async () => {
  const forwarded = { 'X-Forwarded-Host': 'evil.example', Forwarded: 'host=evil.example' };
  assert.equal(await status({ Origin: 'http://evil.example', ...forwarded }), 'refused');
});

test('the page reads why it was refused', async () => {
  const { status: code, headers, body } = await request(POLLING, { headers: { Origin: 'http://evil.example' } });
  assert.equal(code, 403);
  assert.deepEqual(JSON.parse(body), REFUSED);
  assert.equal(headers['access-control-allow-origin'], 'http://evil.example');
  assert.equal(headers['access-control-allow-credentials'], undefined);
  assert.match(headers.vary, /origin/i);
});

test('an allowed origin is told so, and the published client connects from it', async () => {
  const origin = 'https://a.example.com';
  const { headers } = await request('/health', { headers: { Origin: origin } });
  assert.equal(headers['access-control-allow-origin'], origin);
  for (const [from, expected] of [[origin, 'connected'], ['http://evil.example', 'websocket error']]) {
    const options = { url: RELAY_URL, auth: { token: token(user('Alice')) }, extraHeaders: { Origin: from } };
    assert.equal((await attempt(options)).outcome, expected);
  }
});

for (const origin of SHELLS) {
  for (const transport of ['websocket', 'polling']) {
    test(`the published client connects from ${origin} by ${transport}`, async () => {
      const options = { url: RELAY_URL, transports: [transport], auth: { token: token(user('Alice')) }, extraHeaders: { Origin: origin } };
      assert.equal((await attempt(options)).outcome, 'connected');
    });
  }
}

test('a refused origin is recorded with its name', async () => {
  const origin = `http://${unique('evil')}.example`;
  await request('/health', { headers: { Origin: origin } });
  const deadline = Date.now() + 10_000;
  let details;
  do {
    const { records } = await done(200, ADMIN, 'GET', '/api/admin/audit?event=REFUSED&limit=1000');
    details = records.map((record) => record.details).find((found) => found.origin === origin);
  } while (!details && Date.now() < deadline);
  assert.deepEqual(details, { code: REFUSED.code, origin });
});
