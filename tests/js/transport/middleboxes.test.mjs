// What stands between a client and the relay: a line with a long way, proxies that let requests pass and no WebSocket.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, test } from 'node:test';
import { Client, RELAY_URL, connect, exchange, token, user } from '../support/relay.mjs';

const sealed = { ciphertext: 'c', iv: 'i', tag: 't' };
const servers = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Passes connections on to the relay; `treat` has both ends, and the first that the client sent. */
async function middlebox(treat) {
  const { hostname, port } = new URL(RELAY_URL);
  const server = net.createServer((client) => {
    client.on('error', () => client.destroy());
    client.once('data', (head) => {
      const relay = net.connect(Number(port), hostname);
      relay.on('error', () => client.destroy());
      client.on('close', () => relay.destroy());
      relay.on('close', () => client.destroy());
      treat({ client, relay, head, isUpgrade: /^upgrade: websocket/im.test(head.toString('latin1')) });
    });
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

function pass({ client, relay, head }, asked = () => {}) {
  const sent = (data) => {
    if (data.toString('latin1').startsWith('GET ')) asked();
    relay.write(data);
  };
  sent(head);
  client.on('data', sent);
  relay.pipe(client);
}

/** A client behind it that polls first, as all do by default. */
async function behind(url, who) {
  const client = new Client({ auth: { token: token(who) }, transports: ['polling', 'websocket'], url });
  await client.next('auth:success');
  return Object.assign(client, who);
}

const UPGRADES = {
  'swallows what passes on it': ({ client, relay, head }) => {
    relay.write(head);
    relay.once('data', (answer) => client.write(answer));
  },
  'closes it at once': ({ client, relay, head }) => {
    relay.write(head);
    relay.once('data', (answer) => client.end(answer));
  },
  'resets it after a while': ({ client, relay, head }) => {
    relay.write(head);
    relay.once('data', (answer) => {
      client.write(answer);
      setTimeout(() => client.resetAndDestroy(), 500);
    });
  },
};

for (const [what, treat] of Object.entries(UPGRADES)) {
  test(`a client polls on behind what answers an upgrade and ${what}`, async () => {
    let polls = 0;
    const url = await middlebox((both) => {
      if (both.isUpgrade) treat(both);
      else pass(both, () => (polls += 1));
    });
    const [alice, bob] = [await connect(user('Alice')), await behind(url, user('Bob'))];
    const disconnects = [];
    bob.socket.on('disconnect', (reason) => disconnects.push(reason));
    const { engine } = bob.socket.io;
    for (let seq = 0; seq < 20; seq += 1) {
      alice.emit('send_message', { recipientId: bob.userId, ...sealed, seq });
      await bob.next('receive_message', (message) => message.seq === seq);
      bob.emit('send_message', { recipientId: alice.userId, ...sealed, seq });
      await alice.next('receive_message', (message) => message.seq === seq);
      // As long as it takes until the last of them resets its connection.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(engine.transport.name, 'polling');
    assert.deepEqual(disconnects, []);
    // No poll is answered without a reason: what it was sent, its confirmation, and the presence of others.
    assert.ok(polls < 70, `${polls} polls`);
  });
}

test('a client over a long way connects in three round trips, by polling alone or not', async () => {
  for (const transports of [['polling'], ['polling', 'websocket']]) {
    let turns = 0;
    const url = await middlebox(({ client, relay, head }) => {
      let isAnswered = true;
      const sent = (data) => {
        turns += isAnswered ? 1 : 0;
        isAnswered = false;
        relay.write(data);
      };
      sent(head);
      client.on('data', sent);
      relay.on('data', (data) => {
        isAnswered = true;
        client.write(data);
      });
    });
    const who = user('Alice');
    const client = new Client({ auth: { token: token(who) }, transports, upgrade: false, url });
    await client.next('connect');
    // The session, what enters the namespace, and the poll that brings the answer.
    assert.ok(turns <= 3, `${turns}`);
  }
});

test('what takes no bytes has its attachments as text, by every transport', async () => {
  for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
    const options = { transports, forceBase64: true };
    const [alice, bob] = [await connect(user('Alice'), options), await connect(user('Bob'))];
    const { engine } = alice.socket.io;
    const last = transports.at(-1);
    if (engine.transport.name !== last) await new Promise((resolve) => engine.once('upgrade', resolve));
    for (const [from, to] of [[alice, bob], [bob, alice]]) {
      for (let seq = 0; seq < 20; seq += 1) {
        from.emit('send_message', { recipientId: to.userId, ...sealed, ciphertext: Buffer.from([1, 2, 3, seq]), seq });
      }
      const { ciphertext } = await to.next('receive_message', ({ seq }) => seq === 19);
      assert.deepEqual([...new Uint8Array(ciphertext)], [1, 2, 3, 19]);
      assert.equal(to.all('receive_message').length, 20);
    }
    assert.equal(engine.transport.name, last);
    await exchange(alice, bob, () => {});
  }
});
