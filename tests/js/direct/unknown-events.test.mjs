// Event names the server does not know, or that Socket.IO keeps to itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, exchange, user } from '../support/relay.mjs';

const RESERVED = ['connect', 'connect_error', 'disconnect', 'disconnecting', 'error', 'newListener', 'removeListener'];
const UNKNOWN = ['no-such-event', '', '__proto__', 'constructor', 'send_message ', 'SEND_MESSAGE', 'receive_message', 'message:sent', 'user:online'];

for (const event of [...RESERVED, ...UNKNOWN]) {
  test(`${JSON.stringify(event)} is answered with an error that names it`, async () => {
    const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
    const { sent, received } = await exchange(alice, bob, () =>
      alice.raw(`2${JSON.stringify([event, { recipientId: bob.userId, ciphertext: 'c', iv: 'i', tag: 't', seq: 1 }])}`),
    );
    assert.deepEqual(received, []);
    assert.deepEqual(sent.map(([name]) => name), ['error']);
    const [[, { message, ...rest }]] = sent;
    assert.ok(typeof message === 'string' && message.length > 0);
    assert.deepEqual(rest, { code: 'UNKNOWN_EVENT', context: { event } });
  });
}

test('a burst of unknown events is answered once, and again after a second', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  const { sent } = await exchange(alice, bob, () => {
    for (let count = 0; count < 50; count += 1) alice.emit(`no-such-event-${count}`, {});
  });
  assert.deepEqual(sent.map(([name, payload]) => [name, payload.context.event]), [['error', 'no-such-event-0']]);
  const first = await alice.nextEvent('error');
  const again = setInterval(() => alice.emit('no-such-event', {}), 50);
  const second = await alice.nextEvent('error').finally(() => clearInterval(again));
  assert.ok(second.at - first.at > 900, `the next error came ${second.at - first.at} ms after the first`);
});

test('another connection’s unknown events are counted apart', async () => {
  const [alice, bob] = [await connect(user('Alice')), await connect(user('Bob'))];
  for (const client of [alice, bob]) {
    client.emit('no-such-event');
    assert.equal((await client.next('error')).code, 'UNKNOWN_EVENT');
  }
});
