// `chat`: user:online and user:offline, to those who share a chat. Started with a short OFFLINE_GRACE.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, connect, same, seconds, token } from '../support/relay.mjs';
import { chat, conversation, feed, guest, joined, knownUsers, observe, settle, talker } from '../support/feed-chat.mjs';

const GRACE = 300;
const about = ({ userId }) => (payload) => payload.userId === userId;

function eventOf(status, { userId }) {
  const facts = { userId, status, timestamp: TIME, ...(status === 'offline' && { lastSeen: TIME }) };
  return [`user:${status}`, { type: `user:${status}`, data: facts, ...facts }];
}

/** People who share a chat with the first of them; the sockets of the first are to come. */
async function partners(...names) {
  const all = await knownUsers(...names);
  await conversation(all[0], all.slice(1));
  return all;
}

/** Somebody whom `observer` shares a chat with comes and goes: whoever left before them has been reported offline by then. */
async function someoneElseGoes(observer) {
  const [other] = await knownUsers('Other');
  await conversation(observer, [other]);
  (await chat(other)).close();
  await observer.next('user:offline', about(other));
}

const presence = (client, who) =>
  client.events.filter(({ args: [payload] }) => payload?.userId === who.userId && payload.status).map(({ name }) => name);

test('who is gone for good is reported to each partner once, on each socket', async () => {
  const [alice, bob, carol, eve] = await knownUsers('Alice', 'Bob', 'Carol', 'Eve');
  await conversation(alice, [bob, carol]);
  await conversation(bob, [alice]);
  await conversation(eve, [bob]);
  const others = [await chat(bob), await chat(bob), await chat(carol)];
  const outsider = await chat(eve);
  const client = await chat(alice);
  const seen = await observe([...others, outsider], async () => {
    client.close();
    for (const other of others) await other.next('user:offline', about(alice));
  });
  for (const events of seen.slice(0, 3)) same(events, [eventOf('offline', alice)]);
  assert.deepEqual(seen[3], []);
});

test('both times are one, and it is that of the last disconnect', async () => {
  const [alice, bob] = await partners('Alice', 'Bob');
  const observer = await chat(bob);
  const client = await chat(alice);
  const before = Date.now();
  client.close();
  const { args: [gone], at } = await observer.nextEvent('user:offline');
  assert.ok(at - before >= GRACE - 20, `after ${at - before} ms`);
  assert.ok(Date.parse(gone.lastSeen) - before < GRACE, `${gone.lastSeen} is when it was published`);
  assert.equal(gone.data.lastSeen, gone.lastSeen);
});

test('a socket that is recreated does not make presence flap', async () => {
  const [alice, bob] = await partners('Alice', 'Bob');
  const observer = await chat(bob);
  let client = await chat(alice);
  for (let round = 0; round < 6; round += 1) {
    client.close();
    client = await chat(alice);
    assert.deepEqual(client.all('user:online').map(({ userId }) => userId), [bob.userId]);
  }
  await someoneElseGoes(observer);
  assert.deepEqual(presence(observer, alice), ['user:online']);
  client.close();
  await observer.next('user:offline', about(alice));
  assert.deepEqual(presence(observer, alice), ['user:online', 'user:offline']);
});

test('the end of a socket is no news while the user has another', async () => {
  const [alice, bob] = await partners('Alice', 'Bob');
  const observer = await chat(bob);
  const clients = [await chat(alice), await chat(alice), await chat(alice)];
  clients[0].close();
  clients[1].close();
  await someoneElseGoes(observer);
  assert.deepEqual(presence(observer, alice), ['user:online']);
});

test('who comes back later is announced again, and is sent who is online', async () => {
  const [alice, bob, carol] = await partners('Alice', 'Bob', 'Carol');
  const observer = await chat(bob);
  (await chat(carol)).close();
  await observer.next('user:offline', about(carol));
  for (let round = 0; round < 2; round += 1) {
    const client = await chat(alice);
    assert.deepEqual(client.all('user:online').map(({ userId }) => userId), [bob.userId]);
    client.close();
    await observer.next('user:offline', about(alice));
  }
  assert.deepEqual(presence(observer, alice), ['user:online', 'user:offline', 'user:online', 'user:offline']);
});

for (const [name, come] of Object.entries({
  feed: (who) => feed(who),
  conversation: (who) => talker(who),
  direct: (who) => connect(who, { auth: { token: token(who), dialect: 'direct' } }),
  'none that was declared': (who) => connect(who),
})) {
  test(`a user is online by any dialect: ${name}`, async () => {
    const [alice, bob, carol] = await partners('Alice', 'Bob', 'Carol');
    const observer = await chat(bob);
    let client;
    const seen = await observe([observer], async () => {
      client = await come(alice);
      await observer.next('user:online', about(alice));
    });
    same(seen, [[eventOf('online', alice)]]);
    const late = await chat(carol);
    assert.deepEqual(late.all('user:online').map(({ userId }) => userId).toSorted(), [alice.userId, bob.userId].toSorted());
    const second = await chat(alice);
    second.close();
    await someoneElseGoes(observer);
    assert.deepEqual(presence(observer, alice), ['user:online']);
    client.close();
    same((await observer.nextEvent('user:offline', about(alice))).args[0], eventOf('offline', alice)[1]);
  });
}

test('a guest is nobody until it has authenticated', async () => {
  const [alice, bob] = await partners('Alice', 'Bob');
  const observer = await chat(bob);
  const client = await guest();
  await client.ask('join-conversation', 'x');
  await settle([observer]);
  assert.deepEqual(presence(observer, alice), []);
  const expired = await guest();
  await expired.ask('authenticate', token({ ...alice, exp: seconds(-60) }));
  await settle([observer]);
  assert.deepEqual(presence(observer, alice), []);
  await client.ask('authenticate', token(alice));
  await observer.next('user:online', about(alice));
});

test('only sockets of chat are notified, and nobody of themselves', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob]);
  const observer = await chat(bob);
  const others = [await feed(bob), await talker(bob), await joined(bob, id)];
  const first = await chat(alice);
  const seen = await observe([...others, first], async () => {
    (await chat(alice)).close();
    await someoneElseGoes(observer);
    first.close();
    await observer.next('user:offline', about(alice));
  });
  for (const events of seen) assert.deepEqual(events.filter(([name]) => name.startsWith('user:')), []);
});

test('users who share no chat receive nothing of each other', async () => {
  const [alice, eve] = await knownUsers('Alice', 'Eve');
  const observer = await chat(eve);
  const client = await chat(alice);
  assert.deepEqual(client.all('user:online'), []);
  client.close();
  await someoneElseGoes(observer);
  assert.deepEqual(presence(observer, alice), []);
});
