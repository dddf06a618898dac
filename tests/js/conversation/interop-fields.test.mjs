// Fields of a message that the relay does not know: they reach all as they came, in each dialect and over REST, are kept with
// the message, and go with it. What the relay itself says of a message is its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatPost, feedPost, must, rest, settle } from '../support/feed-chat.mjs';
import { trio } from '../support/interop.mjs';
import { unique } from '../support/relay.mjs';

const FIELDS = {
  type: 'image', replyToId: null, attachments: [{ url: 'https://files.test/1', size: 1.5, name: '💬' }], anything: { deep: [[{}], false] },
  '': 0, constructor: 'c', toString: 'd', 'a "name"': [],
};
/** The names that a message has in no form but as the relay gives them. */
const FORGED = {
  id: 'forged', messageId: 'forged', senderId: 'forged', sender: { id: 'forged' }, sender_username: 'forged', createdAt: 'forged', created_at: 1,
  timestamp: 'forged', editedAt: 'forged', updated_at: 1, deletedAt: 'forged', is_deleted: 1, deletedFor: ['forged'],
};
/** The most bytes and fields of a message by default. */
const MAX_BYTES = 12 * 10_001;
const MAX_FIELDS = 64;

/** The message in an event of any dialect. */
const inside = (payload) => payload.data ?? payload;

/** What all three are sent next about a message, in the order of the dialects. */
async function received({ alice, bob, carol }, names) {
  const events = await Promise.all([alice.next(names[0]), bob.next(names[1]), carol.next(names[2])]);
  return events.map(inside);
}

const SENT = ['message:new', 'new-message', 'message:new'];
const EDITED = ['message:updated', 'message-updated', 'message:edited'];

/** Every way to read the message again. */
async function stored({ id, alice }, messageId) {
  const reads = [
    [`/api/messages?conversationId=${id}`, 'messages'], [`/api/messages?chatId=${id}`, 'messages'], [`/api/messages/${id}`, 'messages'],
    [`/api/messages?conversationId=${id}&after=0`, 'messages'], [`/api/conversations/${id}/changes?after=0`, 'changes'], ['/api/changes', 'changes'],
  ];
  const found = [];
  for (const [path, list] of reads) {
    const all = (await must(200, rest(alice, `GET ${path}`)))[list];
    const messages = all.map((entry) => (list === 'changes' ? entry.message : entry)).filter((message) => message?.id === messageId);
    if (path !== '/api/changes') assert.ok(messages.length > 0, path);
    found.push(...messages);
  }
  return found;
}

function has(message, fields) {
  for (const [name, value] of Object.entries(fields)) assert.deepEqual(message[name], value, `${name} in ${JSON.stringify(message)}`);
}

const WAYS = {
  'message:send': async ({ alice, id }, fields) => (await alice.ask('message:send', { conversationId: id, content: 'c', ...fields })).messageId,
  'POST of conversation': async ({ alice, id }, fields) => {
    const { message } = await must(201, rest(alice, 'POST /api/messages', { conversationId: id, content: 'c', ...fields }));
    has(message, FIELDS);
    return message.id;
  },
  'POST of chat': async ({ alice, id }, fields) => {
    const { data } = await must(201, chatPost(alice, id, { content: 'c', ...fields }));
    has(data, FIELDS);
    return data.id;
  },
  'POST of feed': async ({ alice, id }, fields) => {
    const { messageData } = await must(201, feedPost(alice, id, { encrypted_msg_content: 'c', ...fields }));
    has(messageData, FIELDS);
    return messageData.id;
  },
};

for (const [way, send] of Object.entries(WAYS)) {
  test(`${way}: unknown fields reach all and are kept, and none of the relay’s own is the sender’s`, async () => {
    const scene = await trio();
    const messageId = await send(scene, { ...FIELDS, ...FORGED });
    const all = [...(await received(scene, SENT)), ...(await stored(scene, messageId))];
    assert.ok(all.length >= 8);
    for (const message of all) {
      has(message, FIELDS);
      assert.equal(message.id ?? message.messageId, messageId);
      if ('senderId' in message) assert.equal(message.senderId, scene.alice.userId);
      if ('sender_username' in message) assert.equal(message.sender_username, scene.alice.username);
      assert.ok(!JSON.stringify(message).includes('forged'), JSON.stringify(message));
      assert.ok(!message.is_deleted && message.updated_at === undefined);
    }
  });
}

