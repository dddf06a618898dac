// `conversation`: who is there, leaving and disconnecting. Started with OFFLINE_GRACE=300ms.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, isTime, same, unique, user } from '../support/relay.mjs';
import {
  DONE, REFUSALS, add, askInOrder, enter, found, inConversation, members, names, observe, online, person, present, refused, settle, witness,
} from '../support/conversations.mjs';
import { cut } from '../support/session.mjs';

const GRACE = Number.parseInt(process.env.OFFLINE_GRACE, 10);
const about = (who) => (payload) => payload.userId === who.userId;
const leave = (client) => client.ask('conversation:leave', inConversation(client));
const offline = ({ conversationId, userId }) => ['user:offline', { conversationId, userId, timestamp: TIME, lastSeenAt: TIME }];
/** What `client` was sent about the presence of `who`, by event names. */
const presence = (client, who) => client.events.filter(({ name, args: [payload] }) => name.startsWith('user:') && about(who)(payload)).map(({ name }) => name);

/** Waits until another user who disconnected now is reported offline: who disconnected before would have been by then. */
async function afterGrace(watcher, admin) {
  const other = user('Other');
  await add(admin, watcher.conversationId, other);
  cut(await present(other, watcher.conversationId));
  await watcher.next('user:offline', about(other));
}

test('presence:request names the users who are there, each once, in the order of their ids', async () => {
  const users = [{ ...user('Alice'), avatarUrl: 'https://example.test/a.png' }, user('Bob'), user('Carol')];
  const never = user('Never');
  const conversationId = await found(users[0], [...users.slice(1), never]);
  const clients = [];
  for (const who of [...users, users[1]]) clients.push(await present(who, conversationId));
  const expected = { conversationId, onlineUsers: users.toSorted((a, b) => (a.userId < b.userId ? -1 : 1)).map(person), timestamp: TIME };
  let answer;
  const [seen, ...others] = await observe(clients, async () => {
    answer = await clients[0].ask('presence:request', { conversationId });
  });
  same(seen, [['presence:response', expected]]);
  same(answer, { success: true, ...expected });
  assert.deepEqual(others, [[], [], []]);
});

test('who asks need not have joined, and is not named then', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await leave(bob);
  const { conversationId } = alice;
  const [seen] = await observe([bob], () => bob.emit('presence:request', { conversationId }));
  same(seen, [['presence:response', { conversationId, onlineUsers: [person(alice)], timestamp: TIME }]]);
  await leave(alice);
  const [none] = await observe([bob], () => bob.emit('presence:request', { conversationId }));
  assert.deepEqual(none[0][1].onlineUsers, []);
});

test('who is no participant is refused', async () => {
  const [alice] = await members('Alice');
  const eve = await online(user('Eve'));
  for (const conversationId of [alice.conversationId, unique('conversation')]) {
    await refused(eve, 'presence:request', { conversationId }, REFUSALS.notParticipant, { conversationId }, [alice]);
  }
});

test('leaving is confirmed, first to the callback, and sent to the others at once', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  const { conversationId } = alice;
  const start = alice.mark();
  const [toAlice, ...toOthers] = await observe([alice, bob, carol], async () => {
    const { answer, mark } = await askInOrder(alice, 'conversation:leave', { conversationId });
    assert.deepEqual([answer, mark], [DONE, start]);
  });
  assert.deepEqual(toAlice, [['conversation:left', { conversationId }]]);
  for (const events of toOthers) same(events, [offline(alice)]);
  const [{ timestamp, lastSeenAt }] = toOthers.map(([[, payload]]) => payload);
  assert.ok(Date.parse(lastSeenAt) <= Date.parse(timestamp));
});

test('who left gets no more events of the conversation, and may join again', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await leave(alice);
  const { conversationId } = alice;
  const [toAlice] = await observe([alice, bob], async () => {
    await bob.ask('message:send', { conversationId, content: 'x' });
    await bob.ask('typing:start', { conversationId });
  });
  assert.deepEqual(toAlice, []);
  const [, toBob] = await observe([alice, bob], () => enter(alice, conversationId));
  same(toBob.filter(([name]) => name === 'user:online'), [['user:online', { conversationId, userId: alice.userId, user: person(alice), timestamp: TIME }]]);
});

test('leaving where one has not joined is confirmed, and nobody is notified', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const { conversationId } = alice;
  await leave(alice);
  const apart = await online(bob);
  for (const client of [alice, apart]) {
    const [seen, toBob] = await observe([client, bob], async () => assert.deepEqual(await client.ask('conversation:leave', { conversationId }), DONE));
    assert.deepEqual(seen, [['conversation:left', { conversationId }]]);
    assert.deepEqual(toBob, []);
  }
});

