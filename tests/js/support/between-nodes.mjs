// The proof that nothing is on its way between nodes. Only where the dialect `conversation` is served; with one node there
// is nothing to prove.
import assert from 'node:assert/strict';
import { afterEach } from 'node:test';
import { RELAY_URLS, connect, request, token, unique, user } from './relay.mjs';

let guards = null;

// Clients end with their test.
afterEach(() => (guards = null));

/** A client on each node, all in a conversation of their own. */
async function connectGuards() {
  const users = RELAY_URLS.map(() => user('Guard'));
  const participantIds = users.slice(1).map(({ userId }) => userId);
  const headers = { Authorization: `Bearer ${token(users[0])}`, 'Content-Type': 'application/json' };
  const made = await request('/api/conversations', { method: 'POST', headers, body: JSON.stringify({ participantIds }) });
  assert.equal(made.status, 201, made.body);
  const conversationId = JSON.parse(made.body).conversation.id;
  return Promise.all(RELAY_URLS.map(async (url, index) => {
    const client = await connect(users[index], { url, auth: { token: token(users[index]), dialect: 'conversation' } });
    assert.deepEqual(await client.ask('conversation:join', { conversationId }), { success: true });
    return Object.assign(client, { conversationId });
  }));
}

async function reachAll(from, others) {
  const content = unique('guard');
  const { success } = await from.ask('message:send', { conversationId: from.conversationId, content });
  assert.equal(success, true);
  await Promise.all(others.map((other) => other.next('message:new', (payload) => payload.content === content)));
}

/**
 * Waits until what nodes had sent each other has arrived and is handled: what they send each other afterwards goes the same
 * way, in order, and has been handled twice.
 */
export async function settleNodes() {
  if (RELAY_URLS.length === 1) return;
  guards ??= await connectGuards();
  for (let round = 0; round < 2; round += 1) {
    for (const from of guards) await reachAll(from, guards.filter((other) => other !== from));
  }
}
