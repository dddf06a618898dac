// `feed`: messages are posted, changed and deleted over REST, and sent to who is subscribed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MILLIS, same } from '../support/relay.mjs';
import {
  DONE, SEALED, chatMessage, comesBeforeTheAnswer, conversation, erase, feed, feedEdit, feedMessage, feedPost, joined, knownUsers, must, number,
  observe, reader, refused, rest,
} from '../support/feed-chat.mjs';

const DENIED = [403, 'Access denied to this conversation', 'NOT_PARTICIPANT'];
const NO_MESSAGE = [404, 'Message not found', 'NOT_FOUND'];
const incomplete = [400, 'All fields are required', 'INVALID_INPUT'];

/** A conversation of Alice and Bob: the two, its id, and sockets that read it, Alice's two first. */
async function scene(fields = {}) {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob], fields);
  const clients = [await reader(alice, id), await reader(alice, id), await reader(bob, id)];
  return { alice, bob, id, clients };
}

test('a message is sent to all who are subscribed, the sender’s sockets too', async () => {
  const { alice, bob, id, clients } = await scene();
  const idle = await feed(bob);
  let answer;
  const seen = await observe([...clients, idle], async () => {
    answer = await must(201, feedPost(alice, id, { content_key_number: 3, encrypted_msg_content: 'sealed' }));
  });
  const message = {
    id: answer.messageData.id, conversation_id: id, content_key_number: 3, encrypted_msg_content: 'sealed',
    sender_username: alice.username, created_at: MILLIS, is_deleted: 0,
  };
  same(answer, { message: 'Message sent successfully', messageData: message });
  assert.match(answer.messageData.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(seen, [...Array(3).fill([['new-message', answer.messageData]]), []]);
});

test('what one read elsewhere is sent to their own sockets only, subscribed or not', async () => {
  const { alice, bob, id, clients } = await scene();
  const idle = await feed(bob);
  const { id: message } = await feedMessage(alice, id);
  for (const client of clients) await client.next('new-message', (received) => received.id === message);
  const reading = { conversationId: id, messageIds: [message] };
  const seen = await observe([...clients, idle], () => must(200, rest(bob, 'POST /api/messages/read', reading)));
  const receipt = ['message:read:receipt', { conversation_id: id, message_ids: [message], read_by: bob.userId, read_at: MILLIS }];
  same(seen, [[], [], [receipt], [receipt]]);
});

test('it is sent before the request is answered', async () => {
  const { alice, id, clients } = await scene();
  await comesBeforeTheAnswer(clients[2], 'new-message', () => feedMessage(alice, id));
  const { id: message } = await feedMessage(alice, id);
  await clients[2].next('new-message', (received) => received.id === message);
  await comesBeforeTheAnswer(clients[2], 'message-updated', (round) => must(200, feedEdit(alice, message, `edit ${round}`)));
});

test('the answer has the id as the request wrote it', async () => {
  const id = number();
  const { alice, clients } = await scene({ id });
  for (const written of [id, String(id)]) {
    const [got] = await observe(clients, async () => assert.equal((await feedMessage(alice, written)).conversation_id, written));
    assert.deepEqual(got.map(([, received]) => received.conversation_id), [id]);
  }
});

for (const [name, content] of Object.entries({
  'a text of all planes': 'ünïcode \u2028 \u0000 🦊 \\u00e9 "quoted"', blanks: ' \n', 'ten thousand characters': '🦊'.repeat(10_000),
  'an object': { iv: 'i', data: ['d', 1, null, true] }, 'a number': 17, false: false,
})) {
  test(`the content may be ${name}`, async () => {
    const { alice, id, clients } = await scene();
    const [got] = await observe(clients, async () => {
      assert.deepEqual((await feedMessage(alice, id, { encrypted_msg_content: content })).encrypted_msg_content, content);
    });
    assert.deepEqual(got.map(([, received]) => received.encrypted_msg_content), [content]);
  });
}

test('the content is passed on byte for byte', async () => {
  const { alice, id, clients: [client] } = await scene();
  const content = '{"b":1.0,"a":1e2,"b":"\\u00e9\\/", "n":12345678901234567890}';
  const frames = client.frames();
  const body = `{"conversation_id":${JSON.stringify(id)},"content_key_number":1,"encrypted_msg_content":${content}}`;
  const answer = await rest(alice, 'POST /api/messages', body);
  assert.equal(answer.status, 201);
  assert.ok(answer.body.includes(content), answer.body);
  await client.next('new-message');
  assert.ok(frames.some((frame) => frame.includes('new-message') && frame.includes(content)), frames.join('\n'));
});

test('an edit is sent to all, and only the author may', async () => {
  const { alice, bob, id, clients } = await scene();
  const { id: message } = await feedMessage(bob, id, { content_key_number: 9 });
  let answer;
  const seen = await observe(clients, async () => {
    await refused(feedEdit(alice, message, 'forged'), ...NO_MESSAGE);
    answer = await must(200, feedEdit(bob, message, 'edited'));
  });
  same(answer, { message: 'Message updated successfully', messageData: { id: message, encrypted_msg_content: 'edited', updated_at: MILLIS } });
  const expected = { ...answer.messageData, conversation_id: id, content_key_number: 9 };
  assert.deepEqual(seen, Array(3).fill([['message-updated', expected]]));
});

test('a deletion is sent once, and there is nothing left to edit', async () => {
  const { alice, bob, id, clients } = await scene();
  const { id: message } = await feedMessage(alice, id);
  const seen = await observe(clients, async () => {
    await refused(erase(bob, message), ...NO_MESSAGE);
    for (let round = 0; round < 2; round += 1) same(await must(200, erase(alice, message)), { message: 'Message deleted', id: message });
    await refused(feedEdit(alice, message, 'late'), ...NO_MESSAGE);
  });
  assert.deepEqual(seen, Array(3).fill([['message-deleted', { id: message, conversation_id: id }]]));
});

test('who administers the conversation may delete what others wrote', async () => {
  const { alice, bob, id, clients } = await scene();
  const { id: message } = await feedMessage(bob, id);
  const seen = await observe(clients, () => must(200, erase(alice, message)));
  assert.deepEqual(seen, Array(3).fill([['message-deleted', { id: message, conversation_id: id }]]));
});

test('a message hidden for oneself is sent to nobody', async () => {
  const { alice, bob, id, clients } = await scene();
  const { id: message } = await feedMessage(alice, id);
  const seen = await observe(clients, async () => {
    same(await must(200, erase(bob, message, '?forAll=false')), { message: 'Message deleted', id: message });
  });
  assert.deepEqual(seen, [[], [], []]);
});

test('changes name the id as each socket wrote it', async () => {
  const id = number();
  const { alice, clients: [client] } = await scene({ id });
  const other = await reader(alice, String(id));
  const { id: message } = await feedMessage(alice, id);
  const seen = await observe([client, other], async () => {
    await must(200, feedEdit(alice, message, 'edited'));
    await must(200, erase(alice, message));
  });
  assert.deepEqual(seen.map((events) => events.map(([, received]) => received.conversation_id)), [[id, id], [String(id), String(id)]]);
});

test('all see the messages of several senders in one order', async () => {
  const { alice, bob, id, clients } = await scene();
  const send = async (who) => {
    for (let round = 0; round < 25; round += 1) await feedMessage(who, id, { encrypted_msg_content: `${who.username} ${round}` });
  };
  const seen = await observe(clients, () => Promise.all([send(alice), send(bob)]));
  assert.equal(seen[0].length, 50);
  assert.deepEqual(seen[1], seen[0]);
  assert.deepEqual(seen[2], seen[0]);
  const ids = seen[0].map(([, received]) => received.id);
  assert.deepEqual(ids, ids.toSorted());
});

test('what is sent through other dialects comes in this shape', async () => {
  const { alice, bob, id, clients: [client] } = await scene();
  const socket = await joined(bob, id);
  const [got] = await observe([client], async () => {
    await chatMessage(alice, id, { content: 'from chat' });
    await chatMessage(alice, id, { media: { url: 'u' } });
    const { messageId, ...done } = await socket.ask('message:send', { conversationId: id, content: { from: 'conversation' } });
    same(done, DONE);
    await socket.ask('message:update', { conversationId: id, messageId, content: 'edited' });
    await socket.ask('message:delete', { conversationId: id, messageId });
    // The answer to a socket comes before what the others are sent.
    await client.next('message-deleted');
  }, [socket]);
  const [first, second, third] = got.map(([, { id: message }]) => message);
  const message = { conversation_id: id, content_key_number: null, created_at: MILLIS, is_deleted: 0 };
  same(got, [
    ['new-message', { id: first, ...message, encrypted_msg_content: 'from chat', sender_username: alice.username }],
    ['new-message', { id: second, ...message, encrypted_msg_content: '', sender_username: alice.username }],
    ['new-message', { id: third, ...message, encrypted_msg_content: { from: 'conversation' }, sender_username: bob.username }],
    ['message-updated', { id: third, conversation_id: id, content_key_number: null, encrypted_msg_content: 'edited', updated_at: MILLIS }],
    ['message-deleted', { id: third, conversation_id: id }],
  ]);
});

for (const [name, fields] of Object.entries({
  'no conversation': { conversation_id: null }, 'an empty conversation': { conversation_id: '' }, 'no key number': { content_key_number: undefined },
  'a null key number': { content_key_number: null }, 'a key number in text': { content_key_number: '1' },
  'a broken key number': { content_key_number: 1.5 }, 'no content': { encrypted_msg_content: undefined },
  'null content': { encrypted_msg_content: null }, 'empty content': { encrypted_msg_content: '' },
})) {
  test(`a message with ${name} is refused`, async () => {
    const { alice, id, clients } = await scene();
    const seen = await observe(clients, () => refused(feedPost(alice, id, fields), ...incomplete));
    assert.deepEqual(seen, [[], [], []]);
  });
}

test('content of more than ten thousand characters is refused', async () => {
  const { alice, id, clients } = await scene();
  const error = [422, 'Missing or invalid encrypted_msg_content', 'INVALID_INPUT'];
  const long = 'x'.repeat(10_001);
  const { id: message } = await feedMessage(alice, id, { encrypted_msg_content: SEALED });
  const seen = await observe(clients, async () => {
    await refused(feedPost(alice, id, { encrypted_msg_content: long }), ...error);
    await refused(feedEdit(alice, message, long), ...error);
  });
  assert.deepEqual(seen, [[], [], []]);
});

test('who is no participant is denied, the same whether the conversation exists or not', async () => {
  const { alice, id, clients } = await scene();
  const [eve] = await knownUsers('Eve');
  const { id: message } = await feedMessage(alice, id);
  const seen = await observe(clients, async () => {
    await refused(feedPost(eve, id), ...DENIED);
    await refused(feedPost(eve, number()), ...DENIED);
    await refused(feedEdit(eve, message, 'forged'), ...NO_MESSAGE);
    await refused(erase(eve, message), ...NO_MESSAGE);
    await refused(erase(eve, message, '?forAll=false'), ...NO_MESSAGE);
  });
  assert.deepEqual(seen, [[], [], []]);
});
