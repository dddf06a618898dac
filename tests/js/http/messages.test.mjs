// REST: sending a message in each of the three forms, changing it, deleting it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MILLIS, TIME, same, unique, user } from '../support/relay.mjs';
import { observe, person, present } from '../support/conversations.mjs';
import { ID, NO_MESSAGE, call, done, found, post, read, refused, withVersion } from '../support/rest.mjs';

const PATH = '/api/messages';
const send = (who, body) => done(201, who, 'POST', PATH, body);
const path = ({ id }, query = '') => `${PATH}/${id}${query}`;

/** Two users of a new conversation, its id, and what a message of the first looks like. */
async function pair(fields = {}) {
  const [alice, bob] = [{ ...user('Alice'), ...fields }, user('Bob')];
  const conversationId = await found(alice, [bob]);
  const written = (id, content) => ({ id, conversationId, senderId: alice.userId, content, createdAt: TIME, sender: person(alice) });
  return { alice, bob, conversationId, written };
}

/** How the form `chat` shows who sent a message. */
const personOf = ({ userId, username }) => ({ id: userId, name: username, firstName: username, lastName: '' });

test('in the form `conversation`', async () => {
  const { alice, conversationId, written } = await pair({ avatarUrl: 'https://pictures.test/alice' });
  const { message, ...rest } = await send(alice, { conversationId, content: 'c2VhbGVk', tempId: 't-1' });
  assert.deepEqual(rest, {});
  assert.match(message.id, ID);
  same(message, { ...written(message.id, 'c2VhbGVk'), tempId: 't-1' });
  assert.deepEqual((await read(alice, conversationId)).messages, [message]);
});

test('in the form `chat`, with a content, with media, with both', async () => {
  const { alice, conversationId: chatId } = await pair();
  const media = { url: 'https://media.test/1', type: 'image', size: 1.5, list: [null, true] };
  for (const given of [{ content: 'c2VhbGVk' }, { media }, { content: 'c2VhbGVk', media }, { media: 'a string' }]) {
    const { data, ...rest } = await send(alice, { chatId, ...given });
    assert.deepEqual(rest, { message: 'Message sent' });
    assert.match(data.id, ID);
    same(data, {
      id: data.id, chatId, senderId: alice.userId, sender: personOf(alice), content: given.content ?? '', media: given.media ?? null, editedAt: null, deletedFor: [], timestamp: TIME,
    });
  }
});

test('in the form `feed`', async () => {
  const { alice, conversationId } = await pair();
  const { messageData, ...rest } = await send(alice, { conversation_id: conversationId, content_key_number: 7, encrypted_msg_content: 'c2VhbGVk' });
  assert.deepEqual(rest, { message: 'Message sent successfully' });
  assert.match(messageData.id, ID);
  same(messageData, {
    id: messageData.id, conversation_id: conversationId, content_key_number: 7, encrypted_msg_content: 'c2VhbGVk', sender_username: 'Alice', created_at: MILLIS, is_deleted: 0,
  });
});

test('what was sent in one form is read in the others', async () => {
  const { alice, conversationId, written } = await pair();
  const media = { url: 'https://media.test/1' };
  const { message } = await send(alice, { conversationId, content: 'one' });
  const { data } = await send(alice, { chatId: conversationId, media });
  const { messageData } = await send(alice, { conversation_id: conversationId, content_key_number: 7, encrypted_msg_content: 'three' });
  const { messages } = await read(alice, conversationId);
  same(messages, [message, { ...written(data.id, ''), media }, { ...written(messageData.id, 'three'), keyNumber: 7 }]);
  const chat = await done(200, alice, 'GET', `${PATH}?chatId=${conversationId}`);
  const asListed = (id, content, more = {}) => ({
    id, chatId: conversationId, senderId: alice.userId, sender: personOf(alice), content, media: null, editedAt: null, deletedFor: [], timestamp: TIME, ...more,
  });
  same(chat, { message: 'Messages retrieved', total: 3, count: 3, limit: 50, offset: 0, cursor: '4', messages: [asListed(message.id, 'one'), asListed(data.id, '', { media }), asListed(messageData.id, 'three')] });
  const feed = await done(200, alice, 'GET', `${PATH}/${conversationId}`);
  const row = (id, content, key) => ({
    id, conversation_id: conversationId, content_key_number: key, encrypted_msg_content: content, sender_username: 'Alice', created_at: MILLIS, is_deleted: 0,
  });
  same(feed.messages, [row(message.id, 'one', null), row(data.id, '', null), messageData]);
});

