// REST: what the fields of a message may be, in each form.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { unique, user } from '../support/relay.mjs';
import { NOT_PARTICIPANT, done, found, invalid, post, read, refused } from '../support/rest.mjs';

const PATH = '/api/messages';
const alice = user('Alice');
/** What an operator looks like to MongoDB, where a text or a number belongs. */
const OPERATORS = [{ $ne: null }, { $gt: '' }, { $regex: '.*' }, { $in: [''] }, { $where: '1' }, [{ $ne: null }], { toString: 'x' }];
const NO_TEXT = [true, false, {}, [], ['x'], ...OPERATORS];
const NO_ID = ['x'.repeat(129), 'ü'.repeat(65), 'a\u0000b', 'a\nb', 1.5, 2 ** 64, ...NO_TEXT];
let conversationId;
let sent;

before(async () => {
  conversationId = await found(alice);
  sent = await post(alice, conversationId, 'kept');
});

const wrongContent = (error) => ({ error, code: 'INVALID_INPUT', field: 'content' });

test('conversation: the conversation is named by a text or an integer', async () => {
  for (const bad of NO_ID) await refused(422, invalid('conversationId'), alice, 'POST', PATH, { conversationId: bad, content: 'x' });
  await refused(422, invalid('conversationId'), alice, 'POST', PATH, { conversationId: '', content: 'x' });
  await refused(400, invalid('conversationId'), alice, 'POST', PATH, { conversationId: null, content: 'x' });
});

test('conversation: a message says something', async () => {
  for (const [content, status] of [[undefined, 400], [null, 400], ['', 422]]) {
    await refused(status, invalid('content'), alice, 'POST', PATH, { conversationId, content });
    await refused(status, invalid('content'), alice, 'PATCH', `${PATH}/${sent.id}`, { content });
    await refused(status, invalid('encrypted_msg_content'), alice, 'PUT', `${PATH}/${sent.id}`, { encrypted_msg_content: content });
  }
});

test('conversation: tempId is a short text or a number, and comes back as it was', async () => {
  const id = await found(alice);
  for (const tempId of ['x'.repeat(128), '7', 8, -1, Date.now(), 1.5, 2 ** 64, 0.5488135039273248, -1e-7]) {
    assert.strictEqual((await post(alice, id, 'x', { tempId })).tempId, tempId);
  }
  for (const tempId of ['x'.repeat(129), 'a\nb', ...NO_TEXT]) {
    await refused(422, invalid('tempId'), alice, 'POST', PATH, { conversationId, content: 'x', tempId });
  }
});

test('conversation: a content has up to 10 000 characters, however many bytes these are', async () => {
  const id = await found(alice);
  for (const character of ['x', 'é', '💬', '\u0000', '"']) {
    const content = character.repeat(10_000);
    assert.equal((await post(alice, id, content)).content, content);
    await refused(422, invalid('content'), alice, 'POST', PATH, { conversationId: id, content: content + character });
    await refused(422, invalid('content'), alice, 'PATCH', `${PATH}/${sent.id}`, { content: content + character });
  }
  const escaped = `{"conversationId":${JSON.stringify(id)},"content":"${'\\ud83d\\udcac'.repeat(10_000)}"}`;
  assert.equal((await done(201, alice, 'POST', PATH, escaped)).message.content.length, 20_000);
});

test('conversation: of another JSON value its text counts', async () => {
  const id = await found(alice);
  for (const fits of [['x'.repeat(9996)], { a: 'x'.repeat(9992) }]) {
    assert.equal(JSON.stringify(fits).length, 10_000);
    assert.deepEqual((await post(alice, id, fits)).content, fits);
  }
  for (const long of [['x'.repeat(9997)], { a: 'x'.repeat(9993) }]) {
    await refused(422, invalid('content'), alice, 'POST', PATH, { conversationId: id, content: long });
  }
});

test('a message may be any JSON value but null', async () => {
  const id = await found(alice);
  const values = [' ', '\n', 0, -1.5, true, false, {}, [], { $ne: null }, { a: [1, { b: null }] }, '{"$gt":""}', '__proto__'];
  for (const content of values) await post(alice, id, content);
  assert.deepEqual((await read(alice, id)).messages.map(({ content }) => content), values);
});

