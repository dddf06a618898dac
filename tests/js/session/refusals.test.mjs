// `session`: who is not let in, and which reason wins when there are two.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique } from '../support/relay.mjs';
import {
  DONE, REFUSALS, creator, failed, guest, invalid, joining, member, members, message, observe, place, refusal, reserved,
} from '../support/session.mjs';

const asCreator = { isCreator: true };

test('who does not create it finds no session', async () => {
  assert.deepEqual(await refusal(joining(place(), 'Bob')), REFUSALS.notFound);
  assert.deepEqual(await refusal(joining(place(), 'Bob', { isCreator: null })), REFUSALS.notFound);
  assert.deepEqual(await refusal(joining(place(), 'Bob', { isCreator: undefined })), REFUSALS.notFound);
});

test('a creator with another key, or none, is refused', async () => {
  const where = place();
  await creator(where);
  assert.deepEqual(await refusal(joining({ ...where, authKey: 'other' }, 'Eve', asCreator)), REFUSALS.otherKey);
  assert.deepEqual(await refusal(joining({ sessionId: where.sessionId }, 'Eve', asCreator)), REFUSALS.otherKey);
  assert.deepEqual(await refusal(joining({ ...(await reserved()), authKey: 'other' }, 'Eve', asCreator)), REFUSALS.otherKey);
});

test('a wrong or missing key is refused', async () => {
  for (const where of [await reserved(), await reserved('private'), (await members('Alice'))[0].where]) {
    const { sessionId, authKey } = where;
    for (const wrong of ['wrong', '', undefined, null, `${authKey}x`, authKey.slice(0, -1), authKey.toUpperCase()]) {
      assert.deepEqual(await refusal(joining({ sessionId, authKey: wrong }, 'Eve')), REFUSALS.wrongKey, `${wrong}`);
    }
    assert.deepEqual(await refusal(joining({ sessionId: `${sessionId}:wrong` }, 'Eve')), REFUSALS.wrongKey);
    assert.deepEqual(await refusal(joining({ sessionId: `${sessionId}:` }, 'Eve')), REFUSALS.wrongKey);
  }
});

test('a wrong password is refused', async () => {
  const { sessionId, authKey, password } = await reserved('password');
  const [key] = authKey.split(':');
  const wrong = Buffer.from('wrong').toString('base64');
  for (const rest of [`:password:${wrong}`, ':password:', ':password', `:${password}`, `:${key}`, `:${key}:${wrong}`, `:password:${password}x`, '', ':']) {
    assert.deepEqual(await refusal(joining({ sessionId: sessionId + rest }, 'Eve')), REFUSALS.wrongPassword, rest);
  }
  assert.deepEqual(await refusal(joining({ sessionId, authKey: key }, 'Eve')), REFUSALS.wrongPassword);
  assert.deepEqual(await refusal(joining({ sessionId: `${sessionId}:password:${password}`, authKey: 'wrong' }, 'Eve')), REFUSALS.wrongPassword);
});

test('a creator with a wrong password has another key', async () => {
  const { sessionId, authKey } = await reserved('password');
  const wrong = `${authKey.split(':')[0]}:${Buffer.from('wrong').toString('base64')}`;
  assert.deepEqual(await refusal(joining({ sessionId, authKey: wrong }, 'Eve', asCreator)), REFUSALS.otherKey);
});

test('malformed wins over a session that is not there', async () => {
  assert.deepEqual(await refusal(joining(place(), 'Eve', { userId: undefined })), invalid('userId'));
});

test('a session that is not there wins over a wrong key', async () => {
  assert.deepEqual(await refusal(joining({ ...place(), authKey: 'wrong' }, 'Eve')), REFUSALS.notFound);
});

