// A store that takes 300 ms for everything: from `connect` on nothing is missed. Clients take turns between the nodes there are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, connect, token, user } from '../support/relay.mjs';
import { chatMessage, conversation, knownUsers } from '../support/feed-chat.mjs';
import { sendDirect } from '../support/nodes.mjs';

const about = ({ userId }) => (payload) => payload.userId === userId;
const ROUNDS = 1;

/** A client as soon as it has seen `connect`. */
async function connecting(who, dialect, transport) {
  const auth = { token: token(who), ...(dialect && { dialect }) };
  const client = Object.assign(new Client({ auth, transports: [transport] }), who);
  await client.next('connect');
  return client;
}

for (const transport of ['websocket', 'polling']) {
  for (const dialect of ['direct', 'session', 'feed', 'chat', 'conversation', undefined]) {
    test(`who saw connect is reachable: ${dialect ?? 'none declared'}, ${transport}`, async () => {
      const alice = user('Alice');
      const sender = await connect(alice, { auth: { token: token(alice), dialect: 'direct' } });
      for (let round = 0; round < ROUNDS; round += 1) {
        const bob = await connecting(user('Bob'), dialect, transport);
        const { recipientOnline } = await sendDirect(sender, bob, round);
        assert.equal(recipientOnline, true, `round ${round}`);
        assert.equal((await bob.next('receive_message')).seq, round);
      }
    });
  }

  for (const dialect of ['direct', undefined]) {
    test(`who saw connect is told of whoever comes next: ${dialect ?? 'none declared'}, ${transport}`, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const watcher = await connecting(user('Bob'), dialect, transport);
        const next = user('Alice');
        const client = await connecting(next, 'direct', transport);
        await watcher.next('user:online', about(next));
        client.close();
        await watcher.next('user:offline', about(next));
        const seen = watcher.events.filter(({ name, args: [payload] }) => name.startsWith('user:') && about(next)(payload));
        assert.deepEqual(seen.map(({ name }) => name), ['user:online', 'user:offline']);
      }
    });
  }

  test(`who saw connect by chat misses neither a message nor who comes next: ${transport}`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const [bob, alice] = await knownUsers('Bob', 'Alice');
      const id = await conversation(alice, [bob]);
      const watcher = await connecting(bob, 'chat', transport);
      const sent = chatMessage(alice, id);
      await connecting(alice, 'chat', transport);
      await watcher.next('user:online', about(alice));
      const { id: messageId } = await sent;
      await watcher.next('message:new', ({ data }) => data.messageId === messageId);
    }
  });
}