test('an integer id is answered as the body wrote it, and read as the conversation was made', async () => {
  const alice = user('Alice');
  const id = await found(alice, [], { id: Date.now() });
  for (const [given, type] of [[id, 'number'], [String(id), 'string']]) {
    assert.equal(typeof (await send(alice, { conversationId: given, content: 'x' })).message.conversationId, type);
    assert.equal(typeof (await send(alice, { chatId: given, content: 'x' })).data.chatId, type);
    const feed = { conversation_id: given, content_key_number: 1, encrypted_msg_content: 'x' };
    assert.equal(typeof (await send(alice, feed)).messageData.conversation_id, type);
  }
  const { messages } = await read(alice, id);
  assert.deepEqual(messages.map(({ conversationId }) => conversationId), Array(6).fill(id));
  for (const path of [`?chatId=${id}`, `/${id}`]) {
    const { messages: all } = await done(200, alice, 'GET', PATH + path);
    assert.deepEqual(all.map((message) => message.chatId ?? message.conversation_id), Array(6).fill(id));
  }
  assert.equal((await done(200, alice, 'PATCH', `${PATH}/${messages[0].id}`, { content: 'y' })).message.conversationId, id);
  for (const route of ['/api/changes', `/api/conversations/${id}/changes`]) {
    const { cursor } = await done(200, alice, 'GET', route);
    await send(alice, { conversationId: id, content: 'x' });
    const { changes: [change] } = await done(200, alice, 'GET', `${route}?after=${cursor}`);
    assert.deepEqual([change.conversationId, change.message.conversationId], [id, id]);
  }
});

test('a tempId sent again is answered with the stored message, and nothing is sent twice', async () => {
  const { alice, bob, conversationId } = await pair();
  const client = await present(bob, conversationId);
  const body = { conversationId, content: 'first', tempId: unique('temp') };
  const [seen] = await observe([client], async () => {
    const { message } = await send(alice, body);
    assert.deepEqual(await done(200, alice, 'POST', PATH, body), { message });
  });
  assert.deepEqual(seen.map(([name, { content }]) => [name, content]), [['message:new', 'first']]);
  await send(bob, body);
  await send(alice, { ...body, conversationId: await found(alice) });
  assert.deepEqual((await read(alice, conversationId)).messages.map(({ content }) => content), ['first', 'first']);
});

test('of a tempId sent twenty times at once one message is made', async () => {
  const { alice, conversationId } = await pair();
  const body = { conversationId, content: 'once', tempId: unique('temp') };
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(alice, 'POST', PATH, body)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(19).fill(200), 201]);
  assert.equal(new Set(answers.map(({ json }) => json.message.id)).size, 1);
});

test('PATCH changes a message of one’s own', async () => {
  const { alice, bob, conversationId, written } = await pair();
  const sent = await post(alice, conversationId, 'before', { tempId: 't' });
  const client = await present(bob, conversationId);
  const [[[name, event], ...more]] = await observe([client], async () => {
    const { message, ...rest } = await done(200, alice, 'PATCH', path(sent), { content: 'after' });
    assert.deepEqual(rest, {});
    same(message, { ...written(sent.id, 'after'), tempId: 't', createdAt: sent.createdAt, editedAt: TIME });
    assert.deepEqual((await read(bob, conversationId)).messages, [message]);
  });
  assert.deepEqual([name, more], ['message:updated', []]);
  same(event, { id: sent.id, conversationId, content: 'after', editedAt: TIME });
});

test('PUT does the same in the form `feed`', async () => {
  const { alice, conversationId } = await pair();
  const sent = await post(alice, conversationId, 'before');
  const answer = await done(200, alice, 'PUT', path(sent), { encrypted_msg_content: 'after' });
  same(answer, { message: 'Message updated successfully', messageData: { id: sent.id, encrypted_msg_content: 'after', updated_at: MILLIS } });
  const { messages: [seen] } = await done(200, alice, 'GET', `${PATH}/${conversationId}`);
  assert.deepEqual([seen.encrypted_msg_content, seen.updated_at], ['after', answer.messageData.updated_at]);
  const { messages: [chat] } = await done(200, alice, 'GET', `${PATH}?chatId=${conversationId}`);
  assert.deepEqual([chat.content, Date.parse(chat.editedAt)], ['after', answer.messageData.updated_at]);
});

test('DELETE leaves that there was a message, and nothing of what it said', async () => {
  const { alice, bob, conversationId } = await pair();
  const { message: { content, ...sent } } = await send(alice, { conversationId, content: 'secret' });
  const client = await present(bob, conversationId);
  const [[[name, event], ...more]] = await observe([client], async () => {
    const gone = { message: 'Message deleted', id: sent.id };
    assert.deepEqual(await done(200, alice, 'DELETE', path(sent)), gone);
    assert.deepEqual(await done(200, alice, 'DELETE', path(sent)), gone);
  });
  assert.deepEqual([name, more], ['message:deleted', []]);
  same(event, { id: sent.id, conversationId, deletedAt: TIME });
  same((await read(bob, conversationId)).messages, [{ ...sent, content: null, deletedAt: event.deletedAt }]);
  for (const query of [`?conversationId=${conversationId}`, `?chatId=${conversationId}`, `/${conversationId}`]) {
    const { body } = await call(alice, 'GET', PATH + query);
    assert.ok(!body.includes(content) && body.includes(sent.id), body);
  }
});

