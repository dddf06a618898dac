// `direct`: what the parser of a published client fails on is refused at its sender, and the receiver gets what comes next.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, exchange, user } from '../support/relay.mjs';
import { LIMIT, UNREADABLE, attached, nested } from '../support/unreadable.mjs';

const EVENTS = {
  send_message: ['message:error', 'ciphertext', { iv: 'i', tag: 't', seq: 1 }],
  send_file_chunk: ['file:error', 'encryptedData', { messageId: 'm', chunkNumber: 0, totalChunks: 1, iv: 'i', tag: 't', hash: 'h', fileName: 'f', fileSize: 1, mimeType: 'a/b' }],
  'key-exchange:send': ['key-exchange:error', 'publicKey', {}],
};
const TRANSPORTS = ['websocket', 'polling'];

const pair = async (options) => [await connect(user('Alice'), options), await connect(user('Bob'), options)];
const inner = (object) => JSON.stringify(object).slice(1, -1) || '"x":0';

for (const transport of TRANSPORTS) {
  for (const [event, [error, field, fields]] of Object.entries(EVENTS)) {
    test(`${event} over ${transport}: ${Object.keys(UNREADABLE).join(', ')}`, async () => {
      const [alice, bob] = await pair({ transports: [transport] });
      for (const [name, json] of Object.entries(UNREADABLE)) {
        for (const at of [field, 'another']) {
          const given = at === field ? '' : `"${field}":"c",`;
          const { sent, received } = await exchange(alice, bob, () => {
            alice.raw(`2["${event}",{"recipientId":"${bob.userId}",${given}"${at}":${json},${inner(fields)}}]`);
          });
          assert.deepEqual(received, [], name);
          assert.deepEqual(sent.map(([answer, { code, field: named }]) => [answer, code, named]), [[error, 'INVALID_INPUT', at]], name);
        }
      }
      assert.ok(bob.socket.connected && alice.socket.connected);
    });
  }
}

test('the callback of what is refused is called, and a name of a field is repeated in part', async () => {
  const [alice, bob] = await pair();
  const long = 'x'.repeat(1000);
  const { sent } = await exchange(alice, bob, () => {
    alice.raw(`27["send_message",{"recipientId":"${bob.userId}","ciphertext":"c","iv":"i","tag":"t","seq":1,"${long}":${nested(LIMIT + 1)}}]`);
  });
  assert.equal(sent[0][1].field, 'x'.repeat(128));
});

test('lists and objects may be as deep as is set, with an attachment and without', async () => {
  const [alice, bob] = await pair();
  const text = `{"recipientId":"${bob.userId}","ciphertext":${nested(LIMIT)},"iv":"i","tag":"t","seq":1`;
  alice.raw(`2["send_message",${text}}]`);
  assert.equal(JSON.stringify((await bob.next('receive_message')).ciphertext), nested(LIMIT));
  attached(alice, `["send_message",${text},"extra":{"_placeholder":true,"num":0}}]`);
  const got = await bob.next('receive_message');
  assert.equal(JSON.stringify(got.ciphertext), nested(LIMIT));
  assert.ok(Buffer.isBuffer(got.extra));
});

test('deep lists beside an attachment, and what some parsers take for one, are refused', async () => {
  const [alice, bob] = await pair();
  const values = [nested(LIMIT + 1), nested(6000), '{"_placeholder":1,"num":"x"}', '{"_placeholder":"true","num":7}', '{"_placeholder":true,"num":0,"num":0}'];
  for (const value of values) {
    const { sent, received } = await exchange(alice, bob, () => {
      attached(alice, `["send_message",{"recipientId":"${bob.userId}","ciphertext":{"_placeholder":true,"num":0},"iv":${value},"tag":"t","seq":1}]`);
    });
    assert.deepEqual(received, []);
    assert.deepEqual(sent.map(([answer, { code }]) => [answer, code]), [['message:error', 'INVALID_INPUT']]);
  }
  assert.ok(bob.socket.connected);
});

test('a field that means a prototype is not relayed', async () => {
  const [alice, bob] = await pair();
  const frames = bob.frames();
  const fields = '"ciphertext":"c","iv":"i","tag":"t","seq":1';
  alice.raw(`2["send_message",{"__proto__":{"isAdmin":true},"recipientId":"${bob.userId}",${fields},"\\u005f_proto__":1}]`);
  assert.equal((await bob.next('receive_message')).ciphertext, 'c');
  assert.ok(!frames.join().includes('proto'));
});

test('what published clients read is relayed, whatever it looks like', async () => {
  const [alice, bob] = await pair();
  const values = ['"connect"', '"disconnect"', '{"constructor":{"prototype":1}}', '"\\ud83d\\ude00\\u0000"', '1.7e308', '{"_placeholder":true,"num":9}', `{"${'k'.repeat(100_000)}":1}`, '{"":0}'];
  for (const value of values) {
    alice.raw(`2["send_message",{"recipientId":"${bob.userId}","ciphertext":${value},"iv":"i","tag":"t","seq":1}]`);
    assert.deepEqual((await bob.next('receive_message')).ciphertext, JSON.parse(value));
  }
});
