// `chat` where it is the only dialect: nobody has to say which they speak. Started with DIALECTS=chat.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, attempt, same, token } from '../support/relay.mjs';
import { asChat, chatMessage, conversation, knownUsers, observe } from '../support/feed-chat.mjs';

for (const [name, options] of Object.entries({
  'the query': (text) => ({ query: { token: text } }), auth: (text) => ({ auth: { token: text } }),
  'the Authorization header': (text) => ({ extraHeaders: { Authorization: `Bearer ${text}` } }),
})) {
  test(`a token in ${name} puts a client into its chats`, async () => {
    const [alice, bob] = await knownUsers('Alice', 'Bob');
    const id = await conversation(alice, [bob]);
    const client = new Client(options(token(alice)));
    await client.next('auth:success');
    const [got] = await observe([asChat(client)], () => chatMessage(bob, id));
    assert.deepEqual(got.map(([event, { data }]) => [event, data.chatId]), [['message:new', id]]);
  });
}

test('the query’s token counts before that in auth', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const { welcome } = await attempt({ query: { token: token(alice) }, auth: { token: token(bob) } });
  assert.equal(welcome.userId, alice.userId);
});

test('there are no guests', async () => {
  assert.equal((await attempt({})).outcome, 'Authentication token required');
});

test('the events of other dialects are not known', async () => {
  const [alice] = await knownUsers('Alice');
  const id = await conversation(alice);
  for (const event of ['join-conversation', 'conversation:join', 'join_room', 'join-session']) {
    const { client } = await attempt({ query: { token: token(alice) } });
    client.emit(event, event === 'conversation:join' ? { conversationId: id } : id);
    same(await client.next('error'), { message: 'Unknown event', code: 'UNKNOWN_EVENT', context: { event } });
  }
});
