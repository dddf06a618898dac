// What a client sends again since the answer was lost: it succeeds once more and is told to nobody. What only looks like it is done,
// or refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique, user } from '../support/relay.mjs';
import {
  DONE, SEALED, REFUSALS, enter, found, inConversation, members, observe, online, payloads, present, react, refused as refusedEvent, send,
} from '../support/conversations.mjs';
import { ADMIN, NOT_PARTICIPANT, NO_CONVERSATION, at, call, done, post, read, refused } from '../support/rest.mjs';

const MESSAGES = '/api/messages';
const PATH = '/api/conversations';
const NOBODY = { error: 'Participant not found', code: 'NOT_FOUND' };
const EXISTS = { error: 'Conversation already exists', code: 'CONVERSATION_EXISTS' };
const place = (id, { userId }) => at(id, 'participants', userId);

test('other words under a tempId that was used before are sent, from wherever; each of them once', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const second = await present(alice, alice.conversationId);
  const other = [
    { content: 'hello' }, { content: 'are you there?' }, { content: { iv: 'i', data: 'd' } }, { content: '', media: 'm' }, { content: '', media: 'n' },
    { content: 'hello', attachments: ['a'] }, { content: 'hello', attachments: ['b'] }, { content: Buffer.from('one') }, { content: Buffer.from('two') },
  ];
  const ids = [];
  const [, toBob] = await observe([alice, bob, second], async () => {
    for (const [index, said] of other.entries()) {
      const senders = index % 2 ? [second, alice] : [alice, second];
      const [id, again] = [await send(senders[0], '', { tempId: 1, ...said }), await send(senders[1], '', { tempId: 1, ...said })];
      assert.equal(again, id);
      ids.push(id);
    }
  });
  assert.equal(new Set(ids).size, other.length);
  assert.deepEqual(payloads(toBob, 'message:new').map(({ id, tempId }) => [id, tempId]), ids.map((id) => [id, 1]));
  const stored = await read(alice, alice.conversationId);
  assert.deepEqual(stored.messages.map(({ id }) => id), ids);
});

test('the same in every form over REST, and by a socket', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const { conversationId } = alice;
  const forms = [
    [MESSAGES, { conversationId, content: 'one' }], [MESSAGES, { chatId: conversationId, content: 'two' }], [MESSAGES, { chatId: conversationId, media: 'two' }],
    [MESSAGES, { conversation_id: conversationId, encrypted_msg_content: 'three', content_key_number: 1 }],
    [MESSAGES, { conversation_id: conversationId, encrypted_msg_content: 'three', content_key_number: 2 }],
    [at(conversationId, 'messages'), { content: 'four' }],
  ];
  const [, seen] = await observe([alice, bob], async () => {
    for (const [path, body] of forms) {
      const first = await done(201, alice, 'POST', path, { ...body, tempId: 1 });
      assert.deepEqual(await done(200, alice, 'POST', path, { ...body, tempId: 1 }), first);
    }
    const id = await send(alice, 'five', { tempId: 1 });
    assert.equal((await done(200, alice, 'POST', MESSAGES, { conversationId, content: 'five', tempId: 1 })).message.id, id);
    assert.equal(await send(alice, 'one', { tempId: 1 }), (await read(alice, conversationId)).messages[0].id);
  });
  const expected = ['one', 'two', '', 'three', 'three', 'four', 'five'];
  assert.deepEqual(payloads(seen, 'message:new').map(({ content }) => content), expected);
  assert.deepEqual((await read(alice, conversationId)).messages.map(({ content }) => content), expected);
});