test('`__proto__` is no field, and no prototype', async () => {
  const scene = await trio();
  scene.alice.raw(`2["message:send",{"conversationId":${JSON.stringify(scene.id)},"content":"c","__proto__":{"polluted":1},"type":"t","senderI\\u0064":"forged"}]`);
  for (const message of await received(scene, SENT)) {
    assert.equal(message.type, 't');
    assert.deepEqual([message.polluted, {}.polluted, Object.hasOwn(message, '__proto__')], [undefined, undefined, false]);
    assert.notEqual(message.senderId, 'forged');
  }
});

test('binary in an unknown field arrives, behind that in the content', async () => {
  const scene = await trio();
  const thumbnail = Buffer.from([0, 255, 1]);
  const { messageId } = await scene.alice.ask('message:send', {
    conversationId: scene.id, files: [{ thumbnail }, 'x'], content: { sealed: Buffer.from('sealed') }, after: Buffer.from('after'),
  });
  for (const message of await received(scene, SENT)) {
    assert.deepEqual(message.files, [{ thumbnail }, 'x']);
    assert.deepEqual((message.content ?? message.encrypted_msg_content).sealed, Buffer.from('sealed'));
    assert.deepEqual(message.after, Buffer.from('after'));
  }
  assert.equal((await scene.alice.ask('message:update', { conversationId: scene.id, messageId, content: 'c' })).success, true);
  for (const message of await received(scene, EDITED)) assert.deepEqual(message.files, [{ thumbnail }, 'x']);
});

test('what looks like an attachment is none, and is not put beside one', async () => {
  const scene = await trio();
  const placeholder = { _placeholder: true, num: 9 };
  const ask = (event, fields) => scene.alice.ask(event, { conversationId: scene.id, content: 'c', ...fields });
  const { messageId } = await ask('message:send', { files: [Buffer.from('bytes')], ...{ num: 0 } });
  await received(scene, SENT);
  for (const fields of [{ ...placeholder }, { files: [Buffer.from('other')], num: 0 }]) {
    assert.equal((await ask('message:update', { messageId, ...fields })).success, true);
    for (const message of await received(scene, EDITED)) assert.ok(Buffer.isBuffer(message.files[0]) && !('_placeholder' in message));
  }
  for (const fields of [{ more: placeholder }, { content: placeholder }]) {
    assert.equal((await ask('message:update', { messageId, ...fields })).error.code, 'INVALID_INPUT');
    assert.equal((await rest(scene.alice, `PATCH /api/messages/${messageId}`, { content: 'c', ...fields })).status, 422);
  }
  // They would have lost their connections.
  await settle([scene.alice, scene.bob, scene.carol]);
  for (const client of [scene.alice, scene.bob, scene.carol]) assert.ok(client.socket.connected);
});

test('values leave as they were written', async () => {
  const scene = await trio();
  const frames = scene.alice.frames();
  const written = '{"n":1.0,"big":12345678901234567890,"e":"\\u0041\\/","b":1e2}';
  scene.alice.raw(`2["message:send",{"conversationId":${JSON.stringify(scene.id)},"content":"c","extra": ${written} }]`);
  const { id } = await scene.alice.next('message:new');
  assert.ok(frames.some((frame) => frame.includes(`"extra":${written}`)), frames.at(-1));
  for (const path of [`?conversationId=${scene.id}`, `?chatId=${scene.id}`, `/${scene.id}`]) {
    const { body } = await rest(scene.alice, `GET /api/messages${path}`);
    assert.ok(body.includes(id) && body.includes(`"extra":${written}`), body);
  }
});

test('media and a key number are the message’s in each form', async () => {
  const scene = await trio();
  const media = { url: 'https://media.test/1' };
  await scene.alice.ask('message:send', { conversationId: scene.id, content: 'c', media, keyNumber: 7 });
  const [own, feed, chat] = await received(scene, SENT);
  assert.deepEqual([own.media, own.keyNumber, feed.content_key_number, chat.media], [media, 7, 7, media]);
  const refused = await scene.alice.ask('message:send', { conversationId: scene.id, content: 'c', keyNumber: '7' });
  assert.deepEqual(refused.error, { message: 'Missing or invalid keyNumber', code: 'INVALID_INPUT' });
});

const EDITS = {
  'message:update': async ({ alice, id }, messageId, fields) => {
    const answer = await alice.ask('message:update', { conversationId: id, messageId, content: 'edited', ...fields });
    assert.equal(answer.success, true, JSON.stringify(answer));
  },
  PATCH: async ({ alice }, messageId, fields) => {
    has((await must(200, rest(alice, `PATCH /api/messages/${messageId}`, { content: 'edited', ...fields }))).message, fields);
  },
  PUT: async ({ alice }, messageId, fields) => {
    const answer = await must(200, rest(alice, `PUT /api/messages/${messageId}`, { encrypted_msg_content: 'edited', ...fields }));
    has(answer.messageData, fields);
  },
};

