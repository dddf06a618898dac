// REST: who is a participant in a conversation, who may change that, and what live sockets see of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, unique, user } from '../support/relay.mjs';
import { DONE, REFUSALS, failed, observe, online, present } from '../support/conversations.mjs';
import { NOT_PARTICIPANT, NO_CONVERSATION, at, done, found, invalid, post, read, refused } from '../support/rest.mjs';

const NOT_ALLOWED = { error: 'Not allowed', code: 'NOT_AUTHORIZED' };
const LAST = { error: 'Conversation needs an admin', code: 'LAST_ADMIN' };
const NOBODY = { error: 'Participant not found', code: 'NOT_FOUND' };
const place = (id, { userId }) => at(id, 'participants', userId);
const add = (status, who, id, { userId }, role) => done(status, who, 'POST', at(id, 'participants'), { userId, role });
const entry = ({ userId }, role, status) => ({ participant: { userId, role, status, joinedAt: TIME } });
const statusOf = async (who, id, { userId }) =>
  (await done(200, who, 'GET', at(id))).participants.find((one) => one.userId === userId)?.status;

test('an admin adds somebody, who may read and write from then on', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice);
  await refused(403, NOT_PARTICIPANT.conversation, bob, 'POST', '/api/messages', { conversationId: id, content: 'early' });
  same(await add(201, alice, id, bob), entry(bob, 'member', 'active'));
  await post(bob, id, 'hello');
  assert.equal((await read(bob, id)).messages.length, 1);
});

test('somebody may be added as an admin, who may do the same', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const id = await found(alice);
  same(await add(201, alice, id, bob, 'admin'), entry(bob, 'admin', 'active'));
  same(await add(201, bob, id, carol, 'member'), entry(carol, 'member', 'active'));
  same(await done(200, bob, 'DELETE', place(id, alice)), entry(alice, 'admin', 'removed'));
});

test('who is a participant already stays as they are, but for another role', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice);
  const first = await add(201, alice, id, bob);
  const client = await present(bob, id);
  const [seen] = await observe([client], async () => {
    for (const role of [undefined, 'member']) assert.deepEqual(await add(200, alice, id, bob, role), first);
    await refused(403, NOT_ALLOWED, bob, 'POST', at(id, 'participants'), { userId: user('Carol').userId });
    const { participant } = await add(200, alice, id, bob, 'admin');
    assert.deepEqual(participant, { ...first.participant, role: 'admin' });
    assert.deepEqual(await add(200, alice, id, bob), { participant }, 'without a role nobody gets another one');
  });
  assert.deepEqual(seen, []);
  await add(201, bob, id, user('Carol'));
});

test('an admin gives somebody another role, which is a change of the log', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const id = await found(alice, [bob, carol]);
  const { cursor } = await done(200, carol, 'GET', at(id, 'changes'));
  same(await done(200, alice, 'PATCH', place(id, bob), { role: 'admin' }), entry(bob, 'admin', 'active'));
  same(await done(200, alice, 'PATCH', place(id, bob), { role: 'admin' }), entry(bob, 'admin', 'active'));
  same(await done(200, bob, 'PATCH', place(id, alice), { role: 'member' }), entry(alice, 'member', 'active'));
  for (const who of [alice, carol]) await refused(403, NOT_ALLOWED, who, 'PATCH', place(id, bob), { role: 'member' });
  await refused(409, LAST, bob, 'PATCH', place(id, bob), { role: 'member' });
  await refused(409, LAST, bob, 'POST', at(id, 'participants'), { userId: bob.userId, role: 'member' });
  const { changes } = await done(200, carol, 'GET', `${at(id, 'changes')}?after=${cursor}`);
  assert.deepEqual(changes.map(({ type, by, participant }) => [type, by.userId, participant]), [
    ['participant:updated', alice.userId, { userId: bob.userId, role: 'admin' }],
    ['participant:updated', bob.userId, { userId: alice.userId, role: 'member' }],
  ]);
  const { conversation } = await done(200, bob, 'GET', at(id));
  assert.equal(conversation.role, 'admin');
});

test('another role is given to participants only, by a valid name', async () => {
  const [alice, bob, mallory] = ['Alice', 'Bob', 'Mallory'].map(user);
  const id = await found(alice, [bob]);
  for (const body of [{}, { role: null }]) await refused(400, invalid('role'), alice, 'PATCH', place(id, bob), body);
  for (const role of ['', 'owner', 7, {}, []]) await refused(422, invalid('role'), alice, 'PATCH', place(id, bob), { role });
  for (const who of [mallory, { userId: 'a\nb' }]) await refused(404, NOBODY, alice, 'PATCH', place(id, who), { role: 'admin' });
  for (const where of [id, unique('absent')]) {
    await refused(403, NOT_PARTICIPANT.conversation, mallory, 'PATCH', place(where, bob), { role: 'admin' });
  }
  await done(200, alice, 'DELETE', place(id, bob));
  await refused(404, NOBODY, alice, 'PATCH', place(id, bob), { role: 'admin' });
});

