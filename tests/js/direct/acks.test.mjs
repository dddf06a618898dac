// `direct`: callbacks are called exactly once, with the confirmation or the refusal.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, connect, exchange, same, unique, user } from '../support/relay.mjs';

const chunk = { messageId: 'm', chunkNumber: 0, totalChunks: 2, encryptedData: 'e', iv: 'i', tag: 't', hash: '', fileName: 'f', fileSize: 1, mimeType: 'a/b' };

/** Event, its payload to `id`, its confirmation event, what the callback gets. */
const confirmed = (id, room) => [
  ['join_room', { recipientId: id }, 'room:joined', { roomName: room, recipientId: id, success: true, recipientOnline: true }],
  ['leave_room', { recipientId: id }, 'room:left', { roomName: room, success: true }],
  [
    'send_message', { recipientId: id, ciphertext: 'c', iv: 'i', tag: 't', seq: 4 }, 'message:sent',
    { recipientId: id, seq: 4, success: true, timestamp: TIME, recipientOnline: true },
  ],
  [
    'send_file_chunk', { recipientId: id, ...chunk }, 'file:chunk-sent',
    { recipientId: id, messageId: 'm', chunkNumber: 0, totalChunks: 2, success: true, recipientOnline: true },
  ],
  ['request_file', { senderId: id, messageId: 'm' }, 'file:request-sent', { messageId: 'm', success: true, recipientOnline: true }],
  ['key-exchange:send', { recipientId: id, publicKey: 'k' }, 'key-exchange:sent', { recipientId: id, success: true, recipientOnline: true }],
];

for (const [index, [event]] of confirmed('', '').entries()) {
  test(`${event}: the callback gets what the confirmation event says, and both come`, async () => {
    const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
    const [, payload, confirmation, expected] = confirmed(bob.userId, [alice.userId, bob.userId].sort().join('_'))[index];
    const answer = await alice.ask(event, payload);
    same(answer, expected);
    assert.deepEqual(await alice.next(confirmation), answer);
  });
}

const signals = (id) => [
  ['typing:start', { recipientId: id }], ['typing:stop', { recipientId: id }],
  ['message:delivered', { messageId: 'm', senderId: id }], ['message:read', { messageId: 'm', senderId: id }],
];
for (const [index, [event]] of signals('').entries()) {
  test(`${event}: the callback says success, or failure when malformed`, async () => {
    const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
    assert.deepEqual(await alice.ask(...signals(bob.userId)[index]), { success: true, recipientOnline: true });
    const refusal = await alice.ask(event, {});
    assert.equal(refusal.success, false);
    assert.equal(refusal.error.code, 'INVALID_INPUT');
  });
}

for (const [index, [event]] of [...confirmed('', ''), ...signals('')].entries()) {
  test(`${event} to somebody who is away, or whom nobody knows, is confirmed to have reached nobody`, async () => {
    const [alice, gone] = [await connect(user('Alice')), await connect(user('Bob'))];
    gone.close();
    for (const id of [gone.userId, unique('nobody')]) {
      const [, payload, confirmation] = [...confirmed(id, ''), ...signals(id)][index];
      // Its relay may learn that it is gone a moment later.
      let answer;
      do answer = await alice.ask(event, payload);
      while (answer.recipientOnline);
      assert.equal(answer.success, true);
      assert.equal(answer.recipientOnline, event === 'leave_room' ? undefined : false);
      if (confirmation) assert.deepEqual(await alice.next(confirmation, (sent) => sent.recipientOnline === answer.recipientOnline), answer);
    }
  });
}

const refusals = [
  ['join_room', 'room:error', 'Recipient ID required'],
  ['leave_room', 'room:error', 'Recipient ID required'],
  ['send_message', 'message:error', 'Missing required fields'],
  ['send_file_chunk', 'file:error', 'Missing required fields for file chunk'],
  ['request_file', 'file:error', 'Missing required fields'],
  ['key-exchange:send', 'key-exchange:error', 'Missing required fields'],
];
for (const [event, errorEvent, text] of refusals) {
  test(`${event}: the callback of a refused event gets the text and code of the error event`, async () => {
    const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
    const { sent } = await exchange(alice, bob, async () => {
      const answer = await alice.ask(event, {});
      assert.equal(answer.success, false);
      assert.equal(answer.error.message, text);
      assert.equal(answer.error.code, 'INVALID_INPUT');
    });
    assert.deepEqual(sent.map(([name, payload]) => [name, payload.error]), [[errorEvent, text]]);
  });
}

test('a callback without a payload is called as well', async () => {
  const alice = await connect(user('Alice'));
  assert.equal((await alice.ask('send_message')).success, false);
  assert.equal((await alice.ask('send_message', null)).success, false);
});

test('the callback of an unknown event says so', async () => {
  const alice = await connect(user('Alice'));
  for (const event of ['no-such-event', 'no-such-event-either']) {
    const answer = await alice.ask(event, {});
    assert.equal(answer.success, false);
    assert.equal(answer.error.code, 'UNKNOWN_EVENT');
  }
});

test('callbacks of many events are each called once, in order', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  const order = [];
  const asks = Array.from({ length: 200 }, (_, seq) =>
    alice.ask('send_message', { recipientId: bob.userId, ciphertext: 'c', iv: 'i', tag: 't', seq }).then(() => order.push(seq)),
  );
  await Promise.all(asks);
  assert.deepEqual(order, Array.from({ length: 200 }, (_, seq) => seq));
});

test('a binary event is acknowledged', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  const seq = unique('binary');
  const answer = await alice.ask('send_message', { recipientId: bob.userId, ciphertext: Buffer.from([0, 255]), iv: 'i', tag: 't', seq });
  same(answer, { recipientId: bob.userId, seq, success: true, timestamp: TIME, recipientOnline: true });
});
