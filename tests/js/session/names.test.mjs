// `session`: names that would not be seen, or turn what is around them, are refused; those of all scripts are not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { creator, failed, invalid, joining, members, mine, observe, place, refusal } from '../support/session.mjs';
import { HIDDEN, VISIBLE } from '../support/names.mjs';

for (const field of ['displayName', 'userId']) {
  test(`a join with a hidden character in ${field} is refused`, async () => {
    for (const character of HIDDEN) {
      const payload = joining(place(), 'Alice', { isCreator: true, [field]: `al${character}ice` });
      assert.deepEqual(await refusal(payload), invalid(field), escape(character));
    }
    for (const nothing of ['\u200b', '\u2060\ufeff', '\u3164']) {
      assert.deepEqual(await refusal(joining(place(), 'Alice', { isCreator: true, [field]: nothing })), invalid(field));
    }
  });
}

test('names of all scripts and emoji are shown as they are written', async () => {
  for (const displayName of VISIBLE) {
    const where = place();
    const alice = await creator(where, displayName);
    const [{ displayName: shown }] = alice.all('public-keys-updated').at(-1);
    assert.equal(shown, displayName);
  }
});

test('so is the name that comes with a key, and the one of who downloaded', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const named = mine(alice, { publicKey: 'k', displayName: 'Alice\u202e' });
  const fields = { sessionId: alice.sessionId, senderId: bob.userId, fileName: 'f', downloadedBy: '\u202ebob' };
  const seen = await observe([alice, bob], async () => {
    assert.deepEqual(await alice.ask('save-public-key', named), failed(invalid('displayName')));
    assert.deepEqual(await alice.ask('file-downloaded', fields), failed(invalid('downloadedBy')));
    assert.equal((await alice.ask('typing', mine(alice, { displayName: 'a\u200bb' }))).success, false);
  });
  assert.deepEqual(seen[1], []);
});
