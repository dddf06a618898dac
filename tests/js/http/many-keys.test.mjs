// REST: a conversation of very many participants, each with a content key of their own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique, user } from '../support/relay.mjs';
import { at, done } from '../support/rest.mjs';

test('a thousand participants with keys of 2.5 KB are made at once, and given another key', async () => {
  const alice = { ...user('Alice') };
  const owner = { ...alice, username: alice.userId };
  const id = unique('large');
  const names = [owner.username, ...Array.from({ length: 999 }, (_, index) => `${id}-${index}`)];
  const key = (n) => `${n}`.padEnd(2500, 'k');
  const conversation_entries = names.map((username) => ({ id, username, encrypted_content_key: key(1), content_key_number: 1 }));
  const { participants } = await done(201, owner, 'POST', '/api/conversations', { conversation_entries });
  assert.equal(participants.length, 1000);
  const entries = names.map((username) => ({ username, encrypted_content_key: key(2) }));
  await done(200, owner, 'POST', at(id, 'participants'), { content_key_number: 2, entries });
  const { conversation } = await done(200, owner, 'GET', at(id));
  assert.equal(conversation.encrypted_content_key, key(2));
});