for (const [way, edit] of Object.entries(EDITS)) {
  test(`${way}: an edit’s unknown fields replace those of their names, others stay`, async () => {
    const scene = await trio();
    const messageId = await WAYS['message:send'](scene, { type: 'text', replyToId: 'r', mentions: [1] });
    await received(scene, SENT);
    await edit(scene, messageId, {});
    for (const message of await received(scene, EDITED)) has(message, { type: 'text', replyToId: 'r', mentions: [1] });
    await edit(scene, messageId, { mentions: [2], edited: true });
    const expected = { type: 'text', replyToId: 'r', mentions: [2], edited: true };
    for (const message of [...(await received(scene, EDITED)), ...(await stored(scene, messageId))]) has(message, expected);
  });
}

test('a deleted message has none left', async () => {
  const scene = await trio();
  const messageId = await WAYS['message:send'](scene, FIELDS);
  await received(scene, SENT);
  assert.equal((await scene.alice.ask('message:delete', { conversationId: scene.id, messageId })).success, true);
  for (const message of await stored(scene, messageId)) assert.ok(!('type' in message) && !('anything' in message), JSON.stringify(message));
});

/** How large a message is: its content, and its fields with their names. */
function sizeOf(fields) {
  const sizes = Object.entries(fields).map(([name, value]) => name.length + JSON.stringify(value).length);
  return JSON.stringify('c').length + sizes.reduce((sum, size) => sum + size, 0);
}

test('all that is said in a message has the bytes that a content may have, and no more', async () => {
  const scene = await trio();
  const most = { a: 'x'.repeat(60_000), b: '' };
  most.b = 'y'.repeat(MAX_BYTES - sizeOf(most));
  assert.equal(sizeOf(most), MAX_BYTES);
  const messageId = await WAYS['message:send'](scene, most);
  for (const message of await received(scene, SENT)) has(message, most);
  const large = { ...most, b: `${most.b}y` };
  await settle([scene.bob, scene.carol]);
  const marks = [scene.bob.mark(), scene.carol.mark()];
  const refusal = { message: 'Missing or invalid b', code: 'INVALID_INPUT' };
  const ask = (event, fields) => scene.alice.ask(event, { conversationId: scene.id, content: 'c', tempId: unique('t'), ...fields });
  assert.deepEqual((await ask('message:send', large)).error, refusal);
  assert.equal((await scene.alice.next('error')).context.field, 'b');
  assert.deepEqual((await ask('message:update', { messageId, ...large })).error, refusal);
  // One by one they fit, together they do not.
  assert.equal((await ask('message:update', { messageId, c: 'z' })).error.code, 'INVALID_INPUT');
  for (const body of [{ conversationId: scene.id, content: 'c' }, { chatId: scene.id, content: 'c' }]) {
    const { status, json } = await rest(scene.alice, 'POST /api/messages', { ...body, ...large });
    assert.deepEqual([status, json], [422, { error: 'Missing or invalid b', code: 'INVALID_INPUT', field: 'b' }]);
  }
  const { status } = await rest(scene.alice, `PATCH /api/messages/${messageId}`, { content: 'c', c: 'z' });
  assert.equal(status, 422);
  await settle([scene.bob, scene.carol]);
  assert.deepEqual([scene.bob.since(marks[0]), scene.carol.since(marks[1])], [[], []]);
});

test(`a message has at most ${MAX_FIELDS} unknown fields`, async () => {
  const scene = await trio();
  const many = (count) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, index]));
  await WAYS['message:send'](scene, many(MAX_FIELDS));
  for (const message of await received(scene, SENT)) has(message, many(MAX_FIELDS));
  const answer = await scene.alice.ask('message:send', { conversationId: scene.id, content: 'c', ...many(MAX_FIELDS + 1) });
  assert.deepEqual(answer.error, { message: `Missing or invalid f${MAX_FIELDS}`, code: 'INVALID_INPUT' });
});

test('an inline picture of 20 KB is media, whichever way a message is sent', async () => {
  const media = `data:image/png;base64,${'A'.repeat(20_000)}`;
  const scene = await trio();
  for (const [way, send] of Object.entries(WAYS)) {
    await send(scene, { media, ...FIELDS });
    const [own, , chat] = await received(scene, SENT);
    assert.deepEqual([own.media, chat.media], [media, media], way);
  }
});