test('where the last admin goes, who joined first becomes one', async () => {
  const [alice, bob, carol, dave] = ['Alice', 'Bob', 'Carol', 'Dave'].map(user);
  const id = await found(alice);
  for (const who of [carol, bob]) await add(201, alice, id, who);
  const { cursor } = await done(200, bob, 'GET', at(id, 'changes'));
  same(await done(200, alice, 'DELETE', place(id, alice)), entry(alice, 'admin', 'left'));
  same(await add(201, carol, id, dave), entry(dave, 'member', 'active'));
  const { changes } = await done(200, bob, 'GET', `${at(id, 'changes')}?after=${cursor}`);
  assert.deepEqual(changes.map(({ type, participant: { userId, role } }) => [type, userId, role]), [
    ['participant:left', alice.userId, undefined],
    ['participant:updated', carol.userId, 'admin'],
    ['participant:added', dave.userId, 'member'],
  ]);
  assert.equal(changes[1].number, changes[0].number + 1);
  await refused(403, NOT_ALLOWED, bob, 'DELETE', place(id, dave));
});

test('an admin takes somebody out, who can do nothing any more', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice, [bob]);
  const { id: message } = await post(bob, id, 'hello');
  same(await done(200, alice, 'DELETE', place(id, bob)), entry(bob, 'member', 'removed'));
  await refused(404, NO_CONVERSATION, bob, 'GET', at(id));
  await refused(403, NOT_PARTICIPANT.conversation, bob, 'GET', `/api/messages?conversationId=${id}`);
  await refused(403, NOT_PARTICIPANT.conversation, bob, 'POST', '/api/messages', { conversationId: id, content: 'late' });
  await refused(403, NOT_PARTICIPANT.conversation, bob, 'POST', '/api/messages/read', { conversationId: id, messageIds: [message] });
  for (const [method, body] of [['PATCH', { content: 'late' }], ['PUT', { encrypted_msg_content: 'late' }], ['DELETE', undefined]]) {
    await refused(404, { error: 'Message not found', code: 'NOT_FOUND' }, bob, method, `/api/messages/${message}`, body);
  }
  assert.deepEqual((await done(200, bob, 'GET', '/api/conversations')).conversations, []);
  assert.notEqual(await statusOf(alice, id, bob), 'active');
});

test('anybody may go', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const id = await found(alice, [bob, carol]);
  same(await done(200, bob, 'DELETE', place(id, bob)), entry(bob, 'member', 'left'));
  same(await done(200, alice, 'DELETE', place(id, alice)), entry(alice, 'admin', 'left'));
  for (const who of [alice, bob]) await refused(404, NO_CONVERSATION, who, 'GET', at(id));
  assert.deepEqual((await done(200, carol, 'GET', at(id))).conversation.participants.length, 1);
});

test('who went may be added again, with the history and nothing unread', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice, [bob]);
  await post(alice, id, 'one');
  await done(200, bob, 'DELETE', place(id, bob));
  await post(alice, id, 'two');
  same(await add(201, alice, id, bob), entry(bob, 'member', 'active'));
  assert.deepEqual((await read(bob, id)).messages.map(({ content }) => content), ['one', 'two']);
  assert.equal((await done(200, bob, 'GET', at(id))).conversation.unreadCount, 0);
});

test('a member manages nobody else', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const id = await found(alice, [bob, carol]);
  for (const role of [undefined, 'admin']) {
    await refused(403, NOT_ALLOWED, bob, 'POST', at(id, 'participants'), { userId: user('Dave').userId, role });
    await refused(403, NOT_ALLOWED, bob, 'POST', at(id, 'participants'), { userId: bob.userId, role });
  }
  for (const other of [alice, carol, user('Dave')]) await refused(403, NOT_ALLOWED, bob, 'DELETE', place(id, other));
  assert.equal((await done(200, carol, 'GET', at(id))).participants.length, 3);
});

test('an outsider is answered the same of a conversation that is there and of one that is not', async () => {
  const [alice, mallory] = ['Alice', 'Mallory'].map(user);
  const foreign = await found(alice);
  for (const id of [foreign, unique('absent'), 'x'.repeat(200), 'a\nb']) {
    await refused(403, NOT_PARTICIPANT.conversation, mallory, 'POST', at(id, 'participants'), { userId: mallory.userId });
    for (const who of [alice, mallory]) await refused(403, NOT_PARTICIPANT.conversation, mallory, 'DELETE', place(id, who));
  }
});

