// `direct`: every refusal names its field, keeps the connection and relays nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, exchange, user } from '../support/relay.mjs';

const ABSENT = undefined;
const MISSING = [ABSENT, null, ''];
const NOT_AN_ID = [{}, [], true, { $gt: '' }, ['someone']];
const LONG_ID = ['x'.repeat(129), 'é'.repeat(65), 'x'.repeat(100_000)];
const LONG_KEY = ['x'.repeat(65 * 1024), Buffer.alloc(65 * 1024)];
const chunk = { messageId: 'm', chunkNumber: 1, totalChunks: 3, encryptedData: 'e', iv: 'i', tag: 't', hash: 'h', fileName: 'f', fileSize: 9, mimeType: 'a/b' };

/** Per event: its error event and texts, a valid payload to `id`, and for each field what is missing and what is wrong. */
const table = {
  join_room: {
    error: 'room:error', missing: 'Recipient ID required', failed: 'Failed to join room', valid: (id) => ({ recipientId: id }),
    fields: { recipientId: [MISSING, [...NOT_AN_ID, ...LONG_ID]] },
  },
  leave_room: {
    error: 'room:error', missing: 'Recipient ID required', failed: 'Failed to leave room', valid: (id) => ({ recipientId: id }),
    fields: { recipientId: [MISSING, [...NOT_AN_ID, ...LONG_ID]] },
  },
  send_message: {
    error: 'message:error', missing: 'Missing required fields', failed: 'Failed to relay message',
    valid: (id) => ({ recipientId: id, ciphertext: 'c', iv: 'i', tag: 't', seq: 1 }),
    fields: {
      recipientId: [MISSING, [...NOT_AN_ID, ...LONG_ID]], ciphertext: [MISSING, []], iv: [MISSING, []], tag: [MISSING, []],
      seq: [[ABSENT], []], signature: [[], LONG_KEY],
    },
  },
  send_file_chunk: {
    error: 'file:error', missing: 'Missing required fields for file chunk', failed: 'Failed to relay file chunk',
    valid: (id) => ({ recipientId: id, ...chunk }),
    fields: {
      recipientId: [MISSING, [...NOT_AN_ID, ...LONG_ID]], messageId: [[], [...NOT_AN_ID, ...LONG_ID]],
      chunkNumber: [[], ['x', -1, 1.5, 3, 1e21, {}]], totalChunks: [[], ['x', -1, 0, 1.5, {}]],
      encryptedData: [[ABSENT, null], []], iv: [MISSING, []], tag: [MISSING, []],
      fileName: [[], ['x'.repeat(4097)]], fileSize: [[], [{}, []]], mimeType: [[], ['x'.repeat(4097)]],
    },
  },
  request_file: {
    error: 'file:error', missing: 'Missing required fields', failed: 'Failed to request file',
    valid: (id) => ({ senderId: id, messageId: 'm' }),
    fields: { senderId: [MISSING, [...NOT_AN_ID, ...LONG_ID]], messageId: [MISSING, [...NOT_AN_ID, ...LONG_ID]] },
  },
  'key-exchange:send': {
    error: 'key-exchange:error', missing: 'Missing required fields', failed: 'Failed to relay key exchange',
    valid: (id) => ({ recipientId: id, publicKey: 'k', signature: 's' }),
    fields: {
      recipientId: [MISSING, [...NOT_AN_ID, ...LONG_ID]], publicKey: [MISSING, LONG_KEY], signature: [[], LONG_KEY],
    },
  },
};

const pair = async () => [await connect(user('Alice')), await connect(user('Bob'))];
const show = (value) => (value === ABSENT ? 'absent' : JSON.stringify(value).slice(0, 40));
/** One of two names, for a field that two checks may blame. */
const blamed = (field) => (['chunkNumber', 'totalChunks'].includes(field) ? ['chunkNumber', 'totalChunks'] : [field]);

