// A relay behind a proxy, at RELAY_URL, that has PREFIX in front of all its paths and lets WebSockets through or not (WEBSOCKET).
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { control } from '../support/nodes.mjs';
import { Client, TIMEOUT, exchange, request, token, user } from '../support/relay.mjs';

const { PREFIX = '', WEBSOCKET } = process.env;
const PASSES = WEBSOCKET === 'passes';
const WAYS = [['polling'], ['polling', 'websocket'], ...(PASSES ? [['websocket']] : [])];
const path = `${PREFIX}/socket.io`;
const MESSAGES = 50;

/** Somebody who is connected, and whether their upgrade has come to something: `upgrade`, or `upgradeError`. */
async function comes(transports, options = {}) {
  const who = user('Alice');
  const client = new Client({ auth: { token: token(who) }, path, transports, ...options });
  const { engine } = client.socket.io;
  client.upgraded = new Promise((resolve) => {
    engine.once('upgrade', () => resolve('upgrade'));
    engine.once('upgradeError', () => resolve('upgradeError'));
  });
  await client.next('auth:success');
  return Object.assign(client, who);
}

function message(to, seq, ciphertext) {
  return { recipientId: to.userId, ciphertext, iv: 'é😀', tag: 't', seq };
}

/** Each sends the other so many messages at once: they are acknowledged and arrive as they were sent, in their order. */
async function talk(clients) {
  const sent = clients.map(() => Array.from({ length: MESSAGES }, (_, at) => (at % 2 ? randomBytes(1000) : `text ${at}`)));
  const others = [...clients].reverse();
  const answers = await Promise.all(clients.flatMap((client, index) =>
    sent[index].map((ciphertext, seq) => client.ask('send_message', message(others[index], seq, ciphertext)))));
  assert.ok(answers.every(({ success }) => success));
  for (const [index, client] of others.entries()) {
    await client.next('receive_message', ({ seq }) => seq === MESSAGES - 1);
    const received = client.all('receive_message');
    assert.deepEqual(received.map(({ seq }) => seq), [...Array(MESSAGES).keys()]);
    assert.deepEqual(received.map(({ ciphertext }) => ciphertext), sent[index]);
  }
}

for (const transports of WAYS) {
  test(`${MESSAGES} messages pass both ways, while and after a WebSocket is tried: ${transports}`, async () => {
    const clients = [await comes(transports), await comes(transports)];
    await talk(clients);
    for (const client of clients) {
      const { engine } = client.socket.io;
      if (transports.length > 1) assert.equal(await client.upgraded, PASSES ? 'upgrade' : 'upgradeError');
      assert.equal(engine.transport.name, PASSES ? transports.at(-1) : 'polling');
    }
    await exchange(...clients, () => {});
    await exchange(...clients.reverse(), () => {});
    for (const client of clients) assert.deepEqual(client.all('disconnect'), []);
  });

  test(`1 MB of bytes passes: ${transports}`, async () => {
    const client = await comes(transports);
    const ciphertext = randomBytes(1_000_000);
    client.emit('send_message', message(client, 1, ciphertext));
    const got = await client.next('receive_message');
    assert.ok(ciphertext.equals(got.ciphertext));
    await exchange(client, client, () => {});
  });

  test(`a client comes back when the proxy was started again: ${transports}`, async () => {
    const client = await comes(transports, { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100 });
    await exchange(client, client, () => {});
    await control('restart balancer');
    await client.next('disconnect');
    await client.next('auth:success');
    await exchange(client, client, () => {});
  });
}

test('a WebSocket alone is refused at once where none passes', { skip: PASSES }, async () => {
  const began = performance.now();
  const client = new Client({ auth: { token: token(user('Alice')) }, path, transports: ['websocket'] });
  const error = await client.next('connect_error');
  assert.ok(performance.now() - began < TIMEOUT / 4, `after ${performance.now() - began} ms`);
  assert.equal(error.message, 'websocket error');
  assert.match(error.description.message, /Unexpected server response: 400/);
});

test('REST is below the same path', async () => {
  assert.equal((await request(`${PREFIX}/health`)).status, 200);
  if (PREFIX) for (const other of ['/health', '/socket.io/?EIO=4&transport=polling']) assert.ok((await request(other)).status >= 400, other);
});
