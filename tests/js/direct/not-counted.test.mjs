// What is no object counts like what is: over the rate it is refused for that. Started with small limits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, user } from '../support/relay.mjs';
import { found, present } from '../support/conversations.mjs';
import { guest } from '../support/session.mjs';

const MANY = 60;
const codes = (answers) => new Set(answers.map(({ error }) => error.code));
const flood = (client, event) => Promise.all(Array.from({ length: MANY }, (_, n) => client.ask(event, [null, 'text', 7, []][n % 4])));

for (const event of ['message:send', 'message:update', 'reaction:add', 'presence:request']) {
  test(`conversation: ${event}`, async () => {
    const who = user('Alice');
    const alice = await present(who, await found(who));
    assert.ok(codes(await flood(alice, event)).has('RATE_LIMIT'));
  });
}

for (const event of ['send_message', 'request_file', 'key-exchange:send', 'typing:start']) {
  test(`direct: ${event}`, async () => {
    const alice = await connect(user('Alice'));
    assert.ok(codes(await flood(alice, event)).has('RATE_LIMIT'));
  });
}

for (const event of ['send-message', 'save-public-key', 'typing']) {
  test(`session: ${event}`, async () => {
    const alice = await guest();
    assert.ok(codes(await flood(alice, event)).has('RATE_LIMIT'));
  });
}
