// REST: what happened in conversations since a client was away, by cursors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, user } from '../support/relay.mjs';
import { NOT_PARTICIPANT, at, bearer, done, found, invalid, post, read, refused } from '../support/rest.mjs';

const EXPIRED = { error: 'Cursor expired', code: 'CURSOR_EXPIRED' };
const query = (parameters) => new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined));
const changesIn = (who, id, parameters = {}) => done(200, who, 'GET', `${at(id, 'changes')}?${query(parameters)}`);
const allChanges = (who, parameters = {}) => done(200, who, 'GET', `/api/changes?${query(parameters)}`);
const add = (who, id, { userId }) => done(201, who, 'POST', at(id, 'participants'), { userId });
const remove = (who, id, { userId }) => done(200, who, 'DELETE', at(id, 'participants', userId));
const edit = (who, { id }, content) => done(200, who, 'PATCH', `/api/messages/${id}`, { content });
const erase = (who, { id }) => done(200, who, 'DELETE', `/api/messages/${id}`);
const inShort = ({ number, type, message }) => [number, type, ...(message ? [message.content] : [])].join(' ');

/** A conversation of three, with every change that REST can make: `{id, alice, bob, carol, first}`. */
async function busy() {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const id = await found(alice, [bob]);
  const first = await post(alice, id, 'first');
  const second = await post(bob, id, 'second');
  await edit(alice, first, 'better');
  await erase(bob, second);
  await add(alice, id, carol);
  await remove(carol, id, carol);
  return { id, alice, bob, carol, first };
}

test('a log is read from its beginning', async () => {
  const { id, alice, bob, first } = await busy();
  const { changes, cursor, more } = await changesIn(bob, id, { after: 0 });
  assert.deepEqual(changes.map(inShort), [
    '1 conversation:created',
    '2 message:new better',
    '3 message:new ',
    '4 message:updated better',
    '5 message:deleted ',
    '6 participant:added',
    '7 participant:left',
  ]);
  assert.deepEqual([cursor, more], ['7', false]);
  same(changes[3], {
    conversationId: id,
    number: 4,
    type: 'message:updated',
    at: TIME,
    by: { type: 'user', userId: alice.userId },
    message: { ...first, content: 'better', editedAt: TIME },
  });
});

test('a cursor is where the log ends, and then what came behind it', async () => {
  const { id, alice, bob, first } = await busy();
  const { changes, cursor, more } = await changesIn(bob, id);
  assert.deepEqual([changes, cursor, more], [[], '7', false]);
  await edit(alice, first, 'best');
  const next = await changesIn(bob, id, { after: cursor });
  assert.deepEqual([next.changes.map(inShort), next.cursor], [['8 message:updated best'], '8']);
  assert.deepEqual((await changesIn(bob, id, { after: next.cursor })).changes, []);
});

test('a log is read in parts', async () => {
  const { id, bob } = await busy();
  const numbers = [];
  for (let part = { cursor: '0', more: true }; part.more; ) {
    part = await changesIn(bob, id, { after: part.cursor, limit: 2 });
    numbers.push(part.changes.map(({ number }) => number));
  }
  assert.deepEqual(numbers, [[1, 2], [3, 4], [5, 6], [7]]);
});

test('who is no participant reads nothing, nor does a cursor that was never given', async () => {
  const { id, bob, carol } = await busy();
  const where = at(id, 'changes');
  for (const who of [carol, user('Dave')]) await refused(403, NOT_PARTICIPANT.conversation, who, 'GET', where);
  await refused(403, NOT_PARTICIPANT.conversation, bob, 'GET', at('nowhere', 'changes'));
  await refused(410, EXPIRED, bob, 'GET', `${where}?after=8`);
  for (const after of ['x', '-1', '1.5', '0x1', '99999999999999999999999']) {
    await refused(400, invalid('after'), bob, 'GET', `${where}?after=${after}`);
  }
  for (const limit of ['1001', '99999999999999999999']) await done(200, bob, 'GET', `${where}?limit=${limit}`);
  for (const limit of ['0', 'x']) await refused(400, invalid('limit'), bob, 'GET', `${where}?limit=${limit}`);
  await refused(403, { error: 'Invalid or expired token', code: 'INVALID_TOKEN' }, bearer('x'), 'GET', where);
});

test('nothing is told of a message that one has hidden', async () => {
  const { id, bob, alice, first } = await busy();
  await done(200, bob, 'DELETE', `/api/messages/${first.id}?forAll=false`);
  const numbers = async (who) => (await changesIn(who, id, { after: 0 })).changes.map(({ number }) => number);
  assert.deepEqual(await numbers(bob), [1, 3, 5, 6, 7]);
  assert.deepEqual(await numbers(alice), [1, 2, 3, 4, 5, 6, 7]);
});

