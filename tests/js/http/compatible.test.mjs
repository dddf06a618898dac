// REST: paths and fields that clients of others' servers use for the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, request, same, unique, user } from '../support/relay.mjs';
import { DONE, observe, online, present } from '../support/conversations.mjs';
import { NOT_PARTICIPANT, NO_MESSAGE, NO_ROUTE, at, call, done, found, history, invalid, post, refused } from '../support/rest.mjs';

const RECEIPT = 'message:read:receipt';
const unread = async (who, id) => (await done(200, who, 'GET', at(id))).conversation.unreadCount;

test('a slash at the end of a path makes no difference', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const made = await done(201, alice, 'POST', '/api/conversations/', { participantIds: [bob.userId] });
  const { id } = made.conversation;
  const { message } = await done(201, alice, 'POST', '/api/messages/', { conversationId: id, content: 'x' });
  for (const path of [
    '/api/conversations/', '/api/conversations/?limit=1', `${at(id)}/`, `${at(id, 'participants')}/`, `${at(id, 'changes')}/?after=0`,
    `/api/messages/?conversationId=${id}`, `/api/messages/${id}/?limit=1`, '/api/changes/', `${at(id, 'messages')}/`,
  ]) {
    const [plain, slashed] = [await call(alice, 'GET', path.replace(/\/(\?|$)/, '$1')), await call(alice, 'GET', path)];
    assert.deepEqual([slashed.status, slashed.json], [200, plain.json], path);
  }
  await done(200, alice, 'PATCH', `/api/messages/${message.id}/`, { content: 'y' });
  await done(200, alice, 'DELETE', `/api/messages/${message.id}/`);
  for (const path of ['/health/', '/ready/']) assert.equal((await request(path)).status, 200, path);
  await refused(404, NO_ROUTE, alice, 'GET', '/api/nothing/');
  await refused(404, NO_ROUTE, alice, 'GET', '/api/conversations//');
});

test('a conversation is made by other names of the field', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const ids = ({ participants }) => participants.map(({ userId }) => userId).toSorted();
  const make = (fields) => done(201, alice, 'POST', '/api/conversations', fields);
  assert.deepEqual(ids(await make({ participants: [bob.userId, carol.userId] })), [alice, bob, carol].map((who) => who.userId).toSorted());
  assert.deepEqual(ids(await make({ participantId: bob.userId })), [alice, bob].map((who) => who.userId).toSorted());
  assert.deepEqual(ids(await make({ participantId: 7 })), [alice.userId, '7'].toSorted());
  // The documented one counts where it is there.
  assert.deepEqual(ids(await make({ participantIds: [], participants: [bob.userId], participantId: carol.userId })), [alice.userId]);
  for (const [field, value] of [['participants', 'bob'], ['participants', [{}]], ['participantId', ['bob']], ['participantId', '']]) {
    await refused(422, invalid(field), alice, 'POST', '/api/conversations', { [field]: value });
  }
  await refused(400, invalid('participantIds'), alice, 'POST', '/api/conversations', {});
});

test('messages of a conversation are read and sent below it', async () => {
  const [alice, bob, eve] = ['Alice', 'Bob', 'Eve'].map(user);
  const id = await found(alice, [bob]);
  const path = at(id, 'messages');
  const client = await present(bob, id);
  const { message } = await done(201, alice, 'POST', path, { content: 'first', tempId: 't', type: 'text' });
  assert.deepEqual([message.content, message.conversationId, message.type], ['first', id, 'text']);
  assert.equal((await client.next('message:new')).id, message.id);
  await done(200, alice, 'POST', path, { content: 'first', tempId: 't', type: 'text' });
  for (let n = 0; n < 4; n += 1) await post(alice, id, `${n}`);
  assert.deepEqual((await done(200, bob, 'GET', path)).messages, await history(bob, id));
  const page = await done(200, bob, 'GET', `${path}?limit=2`);
  assert.deepEqual(page, await done(200, bob, 'GET', `/api/messages?conversationId=${id}&limit=2`));
  const after = await done(200, bob, 'GET', `${path}?after=${message.id}&limit=2`);
  assert.deepEqual(after.messages.map(({ content }) => content), ['0', '1']);
  await refused(403, NOT_PARTICIPANT.conversation, eve, 'GET', path);
  await refused(403, NOT_PARTICIPANT.conversation, eve, 'POST', path, { content: 'x' });
  await refused(400, invalid('content'), alice, 'POST', path, {});
});

test('the id of a conversation that was made under a number is one there, too', async () => {
  const alice = user('Alice');
  const id = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  await found(alice, [], { id });
  assert.equal((await done(201, alice, 'POST', at(id, 'messages'), { content: 'x' })).message.conversationId, id);
  assert.equal((await done(200, alice, 'GET', at(id, 'messages'))).messages[0].conversationId, id);
});

/** A conversation with five messages of Alice and one of Bob. */
async function unreadScene() {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const conversationId = await found(alice, [bob]);
  const sent = [];
  for (let n = 0; n < 5; n += 1) sent.push((await post(alice, conversationId, `${n}`)).id);
  await post(bob, conversationId, 'own');
  return { alice, bob, conversationId, sent };
}

