// `feed` where it is the only dialect. Started with DIALECTS=feed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, connect, same, token } from '../support/relay.mjs';
import { DONE, asFeed, conversation, feed, feedMessage, knownUsers, observe, reader } from '../support/feed-chat.mjs';

test('a client authenticates, joins and receives messages', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  const [got] = await observe([await reader(alice, id)], () => feedMessage(bob, id));
  assert.deepEqual(got.map(([name]) => name), ['new-message']);
});

test('one that brings its token is notified of conversations before it has said anything', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const client = await connect(alice);
  const id = await conversation(bob, [alice]);
  assert.equal((await client.next('conversation-created')).conversationId, id);
  assert.deepEqual(await asFeed(client, alice).ask('join-conversation', id), DONE);
});

test('a token in the query is not taken: such a client is a guest', async () => {
  const [alice] = await knownUsers('Alice');
  const client = await feed(alice, { query: { token: 'nonsense' } });
  assert.deepEqual(client.all('auth:success').map(({ userId }) => userId), [alice.userId]);
  assert.equal((await attempt({ auth: { token: 'nonsense' } })).outcome, 'Invalid token');
});

test('the events of other dialects are not known', async () => {
  const [alice] = await knownUsers('Alice');
  const id = await conversation(alice);
  for (const event of ['user:typing', 'conversation:join', 'join_room', 'join-session']) {
    const client = await connect(alice, { auth: { token: token(alice) } });
    client.emit(event, event === 'conversation:join' ? { conversationId: id } : id);
    same(await client.next('error'), { message: 'Unknown event', code: 'UNKNOWN_EVENT', context: { event } });
  }
});
