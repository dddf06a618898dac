// REST: what users write is stored and returned byte for byte, whatever it looks like. Looked for in the answers' text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique, user } from '../support/relay.mjs';
import { observe, present } from '../support/conversations.mjs';
import { at, call, done, found, known, post, read } from '../support/rest.mjs';

const PATH = '/api/messages';
/** JSON texts that a parser would write in another way. */
const TEXTS = {
  'forms of numbers': '[1.0,1e2,1E+2,-0,-0.0,0.10,12345678901234567890,1.7976931348623157e308,0.1e-400,1.00000000000000000001]',
  'keys in their order, some twice': '{"b":1,"a":2,"b":3,"1":4,"0":5,"constructor":null,"toString":[]}',
  'escapes': '"\\u0041\\/\\u00e9\\n\\t\\b\\f\\r\\"\\\\ \\ud83d\\udcac \\u0000 \\u2028"',
  'characters that need none': '"é 💬 \u2028\u2029 \u007f \ufeff \u202e e\u0301"',
  'spaces between': '{ "a" : [ 1 , 2 ,\t3 ] ,\r\n "b" : { } }',
  'an operator': '{"$ne":null,"$where":"sleep(1)","a.b":{"$gt":""}}',
  'an empty object': '{}',
  'a large number': '123456789012345678901234567890',
};

for (const [name, text] of Object.entries(TEXTS)) {
  test(`${name}: in every form, answer and event`, async () => {
    const [alice, bob] = ['Alice', 'Bob'].map(user);
    const id = await found(alice, [bob]);
    const named = JSON.stringify(id);
    const client = await present(bob, id);
    const frames = client.frames();
    const forms = [
      `{"conversationId":${named},"content":${text}}`,
      `{"chatId":${named},"content":${text}}`,
      `{"chatId":${named},"media":${text}}`,
      `{"conversation_id":${named},"content_key_number":1,"encrypted_msg_content":${text}}`,
    ];
    await observe([client], async () => {
      for (const form of forms) {
        const { status, body } = await call(alice, 'POST', PATH, form);
        assert.equal(status, 201, body);
        assert.ok(body.includes(`:${text}`), body);
      }
    });
    const events = frames.filter((frame) => frame.includes('"message:new"'));
    assert.equal(events.length, 4);
    for (const event of events) assert.ok(event.includes(`:${text}`), event);
    for (const query of [`?conversationId=${id}`, `?chatId=${id}`, `/${id}`]) {
      const { body } = await call(bob, 'GET', PATH + query);
      // The form `feed` has no media.
      assert.equal(body.split(`:${text}`).length - 1, query.startsWith('/') ? 3 : 4, body);
    }
  });

  test(`${name}: when a message is changed`, async () => {
    const [alice, bob] = ['Alice', 'Bob'].map(user);
    const id = await found(alice, [bob]);
    const { id: message } = await post(alice, id, 'before');
    const client = await present(bob, id);
    const frames = client.frames();
    await observe([client], async () => {
      for (const [method, form] of [['PATCH', `{"content":${text}}`], ['PUT', `{"encrypted_msg_content":${text},"content_key_number":2}`]]) {
        const { status, body } = await call(alice, method, `${PATH}/${message}`, form);
        assert.equal(status, 200, body);
        assert.ok(body.includes(`:${text}`), body);
      }
    });
    const events = frames.filter((frame) => frame.includes('"message:updated"'));
    assert.equal(events.length, 2);
    for (const event of events) assert.ok(event.includes(`:${text}`), event);
    assert.ok((await call(bob, 'GET', `${PATH}?conversationId=${id}`)).body.includes(`"content":${text}`));
  });
}

test('a field may be written with escapes; of one that comes twice the last counts, or the request is refused', async () => {
  const alice = user('Alice');
  const id = await found(alice);
  await done(201, alice, 'POST', PATH, `{"conversation\\u0049d":${JSON.stringify(id)},"c\\u006fntent":"escaped"}`);
  const { status } = await call(alice, 'POST', PATH, `{"conversationId":${JSON.stringify(id)},"content":"one","content":"two"}`);
  const contents = (await read(alice, id)).messages.map(({ content }) => content);
  assert.deepEqual(contents, status === 201 ? ['escaped', 'two'] : ['escaped']);
});

test('__proto__ is a name like any other', async () => {
  const alice = user('Alice');
  const named = JSON.stringify(await found(alice));
  for (const body of [
    `{"__proto__":{"conversationId":${named},"content":"inherited"}}`,
    `{"conversationId":${named},"__proto__":{"content":"inherited"}}`,
    `{"constructor":{"prototype":{"content":"inherited"}},"conversationId":${named}}`,
  ]) {
    assert.equal((await call(alice, 'POST', PATH, body)).status, 400);
  }
  await done(201, alice, 'POST', PATH, `{"__proto__":{"senderId":"bob"},"conversationId":${named},"content":"own"}`);
});

const ODD = [
  "'; DROP TABLE messages; --", '" OR ""="', '%', '_', '*', '$ne', '$where', '{"$gt":""}', 'a.b.$[]', '__proto__', 'constructor', 'null', 'undefined', 'NaN', '0', '00', '1e3',
  ' ', 'a ', ' a', 'A', 'é', 'e\u0301', '\u202e\ufeff', '💥', '../..', '<script>alert(1)</script>', '${7*7}', '{{7*7}}', '%00', '\\u0000', "\\'",
];

test('texts that look like a query come back as they were: content, tempId, title, names', async () => {
  // No name may be hidden.
  for (const text of ODD.filter((odd) => !odd.includes('\u202e'))) {
    const alice = { userId: unique('') + text, username: text, avatarUrl: text };
    await known(alice);
    const id = await found(alice, [], { title: text });
    const message = await post(alice, id, text, { tempId: text });
    assert.deepEqual([message.content, message.tempId, message.senderId, message.sender], [text, text, alice.userId, { id: alice.userId, name: text, avatarUrl: text }]);
    assert.deepEqual((await read(alice, id)).messages, [message]);
    const { conversation, participants: [participant] } = await done(200, alice, 'GET', at(id));
    assert.deepEqual([conversation.title, participant.userId, participant.name, participant.avatarUrl], [text, alice.userId, text, text]);
  }
});

test('texts that look alike name different conversations', async () => {
  const suffix = unique('');
  for (const text of ODD) await found({ ...user('Alice'), userId: `owner of ${text}` }, [], { id: text + suffix });
  for (const text of ODD) {
    const alice = { ...user('Alice'), userId: `owner of ${text}` };
    await post(alice, text + suffix, text);
    const seen = (await done(200, alice, 'GET', '/api/conversations')).conversations.map(({ id }) => id);
    assert.deepEqual(seen, [text + suffix]);
    assert.deepEqual((await read(alice, text + suffix)).messages.map(({ content }) => content), [text]);
  }
});
