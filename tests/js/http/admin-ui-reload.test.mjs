// What a reload of the settings does to administrators of the Admin UI. Started with ADMIN_TOKENS and ADMIN_UI in the file
// CONFIG_FILE, which has nothing else.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { administrator, named, refused } from '../support/admin-ui.mjs';
import { bearer, done } from '../support/rest.mjs';

const tokens = process.env.ALL_ADMIN_TOKENS.split(',').map((line) => line.trim());
const line = (name) => tokens.find((one) => one.startsWith(`${name}:`));

/** Has these settings in effect. */
async function reload(names, more = {}) {
  const settings = { admin_tokens: names.map(line), admin_ui: true, ...more };
  writeFileSync(process.env.CONFIG_FILE, Object.entries(settings).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`).join(''));
  await done(200, bearer('token of all'), 'POST', '/api/admin/reload');
}

test('who has no token any more is disconnected, and their session is over', async () => {
  await reload(['all', 'connections']);
  const [stays, goes] = [await administrator(named('all')), await administrator(named('connections'))];
  await reload(['all', 'audit']);
  await goes.next('disconnect');
  assert.equal(await refused({ sessionId: goes.session }), 'invalid credentials');
  assert.equal(await refused(named('connections')), 'invalid credentials');
  await stays.next('server_stats');
  await administrator({ sessionId: stays.session });
});

test('a session ends with its token, also when another token has its name', async () => {
  await reload(['all', 'connections']);
  const admin = await administrator(named('connections'));
  const [name] = line('connections').split(':');
  const other = `${name}:connections:${line('audit').split(':')[2]}`;
  writeFileSync(process.env.CONFIG_FILE, `admin_ui = true\nadmin_tokens = ${JSON.stringify([line('all'), other])}\n`);
  await done(200, bearer('token of all'), 'POST', '/api/admin/reload');
  await admin.next('disconnect');
  assert.equal(await refused({ sessionId: admin.session }), 'invalid credentials');
  await administrator({ username: name, password: 'token of audit' });
});

test('what it shows and does is what the settings say now, and without it nobody is there', async () => {
  await reload(['all']);
  const admin = await administrator(named('all'));
  await reload(['all'], { admin_ui_readonly: true });
  const [{ supportedFeatures }] = await admin.next('config');
  assert.deepEqual(supportedFeatures, ['AGGREGATED_EVENTS', 'ALL_EVENTS']);
  await reload(['all'], { admin_ui: false });
  await admin.next('disconnect');
  assert.equal(await refused(named('all')), 'Invalid namespace');
});
