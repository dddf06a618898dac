// `feed`: the history by position, `GET /api/messages/:conversation_id`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MILLIS, same, unique } from '../support/relay.mjs';
import {
  add, chatMessage, conversation, erase, feedEdit, feedMessage, knownUsers, must, number, observe, reader, refused, remove, rest,
} from '../support/feed-chat.mjs';

const history = (who, id, query = '') => rest(who, `GET /api/messages/${encodeURIComponent(id)}${query}`);
const page = async (who, id, query) => must(200, history(who, id, query));

/** A conversation of two users with so many messages, which say 0, 1, 2 … */
async function scene(count, fields = {}) {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob], fields);
  const messages = [];
  for (let index = 0; index < count; index += 1) {
    messages.push(await feedMessage([alice, bob][index % 2], id, { encrypted_msg_content: index, content_key_number: 100 + index }));
  }
  return { alice, bob, id, messages };
}

test('it has all messages as they were sent, the oldest first', async () => {
  const { alice, bob, id, messages } = await scene(5);
  for (const who of [alice, bob]) {
    assert.deepEqual(await page(who, id), { messages, pagination: { total: 5, limit: 50, offset: 0 } });
  }
});

test('an empty one is empty', async () => {
  const { alice, id } = await scene(0);
  assert.deepEqual(await page(alice, id), { messages: [], pagination: { total: 0, limit: 50, offset: 0 } });
});

test('it is read in pages, fifty at a time unless asked otherwise', async () => {
  const { alice, id, messages } = await scene(55);
  for (const [query, { from = 0, limit = 50 }] of Object.entries({
    '': {}, '?offset=50': { from: 50 }, '?limit=20': { limit: 20 }, '?limit=20&offset=10': { from: 10, limit: 20 },
    '?limit=1&offset=54': { from: 54, limit: 1 }, '?limit=200&offset=0': { limit: 200 }, '?offset=55': { from: 55 }, '?offset=1000': { from: 1000 },
  })) {
    const pagination = { total: 55, limit, offset: from };
    assert.deepEqual(await page(alice, id, query), { messages: messages.slice(from, from + limit), pagination }, query);
  }
});

for (const [field, values] of Object.entries({ limit: ['0', '-1', 'x', '1.5'], offset: ['-1', 'x', '1.5'] })) {
  for (const value of values) {
    test(`${field}=${value} is refused`, async () => {
      const { alice, id } = await scene(0);
      const { status, json } = await history(alice, id, `?${field}=${value}`);
      assert.deepEqual([status, json], [400, { error: `Missing or invalid ${field}`, code: 'INVALID_INPUT', field }]);
    });
  }
}

test('what was edited says so', async () => {
  const { alice, bob, id, messages } = await scene(3);
  await must(200, feedEdit(bob, messages[1].id, 'edited'));
  const { messages: read } = await page(alice, id);
  same(read, [messages[0], { ...messages[1], encrypted_msg_content: 'edited', updated_at: MILLIS }, messages[2]]);
});

test('what was deleted keeps its place and says nothing', async () => {
  const { alice, bob, id, messages } = await scene(3);
  await must(200, erase(bob, messages[1].id));
  for (const who of [alice, bob]) {
    const { messages: read, pagination } = await page(who, id);
    assert.deepEqual(read, [messages[0], { ...messages[1], encrypted_msg_content: null, is_deleted: 1 }, messages[2]]);
    assert.equal(pagination.total, 3);
  }
});

test('what somebody has hidden is left out for them alone', async () => {
  const { alice, bob, id, messages } = await scene(4);
  await must(200, erase(bob, messages[0].id, '?forAll=false'));
  await must(200, erase(bob, messages[3].id, '?forAll=false'));
  assert.deepEqual(await page(bob, id, '?limit=1&offset=1'), { messages: [messages[2]], pagination: { total: 2, limit: 1, offset: 1 } });
  assert.deepEqual((await page(alice, id)).messages, messages);
});

test('an id in a path is of the type that the conversation was made with', async () => {
  const id = number();
  const { alice, messages } = await scene(1, { id });
  assert.deepEqual((await page(alice, id)).messages, [{ ...messages[0], conversation_id: id }]);
});

test('an id may have characters that a path must quote', async () => {
  const id = `${unique('a/b c:')}?&#%ü`;
  const { alice, messages } = await scene(2, { id });
  assert.deepEqual((await page(alice, id)).messages, messages);
});

test('messages of other dialects are in it', async () => {
  const { alice, id, messages: [first] } = await scene(1);
  const other = await chatMessage(alice, id, { content: 'from chat' });
  const { messages: read } = await page(alice, id);
  same(read, [first, {
    id: other.id, conversation_id: id, content_key_number: null, encrypted_msg_content: 'from chat',
    sender_username: alice.username, created_at: Date.parse(other.timestamp), is_deleted: 0,
  }]);
});

test('it has the order in which messages were sent', async () => {
  const { alice, bob, id } = await scene(0);
  const client = await reader(alice, id);
  const send = (who) => Promise.all(Array.from({ length: 20 }, () => feedMessage(who, id)));
  const [received] = await observe([client], () => Promise.all([send(alice), send(bob)]));
  assert.equal(received.length, 40);
  assert.deepEqual((await page(bob, id)).messages, received.map(([, message]) => message));
});

test('who is no participant is denied, the same whether the conversation exists or not', async () => {
  const { alice, bob, id } = await scene(1);
  const [eve] = await knownUsers('Eve');
  const denied = [403, 'Access denied to this conversation', 'NOT_PARTICIPANT'];
  await refused(history(eve, id), ...denied);
  await refused(history(eve, unique('nowhere')), ...denied);
  await remove(alice, id, bob);
  await refused(history(bob, id), ...denied);
  await add(alice, id, bob);
  assert.equal((await page(bob, id)).messages.length, 1);
});

test('the newest of all conversations come together, the newest first', async () => {
  const [first, second] = [await scene(3), await scene(2)];
  const { alice, bob } = first;
  const other = await conversation(bob, [alice]);
  const newest = await feedMessage(alice, other, { encrypted_msg_content: 'newest', content_key_number: 1 });
  const messages = [newest, ...first.messages.toReversed()];
  const recent = async (who, query = '') => (await must(200, rest(who, `GET /api/messages/recent/all${query}`))).messages;
  assert.deepEqual(await recent(alice), messages);
  assert.deepEqual(await recent(alice, '?limit=2'), messages.slice(0, 2));
  assert.deepEqual(await recent(alice, '?limit=1000'), messages);
  assert.deepEqual(await recent(second.alice), second.messages.toReversed(), 'nobody else reads them');
  for (const limit of ['0', '-1', 'x']) {
    await refused(rest(alice, `GET /api/messages/recent/all?limit=${limit}`), 400, 'Missing or invalid limit', 'INVALID_INPUT');
  }
});
