// Nodes and Redis that end, hang and come back, with clients on every node. The test that runs this owns the processes.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Client, unique, user } from '../support/relay.mjs';
import { done, found, history } from '../support/rest.mjs';
import { allReady, at, client, control, ready, sendDirect, times, until } from '../support/nodes.mjs';

/** How long a dead node's users may count as online, in milliseconds. */
const GHOSTS = 30_000;

const person = (name) => ({ userId: unique(name.toLowerCase()), username: unique(name) });
const about = (who) => ({ userId }) => userId === who.userId;

afterEach(async () => {
  await control('heal');
  await allReady();
});

async function member(who, id, node) {
  const made = await client(who, node, 'conversation');
  assert.equal((await made.ask('conversation:join', { conversationId: id })).success, true);
  return made;
}

async function join(place, name, node, fields = {}) {
  const made = new Client(at(node, 'session'));
  await made.next('connect');
  const userId = fields.userId ?? unique(name.toLowerCase());
  made.emit('join-session', { ...place, userId, displayName: name, publicKey: 'k', isCreator: false, ...fields });
  await made.next('public-keys-updated', (keys) => keys.some((key) => key.userId === userId));
  return Object.assign(made, { userId });
}

test('the users of a node that is killed go offline once, in every dialect, and nothing is left of them', async () => {
  const [alice, ...others] = ['Alice', 'Bob', 'Carol', 'Dave', 'Erin'].map(person);
  const [bob, carol, dave, erin] = others;
  const id = await found(alice, others);
  const where = { sessionId: unique('session'), authKey: unique('key') };
  const watchers = {
    direct: await client(alice, 0, 'direct'), chat: await client(alice, 0, 'chat'),
    conversation: await member(alice, id, 1), session: await join(where, 'Alice', 0, { isCreator: true }),
  };
  const [direct] = [await client(bob, 2, 'direct'), await client(carol, 2, 'chat'), await member(dave, id, 2)];
  const lost = await join(where, 'Frank', 2);
  // Who is connected to another node, too, stays online.
  await client(erin, 2, 'direct');
  await client(erin, 1, 'direct');
  await member(erin, id, 2);
  await member(erin, id, 0);
  await watchers.direct.next('user:online', about(bob));
  await watchers.chat.next('user:online', about(carol));
  await watchers.conversation.next('user:online', about(dave));
  await control('kill', 2);
  const since = Date.now();
  await direct.next('disconnect');
  await watchers.direct.next('user:offline', about(bob), GHOSTS);
  await watchers.chat.next('user:offline', about(carol), GHOSTS);
  await watchers.conversation.next('user:offline', about(dave), GHOSTS);
  await watchers.session.next('user-left', about(lost), GHOSTS);
  assert.ok(Date.now() - since < GHOSTS, `${Date.now() - since} ms`);
  const { onlineUsers } = await watchers.conversation.ask('presence:request', { conversationId: id });
  assert.deepEqual(onlineUsers.map((one) => one.id).toSorted(), [alice.userId, erin.userId].toSorted());
  const late = await member(bob, id, 0);
  assert.equal((await late.next('conversation:joined')).participantCount, 3);
  await watchers.conversation.next('user:online', about(bob));
  assert.equal((await sendDirect(watchers.direct, dave, 1)).recipientOnline, false);
  await control('restart', 2);
  const back = await client(carol, 2, 'chat');
  await watchers.chat.next('user:online', about(carol));
  back.close();
  await watchers.chat.next('user:offline', about(carol));
  // A second time would have come before this.
  for (const [watcher, who] of [[watchers.direct, bob], [watchers.conversation, dave]]) {
    assert.equal(times(watcher, 'user:offline', about(who)), 1);
  }
  assert.equal(times(watchers.session, 'user-left'), 1);
  for (const watcher of Object.values(watchers)) assert.equal(times(watcher, 'user:offline', about(erin)), 0);
});

test('a session and its history outlive the nodes that its members were on', async () => {
  const where = { sessionId: unique('session'), authKey: unique('key') };
  const alice = await join(where, 'Alice', 1, { isCreator: true });
  alice.emit('send-message', { sessionId: where.sessionId, from: alice.userId, encrypted: 'kept', clientMessageId: 'm' });
  await alice.next('message-sent');
  await control('kill', 1);
  const bob = await join(where, 'Bob', 0);
  assert.deepEqual((await bob.next('messages-history')).map(({ encrypted }) => encrypted), ['kept']);
  await control('restart', 1);
  const again = await join(where, 'Alice', 1, { userId: alice.userId });
  assert.equal((await again.next('messages-history')).length, 1);
});

