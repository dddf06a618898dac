// One conversation, three dialects: everybody sees one order, whoever sends how, and it is the history's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIMEOUT } from '../support/relay.mjs';
import { chat, joined, knownUsers, reader, settle } from '../support/feed-chat.mjs';
import { done, found, history } from '../support/rest.mjs';

const COUNT = 200;
const numbers = Array.from({ length: COUNT }, (_, number) => number);

/** Two clients of each dialect, of three users in a new conversation. */
async function crowd() {
  const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
  const id = await found(alice, [bob, carol]);
  const clients = [await joined(alice, id), await joined(bob, id), await reader(bob, id), await reader(carol, id), await chat(carol), await chat(alice)];
  return { id, alice, bob, carol, clients };
}

/** Posts what each of `bodies` is, so many at a time. */
async function post(who, bodies, lanes) {
  const left = bodies[Symbol.iterator]();
  const lane = async () => {
    for (const body of left) await done(201, who, 'POST', '/api/messages', body);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

const feedBody = (id) => (number) => ({ conversation_id: id, content_key_number: 1, encrypted_msg_content: `feed ${number}` });
const chatBody = (id) => (number) => ({ chatId: id, content: `chat ${number}` });

/** Emits all at once and waits until all are confirmed. */
async function emitAll(client, conversationId, name) {
  const sendMessage = (number) => new Promise((resolve) => {
    client.emit('message:send', { conversationId, content: `${name} ${number}` }, resolve);
  });
  const answers = await Promise.all(numbers.map(sendMessage));
  assert.ok(answers.every(({ success }) => success));
}

/** What a client was sent about messages, in its order: `[what, id, content]`. */
function receivedBy({ events }) {
  const kinds = {
    'message:new': 'new', 'new-message': 'new', 'message:updated': 'edit', 'message-updated': 'edit', 'message:edited': 'edit', 'message:deleted': 'end', 'message-deleted': 'end',
  };
  const facts = events.filter(({ name }) => kinds[name]).map(({ name, args: [payload] }) => [kinds[name], payload.data ?? payload]);
  return facts.map(([kind, fact]) => [kind, fact.messageId ?? fact.id, fact.content ?? fact.encrypted_msg_content]);
}

const ofSender = (facts, name) => facts.map(([, , content]) => content).filter((content) => content?.startsWith(`${name} `));
const inOrder = (name) => numbers.map((number) => `${name} ${number}`);

test('three hundreds of messages at once: one order for all, the history’s; each sender’s own is preserved', async () => {
  const { id, bob, carol, clients } = await crowd();
  await Promise.all([
    emitAll(clients[0], id, 'socket'),
    post(bob, numbers.map(feedBody(id)), 1),
    post(carol, numbers.map(chatBody(id)), 8),
  ]);
  await settle(clients);
  const stored = (await history(bob, id)).map((message) => ['new', message.id, message.content]);
  assert.equal(stored.length, 3 * COUNT);
  for (const client of clients) assert.deepEqual(receivedBy(client), stored);
  for (const name of ['socket', 'feed']) assert.deepEqual(ofSender(stored, name), inOrder(name));
  assert.deepEqual(ofSender(stored, 'chat').toSorted(), inOrder('chat').toSorted());
});

test('the same when two send over sockets, and one user in two ways', async () => {
  const { id, alice, clients } = await crowd();
  await Promise.all([
    emitAll(clients[0], id, 'socket'),
    emitAll(clients[1], id, 'other'),
    post(alice, numbers.map(chatBody(id)), 4),
  ]);
  await settle(clients);
  const stored = (await history(alice, id)).map((message) => ['new', message.id, message.content]);
  assert.equal(stored.length, 3 * COUNT);
  for (const client of clients) assert.deepEqual(receivedBy(client), stored);
  for (const name of ['socket', 'other']) assert.deepEqual(ofSender(stored, name), inOrder(name));
});

test('changes and deletions have their place in it', async () => {
  const { id, alice, bob, carol, clients } = await crowd();
  const targets = [];
  for (let number = 0; number < 10; number += 1) targets.push((await done(201, bob, 'POST', '/api/messages', feedBody(id)(number))).messageData.id);
  const edit = async () => {
    for (const number of numbers.slice(0, 100)) await done(200, bob, 'PUT', `/api/messages/${targets[number % 9]}`, { encrypted_msg_content: `edit ${number}` });
  };
  const end = async () => {
    await done(200, alice, 'DELETE', `/api/messages/${targets[9]}`);
  };
  await Promise.all([edit(), end(), post(carol, numbers.map(chatBody(id)), 4), emitAll(clients[0], id, 'socket')]);
  await settle(clients);
  const [first, ...others] = clients.map(receivedBy);
  assert.equal(first.length, 10 + 100 + 1 + 2 * COUNT);
  for (const facts of others) assert.deepEqual(facts, first);
  const last = new Map(first.filter(([kind]) => kind === 'edit').map(([, message, content]) => [message, content]));
  for (const message of await history(carol, id)) {
    if (last.has(message.id)) assert.equal(message.content, last.get(message.id));
  }
});

test('who joins in the middle gets the rest, and finds what came before in the history', async () => {
  const { id, alice, bob, clients } = await crowd();
  const sending = emitAll(clients[0], id, 'socket');
  await clients[0].next('message:new', ({ content }) => content === 'socket 50', TIMEOUT);
  const late = [await joined(bob, id), await reader(bob, id), await chat(bob)];
  await sending;
  await settle([...clients, ...late]);
  const stored = (await history(alice, id)).map((message) => ['new', message.id, message.content]);
  for (const client of late) {
    const facts = receivedBy(client);
    assert.deepEqual(facts, stored.slice(stored.length - facts.length));
  }
});