for (const [chatMode, expected] of [['private', REFUSALS.wrongKey], ['password', REFUSALS.wrongPassword]]) {
  test(`in mode ${chatMode}, a wrong key wins over a full session`, async () => {
    const where = await reserved(chatMode);
    await creator(where);
    await member(where, 'Bob');
    assert.deepEqual(await refusal(joining({ ...where, authKey: 'wrong' }, 'Eve')), expected);
    assert.deepEqual(await refusal(joining({ ...where, authKey: 'wrong' }, 'Eve', asCreator)), REFUSALS.otherKey);
    assert.deepEqual(await refusal(joining(where, 'Eve')), REFUSALS.full(2));
  });
}

const BAD_ID = [undefined, null, '', true, {}, [], 1.5, 'x'.repeat(129), 'a\u0000b', 'a\nb'];
const BAD = {
  sessionId: [...BAD_ID, ':', ':rest', `${'x'.repeat(129)}:rest`],
  userId: BAD_ID,
  displayName: [7, {}, [], true, 'x'.repeat(129)],
  publicKey: [7, true, []],
  isCreator: ['true', 1, {}],
  authKey: [{}, [], true],
};
for (const [field, values] of Object.entries(BAD)) {
  for (const value of values) {
    const written = JSON.stringify(value)?.slice(0, 24);
    test(`${field} ${written} is malformed, and the connection stays`, async () => {
      const client = await guest();
      const payload = joining(place(), 'Eve', { ...asCreator, [field]: value });
      const [events] = await observe([client], () => client.ask('join-session', payload));
      assert.deepEqual(events, [['session-error', invalid(field)]]);
      assert.deepEqual(await client.ask('join-session', joining(place(), 'Eve', asCreator)), DONE);
    });
  }
}

test('a binary key is malformed', async () => {
  assert.deepEqual(await refusal(joining(place(), 'Eve', { ...asCreator, publicKey: Buffer.from('key') })), invalid('publicKey'));
  assert.deepEqual(await refusal(joining(place(), 'Eve', { ...asCreator, publicKey: { raw: Buffer.from('key') } })), invalid('publicKey'));
});

for (const payload of [undefined, null, 'text', 7, [], true]) {
  test(`a join whose payload is ${JSON.stringify(payload)} is malformed`, async () => {
    const client = await guest();
    client.emit('join-session', ...(payload === undefined ? [] : [payload]));
    const { error } = await client.next('session-error');
    assert.equal(error, 'INVALID_REQUEST');
  });
}

test('a refused join changes nothing for the members', async () => {
  const clients = await members('Alice', 'Bob');
  const eve = await guest();
  const [, ...seen] = await observe([eve, ...clients], async () => {
    await eve.ask('join-session', joining({ ...clients[0].where, authKey: 'wrong' }, 'Eve', { userId: clients[1].userId }));
    await eve.ask('send-message', message(clients[1]));
  });
  assert.deepEqual(seen, [[], []]);
  for (const client of clients) assert.equal((await client.ask('send-message', message(client))).success, true);
});

test('a refused join makes no session', async () => {
  const where = place();
  await refusal(joining(where, 'Eve', { ...asCreator, publicKey: 7 }));
  assert.deepEqual(await refusal(joining(where, 'Bob')), REFUSALS.notFound);
});

test('a key that is too long is malformed', async () => {
  // A guest may not send as much before it has joined.
  const [client] = await members('Eve');
  for (const publicKey of ['k'.repeat(65_537), { x: 'k'.repeat(65_537) }]) {
    const payload = joining(place(), 'Eve', { ...asCreator, publicKey });
    assert.deepEqual(await client.ask('join-session', payload), failed(invalid('publicKey')));
  }
});

test('the longest id and key are taken', async () => {
  const sessionId = unique('s').padEnd(128, 'x');
  const [client] = await members('Alice');
  const payload = joining({ sessionId, authKey: 'k' }, 'Alice', { ...asCreator, userId: unique('u').padEnd(128, 'é').slice(0, 73), publicKey: 'k'.repeat(65_536) });
  assert.ok(Buffer.byteLength(payload.userId) <= 128);
  assert.deepEqual(await client.ask('join-session', payload), DONE);
});