test('bad fields are named', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const id = await found(alice);
  for (const body of [{}, { userId: null }]) await refused(400, invalid('userId'), alice, 'POST', at(id, 'participants'), body);
  for (const userId of ['', 'x'.repeat(129), 'a\nb', 1.5, true, {}, [], { $ne: null }]) {
    await refused(422, invalid('userId'), alice, 'POST', at(id, 'participants'), { userId });
  }
  for (const role of ['', 'owner', 'Admin', 7, true, {}, [], { $ne: null }]) {
    await refused(422, invalid('role'), alice, 'POST', at(id, 'participants'), { userId: bob.userId, role });
  }
  for (const userId of ['x'.repeat(200), 'a\nb', unique('nobody')]) await refused(404, NOBODY, alice, 'DELETE', place(id, { userId }));
  assert.equal((await done(200, alice, 'GET', at(id))).participants.length, 1);
});

test('who is added may join at once, on a socket that was refused before', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const conversationId = await found(alice);
  const client = await online(bob);
  assert.deepEqual(await client.ask('conversation:join', { conversationId }), failed(REFUSALS.notParticipant));
  await add(201, alice, conversationId, bob);
  assert.deepEqual(await client.ask('conversation:join', { conversationId }), DONE);
});

for (const [how, ending] of [['is taken out', 'removed'], ['goes over REST', 'left']]) {
  test(`the sockets of who ${how} are out of the conversation at once`, async () => {
    const [alice, bob] = ['Alice', 'Bob'].map(user);
    const id = await found(alice, [bob]);
    const [first, one, two] = [await present(alice, id), await present(bob, id), await present(bob, id)];
    const [toAlice, ...toBob] = await observe([first, one, two], async () => {
      same(await done(200, ending === 'left' ? bob : alice, 'DELETE', place(id, bob)), entry(bob, 'member', ending));
      await post(alice, id, 'among ourselves');
    });
    for (const seen of toBob) assert.deepEqual(seen, [['conversation:left', { conversationId: id }]]);
    assert.deepEqual(toAlice.map(([name]) => name), ['user:offline', 'message:new']);
    const [[, offline]] = toAlice;
    same(offline, { conversationId: id, userId: bob.userId, timestamp: TIME, lastSeenAt: TIME });
    assert.deepEqual(await one.ask('message:send', { conversationId: id, content: 'late' }), failed(REFUSALS.notParticipant));
  });
}

test('the sockets stay where their user is still a participant', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const [gone, stored] = [await found(alice, [bob]), await found(alice, [bob])];
  const client = await present(bob, gone);
  await client.ask('conversation:join', { conversationId: stored });
  await done(200, alice, 'DELETE', place(gone, bob));
  const [seen] = await observe([client], () => post(alice, stored, 'still here'));
  assert.deepEqual(seen.map(([name, { conversationId }]) => [name, conversationId]), [['message:new', stored]]);
});

test('an id is taken from the path as it is, whatever is in it', async () => {
  const [alice, carol] = ['Alice', 'Carol'].map(user);
  const bob = { userId: unique(`../${carol.userId}?x=%2F&`), username: 'Bob' };
  const id = await found(alice, [bob, carol]);
  same(await done(200, alice, 'DELETE', place(id, bob)), entry(bob, 'member', 'removed'));
  assert.equal(await statusOf(alice, id, carol), 'active');
});

test('participants are read in parts, former ones too, with their names, by participants and administrators', async () => {
  const [alice, eve] = ['Alice', 'Eve'].map(user);
  const others = Array.from({ length: 7 }, (_, index) => ({ userId: unique(`user-${index}`) }));
  const id = await found(alice, others);
  await done(200, alice, 'DELETE', place(id, others[3]));
  const whole = (await done(200, alice, 'GET', at(id))).participants;
  const all = [];
  for (let query = '?limit=3'; ; ) {
    const { participants, nextCursor } = await done(200, others[0], 'GET', at(id, 'participants') + query);
    all.push(...participants);
    if (nextCursor === undefined) break;
    assert.equal(participants.length, 3);
    // Who comes or goes meanwhile moves nobody.
    await done(200, alice, 'DELETE', place(id, others[4]));
    await add(201, alice, id, others[4]);
    query = `?limit=3&cursor=${encodeURIComponent(nextCursor)}`;
  }
  const byUser = (list) => list.map(({ joinedAt, ...one }) => one).toSorted((one, other) => (one.userId < other.userId ? -1 : 1));
  assert.deepEqual(byUser(all), byUser(whole));
  assert.deepEqual(all.map(({ userId }) => userId), all.map(({ userId }) => userId).toSorted());
  const { participants } = await done(200, alice, 'GET', at(id, 'participants'));
  assert.equal(participants.length, 8);
  await refused(404, NO_CONVERSATION, eve, 'GET', at(id, 'participants'));
  await refused(404, NO_CONVERSATION, others[3], 'GET', at(id, 'participants'));
  for (const [query, field] of [['limit=0', 'limit'], ['cursor=%00', 'cursor']]) {
    await refused(400, invalid(field), alice, 'GET', `${at(id, 'participants')}?${query}`);
  }
});
