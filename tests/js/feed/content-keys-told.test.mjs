// `feed`: whoever takes part is told of new content keys and of who comes and goes, wherever they are connected. Clients and
// requests take turns between the nodes there are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changed, feed, knownUsers, must, number, rest } from '../support/feed-chat.mjs';

const entry = ({ username }, n) => ({ username, encrypted_content_key: `${n} for ${username}` });

test('keys and participants that change by one node are told by all', async () => {
  for (let round = 0; round < 4; round += 1) {
    const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
    const clients = [await feed(alice), await feed(alice), await feed(bob), await feed(bob)];
    const id = number();
    const entries = [alice, bob].map((who) => ({ id, content_key_number: 1, ...entry(who, 1) }));
    await must(201, rest(alice, 'POST /api/conversations', { conversation_entries: entries }));
    const participants = `/api/conversations/${id}/participants`;
    const all = [alice, bob, carol];
    await must(200, rest(alice, `POST ${participants}`, { content_key_number: 2, entries: all.map((who) => entry(who, 2)) }));
    await must(200, rest(carol, `DELETE /api/conversations/${id}`));
    const usernames = [carol.username];
    const expected = [
      ...changed('conversation-key-rotated', { conversationId: id, content_key_number: 2 }),
      ...changed('conversation-participants-added', { conversationId: id, usernames, added_by: alice.username }),
      ...changed('conversation-participants-removed', { conversationId: id, usernames }),
    ];
    for (const client of clients) {
      await client.next('conversation-participants-removed');
      for (let count = 0; count < 3; count += 1) await client.next('conversation-updated');
      const told = client.events.map(({ name, args: [payload] }) => [name, payload]);
      const [made, ...others] = told.filter(([, payload]) => payload?.conversationId === id);
      assert.equal(made[0], 'conversation-created');
      assert.deepEqual(others, expected);
    }
    for (const who of [alice, bob]) {
      const { conversation: { keys } } = await must(200, rest(who, `GET /api/conversations/${id}`));
      assert.deepEqual(keys.map((key) => key.encrypted_content_key), [1, 2].map((n) => `${n} for ${who.username}`));
    }
  }
});
