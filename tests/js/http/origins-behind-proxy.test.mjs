// A page that a trusted proxy has served may call through it. Started with TRUSTED_PROXIES=127.0.0.1 and nothing about origins.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../support/relay.mjs';

const is = async (expected, headers) => {
  const { status, body } = await request('/socket.io/?EIO=4&transport=polling', { headers });
  assert.equal(status, expected, body);
};

test('the host that the proxy passes on', async () => {
  await is(200, { Origin: 'https://chat.example', Host: 'chat.example' });
  await is(200, { Origin: 'http://chat.example:8080', Host: 'chat.example:8080' });
  await is(403, { Origin: 'https://evil.example', Host: 'chat.example' });
});

test('the host that the proxy names beside its own', async () => {
  const Host = 'backend:3000';
  await is(200, { Origin: 'https://chat.example', Host, 'X-Forwarded-Host': 'chat.example' });
  await is(200, { Origin: 'https://chat.example', Host, Forwarded: 'for=1.1.1.1;host=chat.example;proto=https' });
  await is(403, { Origin: 'https://evil.example', Host, 'X-Forwarded-Host': 'evil.example, chat.example' });
  await is(403, { Origin: 'https://evil.example', Host, 'X-Forwarded-Host': 'chat.example' });
});

test('the scheme that the proxy names', async () => {
  const headers = { Host: 'chat.example', 'X-Forwarded-Proto': 'https' };
  await is(200, { ...headers, Origin: 'https://chat.example' });
  await is(403, { ...headers, Origin: 'http://chat.example' });
});

test('localhost and 127.0.0.1 are allowed alike', async () => {
  for (const origin of ['http://localhost:5173', 'http://127.0.0.1:5173', 'http://localhost:3000', 'http://127.0.0.1:3000']) {
    await is(200, { Origin: origin });
  }
});