test('a reaction that one has removed is removed again, and no other is', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const messageId = await send(alice);
  const reactionId = await react(bob, messageId);
  const unreact = (client, id = reactionId) => client.ask('reaction:remove', inConversation(client, { messageId, reactionId: id }));
  assert.deepEqual(await unreact(bob), DONE);
  const second = await present(bob, bob.conversationId);
  const seen = await observe([alice, bob, second], async () => {
    for (const client of [bob, second]) assert.deepEqual(await unreact(client), DONE);
  });
  assert.deepEqual(seen, [[], [], []]);
  const { conversationId } = alice;
  await refusedEvent(alice, 'reaction:remove', { conversationId, messageId, reactionId }, REFUSALS.unauthorized, { conversationId, messageId }, [bob]);
  const again = await react(bob, messageId);
  assert.deepEqual(await unreact(bob), DONE);
  assert.equal(await react(bob, messageId), again, 'the newer one is still there');
});

test('an edit that comes again is told once', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const messageId = await send(alice);
  const path = `${MESSAGES}/${messageId}`;
  const edits = [
    () => alice.ask('message:update', inConversation(alice, { messageId, content: 'one', mood: 1 })),
    () => done(200, alice, 'PATCH', path, { content: 'two' }),
    () => done(200, alice, 'PUT', path, { encrypted_msg_content: 'three', content_key_number: 2 }),
    () => done(200, alice, 'PUT', path, { encrypted_msg_content: 'three', content_key_number: 3 }),
  ];
  for (const edit of edits) {
    const [first] = await observe([bob, alice], edit);
    assert.deepEqual(first.map(([name]) => name), ['message:updated']);
    const [again] = await observe([bob, alice], edit);
    assert.deepEqual(again, []);
  }
  const [back] = await observe([bob, alice], edits[0]);
  assert.deepEqual(payloads(back, 'message:updated').map(({ content }) => content), ['one']);
});

test('who was removed is removed again by whom they were, and by nobody else', async () => {
  const [alice, bob, carol, dave, eve] = ['Alice', 'Bob', 'Carol', 'Dave', 'Eve'].map(user);
  const id = await found(alice, [bob, carol, dave]);
  await done(200, alice, 'PATCH', place(id, carol), { role: 'admin' });
  const removed = await done(200, alice, 'DELETE', place(id, bob));
  const clients = [await present(alice, id), await online(bob), await present(carol, id)];
  const seen = await observe(clients, async () => {
    for (const _ of [1, 2]) assert.deepEqual(await done(200, alice, 'DELETE', place(id, bob)), removed);
    await refused(404, NOBODY, carol, 'DELETE', place(id, bob));
    await refused(403, { error: 'Not allowed', code: 'NOT_AUTHORIZED' }, dave, 'DELETE', place(id, bob));
    await refused(403, NOT_PARTICIPANT.conversation, bob, 'DELETE', place(id, bob));
    await refused(404, NO_CONVERSATION, bob, 'DELETE', at(id));
    await refused(404, NOBODY, alice, 'DELETE', place(id, eve));
  });
  assert.deepEqual(seen, [[], [], []]);
  await done(201, alice, 'POST', at(id, 'participants'), { userId: bob.userId });
  await done(200, carol, 'DELETE', place(id, bob));
  await refused(404, NOBODY, alice, 'DELETE', place(id, bob));
});

test('who has left leaves again', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const id = await found(alice, [bob, carol]);
  const client = await present(alice, id);
  const left = await done(200, bob, 'DELETE', place(id, bob));
  await done(200, carol, 'DELETE', at(id));
  const [seen] = await observe([client], async () => {
    assert.deepEqual(await done(200, bob, 'DELETE', place(id, bob)), left);
    for (const who of [bob, carol]) assert.deepEqual(await done(200, who, 'DELETE', at(id)), { message: 'Conversation deleted successfully' });
    await refused(404, NOBODY, alice, 'DELETE', place(id, bob));
  });
  assert.deepEqual(seen, []);
});

