// Guests, sessions and conversations are counted while they are there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, TIMEOUT, connect, request, token, user } from '../support/relay.mjs';
import { found, post } from '../support/rest.mjs';
import { present } from '../support/conversations.mjs';
import { creator, member, message, place } from '../support/session.mjs';

async function values(names) {
  const { body } = await request('/metrics');
  const value = (name) => {
    const line = body.split('\n').find((one) => one.startsWith(`${name} `));
    assert.ok(line, `no ${name}`);
    return Number(line.slice(name.length));
  };
  return names.map(value);
}

async function become(expected) {
  const deadline = Date.now() + TIMEOUT;
  let found;
  do found = await values(Object.keys(expected));
  while (String(found) !== String(Object.values(expected)) && Date.now() < deadline);
  assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name, at) => [name, found[at]])), expected);
}

test('a guest counts as one until it authenticates', async () => {
  await become({ relay_guest_connections: 0 });
  const guest = new Client({ auth: {}, query: { dialect: 'feed' } });
  await guest.next('connect');
  await become({
    relay_guest_connections: 1, relay_users_online: 0,
    'relay_connections{dialect="feed",transport="websocket"}': 1,
    'relay_handshake_duration_seconds_count{outcome="guest"}': 1,
  });
  guest.emit('authenticate', token(user('Alice')));
  await guest.next('auth:success');
  await become({
    relay_guest_connections: 0, relay_users_online: 1,
    'relay_connections{dialect="feed",transport="websocket"}': 1,
    'relay_events_received_total{dialect="undeclared",event="authenticate"}': 1,
  });
  guest.close();
  await become({ relay_users_online: 0, 'relay_connections{dialect="feed",transport="websocket"}': 0 });
});

test('a session counts by its mode', async () => {
  await become({ 'relay_sessions{mode="private"}': 0 });
  const body = JSON.stringify({ sessionId: 'counted', authKey: 'k', chatMode: 'private' });
  const answer = await request('/api/reserve-session', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body,
  });
  assert.equal(answer.status, 200, answer.body);
  await become({ 'relay_sessions{mode="private"}': 1, 'relay_sessions{mode="group"}': 0 });
});

test('a conversation counts while somebody is subscribed', async () => {
  const [alice, bob] = [user('Alice'), user('Bob')];
  const headers = { authorization: `Bearer ${token(alice)}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ participantIds: [bob.userId] });
  const made = await request('/api/conversations', { method: 'POST', headers, body });
  const { conversation } = JSON.parse(made.body);
  const client = new Client({ auth: { token: token(alice) }, query: { dialect: 'conversation' } });
  await client.next('auth:success');
  client.emit('conversation:join', { conversationId: conversation.id });
  await client.next('conversation:joined');
  await become({
    relay_conversations_active: 1,
    'relay_events_sent_total{dialect="conversation",event="conversation:joined"}': 1,
    'relay_http_requests_total{route="/api/conversations",method="POST",status="2xx"}': 1,
    'relay_store_errors_total{store="conversations",operation="write"}': 0,
  });
  const [writes] = await values(['relay_store_duration_seconds_count{store="conversations",operation="write"}']);
  assert.ok(writes > 0);
  client.close();
  await become({ relay_conversations_active: 0 });
});

test('a message counts as undelivered where somebody whom it is for is not there', async () => {
  const counted = (dialect) => `relay_messages_undelivered_total{dialect="${dialect}"}`;
  const where = place();
  const alone = await creator(where);
  const say = async () => {
    alone.emit('send-message', message(alone));
    await alone.next('message-sent');
  };
  await say();
  await become({ [counted('session')]: 1 });
  await member(where, 'Bob');
  await say();
  const [alice, bob] = [user('Alice'), user('Bob')];
  const id = await found(alice, [bob]);
  const client = await present(alice, id);
  const send = async () => assert.equal((await client.ask('message:send', { conversationId: id, content: 'x' })).success, true);
  await send();
  await become({ [counted('conversation')]: 1, [counted('session')]: 1 });
  await connect(bob);
  await send();
  await post(alice, id, 'over REST');
  await become({ [counted('conversation')]: 1, [counted('feed')]: 0, [counted('chat')]: 0 });
});
