// `session`: send-message, who gets it and in which shape.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MILLIS, same, unique } from '../support/relay.mjs';
import { DONE, creator, guest, history, member, members, message, observe, place, rejoin, settle } from '../support/session.mjs';

const encrypted = 'q83vEg==';

test('a message reaches the whole session but its sender, who is sent a confirmation', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  const id = unique('message');
  const [toAlice, ...toOthers] = await observe([alice, bob, carol], () =>
    alice.emit('send-message', message(alice, { encrypted, type: 'file', clientMessageId: id })),
  );
  const expected = { id, from: alice.userId, encrypted, timestamp: MILLIS, type: 'file', senderDisplayName: 'Alice' };
  same(toAlice, [['message-sent', expected]]);
  for (const events of toOthers) same(events, [['new-message', toAlice[0][1]]]);
});

test('addressed to all it is the same, and says so', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  const id = unique('message');
  const [toAlice, ...toOthers] = await observe([alice, bob, carol], () =>
    alice.emit('send-message', message(alice, { encrypted, to: 'all', clientMessageId: id })),
  );
  const expected = { id, from: alice.userId, to: 'all', encrypted, timestamp: MILLIS, type: 'text', senderDisplayName: 'Alice' };
  same(toAlice, [['message-sent', expected]]);
  for (const events of toOthers) same(events, [['new-message', toAlice[0][1]]]);
});

test('a private message reaches its receiver only', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  const id = unique('message');
  const [toAlice, toBob, toCarol] = await observe([alice, bob, carol], () =>
    alice.emit('send-message', message(alice, { encrypted, to: bob.userId, clientMessageId: id })),
  );
  const expected = { id, from: alice.userId, to: bob.userId, encrypted, timestamp: MILLIS, type: 'text', senderDisplayName: 'Alice' };
  same(toAlice, [['message-sent', expected]]);
  same(toBob, [['new-message', toAlice[0][1]]]);
  assert.deepEqual(toCarol, []);
});

test('other sessions get nothing, whatever ids are the same', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const other = place();
  const twin = await creator(other, 'Bob', { userId: bob.userId });
  const [, toBob, toTwin] = await observe([alice, bob, twin], () => {
    alice.emit('send-message', message(alice));
    alice.emit('send-message', message(alice, { to: bob.userId }));
  });
  assert.equal(toBob.length, 2);
  assert.deepEqual(toTwin, []);
});

test('the message is handed over before it is confirmed', async () => {
  const [alice] = await members('Alice', 'Bob');
  const [events] = await observe([alice], () => alice.emit('send-message', message(alice, { to: alice.userId })));
  assert.deepEqual(events.map(([name]) => name), ['new-message', 'message-sent']);
});

test('the callback gets the confirmation too', async () => {
  const [alice] = await members('Alice', 'Bob');
  const answer = await alice.ask('send-message', message(alice, { encrypted, originalContent: 'plain' }));
  const [sent] = alice.all('message-sent').slice(-1);
  same(answer, { ...sent, success: true });
  assert.equal(sent.originalContent, 'plain');
});

test('addressed to null it reaches all', async () => {
  const clients = await members('Alice', 'Bob', 'Carol');
  const [, ...toOthers] = await observe(clients, () => clients[0].emit('send-message', message(clients[0], { to: null })));
  for (const events of toOthers) assert.deepEqual(events.map(([name]) => name), ['new-message']);
});

test('a message whose sender gave no id is given one of its own', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const ids = new Set();
  for (const clientMessageId of [undefined, undefined, null]) {
    const { id } = await alice.ask('send-message', message(alice, { clientMessageId }));
    assert.match(id, /^msg-[0-9a-f-]{36}$/);
    ids.add(id);
  }
  assert.equal(ids.size, 3);
  await settle([alice, bob]);
  assert.deepEqual(new Set(bob.all('new-message').map(({ id }) => id).filter((id) => ids.has(id))), ids);
});

test('a repeated id is relayed again, and stored and confirmed once', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const repeated = message(alice, { clientMessageId: unique('message'), encrypted });
  const answers = [];
  const [toAlice, toBob] = await observe([alice, bob], async () => {
    for (const _ of [1, 2, 3]) answers.push(await alice.ask('send-message', repeated));
  });
  assert.deepEqual(toAlice.map(([name]) => name), ['message-sent']);
  assert.deepEqual(toBob.map(([name, { id }]) => [name, id]), Array(3).fill(['new-message', repeated.clientMessageId]));
  same(answers, [{ ...toAlice[0][1], success: true }, DONE, DONE]);
  assert.deepEqual(history(await member(alice.where, 'Carol')), [toAlice[0][1]]);
});

test('any number is an id, and comes back as it was written', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  for (const clientMessageId of [0.5488135039273248, -1e-7, 2 ** 64]) {
    const { id } = await alice.ask('send-message', message(alice, { clientMessageId }));
    assert.strictEqual(id, clientMessageId);
    await bob.next('new-message', (received) => received.id === clientMessageId);
  }
});

