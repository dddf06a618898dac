// One of two relays behind a load balancer, at RELAY_URL, goes away: its process LEAVING_PID, at LEAVING_URL, gets SIGNAL.
// Its clients come to the other at their first attempt, and so do new ones, from the signal on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, connect, exchange, token, user } from '../support/relay.mjs';

const { LEAVING_PID, LEAVING_URL, SIGNAL } = process.env;
const WAYS = [['websocket'], ['polling'], ['polling', 'websocket']];
/** Of each way; so many that the leaving relay has some of each. */
const CLIENTS = 8;

/** Whether the leaving relay still answers, be it that it is leaving. */
async function answers() {
  return fetch(new URL('/ready', LEAVING_URL)).then(() => true, () => false);
}

/** A client that is connected without a second attempt. */
async function comes(transports) {
  const who = user('Carol');
  const client = new Client({ auth: { token: token(who) }, transports });
  const event = await client.nextEvent(['auth:success', 'connect_error']);
  assert.equal(event.name, 'auth:success', `${transports} failed: ${event.args[0].message} ${event.args[0].context?.responseText}`);
  await exchange(Object.assign(client, who), client, () => {});
  client.close();
}

test(`clients come to the other relay when one gets ${SIGNAL}`, async () => {
  const options = { reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 10 };
  const connecting = WAYS.flatMap((transports) => Array.from({ length: CLIENTS }, () => connect(user('Alice'), { ...options, transports })));
  const clients = await Promise.all(connecting);
  await Promise.all(clients.map((client) => exchange(client, client, () => {})));
  process.kill(Number(LEAVING_PID), SIGNAL);
  let came = 0;
  for (; came < WAYS.length || (await answers()); came += 1) await comes(WAYS[came % WAYS.length]);
  const left = clients.filter((client) => client.all('disconnect').length > 0);
  await Promise.all(left.map((client) => client.next('auth:success')));
  await Promise.all(clients.map((client) => exchange(client, client, () => {})));
  for (const client of clients) {
    assert.deepEqual(client.all('connect_error'), []);
    assert.ok(client.all('disconnect').length <= 1, `left ${client.all('disconnect')}`);
  }
  console.log(`${left.length} clients left for the other relay; ${came} new ones came`);
  assert.ok(left.length > 0 && left.length < clients.length, `${left.length} of ${clients.length} left`);
});
