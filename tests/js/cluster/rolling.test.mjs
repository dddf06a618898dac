// Nodes that are stopped and started again one after the other, behind a balancer, while clients go on: they come back by
// themselves, and nothing that was confirmed is lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, TIMEOUT, token, unique } from '../support/relay.mjs';
import { found, history } from '../support/rest.mjs';
import { control, until } from '../support/nodes.mjs';

const NODES = Number(process.env.NODE_COUNT);
const person = (name) => ({ userId: unique(name.toLowerCase()), username: unique(name) });

/** A client that comes back by itself, as deployed ones do. */
function lasting(who, dialect, transports) {
  const made = new Client({
    auth: { token: token(who), dialect }, transports, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 500,
  });
  return Object.assign(made, who);
}

test('no confirmed message is lost while each node is restarted in turn', { timeout: 6 * TIMEOUT }, async () => {
  const all = ['Alice', 'Bob', 'Carol', 'Dave'].map(person);
  const id = await found(all[0], all.slice(1));
  const transports = [['websocket'], ['polling'], ['polling', 'websocket'], ['websocket']];
  const members = all.map((who, index) => lasting(who, 'conversation', transports[index]));
  for (const one of members) one.socket.on('connect', () => one.emit('conversation:join', { conversationId: id }));
  await Promise.all(members.map((one) => one.next('conversation:joined')));
  const pair = [lasting(person('Erin'), 'direct', ['websocket']), lasting(person('Frank'), 'direct', ['polling'])];
  await Promise.all(pair.map((one) => one.next('auth:success')));
  const stored = [];
  const reached = [];
  let is_over = false;
  const ask = async (one, name, payload) => {
    try {
      return await one.socket.timeout(3_000).emitWithAck(name, payload);
    } catch {
      return undefined;
    }
  };
  const writing = members.map(async (one, index) => {
    for (let n = 0; !is_over; n += 1) {
      const content = `${index}.${n}`;
      const answer = await ask(one, 'message:send', { conversationId: id, content, tempId: content });
      if (answer?.success) stored.push(content);
      await sleep(5);
    }
  });
  const relaying = (async () => {
    for (let seq = 0; !is_over; seq += 1) {
      const payload = { recipientId: pair[1].userId, ciphertext: 'c', iv: 'i', tag: 't', seq };
      const answer = await ask(pair[0], 'send_message', payload);
      if (answer?.success && answer.recipientOnline) reached.push(seq);
      await sleep(5);
    }
  })();
  const goOn = async () => {
    const before = members.map((one) => one.all('message:new').length);
    await until('all receive messages again', () => members.every((one, index) => one.all('message:new').length > before[index] + 20));
  };
  for (let node = 0; node < NODES; node += 1) {
    await control('terminate', node);
    await control('restart', node);
    await goOn();
  }
  is_over = true;
  await Promise.all([...writing, relaying]);
  const inHistory = (await history(all[0], id)).map(({ content }) => content);
  assert.equal(new Set(inHistory).size, inHistory.length, 'each is stored once');
  const missing = stored.filter((content) => !inHistory.includes(content));
  assert.deepEqual(missing, [], 'what was confirmed is stored');
  for (const index of members.keys()) {
    const own = inHistory.filter((content) => content.startsWith(`${index}.`)).map((content) => Number(content.split('.')[1]));
    assert.deepEqual(own, own.toSorted((a, b) => a - b), 'in the order of its sender');
  }
  for (const one of members) {
    // On one connection: who comes to another node may be sent there what they were sent on the first a moment before.
    let seen = new Set();
    for (const { name, args } of one.events) {
      if (name === 'connect') seen = new Set();
      if (name !== 'message:new') continue;
      assert.ok(!seen.has(args[0].id), 'nobody receives it twice');
      seen.add(args[0].id);
    }
  }
  await until('the last has come', () => pair[1].all('receive_message').some(({ seq }) => seq === reached.at(-1)));
  const got = pair[1].all('receive_message').map(({ seq }) => seq);
  assert.equal(new Set(got).size, got.length);
  assert.deepEqual(reached.filter((seq) => !got.includes(seq)), [], 'what reached somebody came');
});

test('clients come back when the balancer is started again', async () => {
  const all = [person('Alice'), person('Bob')];
  const pair = all.map((who) => lasting(who, 'direct', ['websocket']));
  await Promise.all(pair.map((one) => one.next('auth:success')));
  await control('restart', 'balancer');
  await Promise.all(pair.map((one) => one.next('auth:success')));
  const [alice, bob] = pair;
  const payload = { recipientId: bob.userId, ciphertext: 'c', iv: 'i', tag: 't', seq: 1 };
  assert.equal((await alice.ask('send_message', payload)).recipientOnline, true);
  await bob.next('receive_message');
});
