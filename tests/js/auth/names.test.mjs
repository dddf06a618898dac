// The name of a user that changes while they are connected: by a token for the connection that exists, or by an administrator. It
// reaches what their connections send from then on, wherever they are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, exchange, token, unique, user } from '../support/relay.mjs';
import { conversation, feed, joined, must, reader, rest, settle } from '../support/feed-chat.mjs';
import { ADMIN, done } from '../support/rest.mjs';

const SEALED = { ciphertext: 'c', iv: 'i', tag: 't', seq: 1 };
const direct = ({ userId, username }) => connected({ userId, username });
const connected = (who) => connect(who, { auth: { token: token(who), dialect: 'direct' } });
const about = (who) => (payload) => payload.userId === who.userId;

/** By a fresh token on one connection, and by an administrator. */
const ways = {
  'a fresh token': async (client, { userId }, username) => assert.deepEqual(await client.ask('authenticate', token({ userId, username })), { success: true }),
  'an administrator': (_, { userId }, name) => done(200, ADMIN, 'PUT', `/api/admin/users/${userId}`, { name }),
};

/** Until what `get` returns, which may have been on its way before, is what it should be. */
async function until(expected, get) {
  for (let round = 0; (await get()) !== expected; round += 1) assert.ok(round < 500, `not ${expected}`);
}

for (const [way, rename] of Object.entries(ways)) {
  test(`${way} renames a user in 1-1 events of all their connections`, async () => {
    const [who, name] = [user('Alice'), unique('Alicia')];
    const devices = [await direct(who), await direct(who), await direct(who)];
    const bob = await direct(user('Bob'));
    await rename(devices[0], who, name);
    for (const device of devices) {
      await until(name, async () => {
        device.emit('send_message', { recipientId: bob.userId, ...SEALED });
        return (await bob.next('receive_message')).senderUsername;
      });
      for (const [event, payload, received, field] of [
        ['typing:start', {}, 'typing:user', 'username'], ['join_room', {}, 'room:user-ready', 'username'],
        ['key-exchange:send', { publicKey: 'k' }, 'key-exchange:receive', 'senderUsername'],
      ]) {
        device.emit(event, { recipientId: bob.userId, ...payload });
        assert.equal((await bob.next(received))[field], name);
      }
    }
    await exchange(bob, devices[1], () => {});
    const back = await direct(bob);
    assert.equal((await back.next('user:online', about(who))).username, name);
    for (const device of devices) device.close();
    assert.equal((await bob.next('user:offline', about(who))).username, name);
  });

  test(`${way} renames a user in the events of conversations`, async () => {
    const [one, name] = [{ userId: unique('alice'), username: unique('Alice') }, unique('Alicia')];
    const other = { userId: unique('bob'), username: unique('Bob') };
    for (const who of [one, other]) await must(200, rest(who, 'GET /api/conversations'));
    const id = await conversation(one, [other]);
    const devices = [await joined(one, id), await joined(one, id)];
    const [desk, paper] = [await joined(other, id), await reader(other, id)];
    await rename(devices[0], one, name);
    for (const device of devices) {
      await until(name, async () => {
        await device.ask('message:send', { conversationId: id, content: 'x' });
        return (await desk.next('message:new')).sender.name;
      });
      await settle([paper]);
      assert.equal(paper.all('new-message').at(-1).sender_username, name);
      await device.ask('typing:start', { conversationId: id });
      assert.equal((await desk.next('typing:user:start')).user.name, name);
      await device.ask('typing:stop', { conversationId: id });
    }
    const { onlineUsers } = await desk.ask('presence:request', { conversationId: id });
    assert.equal(onlineUsers.find(({ id: user }) => user === one.userId).name, name);
  });
}

test('a token for a user who was a guest names them', async () => {
  const [who, bob] = [{ userId: unique('alice'), username: 'Alice' }, await direct(user('Bob'))];
  const client = await feed(who);
  assert.deepEqual(await client.ask('authenticate', token({ userId: who.userId, displayName: 7 })), { success: true });
  await client.ask('send_message', { recipientId: bob.userId, ...SEALED });
  assert.equal((await bob.next('receive_message')).senderUsername, '7');
});

test('a token without a name is for the user as an administrator has named them', async () => {
  const [who, bob] = [{ userId: unique('alice') }, await direct(user('Bob'))];
  await done(200, ADMIN, 'PUT', `/api/admin/users/${who.userId}`, { name: 'Alicia' });
  const client = await direct(who);
  await client.ask('send_message', { recipientId: bob.userId, ...SEALED });
  assert.equal((await bob.next('receive_message')).senderUsername, 'Alicia');
});
