// `conversation` and REST: what the parser of a published client fails on is refused at its sender, in every form.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invalid, members, observe, send } from '../support/conversations.mjs';
import * as rest from '../support/rest.mjs';
import { LIMIT, UNREADABLE, attached, nested } from '../support/unreadable.mjs';

test(`message:send and message:update: ${Object.keys(UNREADABLE).join(', ')}`, async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const { conversationId } = alice;
  const messageId = await send(alice, 'as it was');
  await bob.next('message:new');
  for (const event of ['message:send', 'message:update']) {
    for (const [name, json] of Object.entries(UNREADABLE)) {
      const fields = JSON.stringify({ conversationId, messageId }).slice(0, -1);
      const [sent, received] = await observe([alice, bob], () => alice.raw(`2["${event}",${fields},"content":[${json}]}]`));
      assert.deepEqual(received, [], name);
      const [[error, { context, ...said }], ...more] = sent.filter(([got]) => got !== 'message:delivered');
      assert.deepEqual([error, said, context.field, context.event, more], ['error', invalid('content'), 'content', event, []], name);
    }
  }
  const { messages } = await rest.done(200, alice, 'GET', `/api/messages?conversationId=${conversationId}`);
  assert.deepEqual(messages.map(({ content }) => content), ['as it was']);
  assert.ok(bob.socket.connected);
});

test(`over REST in each form: ${Object.keys(UNREADABLE).join(', ')}`, async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const named = JSON.stringify(alice.conversationId);
  const messageId = await send(alice, 'as it was');
  await bob.next('message:new');
  for (const [name, json] of Object.entries(UNREADABLE)) {
    const forms = [
      ['POST', '/api/messages', `"conversationId":${named}`, 'content'],
      ['POST', '/api/messages', `"chatId":${named}`, 'content'],
      ['POST', '/api/messages', `"chatId":${named},"content":"c"`, 'media'],
      ['POST', '/api/messages', `"conversation_id":${named},"content_key_number":1`, 'encrypted_msg_content'],
      ['PATCH', `/api/messages/${messageId}`, '"x":1', 'content'],
      ['POST', '/api/conversations', '"participantIds":[]', 'title'],
    ];
    const [, received] = await observe([alice, bob], async () => {
      for (const [method, path, fields, field] of forms) {
        const { status, json: answer } = await rest.call(alice, method, path, `{${fields},"${field}":[${json}]}`);
        assert.deepEqual([status, answer], [422, rest.invalid(field)], `${method} ${path} ${name}`);
      }
    });
    assert.deepEqual(received, [], name);
  }
});

test('the deepest that is allowed reaches everybody, live and in the history', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const fields = JSON.stringify({ conversationId: alice.conversationId }).slice(0, -1);
  alice.raw(`2["message:send",${fields},"content":${nested(LIMIT)}}]`);
  assert.equal(JSON.stringify((await bob.next('message:new')).content), nested(LIMIT));
  attached(alice, `["message:send",${fields},"content":[{"_placeholder":true,"num":0},${nested(LIMIT - 1)}]}]`);
  assert.ok(Buffer.isBuffer((await bob.next('message:new')).content[0]));
  const { body } = await rest.call(alice, 'GET', `/api/messages?conversationId=${alice.conversationId}`);
  assert.ok(body.includes(`"content":${nested(LIMIT)}`));
});
