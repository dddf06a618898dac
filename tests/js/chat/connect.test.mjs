// `chat`: a socket is in all its chats from the first moment, and knows who is there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, TIME, attempt, same, seconds, token } from '../support/relay.mjs';
import { asChat, chat, chatMessage, conversation, knownUsers, observe, person, remove, settle } from '../support/feed-chat.mjs';

const names = (client) => client.events.map(({ name }) => name);
/** What partners of `userId` are sent when that user comes. */
const online = ({ userId }) => {
  const facts = { userId, status: 'online', timestamp: TIME };
  return { type: 'user:online', data: facts, ...facts };
};
/** Who was announced to a socket as online, in the order of their ids. */
const onlineSeenBy = (client) => client.all('user:online').map(({ userId }) => userId).toSorted();
const ids = (...users) => users.map(({ userId }) => userId).toSorted();

for (const transport of ['websocket', 'polling']) {
  for (const [name, options] of Object.entries({
    'in the query': (text) => ({ query: { token: text } }),
    'in the query, with its scheme': (text) => ({ query: { token: `Bearer ${text}` } }),
    'in the query of one that declares chat': (text) => ({ query: { token: text, dialect: 'chat' } }),
    'in auth': (text) => ({ auth: { token: text, dialect: 'chat' } }),
    'in the Authorization header': (text) => ({ extraHeaders: { Authorization: `Bearer ${text}` }, query: { dialect: 'chat' } }),
  })) {
    test(`a token ${name} lets a client in and puts it into its chats, over ${transport}`, async () => {
      const [alice, bob] = await knownUsers('Alice', 'Bob');
      const chats = [await conversation(alice, [bob]), await conversation(bob, [alice])];
      const client = new Client({ ...options(token(alice)), transports: [transport] });
      const welcome = await client.next('auth:success');
      same(welcome, { userId: alice.userId, socketId: client.socket.id, message: 'Authentication successful' });
      asChat(client);
      const [got] = await observe([client], async () => {
        for (const id of chats) await chatMessage(bob, id);
      });
      assert.deepEqual(got.map(([event, { data }]) => [event, data.chatId]), chats.map((id) => ['message:new', id]));
    });
  }
}

for (const [name, text, message] of [
  ['that is none', () => 'nonsense', 'Invalid token'],
  ['of another server', () => token(person('A'), { secret: 'another secret of more than thirty-two bytes' }), 'Invalid token'],
  ['that expired', () => token({ ...person('A'), exp: seconds(-60) }), 'Token expired'],
]) {
  test(`a token ${name} lets nobody in`, async () => {
    for (const options of [{ query: { token: text() } }, { auth: { token: text(), dialect: 'chat' } }]) {
      const { client, outcome } = await attempt(options);
      assert.equal(outcome, message);
      assert.deepEqual(client.all('auth:success'), []);
    }
  });
}

test('a client that declares chat needs its token at once', async () => {
  for (const options of [{ query: { dialect: 'chat' } }, { auth: { dialect: 'chat' } }, { query: { dialect: 'chat', token: '' } }]) {
    assert.equal((await attempt(options)).outcome, 'Authentication token required');
  }
});

test('who has no chats is sent `auth:success` and nothing else', async () => {
  const client = await chat(person('Alice'));
  assert.deepEqual(names(client), ['connect', 'auth:success']);
});

test('the first socket of a user is announced to each of their partners once, and each partner who is online to it', async () => {
  const [alice, bob, carol, dave, eve] = await knownUsers('Alice', 'Bob', 'Carol', 'Dave', 'Eve');
  // Bob and Carol share several chats with Alice; Dave is away; Eve shares none.
  await conversation(alice, [bob, carol, dave]);
  await conversation(bob, [alice]);
  await conversation(eve, [bob]);
  const others = [await chat(bob), await chat(bob), await chat(carol), await chat(eve)];
  let client;
  const seen = await observe(others, async () => (client = await chat(alice)));
  assert.equal(seen.length, 4);
  for (const events of seen.slice(0, 3)) same(events, [['user:online', online(alice)]]);
  assert.deepEqual(seen[3], []);
  assert.deepEqual(names(client), ['connect', 'auth:success', 'user:online', 'user:online']);
  assert.deepEqual(onlineSeenBy(client), ids(bob, carol));
  for (const event of client.all('user:online')) same(event, online(event));
});

test('further sockets of a user are sent who is online; others are not notified of them', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  await conversation(alice, [bob]);
  const others = [await chat(bob), await chat(alice)];
  await settle(others);
  let client;
  const seen = await observe(others, async () => (client = await chat(alice)));
  assert.deepEqual(seen, [[], []]);
  assert.deepEqual(names(client), ['connect', 'auth:success', 'user:online']);
  assert.deepEqual(onlineSeenBy(client), ids(bob));
});

test('users who connect at the same moment are notified of each other once', async () => {
  for (let round = 0; round < 20; round += 1) {
    const all = await knownUsers('Alice', 'Bob', 'Carol');
    await conversation(all[0], all.slice(1));
    const clients = await Promise.all(all.map((who) => chat(who)));
    await settle(clients);
    for (const [index, client] of clients.entries()) assert.deepEqual(onlineSeenBy(client), ids(...all.toSpliced(index, 1)), `round ${round}`);
  }
});

test('a message that a partner sends as soon as a user is announced arrives', async () => {
  const [bob] = await knownUsers('Bob');
  const partner = await chat(bob);
  for (let round = 0; round < 5; round += 1) {
    const [who] = await knownUsers('Alice');
    const place = await conversation(bob, [who]);
    const posted = partner.next('user:online', ({ userId }) => userId === who.userId).then(() => chatMessage(bob, place));
    const client = await chat(who);
    await posted;
    await settle([client]);
    assert.equal(client.all('message:new').length, 1);
  }
});

test('a user may be in many chats', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const chats = [];
  for (let index = 0; index < 60; index += 1) chats.push(await conversation(bob, [alice]));
  const partner = await chat(bob);
  let client;
  const [got] = await observe([partner], async () => (client = await chat(alice)));
  assert.equal(got.length, 1);
  assert.deepEqual(onlineSeenBy(client), ids(bob));
  const [received] = await observe([client], async () => {
    for (const id of chats) await chatMessage(bob, id);
  });
  assert.deepEqual(received.map(([, { data }]) => data.chatId), chats);
});

test('a fresh token of the same user changes nothing; another’s ends the connection', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  const client = await chat(alice);
  const [got] = await observe([client], async () => {
    assert.deepEqual(await client.ask('authenticate', token(alice)), { success: true });
    await chatMessage(bob, id);
  });
  assert.deepEqual(got.map(([name]) => name), ['authenticated', 'message:new']);
  client.emit('authenticate', token(bob));
  await client.next('authenticated', ({ success }) => !success);
  assert.equal(await client.next('disconnect'), 'io server disconnect');
});

test('a chat that a user was removed from is none of theirs, nor are the users in it', async () => {
  const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
  const [gone, stored] = [await conversation(bob, [alice]), await conversation(carol, [alice])];
  await remove(bob, gone, alice);
  const others = [await chat(bob), await chat(carol)];
  let client;
  const seen = await observe(others, async () => (client = await chat(alice)));
  assert.deepEqual(seen.map((events) => events.length), [0, 1]);
  assert.deepEqual(onlineSeenBy(client), ids(carol));
  const [received] = await observe([client], async () => {
    await chatMessage(bob, gone);
    await chatMessage(carol, stored);
  });
  assert.deepEqual(received.map(([, { data }]) => data.chatId), [stored]);
});