for (const [event, { error, missing, failed, valid, fields }] of Object.entries(table)) {
  for (const [field, [absent, wrong]] of Object.entries(fields)) {
    test(`${event}: ${field} that is missing or wrong is refused by name`, async () => {
      const [alice, bob] = await pair();
      for (const bad of [...absent, ...wrong]) {
        const { sent, received } = await exchange(alice, bob, () => alice.emit(event, { ...valid(bob.userId), [field]: bad }));
        const what = `${field} ${show(bad)}`;
        assert.deepEqual(received, [], what);
        assert.deepEqual(sent.map(([name]) => name), [error], what);
        const [[, refusal]] = sent;
        assert.ok(absent.includes(bad) ? refusal.error === missing : [missing, failed].includes(refusal.error), `${what}: ${refusal.error}`);
        assert.equal(refusal.code, 'INVALID_INPUT', what);
        assert.ok(blamed(field).includes(refusal.field), `${what} is blamed on ${refusal.field}`);
      }
    });
  }

  test(`${event}: no payload, or one that is no object, is refused`, async () => {
    const [alice, bob] = await pair();
    const junk = [[], [null], ['text'], [''], [42], [true], [[]], [[valid(bob.userId)]], ['text', valid(bob.userId)], [Buffer.from('bytes')], [{}]];
    for (const args of junk) {
      const { sent, received } = await exchange(alice, bob, () => alice.emit(event, ...args));
      assert.deepEqual(received, [], show(args));
      assert.deepEqual(sent.map(([name, payload]) => [name, payload.error, payload.code]), [[error, missing, 'INVALID_INPUT']], show(args));
    }
  });

  test(`${event}: arguments behind the payload are never relayed`, async () => {
    const [alice, bob] = await pair();
    const frames = bob.frames();
    const { sent } = await exchange(alice, bob, () => alice.emit(event, valid(bob.userId), 'surplus', { recipientId: 'surplus' }));
    assert.equal(sent.length, 1, 'one answer, a confirmation or a refusal');
    assert.ok(!frames.join().includes('surplus'));
  });
}

test('seq 0 and null, an empty hash, and a null signature are fine', async () => {
  const [alice, bob] = await pair();
  const { sent, received } = await exchange(alice, bob, () => {
    for (const seq of [0, null]) alice.emit('send_message', { ...table.send_message.valid(bob.userId), seq });
    alice.emit('send_message', { ...table.send_message.valid(bob.userId), signature: null });
    alice.emit('send_file_chunk', { ...table.send_file_chunk.valid(bob.userId), hash: '', chunkNumber: 0 });
  });
  assert.deepEqual(sent.map(([name]) => name), ['message:sent', 'message:sent', 'message:sent', 'file:chunk-sent']);
  assert.equal(received.length, 4);
  assert.equal(received.at(-1)[1].hash, '');
});

test('the longest ids and keys that are allowed are relayed', async () => {
  const bob = await connect({ userId: `${user('b').userId}${'b'.repeat(128)}`.slice(0, 128), username: 'Bob' });
  const alice = await connect(user('Alice'));
  alice.emit('key-exchange:send', { recipientId: bob.userId, publicKey: 'k'.repeat(64 * 1024), signature: 's'.repeat(64 * 1024) });
  const got = await bob.next('key-exchange:receive');
  assert.deepEqual([got.publicKey.length, got.signature.length], [65_536, 65_536]);
  alice.emit('send_file_chunk', { recipientId: bob.userId, ...chunk, messageId: 'm'.repeat(128), fileName: 'f'.repeat(4096) });
  assert.equal((await bob.next('receive_file_chunk')).fileName.length, 4096);
});

for (const [event, payload, broken, echoed] of [
  ['join_room', {}, {}, []],
  ['send_message', { recipientId: 'bob', seq: 5, ciphertext: 'c', iv: 'i' }, {}, ['recipientId', 'seq']],
  ['send_message', { recipientId: 'bob', seq: 0, messageId: 'm' }, {}, ['recipientId', 'seq', 'messageId']],
  ['send_file_chunk', { recipientId: 'bob', messageId: 'm', chunkNumber: 0 }, {}, ['recipientId', 'messageId', 'chunkNumber']],
  ['request_file', { messageId: 'm' }, {}, ['messageId']],
  ['key-exchange:send', { recipientId: 'bob' }, {}, ['recipientId']],
]) {
  test(`${event}: the refusal carries ${echoed.join(', ') || 'nothing'} of the input and no secret`, async () => {
    const alice = await connect(user('Alice'));
    alice.emit(event, { ...payload, ...broken, tag: '', signature: 'secret', publicKey: '', other: 'secret' });
    const { error, code, field, ...rest } = await alice.next(table[event].error);
    assert.equal(error, table[event].missing);
    assert.equal(code, 'INVALID_INPUT');
    assert.equal(typeof field, 'string');
    assert.deepEqual(rest, Object.fromEntries(echoed.map((key) => [key, payload[key]])));
  });
}

test('a refused chunk does not count towards the upload', async () => {
  const [alice, bob] = await pair();
  const send = (change) => alice.emit('send_file_chunk', { recipientId: bob.userId, ...chunk, totalChunks: 2, ...change });
  const { sent } = await exchange(alice, bob, () => {
    send({ chunkNumber: 0 });
    send({ chunkNumber: 1, tag: '' });
  });
  assert.deepEqual(sent.map(([name]) => name), ['file:chunk-sent', 'file:error']);
});