test('an edit that names the chat is answered in the form `chat`', async () => {
  const { alice, conversationId: chatId } = await pair();
  const { data } = await send(alice, { chatId, content: 'one' });
  const { id } = data;
  same(await done(200, alice, 'PATCH', path(data), { chatId, content: 'two' }), { message: 'Message updated', data: { id, content: 'two', editedAt: TIME } });
  assert.equal((await done(200, alice, 'PATCH', path(data), { content: 'three' })).message.content, 'three');
});

test('a deleted message is marked in the other forms too', async () => {
  const { alice, conversationId } = await pair();
  const { messageData } = await send(alice, { conversation_id: conversationId, content_key_number: 7, encrypted_msg_content: 'secret' });
  await send(alice, { chatId: conversationId, media: 'secret' });
  const { messages } = await read(alice, conversationId);
  for (const message of messages) await done(200, alice, 'DELETE', path(message));
  const chat = (await done(200, alice, 'GET', `${PATH}?chatId=${conversationId}`)).messages;
  const feed = (await done(200, alice, 'GET', `${PATH}/${conversationId}`)).messages;
  messages.forEach(({ id, createdAt }, index) => {
    same(chat[index], {
      id, chatId: conversationId, senderId: alice.userId, sender: personOf(alice), content: null, media: null, editedAt: null, deletedFor: [], timestamp: createdAt, deletedAt: TIME,
    });
    same(feed[index], {
      id, conversation_id: conversationId, content_key_number: index ? null : 7, encrypted_msg_content: null, sender_username: 'Alice',
      created_at: Date.parse(createdAt), is_deleted: 1,
    });
  });
  assert.equal(messages[0].id, messageData.id);
});

test('what is deleted is not changed any more', async () => {
  const { alice, conversationId } = await pair();
  const sent = await post(alice, conversationId, 'x');
  await done(200, alice, 'DELETE', path(sent));
  await refused(404, NO_MESSAGE, alice, 'PATCH', path(sent), { content: 'again' });
  await refused(404, NO_MESSAGE, alice, 'PUT', path(sent), { encrypted_msg_content: 'again' });
});

test('an admin deletes what others wrote, and changes none of it', async () => {
  const { alice, bob, conversationId } = await pair();
  const sent = await post(bob, conversationId, 'x');
  await refused(404, NO_MESSAGE, alice, 'PATCH', path(sent), { content: 'forged' });
  await refused(404, NO_MESSAGE, alice, 'PUT', path(sent), { encrypted_msg_content: 'forged' });
  assert.deepEqual((await read(bob, conversationId)).messages, [sent]);
  await done(200, alice, 'DELETE', path(sent));
  assert.equal((await read(bob, conversationId)).messages[0].content, null);
});

test('?forAll=false hides a message from the caller alone', async () => {
  const { alice, bob, conversationId } = await pair();
  const sent = await post(alice, conversationId, 'x');
  const clients = [await present(alice, conversationId), await present(bob, conversationId)];
  const seen = await observe(clients, async () => {
    for (const _ of [1, 2]) {
      assert.deepEqual(await done(200, bob, 'DELETE', path(sent, '?forAll=false')), { message: 'Message deleted', id: sent.id });
    }
  });
  assert.deepEqual(seen, [[], []]);
  assert.deepEqual((await read(bob, conversationId)).messages, []);
  assert.deepEqual((await read(alice, conversationId)).messages, [sent]);
  await done(200, alice, 'PATCH', path(sent), { content: 'still there' });
});

test('?forAll=true deletes for all', async () => {
  const { alice, bob, conversationId } = await pair();
  const sent = await post(alice, conversationId, 'x');
  await done(200, alice, 'DELETE', path(sent, '?forAll=true'));
  assert.equal((await read(bob, conversationId)).messages[0].content, null);
});

test('what is not there, not in reach or not the caller’s is answered alike', async () => {
  const { alice, bob, conversationId } = await pair();
  const sent = await post(alice, conversationId, 'mine');
  const absent = '0192f0c1-2b3c-7d4e-8f5a-6b7c8d9e0f1a';
  const attempts = [
    [user('Mallory'), sent.id], [bob, absent], [bob, 'nonsense'], [bob, sent.id.replaceAll('-', '')], [bob, withVersion(sent.id, 4)],
    [bob, '1'], [bob, "' OR 1=1 --"], [bob, '{"$ne":null}'], [bob, 'x'.repeat(4000)], [bob, '\u0000'], [bob, '__proto__'],
  ];
  for (const [who, id] of attempts) {
    const target = `${PATH}/${encodeURIComponent(id)}`;
    await refused(404, NO_MESSAGE, who, 'PATCH', target, { content: 'x' });
    await refused(404, NO_MESSAGE, who, 'PUT', target, { encrypted_msg_content: 'x' });
    await refused(404, NO_MESSAGE, who, 'DELETE', target);
    await refused(404, NO_MESSAGE, who, 'DELETE', `${target}?forAll=false`);
  }
  await refused(404, NO_MESSAGE, bob, 'PATCH', path(sent), { content: 'x' });
  await refused(404, NO_MESSAGE, bob, 'DELETE', path(sent));
  assert.deepEqual((await read(alice, conversationId)).messages, [sent]);
});
