// `chat`: messages are posted, edited and deleted over REST, and sent to everybody in the chat.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, unique } from '../support/relay.mjs';
import {
  DONE, chat, chatEdit, chatMessage, chatPost, comesBeforeTheAnswer, conversation, erase, feedMessage, joined, knownUsers, must, number, observe,
  refused, rest,
} from '../support/feed-chat.mjs';

const DENIED = [403, 'You are not a participant of this chat', 'NOT_PARTICIPANT'];
const NO_MESSAGE = [404, 'Message not found', 'NOT_FOUND'];
const EMPTY = [400, 'Either content or media must be provided', 'INVALID_INPUT'];
const LONG = [400, 'Content must not exceed 5000 characters', 'INVALID_INPUT'];

/** A chat of Alice and Bob: the two, its id, and their sockets, Alice's two first. */
async function scene(fields = {}) {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob], fields);
  return { alice, bob, id, clients: [await chat(alice), await chat(alice), await chat(bob)] };
}

/** How a message over REST shows who sent it. */
const personOf = ({ userId, username }) => ({ id: userId, name: username, firstName: username, lastName: '' });
const eventOf = (type, data) => [type, { type, data }];
/** The same events for each of the three. */
const all = (...events) => Array(3).fill(events);

test('a message is sent to everybody in the chat, the sender too', async () => {
  const { alice, id, clients } = await scene();
  let answer;
  const seen = await observe(clients, async () => (answer = await must(201, chatPost(alice, id, { content: 'sealed' }))));
  const { data: { id: messageId, timestamp } } = answer;
  const facts = { chatId: id, senderId: alice.userId, content: 'sealed' };
  same(answer, { message: 'Message sent', data: { id: messageId, ...facts, sender: personOf(alice), media: null, editedAt: null, deletedFor: [], timestamp: TIME } });
  assert.match(messageId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(seen, all(eventOf('message:new', { messageId, ...facts, timestamp })));
});

test('what one read elsewhere is sent to their own sockets only', async () => {
  const { alice, bob, id, clients } = await scene();
  const { id: messageId } = await chatMessage(alice, id);
  for (const client of clients) await client.next('message:new', ({ data }) => data.messageId === messageId);
  const seen = await observe(clients, () => must(200, rest(bob, 'POST /api/messages/read', { conversationId: id, messageIds: [messageId] })));
  const data = { chatId: id, messageIds: [messageId], readBy: bob.userId, readAt: TIME };
  same(seen, [[], [], [eventOf('message:read:receipt', data)]]);
});

test('everything is sent before the request is answered', async () => {
  const { alice, id, clients } = await scene();
  const client = clients[2];
  const messages = [];
  await comesBeforeTheAnswer(client, 'message:new', async () => messages.push(await chatMessage(alice, id)));
  await comesBeforeTheAnswer(client, 'message:edited', (round) => must(200, chatEdit(alice, messages[0].id, `edit ${round}`)));
  await comesBeforeTheAnswer(client, 'message:deleted', (round) => must(200, erase(alice, messages[round].id)));
});

for (const [name, media] of Object.entries({
  'a text': 'https://media.test/1', 'an object': { url: 'u', size: 3 }, 'a list': [{ url: 'u' }, { url: 'v' }],
})) {
  test(`media may be ${name}, with or without content`, async () => {
    const { alice, id, clients } = await scene();
    for (const [given, content] of [[{ media }, ''], [{ media, content: null }, ''], [{ media, content: 'look' }, 'look']]) {
      let data;
      const seen = await observe(clients, async () => (data = await chatMessage(alice, id, given)));
      same(data, { id: data.id, chatId: id, senderId: alice.userId, sender: personOf(alice), content, media, editedAt: null, deletedFor: [], timestamp: TIME });
      const { id: messageId, timestamp } = data;
      assert.deepEqual(seen, all(eventOf('message:new', { messageId, chatId: id, senderId: alice.userId, content, media, timestamp })));
    }
  });
}

test('content and media are passed on byte for byte', async () => {
  const { alice, id, clients: [client] } = await scene();
  const [content, media] = ['"\\u00e9\\/ 🦊"', '{"b":1.0,"a":1e2,"b":12345678901234567890}'];
  const frames = client.frames();
  const answer = await rest(alice, 'POST /api/messages', `{"chatId":${JSON.stringify(id)},"media": ${media} ,"content": ${content}}`);
  assert.equal(answer.status, 201, answer.body);
  await client.next('message:new');
  const sent = frames.find((frame) => frame.includes('message:new'));
  for (const part of [content, media]) for (const text of [answer.body, sent]) assert.ok(text.includes(part), text);
});

test('an edit is sent to everybody, and only the author may', async () => {
  const { alice, bob, id, clients } = await scene();
  const { id: messageId, timestamp } = await chatMessage(bob, id);
  let answer;
  const seen = await observe(clients, async () => {
    await refused(chatEdit(alice, messageId, 'forged'), ...NO_MESSAGE);
    answer = await must(200, chatEdit(bob, messageId, 'edited'));
  });
  const { editedAt } = answer.message;
  const sender = { id: bob.userId, name: bob.username };
  const message = { id: messageId, conversationId: id, senderId: bob.userId, content: 'edited', createdAt: timestamp, editedAt: TIME, sender };
  same(answer, { message });
  assert.deepEqual(seen, all(eventOf('message:edited', { messageId, chatId: id, content: 'edited', editedAt })));
});

test('a deletion is sent once, and there is nothing left to edit', async () => {
  const { alice, bob, id, clients } = await scene();
  const { id: messageId } = await chatMessage(alice, id);
  const seen = await observe(clients, async () => {
    await refused(erase(bob, messageId), ...NO_MESSAGE);
    for (let round = 0; round < 2; round += 1) same(await must(200, erase(alice, messageId)), { message: 'Message deleted', id: messageId });
    await refused(chatEdit(alice, messageId, 'late'), ...NO_MESSAGE);
  });
  assert.deepEqual(seen, all(eventOf('message:deleted', { messageId, chatId: id })));
});

test('who administers the chat may delete what others wrote', async () => {
  const { alice, bob, id, clients } = await scene();
  const { id: messageId } = await chatMessage(bob, id);
  const seen = await observe(clients, () => must(200, erase(alice, messageId)));
  assert.deepEqual(seen, all(eventOf('message:deleted', { messageId, chatId: id })));
});

test('a message hidden for oneself is sent to nobody, and is gone from one’s own list alone', async () => {
  const { alice, bob, id, clients } = await scene();
  const stored = await chatMessage(alice, id);
  const hidden = await chatMessage(alice, id);
  const seen = await observe(clients, async () => {
    same(await must(200, erase(bob, hidden.id, '?forAll=false')), { message: 'Message deleted', id: hidden.id });
  });
  assert.deepEqual(seen, [[], [], []]);
  const list = async (who) => (await must(200, rest(who, `GET /api/messages?chatId=${id}`))).messages;
  assert.deepEqual(await list(bob), [stored]);
  assert.deepEqual(await list(alice), [stored, hidden]);
});

test('the list shows what was edited and deleted', async () => {
  const { alice, id } = await scene();
  const messages = [await chatMessage(alice, id), await chatMessage(alice, id, { media: { url: 'u' } }), await chatMessage(alice, id)];
  await must(200, chatEdit(alice, messages[0].id, 'edited'));
  await must(200, erase(alice, messages[1].id));
  const { receipts, ...page } = await must(200, rest(alice, `GET /api/messages?chatId=${id}`));
  same(page, {
    message: 'Messages retrieved', total: 3, count: 3, limit: 50, offset: 0, cursor: '6',
    messages: [{ ...messages[0], content: 'edited', editedAt: TIME }, { ...messages[1], content: null, media: null, deletedAt: TIME }, messages[2]],
  });
});

test('a chat receives its own messages only, and whoever is in none of them receives nothing', async () => {
  const { alice, bob, id, clients } = await scene();
  const [carol, eve] = await knownUsers('Carol', 'Eve');
  const other = await conversation(bob, [carol]);
  const seen = await observe([...clients, await chat(carol), await chat(eve)], async () => {
    await chatMessage(alice, id);
    await chatMessage(carol, other);
  });
  const chats = seen.map((events) => events.filter(([name]) => name === 'message:new').map(([, { data }]) => data.chatId));
  assert.deepEqual(chats, [[id], [id], [id, other], [other], []]);
});

test('all see the messages of several senders in one order', async () => {
  const { alice, bob, id, clients } = await scene();
  const send = async (who) => {
    for (let round = 0; round < 25; round += 1) await chatMessage(who, id, { content: `${who.username} ${round}` });
  };
  const seen = await observe(clients, () => Promise.all([send(alice), send(bob)]));
  const messageIds = seen[0].map(([, { data }]) => data.messageId);
  assert.equal(messageIds.length, 50);
  assert.deepEqual(messageIds, messageIds.toSorted());
  assert.deepEqual(seen[1], seen[0]);
  assert.deepEqual(seen[2], seen[0]);
});

test('the answer has the id as the request wrote it; events have it as the conversation was made', async () => {
  const id = number();
  const { alice, clients } = await scene({ id });
  for (const written of [id, String(id)]) {
    const [got] = await observe(clients, async () => assert.equal((await chatMessage(alice, written)).chatId, written));
    assert.deepEqual(got.map(([, { data }]) => data.chatId), [id]);
  }
});

test('what is sent through other dialects comes in this shape', async () => {
  const { alice, bob, id, clients: [client] } = await scene();
  const socket = await joined(bob, id);
  const [got] = await observe([client, socket], async () => {
    await feedMessage(alice, id, { encrypted_msg_content: { from: 'feed' } });
    const { messageId, ...done } = await socket.ask('message:send', { conversationId: id, content: 'from conversation' });
    assert.deepEqual(done, DONE);
    await socket.ask('message:update', { conversationId: id, messageId, content: 'edited' });
    await socket.ask('message:delete', { conversationId: id, messageId });
  });
  const [first, second] = got.map(([, { data }]) => data.messageId);
  const change = { messageId: second, chatId: id };
  same(got, [
    eventOf('message:new', { messageId: first, chatId: id, senderId: alice.userId, content: { from: 'feed' }, timestamp: TIME }),
    eventOf('message:new', { ...change, senderId: bob.userId, content: 'from conversation', timestamp: TIME }),
    eventOf('message:edited', { ...change, content: 'edited', editedAt: TIME }),
    eventOf('message:deleted', change),
  ]);
});

for (const [name, fields] of Object.entries({
  'neither content nor media': {}, 'both null': { content: null, media: null }, 'empty content': { content: '' },
  'empty content and null media': { content: '', media: null },
})) {
  test(`a message with ${name} is refused`, async () => {
    const { alice, id, clients } = await scene();
    const seen = await observe(clients, () => refused(chatPost(alice, id, fields), ...EMPTY));
    assert.deepEqual(seen, [[], [], []]);
  });
}

for (const [name, chatId] of Object.entries({ null: null, 'an empty text': '' })) {
  test(`a message whose chatId is ${name} is refused`, async () => {
    const { alice, clients } = await scene();
    const seen = await observe(clients, () => refused(chatPost(alice, chatId), 400, 'chatId is required', 'INVALID_INPUT'));
    assert.deepEqual(seen, [[], [], []]);
  });
}

test('content may have five thousand characters, whatever they are, and no more', async () => {
  const { alice, id, clients } = await scene();
  const seen = await observe(clients, async () => {
    await refused(chatPost(alice, id, { content: '🦊'.repeat(5001) }), ...LONG);
    await refused(chatPost(alice, id, { content: 'x'.repeat(5001), media: { url: 'u' } }), ...LONG);
    await chatMessage(alice, id, { content: '🦊'.repeat(5000) });
  });
  for (const events of seen) assert.deepEqual(events.map(([, { data }]) => data.content), ['🦊'.repeat(5000)]);
});

test('who is no participant is denied, the same whether the chat exists or not', async () => {
  const { alice, id, clients } = await scene();
  const [eve] = await knownUsers('Eve');
  const { id: messageId } = await chatMessage(alice, id);
  const seen = await observe(clients, async () => {
    for (const place of [id, unique('nowhere')]) {
      await refused(chatPost(eve, place), ...DENIED);
      await refused(rest(eve, `GET /api/messages?chatId=${place}`), ...DENIED);
    }
    await refused(chatEdit(eve, messageId, 'forged'), ...NO_MESSAGE);
    await refused(erase(eve, messageId), ...NO_MESSAGE);
  });
  assert.deepEqual(seen, [[], [], []]);
});
