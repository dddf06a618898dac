// What published clients do is counted: connections by their transport, events by their names, refusals by their codes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIMEOUT, attempt, connect, request, seconds, token, user } from '../support/relay.mjs';

const sealed = { ciphertext: 'c', iv: 'i', tag: 't' };

/** The value of each series. */
async function page() {
  const { status, headers, body } = await request('/metrics');
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const lines = body.split('\n').filter((line) => line && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]));
}

/** What has changed of these series since `before`, once it is what is expected. */
async function changed(before, expected) {
  const deadline = Date.now() + TIMEOUT;
  for (;;) {
    const now = await page();
    const found = Object.fromEntries(Object.keys(expected).map((name) => {
      assert.ok(before.has(name) && now.has(name), `no ${name}`);
      return [name, now.get(name) - before.get(name)];
    }));
    try {
      return assert.deepEqual(found, expected);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

const open = (transport) => `relay_connections{dialect="direct",transport="${transport}"}`;
const opened = (transport) => `relay_connections_opened_total{dialect="direct",transport="${transport}"}`;
const closed = (reason) => `relay_connections_closed_total{reason="${reason}"}`;
const received = (event, dialect = 'direct') => `relay_events_received_total{dialect="${dialect}",event="${event}"}`;
const sent = (event, dialect = 'direct') => `relay_events_sent_total{dialect="${dialect}",event="${event}"}`;
const refused = (code) => `relay_refusals_total{surface="socket",code="${code}"}`;
const authenticated = (outcome) => `relay_authentications_total{outcome="${outcome}"}`;
const audited = (event) => `relay_audit_records_total{event="${event}"}`;
const handshakes = (outcome) => `relay_handshake_duration_seconds_count{outcome="${outcome}"}`;

test('connections are counted by their transport, from their beginning to their end', async () => {
  const before = await page();
  const socket = await connect(user('Alice'));
  const polling = await connect(user('Bob'), { transports: ['polling'] });
  await changed(before, {
    [open('websocket')]: 1, [open('polling')]: 1, [opened('websocket')]: 1, [opened('polling')]: 1,
    relay_users_online: 2, relay_guest_connections: 0, [authenticated('accepted')]: 2,
    [handshakes('admitted')]: 2, [sent('auth:success', 'undeclared')]: 2, [audited('SOCKET_CONNECT')]: 2,
  });
  socket.close();
  polling.close();
  await changed(before, {
    [open('websocket')]: 0, [open('polling')]: 0, relay_users_online: 0,
    [closed('client_left')]: 2, relay_connection_duration_seconds_count: 2,
  });
});

test('a client that polls and then upgrades counts as one with a WebSocket', async () => {
  const before = await page();
  const client = await connect(user('Alice'), { transports: ['polling', 'websocket'] });
  if (client.socket.io.engine.transport.name !== 'websocket') {
    await new Promise((resolve) => client.socket.io.engine.once('upgrade', resolve));
  }
  await changed(before, { [open('websocket')]: 1, [open('polling')]: 0 });
  client.close();
  await changed(before, { [open('websocket')]: 0, [open('polling')]: 0 });
});

test('events are counted by their names, each for every connection that gets it', async () => {
  const receiver = user('Bob');
  const [alice, bob] = [await connect(user('Alice')), await connect(receiver)];
  const second = await connect(receiver);
  const before = await page();
  await alice.ask('send_message', { recipientId: bob.userId, ...sealed, seq: 1 });
  await Promise.all([bob.next('receive_message'), second.next('receive_message')]);
  await alice.ask('send_message', { recipientId: 'nobody', ...sealed, seq: 2 });
  await changed(before, {
    [received('send_message')]: 2, [sent('receive_message')]: 2, [sent('message:sent')]: 2,
    'relay_event_duration_seconds_count{dialect="direct"}': 2,
    'relay_messages_undelivered_total{dialect="direct"}': 1, [audited('MESSAGE_SENT')]: 2,
  });
  const now = await page();
  for (const way of ['received', 'sent']) {
    const series = `relay_${way}_bytes_total{transport="websocket"}`;
    assert.ok(now.get(series) - before.get(series) > 100, series);
  }
});

test('what a client that polls sends and gets is counted in bytes', async () => {
  const before = await page();
  const alice = await connect(user('Alice'), { transports: ['polling'] });
  await alice.ask('send_message', { recipientId: 'nobody', ...sealed, ciphertext: 'x'.repeat(10_000), seq: 1 });
  const now = await page();
  const difference = (series) => now.get(series) - before.get(series);
  assert.ok(difference('relay_received_bytes_total{transport="polling"}') > 10_000);
  assert.ok(difference('relay_sent_bytes_total{transport="polling"}') > 100);
});

test('refusals are counted by the code that the client is told', async () => {
  const alice = await connect(user('Alice'));
  const before = await page();
  await alice.ask('send_message', { ...sealed, seq: 1 });
  await alice.ask('no_such_event', {});
  for (const [claims, options] of [[{ exp: seconds(-60) }, {}], [{}, { secret: 'another one' }]]) {
    const { outcome } = await attempt({ auth: { token: token({ ...user('Eve'), ...claims }, options) } });
    assert.notEqual(outcome, 'connected');
  }
  assert.equal((await attempt({})).outcome, 'Authentication token required');
  await changed(before, {
    [refused('INVALID_INPUT')]: 1, [refused('UNKNOWN_EVENT')]: 1, [refused('EXPIRED_TOKEN')]: 1,
    [refused('INVALID_TOKEN')]: 1, [refused('MISSING_TOKEN')]: 1,
    [authenticated('expired')]: 1, [authenticated('bad_signature')]: 1, [authenticated('missing')]: 1,
    [received('send_message')]: 1, [received('unknown', 'undeclared')]: 1, [handshakes('refused')]: 3,
    [audited('AUTH_FAILED')]: 3, [opened('websocket')]: 0,
  });
});

test('requests are counted by route, method and status, and refusals of Engine.IO by their codes', async () => {
  const before = await page();
  await request('/api/users/me/blocked/someone', { method: 'PUT' });
  await request('/nowhere');
  await request('/socket.io/?EIO=4&transport=carrier-pigeon');
  await request('/socket.io/?EIO=4&transport=polling&sid=gone');
  const requests = (route, method, status) => `relay_http_requests_total{route="${route}",method="${method}",status="${status}"}`;
  await changed(before, {
    [requests('/api/users/me/blocked/{id}', 'PUT', '4xx')]: 1,
    [requests('unmatched', 'GET', '4xx')]: 1,
    'relay_http_request_duration_seconds_count{route="unmatched"}': 1,
    'relay_refusals_total{surface="rest",code="MISSING_TOKEN"}': 1,
    'relay_refusals_total{surface="engine",code="0"}': 1,
    'relay_refusals_total{surface="engine",code="1"}': 1,
  });
});
