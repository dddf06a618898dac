// What clients write that only their own code interprets: it is accepted, and comes back as it was written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { user } from '../support/relay.mjs';
import { SEALED, failed, found, inConversation, invalid, members, observe, payloads, present, send } from '../support/conversations.mjs';
import { at, done, invalid as invalidOverRest, read, refused } from '../support/rest.mjs';

const MESSAGES = '/api/messages';
const ATTACHMENTS = [{ url: 'https://media.test/1', name: 'a.png' }];

test('any number is a tempId, and comes back as it was written', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const frames = bob.frames();
  const numbers = ['0.5488135039273248', '1.50', '1e3', '-0', '12345678901234567890123', '-7.25E-12'];
  for (const [index, number] of numbers.entries()) {
    alice.raw(`2["message:send",{"conversationId":"${alice.conversationId}","content":"${index}","tempId":${number}}]`);
    await bob.next('message:new', ({ content }) => content === String(index));
    assert.ok(frames.some((frame) => frame.includes(`"tempId":${number}`)), number);
  }
  const id = await send(alice, SEALED, { tempId: 0.5488135039273248 });
  assert.equal(await send(alice, SEALED, { tempId: 0.5488135039273248 }), id);
  const stored = (await read(alice, alice.conversationId)).messages.map(({ tempId }) => tempId);
  assert.deepEqual(stored, [...numbers.map(Number), 0.5488135039273248]);
  const { message } = await done(201, alice, 'POST', MESSAGES, { conversationId: alice.conversationId, content: 'x', tempId: 1 / 3 });
  assert.strictEqual(message.tempId, 1 / 3);
});

test('a message may be nothing but what is attached to it, over a socket and in every form over REST', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const { conversationId } = alice;
  const [, toBob] = await observe([alice, bob], async () => {
    await send(alice, '', { attachments: ATTACHMENTS });
    await send(alice, '', { file: Buffer.from('bytes') });
    await send(alice, '', { image: { url: 'u' } });
    await done(201, alice, 'POST', MESSAGES, { conversationId, content: '', attachments: ATTACHMENTS });
    await done(201, alice, 'POST', MESSAGES, { chatId: conversationId, content: '', attachments: ATTACHMENTS });
    await done(201, alice, 'POST', MESSAGES, { conversation_id: conversationId, content_key_number: 1, encrypted_msg_content: '', attachments: ATTACHMENTS });
    await done(201, alice, 'POST', at(conversationId, 'messages'), { content: '', attachments: ATTACHMENTS });
  });
  const received = payloads(toBob, 'message:new');
  assert.deepEqual(received.map(({ content }) => content), Array(7).fill(''));
  assert.deepEqual(received.map(({ attachments }) => attachments).filter(Boolean), Array(5).fill(ATTACHMENTS));
  assert.deepEqual((await read(bob, conversationId)).messages.map(({ content }) => content), Array(7).fill(''));
});

test('a message that is nothing at all is refused', async () => {
  const [alice] = await members('Alice');
  const { conversationId } = alice;
  for (const fields of [{}, { attachments: [] }, { image: {} }, { type: 'text' }, { attachments: null }, { media: '' }]) {
    assert.deepEqual(await alice.ask('message:send', inConversation(alice, { content: '', ...fields })), failed(invalid('content')));
    await refused(422, invalidOverRest('content'), alice, 'POST', MESSAGES, { conversationId, content: '', ...fields });
  }
});

test('who joins finds a message that is nothing but an attachment in the history', async () => {
  const [one, two] = [user('Alice'), user('Bob')];
  const id = await found(one, [two]);
  const alice = await present(one, id);
  await send(alice, '', { attachments: ATTACHMENTS });
  const [message] = (await read(two, id)).messages;
  assert.deepEqual([message.content, message.attachments], ['', ATTACHMENTS]);
});

test('the caption of what is attached may be taken away, over a socket and over REST', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const { conversationId } = alice;
  for (const attached of [{ attachments: ATTACHMENTS }, { media: { url: 'u' } }]) {
    const id = await send(alice, 'caption', attached);
    assert.deepEqual(await alice.ask('message:update', { conversationId, messageId: id, content: '' }), { success: true });
    const { content } = await bob.next('message:updated', (message) => message.id === id);
    assert.equal(content, '');
    await done(200, alice, 'PATCH', `${MESSAGES}/${id}`, { content: 'again' });
    const { message } = await done(200, alice, 'PATCH', `${MESSAGES}/${id}`, { content: '' });
    assert.equal(message.content, '');
    await done(200, alice, 'PUT', `${MESSAGES}/${id}`, { encrypted_msg_content: '', content_key_number: 1 });
    const stored = (await read(bob, conversationId)).messages.find((one) => one.id === id);
    assert.deepEqual(stored, { ...stored, content: '', ...attached });
  }
  const bare = await send(alice, 'nothing else');
  const { success, error } = await alice.ask('message:update', { conversationId, messageId: bare, content: '' });
  assert.deepEqual([success, error.code], [false, 'INVALID_INPUT']);
  await refused(422, invalidOverRest('content'), alice, 'PATCH', `${MESSAGES}/${bare}`, { content: '' });
});
