// `direct`: join_room and leave_room.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, exchange, same, unique, user } from '../support/relay.mjs';

const room = (...ids) => ids.sort().join('_');

test('joining answers the caller and notifies the recipient', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  const roomName = room(alice.userId, bob.userId);
  const { sent, received } = await exchange(alice, bob, () => alice.emit('join_room', { recipientId: bob.userId }));
  same(sent, [['room:joined', { roomName, recipientId: bob.userId, success: true, recipientOnline: true }]]);
  same(received, [['room:user-ready', { userId: alice.userId, username: 'Alice', roomName }]]);
});

test('both sides get the same room name, sorted as plain strings', async () => {
  const upper = { userId: unique('Zed'), username: 'Zed' };
  const lower = { userId: unique('abe'), username: 'Abe' };
  const [zed, abe] = [await connect(upper), await connect(lower)];
  zed.emit('join_room', { recipientId: abe.userId });
  abe.emit('join_room', { recipientId: zed.userId });
  const names = [(await zed.next('room:joined')).roomName, (await abe.next('room:joined')).roomName];
  assert.deepEqual(names, Array(2).fill(`${zed.userId}_${abe.userId}`));
});

for (const [one, other] of [['😀', 'ﬁ'], ['😀', 'a'], ['\u{10ffff}', '\uffee'], ['é', 'z'], ['ﬀ', 'ﬀa'], ['10', '9']]) {
  test(`both sides get the name that clients make themselves, of ${one} and ${other}`, async () => {
    const tag = unique('');
    const ids = [one, other].map((id) => `${id}${tag}`);
    const roomName = [...ids].sort().join('_');
    const clients = [];
    for (const userId of ids) clients.push(await connect({ userId, username: 'N' }));
    for (const [index, client] of clients.entries()) {
      client.emit('join_room', { recipientId: ids[1 - index] });
      assert.equal((await client.next('room:joined')).roomName, roomName);
      assert.equal((await clients[1 - index].next('room:user-ready')).roomName, roomName);
      client.emit('leave_room', { recipientId: ids[1 - index] });
      assert.equal((await client.next('room:left')).roomName, roomName);
    }
  });
}

test('the caller is answered before the recipient is notified', async () => {
  const alice = await connect(user('Alice'));
  const { sent } = await exchange(alice, alice, () => alice.emit('join_room', { recipientId: alice.userId }));
  assert.deepEqual(sent.map(([name]) => name), ['room:joined', 'room:user-ready']);
});

test('every socket of the recipient is notified once', async () => {
  const who = user('Bob');
  const [alice, one, two] = [await connect(user('Alice')), await connect(who), await connect(who)];
  alice.emit('join_room', { recipientId: who.userId });
  for (const socket of [one, two]) {
    await socket.next('room:user-ready');
    await exchange(alice, socket, () => {});
    assert.equal(socket.all('room:user-ready').length, 1);
  }
});

test('joining a user who is offline or unknown succeeds all the same', async () => {
  const alice = await connect(user('Alice'));
  const recipientId = unique('nobody');
  alice.emit('join_room', { recipientId });
  same(await alice.next('room:joined'), { roomName: room(alice.userId, recipientId), recipientId, success: true, recipientOnline: false });
});

test('leaving answers the caller and notifies nobody', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  await alice.ask('join_room', { recipientId: bob.userId });
  await bob.next('room:user-ready');
  const { sent, received } = await exchange(alice, bob, () => alice.emit('leave_room', { recipientId: bob.userId }));
  same(sent, [['room:left', { roomName: room(alice.userId, bob.userId), success: true }]]);
  assert.deepEqual(received, []);
});

test('leaving a room never joined is confirmed as well', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  alice.emit('leave_room', { recipientId: bob.userId });
  same(await alice.next('room:left'), { roomName: room(alice.userId, bob.userId), success: true });
});

test('messages arrive without joining and after leaving', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  await exchange(alice, bob, () => {});
  await bob.ask('join_room', { recipientId: alice.userId });
  await bob.ask('leave_room', { recipientId: alice.userId });
  await exchange(alice, bob, () => {});
});

test('ids that give the same visible room name do not mix', async () => {
  const [first, last] = [unique('a'), unique('c')];
  const person = (userId) => connect({ userId, username: userId });
  const [a_b, c] = [await person(`${first}_b`), await person(last)];
  const [a, b_c] = [await person(first), await person(`b_${last}`)];
  for (const [one, other] of [[a_b, c], [a, b_c]]) {
    await one.ask('join_room', { recipientId: other.userId });
    await other.ask('join_room', { recipientId: one.userId });
  }
  assert.equal(a_b.all('room:joined')[0].roomName, a.all('room:joined')[0].roomName);
  const marks = [a, b_c].map((client) => client.mark());
  await exchange(a_b, c, () => a_b.emit('typing:start', { recipientId: c.userId }));
  await exchange(c, a_b, () => {});
  for (const [index, client] of [a, b_c].entries()) {
    await exchange(client, client, () => {});
    const strange = client.since(marks[index]).filter(([, payload]) => {
      const from = payload?.senderId ?? payload?.userId;
      return [a_b.userId, c.userId].includes(from);
    });
    assert.deepEqual(strange.filter(([name]) => !name.startsWith('user:')), []);
  }
});