test('other words under an id that was used before are relayed, stored and confirmed', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const again = await rejoin(alice);
  const clientMessageId = 1;
  const said = [{ encrypted: 'hello' }, { encrypted: 'are you there?' }, { encrypted: 'hello', type: 'file' }, { encrypted: 'hello', to: bob.userId }];
  const [toAlice, toBob] = await observe([alice, bob, again], async () => {
    for (const fields of said) {
      for (const client of [alice, again]) assert.equal((await client.ask('send-message', message(client, { ...fields, clientMessageId }))).success, true);
    }
  });
  const confirmed = toAlice.filter(([name]) => name === 'message-sent').map(([, sent]) => sent);
  assert.deepEqual(confirmed.map(({ id, encrypted: words }) => [id, words]), said.map(({ encrypted: words }) => [1, words]));
  assert.equal(toBob.length, said.length * 2);
  assert.deepEqual(history(await rejoin(bob)), confirmed);
});

test('the same id of another member is no repetition', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const clientMessageId = unique('message');
  for (const client of [alice, bob]) await client.ask('send-message', message(client, { clientMessageId }));
  assert.equal(bob.all('message-sent').filter(({ id }) => id === clientMessageId).length, 1);
  assert.deepEqual(history(await member(alice.where, 'Carol')).map(({ from }) => from), [alice.userId, bob.userId]);
});

for (const [name, value] of Object.entries({
  'a string': '💬 any text\u0000 "quoted"',
  'an object': { iv: [1, 2, 3], data: { ciphertext: 'c', tag: null }, n: 1.5 },
  binary: Buffer.from([0, 1, 254, 255]),
  'an object with binary in it': { iv: Buffer.from('iv'), parts: [Buffer.from('one'), Buffer.from('two')], tag: 't' },
})) {
  test(`what is encrypted may be ${name} and arrives as it is, also in the history`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const [[[, sent]], [[, received]]] = await observe([alice, bob], () => alice.emit('send-message', message(alice, { encrypted: value })));
    const [stored] = history(await member(alice.where, 'Carol'));
    for (const seen of [sent, received, stored]) assert.deepEqual(seen.encrypted, value);
  });
}

test('a message that is sealed is written as its sender wrote it', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const frames = bob.frames();
  const sealed = '{"n":1.0,"big":12345678901234567890,"n":2e3,"e":"\\u0041\\/"}';
  alice.raw(`2["send-message",{"sessionId":"${alice.sessionId}","from":"${alice.userId}","encrypted":${sealed}}]`);
  await bob.next('new-message', ({ encrypted: { big } }) => big);
  assert.ok(frames.at(-1).includes(`"encrypted":${sealed}`), frames.at(-1));
  const carol = await guest();
  const late = carol.frames();
  carol.emit('join-session', { ...alice.where, userId: unique('carol') });
  await carol.next('messages-history');
  assert.ok(late.some((frame) => frame.includes(`"encrypted":${sealed}`)), 'also in the history');
});

test('a thousand messages arrive in the order they were sent', async () => {
  const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
  const [toAlice, ...toOthers] = await observe([alice, bob, carol], () => {
    for (let number = 0; number < 1000; number += 1) alice.emit('send-message', message(alice, { encrypted: String(number) }));
  });
  const numbers = Array.from({ length: 1000 }, (_, index) => String(index));
  assert.deepEqual(toAlice.map(([, { encrypted: number }]) => number), numbers);
  for (const events of toOthers) assert.deepEqual(events.map(([, { encrypted: number }]) => number), numbers);
});

test('the session may be named with what is behind its id', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await alice.ask('send-message', message(alice, { sessionId: `${alice.sessionId}:${alice.where.authKey}`, encrypted }));
  assert.equal((await bob.next('new-message', (payload) => payload.encrypted === encrypted)).from, alice.userId);
});

test('the name shown is the member’s, whatever the message says', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const fields = { senderDisplayName: 'Bob', displayName: 'Bob', timestamp: 1, id: 'mine', extra: 'extra' };
  const [, [[, seen]]] = await observe([alice, bob], () => alice.emit('send-message', message(alice, { ...fields, encrypted })));
  const { id, ...rest } = seen;
  assert.notEqual(id, 'mine');
  same(rest, { from: alice.userId, encrypted, timestamp: MILLIS, type: 'text', senderDisplayName: 'Alice' });
});

test('each of a member’s sockets gets it', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const second = await rejoin(bob);
  const [, toBob, toSecond] = await observe([alice, bob, second], async () => {
    await alice.ask('send-message', message(alice));
    await alice.ask('send-message', message(alice, { to: bob.userId }));
  });
  assert.equal(toSecond.length, 2);
  assert.deepEqual(toBob, toSecond);
});

test('a type may be a number or long, and comes back as it was written, also from the history', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const types = [7, 0.5, '7', 'x'.repeat(1024)];
  for (const type of types) {
    await alice.ask('send-message', message(alice, { encrypted: 'sealed', type }));
    assert.strictEqual((await bob.next('new-message')).type, type);
  }
  const carol = await member(alice.where, 'Carol');
  assert.deepEqual(history(carol).map(({ type }) => type), types);
});