test('while another socket of the user is there nobody is notified that they left', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const second = await present(alice, alice.conversationId);
  const [, , toBob] = await observe([alice, second, bob], () => leave(alice));
  assert.deepEqual(toBob, []);
  const [, last] = await observe([second, bob], () => leave(second));
  same(last, [offline(alice)]);
});

for (const [way, end] of [['close', (client) => client.close()], ['lost connection', cut]]) {
  test(`after a ${way} the others are notified when the user has not come back for a while`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const mark = bob.mark();
    const left = Date.now();
    end(alice);
    const { at, args: [payload] } = await bob.nextEvent('user:offline', about(alice));
    same(bob.since(mark), [offline(alice)]);
    isTime(payload.lastSeenAt);
    const lastSeen = Date.parse(payload.lastSeenAt);
    assert.ok(lastSeen >= left - 1, 'they were seen until they disconnected');
    assert.ok(lastSeen <= at - GRACE + 20, `they were last seen ${at - lastSeen} ms before it was published`);
  });
}

test('who comes back within that while was never away', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const seen = presence(bob, alice);
  const back = await online(alice);
  await alice.ask('typing:start', inConversation(alice));
  cut(alice);
  await bob.next('typing:user:stop', about(alice));
  await enter(back, alice.conversationId);
  await afterGrace(bob, back);
  await settle([back, bob]);
  assert.deepEqual(presence(bob, alice), seen);
});

test('who comes back but does not join again is away', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  cut(alice);
  await online(alice);
  same(await bob.next('user:offline', about(alice)), offline(alice)[1]);
});

test('who comes back later is announced again', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  cut(alice);
  await bob.next('user:offline', about(alice));
  const [, toBob] = await observe([await online(user('Nobody')), bob], () => present(alice, alice.conversationId));
  assert.deepEqual(names(toBob), ['user:online']);
});

test('of several sockets only the end of the last is reported', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [second, third] = [await present(alice, alice.conversationId), await present(alice, alice.conversationId)];
  const seen = presence(bob, alice);
  cut(alice);
  third.close();
  await afterGrace(bob, second);
  await settle([bob]);
  assert.deepEqual(presence(bob, alice), seen);
  second.close();
  await bob.next('user:offline', about(alice));
  assert.deepEqual(presence(bob, alice), [...seen, 'user:offline']);
});

test('one socket lost and the other left: reported once', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const second = await present(alice, alice.conversationId);
  const seen = presence(bob, alice);
  cut(alice);
  await leave(second);
  await bob.next('user:offline', about(alice));
  await afterGrace(bob, second);
  await settle([bob]);
  assert.deepEqual(presence(bob, alice), [...seen, 'user:offline']);
});

test('a disconnect is a leave of every conversation that was joined, and of no other', async () => {
  const [one, two] = [user('Alice'), user('Bob')];
  const ids = [await found(one, [two]), await found(one, [two]), await found(one, [two])];
  const [alice, bob] = [await online(one), await online(two)];
  for (const id of ids) await enter(bob, id);
  for (const id of ids.slice(0, 2)) await enter(alice, id);
  alice.close();
  for (const conversationId of ids.slice(0, 2)) await bob.next('user:offline', (payload) => payload.conversationId === conversationId);
  await settle([bob]);
  assert.deepEqual(bob.all('user:offline').map(({ conversationId }) => conversationId).toSorted(), ids.slice(0, 2).toSorted());
});

test('an answer about who is there is not older than what was sent before it', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const events = ['conversation:leave', 'conversation:join'];
  for (let round = 0; round < 300; round += 1) {
    const [seen] = await observe([alice, bob], () => {
      for (const client of round % 3 ? [alice, bob] : [bob, alice]) {
        if (client === alice) for (let times = 0; times < 3; times += 1) alice.emit('presence:request', inConversation(alice));
        else bob.emit(events[round % 2], inConversation(bob));
      }
    });
    let isThere;
    for (const [name, { onlineUsers, userId }] of seen) {
      if (name === 'presence:response') isThere = onlineUsers.some(({ id }) => id === bob.userId);
      else if (userId === bob.userId) isThere = name === 'user:online';
    }
    assert.equal(isThere, round % 2 === 1, names(seen).join());
  }
});

test('presence:request does not name who left or has been away for a while', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  await leave(bob);
  cut(carol);
  await alice.next('user:offline', about(carol));
  const [seen] = await witness([alice], () => alice.emit('presence:request', inConversation(alice)));
  assert.deepEqual(seen.map(([, { onlineUsers }]) => onlineUsers), [[person(alice)]]);
});

test('nobody is notified of their own presence', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const second = await present(alice, alice.conversationId);
  await leave(second);
  await enter(second, alice.conversationId);
  cut(alice);
  await afterGrace(bob, second);
  await settle([second, bob]);
  assert.deepEqual([presence(alice, alice), presence(second, alice)], [[], []]);
});
