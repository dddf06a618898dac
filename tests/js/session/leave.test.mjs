// `session`: leaving, being lost, and the end of a session.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MILLIS, request, same, unique } from '../support/relay.mjs';
import {
  NOT_A_MEMBER, REFUSALS, creator, cut, entry, failed, guest, joining, leave, member, members, mine, observe, place, prober, refusal, rejoin,
  settle, until,
} from '../support/session.mjs';

async function connections() {
  return JSON.parse((await request('/health')).body).connections;
}

test('who leaves receives nothing, the others that they left and whose keys there are', async () => {
  const [bob, alice, carol] = await members('Bob', 'Alice', 'Carol');
  const [toBob, ...toOthers] = await observe([bob, alice, carol], () => leave(bob));
  assert.deepEqual(toBob, []);
  for (const events of toOthers) {
    same(events, [
      ['user-left', { userId: bob.userId, displayName: 'Bob', timestamp: MILLIS }],
      ['public-keys-updated', [entry(alice, MILLIS), entry(carol, MILLIS)]],
    ]);
  }
});

for (const [name, end] of [['closes its connection', (client) => client.close()], ['is lost', cut]]) {
  test(`of a member who ${name} the others are sent the same, once`, async () => {
    const [bob, alice, carol] = await members('Bob', 'Alice', 'Carol');
    const [toAlice, toCarol] = await observe([alice, carol], async () => {
      end(bob);
      for (const client of [alice, carol]) await client.next('user-left');
    });
    for (const events of [toAlice, toCarol]) {
      same(events, [
        ['user-left', { userId: bob.userId, displayName: 'Bob', timestamp: MILLIS }],
        ['public-keys-updated', [entry(alice, MILLIS), entry(carol, MILLIS)]],
      ]);
    }
  });
}

for (const transports of [['websocket'], ['polling']]) {
  for (const [name, end] of [['leaving', (client) => client.emit('leave-session', mine(client))], ['closing', (client) => client.close()]]) {
    test(`what was sent before ${name} arrives before it, over ${transports}`, async () => {
      const where = place();
      const [alice, bob] = [await creator(where, 'Alice', {}, { transports }), await member(where, 'Bob', {}, { transports })];
      const mark = bob.mark();
      for (let encrypted = 0; encrypted < 20; encrypted += 1) {
        alice.emit('send-message', { sessionId: alice.sessionId, from: alice.userId, encrypted });
      }
      end(alice);
      await bob.next('user-left');
      await settle([bob]);
      assert.deepEqual(bob.since(mark).map(([event]) => event), [...Array(20).fill('new-message'), 'user-left', 'public-keys-updated']);
    });
  }
}

test('who left and then disconnects is reported once', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await leave(bob);
  bob.close();
  await until(connections, (count) => count === 1);
  await settle([alice]);
  assert.equal(alice.all('user-left').length, 1);
});

test('a lost member is reported in every session of theirs', async () => {
  const [[alice], [carol]] = [await members('Alice'), await members('Carol')];
  const bob = await member(alice.where, 'Bob');
  await bob.ask('join-session', joining(carol.where, 'Bob', { userId: bob.userId }));
  cut(bob);
  for (const client of [alice, carol]) assert.equal((await client.next('user-left')).userId, bob.userId);
});

test('who leaves one session stays in the other', async () => {
  const [[alice], [carol]] = [await members('Alice'), await members('Carol')];
  const bob = await member(alice.where, 'Bob');
  await bob.ask('join-session', joining(carol.where, 'Bob', { userId: bob.userId }));
  await leave(bob);
  const sent = await bob.ask('send-message', { sessionId: carol.sessionId, from: bob.userId, encrypted: 'x' });
  assert.equal(sent.success, true);
  await carol.next('new-message');
  assert.deepEqual(carol.all('user-left'), []);
});

test('who left comes again as new', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await leave(bob);
  const again = await rejoin(bob);
  await settle([alice, again]);
  assert.equal(alice.all('user-joined').filter(({ userId }) => userId === bob.userId).length, 2);
});

test('nobody leaves for another, nor where they are no member', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [eve] = await members('Eve');
  for (const [client, fields] of [
    [alice, mine(bob)],
    [eve, mine(alice)],
    [eve, mine(eve, { sessionId: alice.sessionId })],
    [eve, mine(eve, { sessionId: place().sessionId })],
    [await guest(), mine(bob)],
  ]) {
    const others = [alice, bob].filter((other) => other !== client);
    const [seen, ...toOthers] = await observe([client, ...others], async () => {
      assert.deepEqual(await client.ask('leave-session', fields), failed(NOT_A_MEMBER));
    });
    assert.deepEqual(seen, [['session-error', NOT_A_MEMBER]]);
    assert.ok(toOthers.every((events) => events.length === 0));
  }
});

test('leaving twice succeeds the second time, and nobody is told', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await leave(bob);
  const seen = await observe([bob, alice], () => leave(bob));
  assert.deepEqual(seen, [[], []]);
});

test('the last to leave ends the session', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await leave(alice);
  await member(bob.where, 'Carol').then(leave);
  await leave(bob);
  assert.deepEqual(await refusal(joining(bob.where, 'Dave')), REFUSALS.notFound);
  await creator({ ...bob.where, authKey: unique('key') }, 'Eve');
});

test('the last to be lost does not end it: they come back', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const exists = await prober();
  await leave(alice);
  cut(bob);
  await until(connections, (count) => count === 2);
  assert.equal(await exists(bob.where), true);
  const again = await rejoin(bob);
  assert.deepEqual(again.all('public-keys-updated')[0].map(({ userId }) => userId), [bob.userId]);
  await leave(again);
  assert.equal(await exists(bob.where), false);
});

test('the last to leave ends a session whose others were lost', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  cut(bob);
  await alice.next('user-left');
  await leave(alice);
  assert.deepEqual(await refusal(joining(alice.where, 'Bob', { userId: bob.userId })), REFUSALS.notFound);
});

for (const field of ['sessionId', 'userId']) {
  test(`leaving with a malformed ${field} is refused`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    for (const value of [undefined, null, '', {}]) {
      const [toBob, toAlice] = await observe([bob, alice], () => bob.emit('leave-session', mine(bob, { [field]: value })));
      assert.equal(toBob[0][1].error, 'INVALID_REQUEST');
      assert.equal(toBob[0][1].field, field);
      assert.deepEqual(toAlice, []);
    }
  });
}