test('chat: the chat is named', async () => {
  const error = 'chatId is required';
  for (const chatId of ['', null]) await refused(400, { error, code: 'INVALID_INPUT', field: 'chatId' }, alice, 'POST', PATH, { chatId, content: 'x' });
  for (const chatId of NO_ID) await refused(422, invalid('chatId'), alice, 'POST', PATH, { chatId, content: 'x' });
});

test('chat: a message has a content or media', async () => {
  const chatId = conversationId;
  for (const fields of [{}, { content: '' }, { content: null }, { media: null }, { content: '', media: null }]) {
    await refused(400, wrongContent('Either content or media must be provided'), alice, 'POST', PATH, { chatId, ...fields });
  }
});

test('chat: a content has up to 5000 characters', async () => {
  const chatId = await found(alice);
  for (const character of ['x', '💬']) {
    const content = character.repeat(5000);
    assert.equal((await done(201, alice, 'POST', PATH, { chatId, content })).data.content, content);
    await refused(400, wrongContent('Content must not exceed 5000 characters'), alice, 'POST', PATH, { chatId, content: content + character });
  }
});

test('feed: all fields are required', async () => {
  const good = { conversation_id: conversationId, content_key_number: 1, encrypted_msg_content: 'x' };
  for (const field of Object.keys(good)) {
    const refusal = { error: 'All fields are required', code: 'INVALID_INPUT', field };
    for (const none of [undefined, null, '']) await refused(400, refusal, alice, 'POST', PATH, { ...good, [field]: none });
  }
  for (const bad of NO_ID) await refused(422, invalid('conversation_id'), alice, 'POST', PATH, { ...good, conversation_id: bad });
  const noNumber = { error: 'All fields are required', code: 'INVALID_INPUT', field: 'content_key_number' };
  for (const bad of ['1', 1.5, 2 ** 64, ...NO_TEXT]) await refused(400, noNumber, alice, 'POST', PATH, { ...good, content_key_number: bad });
});

test('feed: any integer is a key number, and content is up to 10 000 characters', async () => {
  const conversation_id = await found(alice);
  for (const number of [0, -1, 2 ** 40, Number.MIN_SAFE_INTEGER]) {
    const body = { conversation_id, content_key_number: number, encrypted_msg_content: 'x'.repeat(10_000) };
    assert.equal((await done(201, alice, 'POST', PATH, body)).messageData.content_key_number, number);
    await refused(422, invalid('encrypted_msg_content'), alice, 'POST', PATH, { ...body, encrypted_msg_content: 'x'.repeat(10_001) });
  }
});

test('who is no participant is refused in each form, and the same for what does not exist', async () => {
  const mallory = user('Mallory');
  for (const id of [conversationId, unique('absent')]) {
    await refused(403, NOT_PARTICIPANT.conversation, mallory, 'POST', PATH, { conversationId: id, content: 'x' });
    await refused(403, NOT_PARTICIPANT.chat, mallory, 'POST', PATH, { chatId: id, content: 'x' });
    await refused(403, NOT_PARTICIPANT.feed, mallory, 'POST', PATH, { conversation_id: id, content_key_number: 1, encrypted_msg_content: 'x' });
  }
});

test('what a message claims of itself is ignored', async () => {
  const id = await found(alice);
  const claims = { id: sent.id, senderId: 'bob', sender: { id: 'bob' }, createdAt: '1999-01-01T00:00:00.000Z', editedAt: '1999-01-01T00:00:00.000Z', deletedAt: 'x' };
  const message = await post(alice, id, 'x', claims);
  assert.notEqual(message.id, sent.id);
  assert.deepEqual(Object.keys(message).sort(), ['content', 'conversationId', 'createdAt', 'id', 'sender', 'senderId']);
  assert.deepEqual([message.senderId, message.sender], [alice.userId, { id: alice.userId, name: 'Alice' }]);
});

test('nothing that was refused was stored', async () => {
  assert.deepEqual((await read(alice, conversationId)).messages, [sent]);
});