test('a node that stood still for so long that it seemed dead is one of them again', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(person);
  const id = await found(alice, [bob]);
  const [watcher, direct] = [await member(alice, id, 0), await client(alice, 0, 'direct')];
  const [there, away] = [await member(bob, id, 2), await client(bob, 2, 'direct')];
  const where = { sessionId: unique('session'), authKey: unique('key') };
  const [carol, dave] = [await join(where, 'Carol', 0, { isCreator: true }), await join(where, 'Dave', 2)];
  await control('pause', 2);
  await direct.next('user:offline', about(bob), GHOSTS);
  await watcher.next('user:offline', about(bob), GHOSTS);
  await carol.next('user-left', about(dave), GHOSTS);
  await control('resume', 2);
  // Either their connections are still there, or they have to come back.
  if (there.socket.connected && away.socket.connected) {
    await direct.next('user:online', about(bob));
    await watcher.next('user:online', about(bob));
    assert.equal((await sendDirect(direct, bob, 1)).recipientOnline, true);
    await away.next('receive_message');
  }
  await dave.next('disconnect');
  await join(where, 'Dave', 2, { userId: dave.userId });
  await carol.next('user-joined', about(dave), GHOSTS);
});

for (const [fault, remedy] of [['stop', 'start'], ['pause', 'resume']]) {
  test(`while Redis is away (${fault}) each node serves its own clients, and afterwards all are one again`, async () => {
    const all = ['Alice', 'Bob', 'Carol'].map(person);
    const id = await found(all[0], all.slice(1));
    const [alice, bob, carol] = [await member(all[0], id, 0), await member(all[1], id, 0), await member(all[2], id, 1)];
    const pair = [await client(user('Dave'), 0, 'direct'), await client(user('Erin'), 0, 'direct')];
    const where = { sessionId: unique('session'), authKey: unique('key') };
    const [frank, grace] = [await join(where, 'Frank', 0, { isCreator: true }), await join(where, 'Grace', 0)];
    const inAnother = await join(where, 'Heidi', 1);
    await control(fault, 'redis');
    await until('the nodes say that Redis is away', async () => (await ready(0)).reason?.includes('Redis is away'));
    assert.equal((await ready(0)).status, 503);
    assert.equal((await sendDirect(...pair, 1)).recipientOnline, true);
    await pair[1].next('receive_message', ({ seq }) => seq === 1);
    assert.equal((await alice.ask('message:send', { conversationId: id, content: 'here' })).success, true);
    await bob.next('message:new', ({ content }) => content === 'here');
    frank.emit('send-message', { sessionId: where.sessionId, from: frank.userId, encrypted: 'here' });
    await grace.next('new-message', ({ encrypted }) => encrypted === 'here');
    const [came, coming] = [user('Ivan'), await client(user('Judy'), 1, 'direct')];
    const meanwhile = await client(came, 0, 'direct');
    await pair[0].next('user:online', about(came));
    bob.close();
    await control(remedy, 'redis');
    await allReady();
    // Who came online or went offline meanwhile is announced now.
    await coming.next('user:online', about(came));
    await carol.next('user:offline', about(all[1]));
    assert.equal((await sendDirect(coming, came, 2)).recipientOnline, true);
    await meanwhile.next('receive_message', ({ seq }) => seq === 2);
    assert.equal((await alice.ask('message:send', { conversationId: id, content: 'there' })).success, true);
    await carol.next('message:new', ({ content }) => content === 'there');
    assert.deepEqual((await history(all[2], id)).map(({ content }) => content), ['here', 'there']);
    const { onlineUsers } = await carol.ask('presence:request', { conversationId: id });
    assert.deepEqual(onlineUsers.map((one) => one.id).toSorted(), [all[0].userId, all[2].userId].toSorted());
    meanwhile.close();
    await coming.next('user:offline', about(came));
    for (const name of ['user:online', 'user:offline']) assert.equal(times(coming, name, about(came)), 1, name);
    if (fault === 'pause') {
      frank.emit('send-message', { sessionId: where.sessionId, from: frank.userId, encrypted: 'there' });
      await inAnother.next('new-message', ({ encrypted }) => encrypted === 'there');
    }
  });
}

test('a conversation goes on when MongoDB comes back', async () => {
  const all = ['Alice', 'Bob'].map(person);
  const id = await found(all[0], all.slice(1));
  const [alice, bob] = [await member(all[0], id, 0), await member(all[1], id, 1)];
  const pair = [await client(user('Carol'), 0, 'direct'), await client(user('Dave'), 1, 'direct')];
  await control('stop', 'mongodb');
  await until('a message is refused', async () => !(await alice.ask('message:send', { conversationId: id, content: 0 })).success);
  await sendDirect(...pair, 1);
  await pair[1].next('receive_message');
  await control('start', 'mongodb');
  await until('a message is stored', async () => (await alice.ask('message:send', { conversationId: id, content: 'on' })).success);
  await bob.next('message:new', ({ content }) => content === 'on');
});

test('a user whom an administrator suspends on one node cannot come back by another', async () => {
  const [admin, bob] = [{ bearer: process.env.ADMIN_TOKEN }, user('Bob')];
  const device = await client(bob, 2, 'direct');
  await done(200, admin, 'PUT', `/api/admin/users/${bob.userId}`, { status: 'suspended' });
  await device.next('disconnect');
});
