// `conversation`: every refusal names its field, keeps the connection and reaches nobody else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique, user } from '../support/relay.mjs';
import { REFUSALS, failed, inConversation, invalid, members, names, observe, online, react, refused, send } from '../support/conversations.mjs';

const ABSENT = undefined;
const NO_ID = [ABSENT, null, '', true, false, {}, [], ['x'], 1.5, { $gt: '' }];
const NO_CONVERSATION = [...NO_ID, 'x'.repeat(129), 'é'.repeat(65), 'a\u0000b', 'a\nb', 1e300];
const NO_TEMP_ID = [true, {}, [], ['x'], 'x'.repeat(129), 'a\nb'];

/** Per event: what makes it valid, for a message and a reaction of the one who sends it, and what is wrong per field. */
const table = {
  'conversation:leave': { valid: () => ({}), fields: {} },
  'message:send': { valid: () => ({ content: 'x' }), fields: { tempId: NO_TEMP_ID } },
  'message:update': { valid: ({ messageId }) => ({ messageId, content: 'x' }), fields: { messageId: NO_ID } },
  'message:delete': { valid: ({ messageId }) => ({ messageId }), fields: { messageId: NO_ID } },
  'message:read': { valid: ({ messageId }) => ({ messageIds: [messageId] }), fields: {} },
  'typing:start': { valid: () => ({}), fields: {} },
  'typing:stop': { valid: () => ({}), fields: {} },
  'reaction:add': { valid: ({ messageId }) => ({ messageId, emoji: '🎉' }), fields: { messageId: NO_ID } },
  'reaction:remove': { valid: ({ messageId, reactionId }) => ({ messageId, reactionId }), fields: { messageId: NO_ID, reactionId: NO_ID } },
  'presence:request': { valid: () => ({}), fields: {} },
};
/** Typing is refused without an event to those who have not joined, so not among these. */
const PARTICIPANTS_ONLY = ['message:send', 'message:update', 'message:delete', 'message:read', 'reaction:add', 'reaction:remove', 'presence:request'];

const show = (value) => (value === ABSENT ? 'absent' : JSON.stringify(value).slice(0, 40));

async function scene() {
  const [alice, bob] = await members('Alice', 'Bob');
  const messageId = await send(alice);
  return { alice, bob, ids: { messageId, reactionId: await react(alice, messageId) } };
}

/** `context` without what was wrong, which it may repeat as it came. */
function contextOf(refusal, field, value) {
  const { [field]: echoed, ...context } = refusal.context;
  if (echoed !== undefined) assert.deepEqual(echoed, value);
  return context;
}

/** Those that take an id alone. */
const BARE = ['conversation:leave', 'message:read', 'typing:start', 'typing:stop', 'presence:request'];

for (const [event, { valid, fields }] of Object.entries(table)) {
  for (const [field, wrong] of Object.entries({ conversationId: NO_CONVERSATION, ...fields })) {
    test(`${event}: a ${field} that is missing or wrong is refused by name, with a callback and without`, async () => {
      const { alice, bob, ids } = await scene();
      for (const value of wrong) {
        const payload = { ...inConversation(alice, valid(ids)), [field]: value };
        const { conversationId, messageId } = payload;
        const expected = { ...(conversationId && { conversationId }), ...(messageId && { messageId }), event, field };
        delete expected[field];
        const ask = async () => assert.deepEqual(await alice.ask(event, payload), failed(invalid(field)));
        for (const way of [() => alice.emit(event, payload), ask]) {
          const [seen, toBob] = await observe([alice, bob], way);
          assert.deepEqual(names(seen), ['error'], `${field} ${show(value)}`);
          const [[, refusal]] = seen;
          const context = contextOf(refusal, field, value);
          assert.deepEqual({ ...refusal, context }, { ...invalid(field), context: expected }, `${field} ${show(value)}`);
          assert.deepEqual(toBob, []);
        }
      }
    });
  }

  test(`${event}: a payload that is no object is refused`, async () => {
    const { alice, bob, ids } = await scene();
    const payload = inConversation(alice, valid(ids));
    const alone = BARE.includes(event) ? [] : [['text'], [42], ['text', payload]];
    for (const args of [[], [null], [''], [true], [[]], [[payload]], [Buffer.from('bytes')], ...alone]) {
      const [seen, toBob] = await observe([alice, bob], async () => assert.deepEqual(await alice.ask(event, ...args), failed(invalid('payload'))));
      assert.deepEqual(seen, [['error', { ...invalid('payload'), context: { event } }]], show(args));
      assert.deepEqual(toBob, []);
    }
  });

  test(`${event}: arguments behind the payload reach nobody, nor do fields that are not known but of messages, reactions and typing`, async () => {
    const { alice, bob, ids } = await scene();
    const frames = [alice, bob].map((client) => client.frames());
    await observe([alice, bob], () => alice.emit(event, inConversation(alice, { ...valid(ids), unknown: 'unknown' }), 'surplus', { surplus: 1 }));
    assert.ok(!frames.flat().join().includes('surplus'));
    assert.equal(frames.flat().join().includes('unknown'), ['message:send', 'message:update', 'reaction:add', 'reaction:remove', 'typing:start', 'typing:stop'].includes(event));
  });
}

