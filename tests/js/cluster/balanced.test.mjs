// Several relays that know nothing of each other behind a load balancer, at RELAY_URL: a client is served by one of them,
// on each transport. Whoever a test sends to is the sender, since another may be on another relay.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { connect, exchange, request, user } from '../support/relay.mjs';

const WAYS = {
  'websocket only': ['websocket'],
  'polling only': ['polling'],
  'polling, then websocket': ['polling', 'websocket'],
};
const sealed = { iv: 'i', tag: 't' };
/** So many that each relay has some. */
const CLIENTS = 12;

for (const [name, transports] of Object.entries(WAYS)) {
  test(`clients stay with the relay that they came to over ${name}`, async () => {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(user('Alice'), { transports })));
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(clients.map((client) => exchange(client, client, () => {})));
    }
    for (const client of clients) {
      assert.deepEqual(client.all('disconnect'), []);
      assert.equal(client.all('connect').length, 1);
    }
  });

  test(`an event of 9 MB passes over ${name}`, async () => {
    const client = await connect(user('Alice'), { transports });
    const ciphertext = randomBytes(4_500_000).toString('hex');
    client.emit('send_message', { recipientId: client.userId, ciphertext, ...sealed, seq: 1 });
    const got = await client.next('receive_message');
    assert.ok(got.ciphertext === ciphertext, 'it is what was sent');
    const confirmed = await client.next('message:sent');
    assert.equal(confirmed.seq, 1);
  });

  test(`attachments of 5 MB pass over ${name}`, async () => {
    const client = await connect(user('Alice'), { transports });
    const ciphertext = randomBytes(5_000_000);
    client.emit('send_message', { recipientId: client.userId, ciphertext, ...sealed, seq: 1 });
    const got = await client.next('receive_message');
    assert.ok(Buffer.compare(got.ciphertext, ciphertext) === 0, 'it is what was sent');
  });
}

test('clients that begin with polling are upgraded', async () => {
  const connecting = Array.from({ length: CLIENTS }, () => connect(user('Alice'), { transports: ['polling', 'websocket'] }));
  for (const client of await Promise.all(connecting)) {
    const { engine } = client.socket.io;
    if (engine.transport.name !== 'websocket') await new Promise((resolve) => engine.once('upgrade', resolve));
    await exchange(client, client, () => {});
    assert.equal(engine.transport.name, 'websocket');
  }
});

test('clients of one address are spread over the relays', async () => {
  const nodes = new Set();
  for (let count = 0; count < CLIENTS; count += 1) {
    const handshake = await request('/socket.io/?EIO=4&transport=polling');
    nodes.add(/"sid":"(.*)\./.exec(handshake.body)[1]);
  }
  assert.deepEqual([...nodes].sort(), ['relay-1', 'relay-2']);
});

test('a session is asked for at the relay that has it', async () => {
  for (let count = 0; count < CLIENTS; count += 1) {
    const handshake = JSON.parse((await request('/socket.io/?EIO=4&transport=polling')).body.slice(1));
    const path = `/socket.io/?EIO=4&transport=polling&sid=${handshake.sid}`;
    assert.equal((await request(path, { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: '40{}' })).status, 200);
    assert.equal((await request(path)).status, 200);
  }
});
