// The published Admin UI in a browser: it enters a relay with the name and the token of an administrator, shows who is
// connected and no rooms, and disconnects one. Run as `node tests/admin-ui/run.mjs --relay FILE`, once `npm ci` has been.
// Owns the server of its files and the relay; what the page looks like is the Admin UI's.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { extname, join, normalize } from 'node:path';
import { io } from 'socket.io-client';
import { browser, open } from './browser.mjs';
import { Relay } from './relay.mjs';

const TIMEOUT = 30_000;
const FILES = fileURLToPath(new URL('node_modules/@socket.io/admin-ui/ui/dist', import.meta.url));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const SECRET = 'a secret for checks, longer than thirty-two bytes';
const TOKEN = 'a token of administrators, longer than thirty-two bytes';

/** Serves the Admin UI; its origin. */
function serveFiles() {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, 'http://x').pathname).replace(/\/$/, '/index.html');
    try {
      const content = await readFile(join(FILES, path));
      response.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ server, origin: `http://127.0.0.1:${server.address().port}` })));
}

function token(userId) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ userId, username: userId, exp })}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

async function client(url, userId) {
  const socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false, auth: { token: token(userId) } });
  await new Promise((resolve, reject) => socket.once('auth:success', resolve).once('connect_error', reject));
  return socket;
}

/** What the rows of the table say that the page shows, or of its cards. */
const rows = (page) => page.$$eval('tbody tr', (all) => all.map((row) => row.innerText.trim()));

/** Waits until the page shows it so. */
async function shown(page, what, look) {
  const deadline = Date.now() + TIMEOUT;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < deadline, `${what} is not shown: ${await page.evaluate(() => document.body.innerText)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Fills in the form and sends it. */
async function enter(page, url, password) {
  const fields = await shown(page, 'the form', async () => {
    const found = await page.$$('form input:not([type=checkbox])');
    return found.length >= 3 && found;
  });
  for (const [field, text] of [[fields[0], url], [fields[1], 'admin'], [fields[2], password]]) {
    await field.click({ clickCount: 3 });
    await field.type(text);
  }
  await page.click('form button[type=submit]');
}

const go = (page, hash) => page.evaluate((to) => { window.location.hash = to; }, hash);

async function check(page, relay) {
  const [alice, bob] = [await client(relay.url, 'alice'), await client(relay.url, 'bob')];
  await enter(page, relay.url, 'x'.repeat(40));
  await shown(page, 'that it is refused', () => page.evaluate(() => /invalid credentials/i.test(document.body.innerText)));
  await enter(page, relay.url, TOKEN);
  await go(page, '#/clients/');
  await shown(page, 'both clients', async () => (await rows(page)).filter((row) => row.includes('127.0.0.1')).length === 2);
  assert.ok(!(await page.content()).includes('alice'), 'nobody is shown by name');
  await go(page, '#/rooms/');
  await shown(page, 'no rooms', async () => (await rows(page)).every((row) => /no data/i.test(row)) && (await rows(page)).length === 1);
  await go(page, '#/servers/');
  await shown(page, 'the server', async () => (await rows(page)).some((row) => row.includes('browser-node')));
  await go(page, '#/clients/');
  const gone = new Promise((resolve) => [alice, bob].forEach((socket) => socket.once('disconnect', resolve)));
  const button = await shown(page, 'the button', () => page.$('tbody tr button'));
  await button.click();
  assert.equal(await gone, 'io server disconnect');
  // The row leads to what is known of its client.
  await go(page, '#/clients/');
  await shown(page, 'one client', async () => (await rows(page)).filter((row) => row.includes('127.0.0.1')).length === 1);
  assert.equal([alice, bob].filter((socket) => socket.connected).length, 1);
  // It comes back by the session that it was told.
  await page.reload({ waitUntil: 'load' });
  await shown(page, 'one client again', async () => (await rows(page)).filter((row) => row.includes('127.0.0.1')).length === 1);
  for (const socket of [alice, bob]) socket.close();
}

const [flag, program] = process.argv.slice(2);
if (flag !== '--relay' || !program) throw new Error('node tests/admin-ui/run.mjs --relay FILE');
const { server, origin } = await serveFiles();
const relay = await Relay.start(program, {
  JWT_SECRET: SECRET, ADMIN_TOKEN: TOKEN, ADMIN_UI: 'true', ALLOWED_ORIGINS: origin, NODE_NAME: 'browser-node', RATE_LIMITS: 'off',
});
const launched = await browser();
try {
  await check(await open(launched.browser, origin), relay);
} finally {
  await launched.remove();
  await relay.stop();
  server.close();
}
console.log('the Admin UI shows and disconnects clients');