for (const [name, mark] of Object.entries({
  'POST …/read': (id, who) => done(200, who, 'POST', at(id, 'read')),
  'PUT …/read': (id, who) => done(200, who, 'PUT', at(id, 'read'), {}),
  'PATCH …/read': (id, who) => done(200, who, 'PATCH', at(id, 'read')),
  'POST /api/messages/read': (conversationId, who) => done(200, who, 'POST', '/api/messages/read', { conversationId }),
  'PUT /api/messages/read': (chatId, who) => done(200, who, 'PUT', '/api/messages/read', { chatId }),
  'message:read': async (conversationId, who) => (await online(who)).ask('message:read', { conversationId }),
  'message:read with an id alone': async (conversationId, who) => (await online(who)).ask('message:read', conversationId),
})) {
  test(`${name} that names no message marks all as read`, async () => {
    const { alice, bob, conversationId, sent } = await unreadScene();
    const client = await online(alice);
    const [seen] = await observe([client], async () => assert.deepEqual(await mark(conversationId, bob), DONE));
    const receipts = seen.filter(([event]) => event === RECEIPT);
    same(receipts, [[RECEIPT, { conversationId, messageIds: sent, readBy: bob.userId, readAt: TIME }]]);
    assert.equal(await unread(bob, conversationId), 0);
    assert.equal(await unread(alice, conversationId), 1);
    // Again there is none.
    const [again] = await observe([client], () => mark(conversationId, bob));
    assert.deepEqual(again, []);
  });
}

for (const [name, mark] of Object.entries({
  'POST …/:id/read': (conversationId, messageId, who) => done(200, who, 'POST', `/api/messages/${messageId}/read`),
  'PUT …/:id/read': (conversationId, messageId, who) => done(200, who, 'PUT', `/api/messages/${messageId}/read`, { conversationId }),
  'messageId below a conversation': (conversationId, messageId, who) => done(200, who, 'POST', at(conversationId, 'read'), { messageId }),
  'messageId in the body': (conversationId, messageId, who) => done(200, who, 'POST', '/api/messages/read', { conversationId, messageId }),
  'messageId in message:read': async (conversationId, messageId, who) => (await online(who)).ask('message:read', { conversationId, messageId }),
})) {
  test(`one message is marked as read by ${name}`, async () => {
    const { alice, bob, conversationId, sent } = await unreadScene();
    const client = await online(alice);
    const [seen] = await observe([client], async () => assert.deepEqual(await mark(conversationId, sent[2], bob), DONE));
    same(seen.filter(([event]) => event === RECEIPT), [[RECEIPT, { conversationId, messageIds: [sent[2]], readBy: bob.userId, readAt: TIME }]]);
    assert.equal(await unread(bob, conversationId), 4);
  });
}

test('more than fit into one list are all read', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice, [bob]);
  const client = await online(alice);
  for (let n = 0; n < 1_010; n += 101) await Promise.all(Array.from({ length: 101 }, (_, index) => post(alice, id, `${n + index}`)));
  assert.equal(await unread(bob, id), 1_010);
  const [seen] = await observe([client], () => done(200, bob, 'PUT', at(id, 'read')));
  const lists = seen.filter(([event]) => event === RECEIPT).map(([, { messageIds }]) => messageIds);
  assert.deepEqual(lists.map((ids) => ids.length), [500, 500, 10]);
  assert.deepEqual(lists.flat(), (await history(alice, id)).map((message) => message.id));
  assert.equal(await unread(bob, id), 0);
});

test('strangers mark nothing as read, and what is malformed is refused', async () => {
  const { alice, bob, conversationId, sent } = await unreadScene();
  const eve = user('Eve');
  await refused(403, NOT_PARTICIPANT.conversation, eve, 'POST', at(conversationId, 'read'));
  await refused(403, NOT_PARTICIPANT.conversation, eve, 'POST', '/api/messages/read', { conversationId });
  await refused(404, NO_MESSAGE, eve, 'POST', `/api/messages/${sent[0]}/read`);
  await refused(404, NO_MESSAGE, bob, 'POST', '/api/messages/nonsense/read');
  for (const [field, value] of [['messageIds', []], ['messageIds', 'all'], ['messageId', {}], ['messageId', '']]) {
    await refused(422, invalid(field), bob, 'POST', '/api/messages/read', { conversationId, [field]: value });
  }
  await refused(400, invalid('conversationId'), bob, 'POST', '/api/messages/read', {});
  const type = { 'Content-Type': 'text/plain' };
  await refused(415, { error: 'Content-Type must be application/json', code: 'UNSUPPORTED_MEDIA_TYPE' }, bob, 'POST', at(conversationId, 'read'), 'x', type);
  assert.equal(await unread(bob, conversationId), 5);
  assert.equal(await unread(alice, conversationId), 1);
  assert.equal((await call(bob, 'GET', `/api/messages/${unique('none')}/read`)).status, 404);
});
