// `conversation`: what a message may say, that it leaves as it came, and how long it may be: 10 000 characters, the default.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { done, inConversation, invalid, members, observe, refused, send } from '../support/conversations.mjs';

const MAX_CHARS = 10_000;
const astral = '💬';

const KINDS = {
  'a string': `${astral} any text\u0000 "quoted" \\ \u2028`,
  'white space': ' \n\t',
  'a number': 1.5,
  zero: 0,
  'true': true,
  'false': false,
  'an empty array': [],
  'an object': { iv: [1, 2, 3], data: { ciphertext: 'c', tag: null }, n: 1.5, '': {} },
};
const BINARY = {
  binary: Buffer.from([0, 1, 254, 255]),
  'an object with binary in it': { iv: Buffer.from('iv'), parts: [Buffer.from('one'), Buffer.from('two')], tag: 't' },
};
const TOO_LONG = {
  'a string': 'x'.repeat(MAX_CHARS + 1),
  'a string beyond the first plane': astral.repeat(MAX_CHARS + 1),
  'an object': { data: 'x'.repeat(MAX_CHARS - '{"data":""}'.length + 1) },
  binary: Buffer.alloc(MAX_CHARS + 1),
};
const MAX_LENGTH = {
  'a string': 'x'.repeat(MAX_CHARS),
  'a string beyond the first plane': astral.repeat(MAX_CHARS),
  'an object': { data: 'x'.repeat(MAX_CHARS - '{"data":""}'.length) },
  binary: Buffer.alloc(MAX_CHARS, 7),
};

async function arrives(content) {
  const [alice, bob] = await members('Alice', 'Bob');
  const seen = await observe([alice, bob], async () => {
    const messageId = await send(alice, content);
    await alice.ask('message:update', inConversation(alice, { messageId, content }));
  });
  for (const [[, sent], [, updated]] of seen.map((events) => events.filter(([name]) => name !== 'message:delivered'))) {
    assert.deepEqual(sent.content, content);
    assert.deepEqual(updated.content, content);
  }
  return alice;
}

for (const [name, content] of Object.entries(KINDS)) {
  test(`content may be ${name} and arrives as it is, edited too, also in the history`, async () => {
    const alice = await arrives(content);
    const { messages } = await done(200, alice, 'GET', `/api/messages?conversationId=${alice.conversationId}`);
    assert.deepEqual(messages.map((message) => message.content), [content]);
  });
}

for (const [name, content] of Object.entries(BINARY)) {
  test(`content may be ${name} and arrives as it is, edited too`, () => arrives(content));
}

for (const [name, content] of Object.entries(MAX_LENGTH)) {
  test(`content may be as long as ${MAX_CHARS} characters: ${name}`, () => arrives(content));
}

for (const [name, content] of [
  ...Object.entries({ null: null, 'an empty string': '', 'empty binary': Buffer.alloc(0), missing: undefined }),
  ...Object.entries(TOO_LONG).map(([kind, value]) => [`${kind} of more than ${MAX_CHARS} characters`, value]),
]) {
  test(`content that is ${name} is refused, in a message and in its edit`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const messageId = await send(alice);
    const { conversationId } = alice;
    const because = invalid('content');
    await refused(alice, 'message:send', inConversation(alice, { content }), because, { conversationId, field: 'content' }, [bob]);
    const edit = inConversation(alice, { messageId, content });
    await refused(alice, 'message:update', edit, because, { conversationId, messageId, field: 'content' }, [bob]);
    const { messages } = await done(200, alice, 'GET', `/api/messages?conversationId=${conversationId}`);
    assert.deepEqual(messages.map(({ id, editedAt }) => [id, editedAt]), [[messageId, undefined]]);
  });
}

test('content leaves as its sender wrote it, number by number and escape by escape', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const frames = bob.frames();
  const written = '{"n":1.0,"big":12345678901234567890,"n":2e3,"e":"\\u0041\\/","b":{"z":1,"a":2}}';
  const { conversationId } = alice;
  alice.raw(`2["message:send",{"conversationId":"${conversationId}","content":${written}}]`);
  const { id } = await bob.next('message:new', ({ content: { big } }) => big);
  assert.ok(frames.at(-1).includes(`"content":${written}`), frames.at(-1));
  alice.raw(`2["message:update",{"content":${written},"messageId":"${id}","conversationId":"${conversationId}"}]`);
  await bob.next('message:updated');
  assert.ok(frames.at(-1).includes(`"content":${written}`), frames.at(-1));
});
