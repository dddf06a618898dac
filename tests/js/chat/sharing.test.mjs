// `chat`: presence of users who begin to share a chat while they are connected, or cease to. Started with a short OFFLINE_GRACE.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, connect, same, token } from '../support/relay.mjs';
import { block, unblock } from '../support/blocked.mjs';
import { add, asChat, chat, conversation, feed, knownUsers, remove, settle, talker } from '../support/feed-chat.mjs';

const about = ({ userId }) => (payload) => payload.userId === userId;
const presence = (client, who) =>
  client.events.filter(({ name, args: [payload] }) => name.startsWith('user:') && payload?.userId === who.userId && payload.status).map(({ name }) => name);

/** Somebody whom `observer` shares a chat with comes and goes: whoever left before them has been reported offline by then. */
async function someoneElseGoes(observer) {
  const [other] = await knownUsers('Other');
  await conversation(observer, [other]);
  const client = await chat(other);
  await observer.next('user:online', about(other));
  client.close();
  await observer.next('user:offline', about(other));
}

/** Clients of `chat` of users who share nothing yet. */
async function strangers(...names) {
  const clients = [];
  for (const who of await knownUsers(...names)) clients.push(await chat(who));
  return clients;
}

test('who is in a chat that is made is told who else of it is online, and later who goes', async () => {
  const [alice, bob, carol] = await strangers('Alice', 'Bob', 'Carol');
  await conversation(alice, [bob, carol]);
  for (const [client, other] of [[alice, bob], [alice, carol], [bob, alice], [bob, carol], [carol, alice], [carol, bob]]) {
    const { userId } = other;
    const facts = { userId, status: 'online', timestamp: TIME };
    same(await client.next('user:online', about(other)), { type: 'user:online', data: facts, ...facts });
  }
  carol.close();
  for (const client of [alice, bob]) {
    await client.next('user:offline', about(carol));
    assert.deepEqual(presence(client, carol), ['user:online', 'user:offline']);
  }
});

test('who is added is told who is there, and the others of them, on each socket', async () => {
  const [alice, bob, carol] = await strangers('Alice', 'Bob', 'Carol');
  const [second, offline] = [await chat(carol), (await knownUsers('Dave'))[0]];
  const id = await conversation(alice, [bob, offline]);
  await add(alice, id, carol);
  for (const client of [alice, bob]) await client.next('user:online', about(carol));
  for (const client of [carol, second]) {
    for (const other of [alice, bob]) await client.next('user:online', about(other));
    assert.deepEqual(presence(client, offline), []);
  }
  carol.close();
  second.close();
  await alice.next('user:offline', about(carol));
  assert.deepEqual(presence(alice, carol), ['user:online', 'user:offline']);
});

for (const [way, end] of Object.entries({
  'is taken out': (alice, id, who) => remove(alice, id, who),
  leaves: (_, id, who) => remove(who, id, who),
})) {
  test(`who ${way} is offline for the others at once, and they for them; nothing more is told`, async () => {
    const [alice, bob, carol] = await strangers('Alice', 'Bob', 'Carol');
    const id = await conversation(alice, [bob, carol]);
    for (const client of [alice, bob]) await client.next('user:online', about(carol));
    for (const other of [alice, bob]) await carol.next('user:online', about(other));
    await end(alice, id, carol);
    const facts = { userId: carol.userId, status: 'offline', timestamp: TIME, lastSeen: TIME };
    same(await alice.next('user:offline', about(carol)), { type: 'user:offline', data: facts, ...facts });
    await bob.next('user:offline', about(carol));
    for (const other of [alice, bob]) await carol.next('user:offline', about(other));
    carol.close();
    await someoneElseGoes(alice);
    assert.deepEqual(presence(alice, carol), ['user:online', 'user:offline']);
    await chat(carol);
    await someoneElseGoes(alice);
    assert.deepEqual(presence(alice, carol), ['user:online', 'user:offline']);
    await add(alice, id, carol);
    await alice.next('user:online', about(carol));
  });
}

test('who shares another chat stays online', async () => {
  const [alice, bob] = await strangers('Alice', 'Bob');
  const [first, second] = [await conversation(alice, [bob]), await conversation(bob, [alice])];
  await alice.next('user:online', about(bob));
  await remove(alice, first, bob);
  await someoneElseGoes(alice);
  assert.deepEqual(presence(alice, bob), ['user:online']);
  await remove(bob, second, alice);
  await alice.next('user:offline', about(bob));
  await bob.next('user:offline', about(alice));
});

for (const [name, come] of Object.entries({
  feed: (who) => feed(who),
  conversation: (who) => talker(who),
  direct: (who) => connect(who, { auth: { token: token(who), dialect: 'direct' } }),
})) {
  test(`it is the same with who is online by ${name}, who is told nothing`, async () => {
    const [bob, carol] = await knownUsers('Bob', 'Carol');
    const [alice] = await strangers('Alice');
    const client = await come(bob);
    const id = await conversation(alice, [bob]);
    await alice.next('user:online', about(bob));
    await remove(alice, id, bob);
    await alice.next('user:offline', about(bob));
    await conversation(alice, [bob, carol]);
    await alice.next('user:online', about(bob));
    client.close();
    await alice.next('user:offline', about(bob));
    assert.deepEqual(presence(client, alice), []);
  });
}

test('who is removed while they are told of nobody is told nothing', async () => {
  const [alice] = await strangers('Alice');
  const [bob] = await knownUsers('Bob');
  const id = await conversation(alice, [bob]);
  await remove(alice, id, bob);
  await someoneElseGoes(alice);
  assert.deepEqual(presence(alice, bob), []);
});

test('who is blocked is not told that the other shares a chat, until they are not blocked any more', async () => {
  const [alice, bob, carol] = await strangers('Alice', 'Bob', 'Carol');
  await block(bob, alice);
  const id = await conversation(carol, [alice, bob]);
  await alice.next('user:online', about(carol));
  await bob.next('user:online', about(alice));
  assert.deepEqual(presence(alice, bob), []);
  await unblock(bob, alice);
  await alice.next('user:online', about(bob));
  await block(bob, alice);
  await alice.next('user:offline', about(bob));
  await remove(carol, id, bob);
  await bob.next('user:offline', about(alice));
  await someoneElseGoes(alice);
  assert.deepEqual(presence(alice, bob), ['user:online', 'user:offline']);
});

test('who has blocked whoever adds them is told of nobody, and nobody of them', async () => {
  const [alice, bob, carol] = await strangers('Alice', 'Bob', 'Carol');
  await block(bob, alice);
  const id = await conversation(alice, [carol]);
  await add(alice, id, bob);
  await conversation(alice, [bob, carol]);
  await someoneElseGoes(carol);
  await someoneElseGoes(bob);
  for (const [client, other] of [[alice, bob], [carol, bob], [bob, alice], [bob, carol]]) assert.deepEqual(presence(client, other), []);
});

test('who counts as chat only by what they send is told then who is online', async () => {
  const [bob] = await knownUsers('Bob');
  const [alice] = await strangers('Alice');
  await conversation(alice, [bob]);
  const client = asChat(await connect(bob));
  await settle([client]);
  const facts = { userId: alice.userId, status: 'online', timestamp: TIME };
  same(await client.next('user:online', (payload) => about(alice)(payload) && payload.status), { type: 'user:online', data: facts, ...facts });
  alice.close();
  await client.next('user:offline', (payload) => payload.userId === alice.userId && payload.status === 'offline');
});