test('a history that goes on comes with what else happened since', async () => {
  const { id, alice, bob, first } = await busy();
  const { cursor } = await read(bob, id);
  const third = await post(alice, id, 'third');
  await edit(alice, first, 'best');
  for (const after of [first.id, cursor]) {
    const { messages, changes, cursor: next } = await read(bob, id, { after });
    assert.equal(messages.at(-1).id, third.id);
    assert.deepEqual(changes.map(inShort).at(-1), '9 message:updated best');
    assert.equal(changes.length, after === cursor ? 1 : 5);
    assert.equal(next, '9');
  }
  const { changes, cursor: next, nextCursor } = await read(bob, id, { after: '1', limit: 1 });
  assert.deepEqual([changes, next, nextCursor], [[], '2', first.id]);
  await refused(410, EXPIRED, bob, 'GET', `/api/messages?conversationId=${id}&after=10`);
});

test('all conversations have one cursor', async () => {
  const { id, alice, bob, carol, first } = await busy();
  const other = await found(bob, [carol]);
  const { changes, cursor, more } = await allChanges(bob);
  assert.deepEqual([changes, more], [[], false]);
  await edit(alice, first, 'best');
  await post(carol, other, 'hello');
  const late = await found(alice, [bob]);
  await post(alice, late, 'welcome');
  const short = ({ changes: all }) => all.map((change) => `${change.conversationId} ${inShort(change)}`).sort();
  const expected = [
    `${id} 8 message:updated best`,
    `${other} 2 message:new hello`,
    `${late} 1 conversation:created`,
    `${late} 2 message:new welcome`,
  ].sort();
  const next = await allChanges(bob, { after: cursor });
  assert.deepEqual([short(next), next.more], [expected, false]);
  const posted = await done(200, bob, 'POST', '/api/changes', { after: cursor });
  assert.deepEqual(short(posted), expected);
  assert.deepEqual((await allChanges(bob, { after: next.cursor })).changes, []);

  const parts = [];
  for (let part = { cursor, more: true }; part.more; ) {
    part = await allChanges(bob, { after: part.cursor, limit: 1 });
    assert.equal(part.changes.length, 1);
    parts.push(...short(part));
  }
  assert.deepEqual(parts.sort(), expected);
});

test('who was removed reads that, and nothing behind it', async () => {
  const { id, alice, bob, first } = await busy();
  const { cursor } = await allChanges(bob);
  await edit(alice, first, 'before');
  await remove(alice, id, bob);
  await post(alice, id, 'behind');
  const next = await allChanges(bob, { after: cursor });
  assert.deepEqual(next.changes.map(inShort), ['8 message:updated before', '9 participant:removed']);
  same(next.changes[1].participant, { userId: bob.userId });
  assert.deepEqual((await allChanges(bob, { after: next.cursor })).changes, []);
  await add(alice, id, bob);
  const back = await allChanges(bob, { after: next.cursor });
  assert.deepEqual(back.changes.map(inShort), ['10 message:new behind', '11 participant:added']);
});

test('a cursor of all conversations that is none is refused', async () => {
  const bob = user('Bob');
  for (const after of ['x', '7', 'AQE', '!!']) {
    await refused(400, invalid('after'), bob, 'GET', `/api/changes?after=${after}`);
    await refused(400, invalid('after'), bob, 'POST', '/api/changes', { after });
  }
  await refused(400, invalid('after'), bob, 'POST', '/api/changes', { after: 7 });
  await refused(400, invalid('limit'), bob, 'POST', '/api/changes', { limit: 0 });
});

test('receipts have a cursor of their own', async () => {
  const { id, alice, bob, first } = await busy();
  const receipts = (who, parameters) => done(200, who, 'GET', `${at(id, 'receipts')}?${query(parameters)}`);
  const begin = await receipts(alice, {});
  assert.deepEqual(begin, { receipts: [], cursor: begin.cursor, more: false });
  assert.match(begin.cursor, /^\d+$/);
  await done(200, bob, 'POST', '/api/messages/read', { conversationId: id, messageIds: [first.id] });
  const entry = { messageId: first.id, userId: bob.userId, deliveredAt: TIME, readAt: TIME };
  for (const who of [alice, bob]) {
    const page = await receipts(who, { after: begin.cursor });
    same(page, { receipts: [entry], cursor: page.cursor, more: false });
    assert.deepEqual((await receipts(who, { after: page.cursor })).more, false);
    same((await receipts(who, { after: 0 })).receipts, [entry]);
  }
  await refused(410, EXPIRED, alice, 'GET', `${at(id, 'receipts')}?after=${Number.MAX_SAFE_INTEGER}`);
  await refused(400, invalid('after'), alice, 'GET', `${at(id, 'receipts')}?after=x`);
  await refused(403, NOT_PARTICIPANT.conversation, user('Dave'), 'GET', at(id, 'receipts'));
});
