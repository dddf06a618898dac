// What a user may do on several nodes together. MESSAGE_BURST is 40 here, and nothing is given back in the time of a test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, unique, user } from '../support/relay.mjs';
import { NODES, at, client, sendDirect, until } from '../support/nodes.mjs';

const BURST = 40;
/** Of wrong keys, by default. */
const FAILURES = 20;

test('a burst of messages is one over all nodes, but for what they have not announced to each other yet', async () => {
  const [alice, bob] = [user('Alice'), user('Bob')];
  await client(bob, 0, 'direct');
  const devices = [await client(alice, 0, 'direct'), await client(alice, 1, 'direct'), await client(alice, 2, 'direct')];
  let sent = 0;
  for (let refused = 0; refused < devices.length; ) {
    refused = 0;
    for (const device of devices) {
      const answer = await sendDirect(device, bob, sent);
      if (answer.success) sent += 1;
      else refused += 1;
    }
    // A tenth for each further node, and what is under way, which is more on a busy machine. Three bursts if they announced nothing.
    assert.ok(sent < 2 * BURST, `${sent} were sent`);
  }
  assert.ok(sent >= BURST, `${sent} were sent`);
});

test('what was sent on one node counts on the others', async () => {
  const [alice, bob] = [user('Alice'), user('Bob')];
  await client(bob, 0, 'direct');
  const [first, second] = [await client(alice, 0, 'direct'), await client(alice, 1, 'direct')];
  for (let seq = 0; seq < BURST; seq += 1) assert.equal((await sendDirect(first, bob, seq)).success, true);
  await until('the other node refuses, too', async () => !(await sendDirect(second, bob, 0)).success);
});

test('wrong keys of a session lock out nobody who has the right one, on whichever node they are tried', async () => {
  const where = { sessionId: unique('session'), authKey: 'right' };
  const guest = async (node) => {
    const made = new Client(at(node, 'session'));
    await made.next('connect');
    return made;
  };
  const join = async (who, fields = {}) => {
    const answer = await who.ask('join-session', { ...where, userId: unique('user'), displayName: 'Name', ...fields });
    return answer.error?.code ?? answer.success;
  };
  assert.equal(await join(await guest(0), { isCreator: true }), true);
  for (const node of NODES.keys()) {
    const eve = await guest(node);
    for (let count = 0; count < FAILURES; count += 1) assert.equal(await join(eve, { authKey: 'wrong' }), 'INVALID_KEY');
    assert.equal(await join(eve, { authKey: 'wrong' }), 'RATE_LIMIT');
    for (const other of NODES.keys()) assert.equal(await join(await guest(other)), true);
    assert.equal(await join(eve), true);
  }
});
