// `feed`: a page joins what it shows before its client has authenticated. Clients take turns between the nodes there are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, seconds, token } from '../support/relay.mjs';
import { DONE, asFeed, conversation, feedMessage, guest, knownUsers, observe, reader } from '../support/feed-chat.mjs';

const names = (events) => events.map(([name]) => name);
const MISSING = { success: false, error: { message: 'Authentication token required', code: 'MISSING_TOKEN' } };
/** The longest that a join waits for a token, in ms. */
const LONGEST = 5000;

for (const transport of ['websocket', 'polling']) {
  for (const dialect of [undefined, 'feed']) {
    const options = { transports: [transport], ...(dialect && { auth: { dialect } }) };
    const how = `${dialect ?? 'none declared'}, over ${transport}`;

    test(`joins that are emitted before the connection is there, and so go before authenticate, are not lost: ${how}`, async () => {
      const [alice, bob] = await knownUsers('Alice', 'Bob');
      const ids = [await conversation(alice, [bob]), await conversation(alice, [bob])];
      const client = new Client(options);
      const answers = ids.map((id) => client.ask('join-conversation', id));
      client.socket.on('connect', () => client.emit('authenticate', token(bob)));
      assert.deepEqual(await Promise.all(answers), [DONE, DONE]);
      asFeed(client, bob);
      const [got] = await observe([client], async () => {
        for (const id of ids) await feedMessage(alice, id);
      });
      assert.deepEqual(names(got), ['new-message', 'new-message']);
      assert.deepEqual(client.all('auth:error'), []);
    });

    test(`joins behind authenticate, which is not answered yet, are not lost: ${how}`, async () => {
      const [alice, bob] = await knownUsers('Alice', 'Bob');
      const id = await conversation(alice, [bob]);
      const client = await guest(options);
      client.emit('authenticate', token(bob));
      assert.deepEqual(await client.ask('join-conversation', id), DONE);
      const [got] = await observe([asFeed(client, bob)], () => feedMessage(alice, id));
      assert.deepEqual(names(got), ['new-message']);
      assert.deepEqual(client.all('auth:error'), []);
    });
  }
}

test('they are handled in their order, before what is sent later', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const [kept, left] = [await conversation(alice, [bob]), await conversation(alice, [bob])];
  const client = await guest();
  const answers = [['join-conversation', kept], ['join-conversation', left], ['leave-conversation', left]].map((event) => client.ask(...event));
  client.emit('authenticate', token(bob));
  answers.push(client.ask('leave-conversation', kept), client.ask('join-conversation', kept));
  assert.deepEqual(await Promise.all(answers), answers.map(() => DONE));
  const [got] = await observe([asFeed(client, bob)], async () => {
    for (const id of [left, kept]) await feedMessage(alice, id);
  });
  assert.deepEqual(got.map(([name, payload]) => [name, payload.conversation_id]), [['new-message', kept]]);
});

test('they count as the user’s: who is no participant is refused', async () => {
  const [alice, eve] = await knownUsers('Alice', 'Eve');
  const id = await conversation(alice);
  const client = await guest();
  const answer = client.ask('join-conversation', id);
  client.emit('authenticate', token(eve));
  const { success, error } = await answer;
  assert.deepEqual([success, error.code], [false, 'NOT_PARTICIPANT']);
});

test('without a token they are refused in the end, those after that at once', { timeout: 4 * LONGEST }, async () => {
  const [alice] = await knownUsers('Alice');
  const id = await conversation(alice);
  const client = await guest();
  const began = performance.now();
  assert.deepEqual(await client.ask('join-conversation', id), MISSING);
  const waited = performance.now() - began;
  assert.ok(waited > LONGEST * 0.9 && waited < LONGEST * 2, `${waited} ms`);
  assert.equal((await client.next('auth:error')).code, 'MISSING_TOKEN');
  const again = performance.now();
  assert.deepEqual(await client.ask('join-conversation', id), MISSING);
  assert.ok(performance.now() - again < LONGEST / 2);
  client.emit('authenticate', token(alice));
  await client.next('authenticated');
  assert.deepEqual(await client.ask('join-conversation', id), DONE);
});

test('a bad token ends them with the connection', async () => {
  const [alice] = await knownUsers('Alice');
  const id = await conversation(alice);
  const client = await guest();
  client.emit('join-conversation', id);
  client.emit('authenticate', token({ ...alice, exp: seconds(-60) }));
  await client.next('disconnect');
  const other = await reader(alice, id);
  const [got] = await observe([other], () => feedMessage(alice, id));
  assert.deepEqual(names(got), ['new-message']);
  assert.deepEqual(client.all('new-message'), []);
});
