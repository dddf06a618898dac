// `session`: typing, and who downloaded a file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique } from '../support/relay.mjs';
import {
  DONE, NOT_A_MEMBER, failed, guest, invalid, leave, member, members, mine, observe, place, rejoin,
} from '../support/session.mjs';

const TYPING = { typing: 'user-typing', 'stopped-typing': 'user-stopped-typing' };

for (const [event, received] of Object.entries(TYPING)) {
  test(`${event} is sent to the others, by the name that the session knows`, async () => {
    const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
    const [toAlice, ...toOthers] = await observe([alice, bob, carol], async () => {
      assert.deepEqual(await alice.ask(event, mine(alice, { displayName: 'Bob' })), DONE);
    });
    assert.deepEqual(toAlice, []);
    assert.deepEqual(toOthers, Array(2).fill([[received, { userId: alice.userId, displayName: 'Alice' }]]));
  });

  test(`${event} without a name shows the member’s`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const [, toBob] = await observe([alice, bob], () => alice.emit(event, mine(alice)));
    assert.deepEqual(toBob, [[received, { userId: alice.userId, displayName: 'Alice' }]]);
  });

  test(`${event} in another’s name or of no member is dropped without an event`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const [eve] = await members('Eve');
    const [outsider, first] = [await guest(), await member(alice.where, 'Frank')];
    await rejoin(first, { publicKey: 'another key' });
    first.joined.clear();
    for (const [client, fields] of [
      [alice, mine(bob)],
      [eve, mine(alice)],
      [eve, mine(eve, { sessionId: alice.sessionId })],
      [eve, mine(eve, { sessionId: place().sessionId })],
      [outsider, mine(alice)],
      [first, mine(first)],
    ]) {
      const others = [alice, bob].filter((other) => other !== client);
      const seen = await observe([client, ...others], async () => {
        const answer = await client.ask(event, { ...fields, displayName: 'x' });
        assert.deepEqual(answer, failed(NOT_A_MEMBER));
      });
      assert.ok(seen.every((events) => events.length === 0));
    }
  });

  test(`a malformed ${event} reaches nobody`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const [, toBob] = await observe([alice, bob], () => {
      for (const args of [[], [null], ['text'], [[]], [{ sessionId: {} }], [mine(alice, { userId: null })], [mine(alice, { sessionId: '' })]]) {
        alice.emit(event, ...args);
      }
    });
    assert.deepEqual(toBob, []);
  });
}

test('typing and messages keep their order', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [, toBob] = await observe([alice, bob], () => {
    alice.emit('typing', mine(alice));
    alice.emit('stopped-typing', mine(alice));
    alice.emit('send-message', { sessionId: alice.sessionId, from: alice.userId, encrypted: 'x' });
    alice.emit('typing', mine(alice));
  });
  assert.deepEqual(toBob.map(([name]) => name), ['user-typing', 'user-stopped-typing', 'new-message', 'user-typing']);
});

for (const [name, given] of Object.entries({
  'a number and a name': { downloadedBy: 'Bob', fileName: 'a.pdf', timestamp: 1_700_000_000_000 },
  'an ISO time and an object': { downloadedBy: unique('bob'), fileName: { iv: 'i', data: 'd' }, timestamp: '2026-01-02T03:04:05.678Z' },
})) {
  test(`a download is sent to the sender of the file only, with who did it: ${name}`, async () => {
    const [bob, alice, carol] = await members('Bob', 'Alice', 'Carol');
    const [toBob, toAlice, toCarol] = await observe([bob, alice, carol], async () => {
      assert.deepEqual(await bob.ask('file-downloaded', { sessionId: bob.sessionId, senderId: alice.userId, ...given }), DONE);
    });
    assert.deepEqual(toAlice, [['download-notification', { ...given, downloadedBy: 'Bob', userId: bob.userId }]]);
    assert.deepEqual([toBob, toCarol], [[], []]);
  });
}

test('who says by their id who downloaded is named by it', async () => {
  const [bob, alice] = await members('Bob', 'Alice');
  bob.emit('file-downloaded', { sessionId: bob.sessionId, senderId: alice.userId, downloadedBy: bob.userId, fileName: 'f' });
  assert.deepEqual(await alice.next('download-notification'), { downloadedBy: bob.userId, userId: bob.userId, fileName: 'f' });
});

test('a download of a file whose sender is not there reaches nobody', async () => {
  const [bob, alice] = await members('Bob', 'Alice');
  const [eve] = await members('Eve');
  await leave(alice);
  const download = { sessionId: bob.sessionId, downloadedBy: 'Bob', fileName: 'f', timestamp: 1 };
  const [toBob, ...toOthers] = await observe([bob, alice, eve], () => {
    for (const senderId of [alice.userId, eve.userId, unique('nobody')]) bob.emit('file-downloaded', { ...download, senderId });
  });
  assert.ok(toBob.every(([name]) => name !== 'download-notification'));
  assert.deepEqual(toOthers, [[], []]);
});

test('who is no member announces no download', async () => {
  const [alice] = await members('Alice');
  const [eve] = await members('Eve');
  for (const [client, sessionId] of [[eve, alice.sessionId], [await guest(), alice.sessionId], [eve, place().sessionId]]) {
    const [seen, toAlice] = await observe([client, alice], async () => {
      const download = { sessionId, downloadedBy: 'Eve', senderId: alice.userId, fileName: 'f', timestamp: 1 };
      assert.deepEqual(await client.ask('file-downloaded', download), failed(NOT_A_MEMBER));
    });
    assert.deepEqual(seen, [['session-error', NOT_A_MEMBER]]);
    assert.deepEqual(toAlice, []);
  }
});

for (const [field, values] of Object.entries({ sessionId: [undefined, null, {}], senderId: [undefined, null, {}], fileName: ['f'.repeat(4097)] })) {
  test(`a download with a malformed ${field} is refused`, async () => {
    const [bob, alice] = await members('Bob', 'Alice');
    const download = { sessionId: bob.sessionId, downloadedBy: 'Bob', senderId: alice.userId, fileName: 'f', timestamp: 1 };
    for (const value of values) {
      const [toBob, toAlice] = await observe([bob, alice], () => bob.emit('file-downloaded', { ...download, [field]: value }));
      assert.deepEqual(toBob, [['session-error', invalid(field)]]);
      assert.deepEqual(toAlice, []);
    }
  });
}

test('typing ends when the member comes on another connection with another key', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  alice.emit('typing', mine(alice));
  await bob.next('user-typing');
  await rejoin(alice, { publicKey: 'another key' });
  assert.deepEqual(await bob.next('user-stopped-typing'), { userId: alice.userId, displayName: 'Alice' });
});

test('typing ends with the connection, before the member is gone', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const mark = bob.mark();
  alice.emit('typing', mine(alice, { displayName: 'Ally' }));
  await bob.next('user-typing');
  alice.close();
  await bob.next('user-left');
  const names = bob.since(mark).map(([name]) => name);
  assert.deepEqual(names.filter((name) => name.startsWith('user-')), ['user-typing', 'user-stopped-typing', 'user-left']);
});