for (const event of PARTICIPANTS_ONLY) {
  test(`${event}: who is no participant is answered the same of a conversation of others and of none`, async () => {
    const { alice, bob, ids } = await scene();
    const eve = await online(user('Eve'));
    for (const conversationId of [alice.conversationId, unique('conversation'), 7]) {
      const payload = { conversationId, ...table[event].valid(ids) };
      const context = { conversationId, ...(payload.messageId && { messageId: payload.messageId }) };
      await refused(eve, event, payload, REFUSALS.notParticipant, context, [alice, bob]);
      const [seen] = await observe([eve], () => eve.emit(event, payload));
      assert.deepEqual(seen, [['error', { ...REFUSALS.notParticipant, context: { ...context, event } }]], 'without a callback');
    }
  });
}

test('what is malformed is refused as that also to who is no participant', async () => {
  const { alice } = await scene();
  const eve = await online(user('Eve'));
  const { conversationId } = alice;
  await refused(eve, 'message:send', { conversationId }, invalid('content'), { conversationId, field: 'content' }, [alice]);
});

test('a refusal repeats nothing of what was to be kept secret', async () => {
  const { alice } = await scene();
  const frames = alice.frames();
  const [seen] = await observe([alice], async () => {
    for (const event of Object.keys(table)) alice.emit(event, { content: 'secret', emoji: 'secret', reactionId: 'secret', messageIds: ['secret'] });
  });
  assert.equal(seen.length, Object.keys(table).length);
  assert.ok(!frames.join().includes('secret'));
});

test('an id too long to be one is not repeated', async () => {
  const { alice } = await scene();
  const long = 'x'.repeat(100_000);
  const frames = alice.frames();
  await observe([alice], async () => {
    alice.emit('message:send', { conversationId: long, content: 'x' });
    alice.emit('message:delete', inConversation(alice, { messageId: long }));
  });
  assert.equal(alice.all('error').length, 2);
  assert.ok(!frames.join().includes(long));
});

test('events that only the server sends are unknown', async () => {
  const { alice, bob } = await scene();
  const [, toBob] = await observe([alice, bob], () => {
    for (const event of ['message:new', 'message:read:receipt', 'user:offline', 'conversation:left']) alice.emit(event, inConversation(alice, { id: 'x' }));
  });
  assert.deepEqual(alice.all('error')[0].code, 'UNKNOWN_EVENT');
  assert.deepEqual(toBob, []);
});

test('events of other dialects are unknown', async () => {
  const { alice } = await scene();
  alice.emit('send_message', { recipientId: 'x', ciphertext: 'c', iv: 'i', tag: 't', seq: 1 });
  assert.deepEqual((await alice.next('error')).context, { event: 'send_message' });
});

test('after a hundred refusals the connection still serves', async () => {
  const { alice, bob } = await scene();
  await observe([alice, bob], () => {
    for (let count = 0; count < 100; count += 1) alice.emit('message:send', inConversation(alice));
  });
  assert.equal(alice.all('error').length, 100);
  const [, toBob] = await observe([alice, bob], () => send(alice));
  assert.deepEqual(names(toBob), ['message:new']);
});