test('who has ceased to be an admin may say so again', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice, [bob]);
  await done(200, alice, 'PATCH', place(id, bob), { role: 'admin' });
  const client = await present(bob, id);
  const member = await done(200, alice, 'PATCH', place(id, alice), { role: 'member' });
  const [seen] = await observe([client], async () => assert.deepEqual(await done(200, alice, 'PATCH', place(id, alice), { role: 'member' }), member));
  assert.deepEqual(seen, []);
  await refused(403, { error: 'Not allowed', code: 'NOT_AUTHORIZED' }, alice, 'PATCH', place(id, alice), { role: 'admin' });
});

test('a conversation that one has made is made again by the same request, and by no other', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const id = unique('made');
  const request = { id, title: 'Team', participantIds: [bob.userId] };
  const made = await done(201, alice, 'POST', PATH, request);
  const clients = [await present(alice, id), await present(bob, id)];
  const seen = await observe(clients, async () => {
    for (const _ of [1, 2]) assert.deepEqual(await done(200, alice, 'POST', PATH, request), made);
    const exists = { ...EXISTS, createdBy: alice.userId };
    for (const other of [{ title: 'Others' }, { participantIds: [] }, { participantIds: [bob.userId, carol.userId] }, { history: 'joined' }]) {
      await refused(409, exists, alice, 'POST', PATH, { ...request, ...other });
    }
    await refused(409, exists, bob, 'POST', PATH, { ...request, participantIds: [alice.userId] });
    await refused(409, EXISTS, carol, 'POST', PATH, request);
  });
  assert.deepEqual(seen, [[], []]);
  await done(201, alice, 'POST', at(id, 'participants'), { userId: carol.userId });
  assert.equal((await done(200, alice, 'POST', PATH, request)).participants.length, 3, 'as it is now');
});

test('of a request that is made at once many times one makes the conversation', async () => {
  const alice = user('Alice');
  const id = unique('made');
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(alice, 'POST', PATH, { id, participantIds: [] })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(19).fill(200), 201]);
});

test('in the form of feed the same content key makes it the same request', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = unique('made');
  const entry = ({ userId }, key) => ({ id, username: userId, encrypted_content_key: `${key} for ${userId}`, content_key_number: 1 });
  const entries = (key) => ({ conversation_entries: [alice, bob].map((who) => entry(who, key)) });
  const owner = { ...alice, username: alice.userId };
  const made = await done(201, owner, 'POST', PATH, entries('k'));
  assert.deepEqual(await done(200, owner, 'POST', PATH, entries('k')), made);
  await refused(409, { ...EXISTS, createdBy: alice.userId }, owner, 'POST', PATH, entries('another'));
});

test('a new content key that was given is given again, with what was said of it, once', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map((name) => { const who = user(name); return { ...who, username: who.userId }; });
  const id = unique('made');
  const of = (who, n) => ({ username: who.username, encrypted_content_key: `${n} for ${who.username}` });
  await done(201, alice, 'POST', PATH, { conversation_entries: [alice, bob].map((who) => ({ id, ...of(who, 1) })) });
  const client = await present(bob, id);
  const system_broadcast = { encrypted_msg_content: SEALED, content_key_number: 2 };
  const rotation = { share_history: false, content_key_number: 2, entries: [of(alice, 2), of(bob, 2)], system_broadcast };
  const rotate = (status, body, who = alice) => done(status, who, 'POST', at(id, 'participants'), body);
  const [first] = await observe([client], () => rotate(200, rotation));
  assert.equal(payloads(first, 'message:new').length, 1);
  const [again] = await observe([client], () => rotate(200, rotation));
  assert.deepEqual(again, []);
  await rotate(400, { ...rotation, entries: [of(alice, 'another'), of(bob, 2)] });
});

test('an administrator makes the same conversation again, too', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = unique('made');
  const request = { id, participantIds: [alice.userId, bob.userId] };
  const made = await done(201, ADMIN, 'POST', '/api/admin/conversations', request);
  assert.deepEqual(await done(200, ADMIN, 'POST', '/api/admin/conversations', request), made);
  assert.equal((await post(alice, id, 'x')).conversationId, id);
  await enter(await online(bob), id);
});
