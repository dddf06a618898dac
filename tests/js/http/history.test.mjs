// REST: reading a history, by keyset and by position.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { user } from '../support/relay.mjs';
import { NOT_PARTICIPANT, call, done, found, history, invalid, post, read, refused, withVersion } from '../support/rest.mjs';

const PATH = '/api/messages';
const [alice, bob] = ['Alice', 'Bob'].map(user);
const COUNT = 230;
let conversationId;
/** The messages, oldest first; nothing is added to them. */
let all;
const ids = (messages) => messages.map(({ id }) => id);
const idsBetween = (from, to) => ids(all.slice(from, to));

before(async () => {
  conversationId = await found(alice, [bob]);
  all = [];
  for (let number = 0; number < COUNT; number += 1) all.push(await post(number % 2 ? bob : alice, conversationId, String(number)));
});

/** What a page has, as ids, and its cursor. */
async function page(query = {}) {
  const { messages, nextCursor, cursor, changes, ...rest } = await read(bob, conversationId, query);
  assert.deepEqual(rest, {});
  const goesOn = !query.before;
  assert.equal(typeof cursor, goesOn ? 'string' : 'undefined');
  // Nothing else has happened, but at the beginning.
  assert.equal(Array.isArray(changes), goesOn && Boolean(query.after));
  for (const { number, type } of changes ?? []) assert.deepEqual([number, type], [1, 'conversation:created']);
  return [ids(messages), nextCursor];
}

test('ids sort by time', () => {
  assert.deepEqual(ids(all).sort(), ids(all));
});

test('the newest 50 come, oldest first, and where to go on', async () => {
  const { messages, nextCursor } = await read(bob, conversationId);
  assert.deepEqual(messages, all.slice(-50));
  assert.equal(nextCursor, messages[0].id);
});

test('a page has as many as wanted, up to 200', async () => {
  assert.deepEqual(await page({ limit: 1 }), [idsBetween(-1), all.at(-1).id]);
  assert.deepEqual(await page({ limit: 200 }), [idsBetween(-200), all.at(-200).id]);
});

test('an empty parameter is none', async () => {
  const { messages } = await done(200, bob, 'GET', `${PATH}?conversationId=${conversationId}&limit=&after=&before=`);
  assert.equal(messages.length, 50);
});

test('a limit of more than there may be is the largest', async () => {
  for (const limit of ['201', '500', '99999999999999999999']) {
    assert.equal((await done(200, bob, 'GET', `${PATH}?conversationId=${conversationId}&limit=${limit}`)).messages.length, 200);
    const { messages, pagination } = await done(200, bob, 'GET', `${PATH}/${conversationId}?limit=${limit}`);
    assert.deepEqual([messages.length, pagination.limit], [200, 200]);
  }
});

test('a limit that is none is refused', async () => {
  for (const limit of ['0', '-1', '1.5', 'x', '1e2', ' 5', '0x10', '{"$gt":0}']) {
    const query = `limit=${encodeURIComponent(limit)}`;
    await refused(400, invalid('limit'), bob, 'GET', `${PATH}?conversationId=${conversationId}&${query}`);
    await refused(400, invalid('limit'), bob, 'GET', `${PATH}/${conversationId}?${query}`);
  }
});

test('before: what is older, the newest of it', async () => {
  assert.deepEqual(await page({ before: all[100].id, limit: 10 }), [idsBetween(90, 100), all[90].id]);
  assert.deepEqual(await page({ before: all[10].id, limit: 10 }), [idsBetween(0, 10), undefined]);
  assert.deepEqual(await page({ before: all[0].id }), [[], undefined]);
});

test('after: what is newer, the oldest of it', async () => {
  assert.deepEqual(await page({ after: all[100].id, limit: 10 }), [idsBetween(101, 111), all[110].id]);
  assert.deepEqual(await page({ after: all.at(-11).id, limit: 10 }), [idsBetween(-10), undefined]);
  assert.deepEqual(await page({ after: all.at(-1).id }), [[], undefined]);
});

test('both: the window between them, the oldest of it', async () => {
  const window = { after: all[100].id, before: all[120].id };
  assert.deepEqual(await page(window), [idsBetween(101, 120), undefined]);
  assert.deepEqual(await page({ ...window, limit: 5 }), [idsBetween(101, 106), all[105].id]);
  assert.deepEqual(await page({ ...window, limit: 19 }), [idsBetween(101, 120), undefined]);
  assert.deepEqual(await page({ after: all[120].id, before: all[100].id }), [[], undefined]);
  assert.deepEqual(await page({ after: all[100].id, before: all[101].id }), [[], undefined]);
});

test('page by page, backwards and forwards, everything comes once', async () => {
  for (const limit of [7, 115, 200]) {
    assert.deepEqual(await history(bob, conversationId, limit), all);
    const seen = [];
    for (let after = '00000000-0000-7000-8000-000000000000'; after !== undefined; ) {
      const [more, next] = await page({ after, limit });
      seen.push(...more);
      after = next;
    }
    assert.deepEqual(seen, ids(all));
  }
});

test('a cursor need not be a message of the conversation', async () => {
  const ofAnother = await post(alice, await found(alice), 'elsewhere');
  assert.deepEqual(await page({ after: ofAnother.id }), [[], undefined]);
  assert.deepEqual(await page({ before: ofAnother.id, limit: 5 }), [idsBetween(-5), all.at(-5).id]);
});

test('an empty cursor is none', async () => {
  assert.deepEqual(await page({ after: '', before: '', limit: 3 }), await page({ limit: 3 }));
});

test('a cursor that is no id is refused', async () => {
  const good = all[100].id;
  await refused(400, invalid('before'), bob, 'GET', `${PATH}?conversationId=${conversationId}&before=0`);
  for (const bad of ['-1', 'x', good.slice(1), `${good}0`, withVersion(good, 4), `{${good}}`, good.replaceAll('-', ''), '{"$gt":""}', "' OR 1=1 --"]) {
    for (const field of ['after', 'before']) {
      await refused(400, invalid(field), bob, 'GET', `${PATH}?${new URLSearchParams({ conversationId, [field]: bad })}`);
    }
  }
});

test('the form `chat` has the same pages', async () => {
  const { messages, nextCursor } = await done(200, bob, 'GET', `${PATH}?${new URLSearchParams({ chatId: conversationId, before: all[100].id, limit: 3 })}`);
  assert.deepEqual(messages.map(({ id, chatId, content }) => [id, chatId, content]), [97, 98, 99].map((n) => [all[n].id, conversationId, String(n)]));
  assert.equal(nextCursor, all[97].id);
});

test('exactly one conversation must be named', async () => {
  for (const query of ['', '?limit=1', '?conversationId=', `?conversationId=${conversationId}&chatId=${conversationId}`]) {
    const { status, json } = await call(bob, 'GET', PATH + query);
    assert.deepEqual([status, json.code], [400, 'INVALID_INPUT'], query);
  }
});

test('the form `feed` reads by position', async () => {
  const slice = async (query, offset, limit) => {
    const { messages, ...rest } = await done(200, bob, 'GET', `${PATH}/${conversationId}${query}`);
    assert.deepEqual(rest, { pagination: { total: COUNT, limit, offset } });
    assert.deepEqual(ids(messages), idsBetween(offset, offset + limit));
  };
  await slice('', 0, 50);
  await slice('?limit=10&offset=100', 100, 10);
  await slice('?limit=200&offset=200', 200, 200);
  await slice('?offset=5', 5, 50);
  await slice(`?offset=${COUNT}`, COUNT, 50);
  await slice('?limit=1&offset=1000000', 1_000_000, 1);
});

test('a position that is none is refused', async () => {
  for (const offset of ['-1', '1.5', 'x', '1e2', '99999999999999999999999', '{"$gt":0}']) {
    await refused(400, invalid('offset'), bob, 'GET', `${PATH}/${conversationId}?offset=${encodeURIComponent(offset)}`);
  }
});

test('a conversation of others is as one that is not there', async () => {
  const mallory = user('Mallory');
  for (const id of [conversationId, 'absent', 'x'.repeat(200), 'a\nb', '%', '{"$ne":null}', "' OR 1=1 --"]) {
    const query = encodeURIComponent(id);
    await refused(403, NOT_PARTICIPANT.conversation, mallory, 'GET', `${PATH}?conversationId=${query}`);
    await refused(403, NOT_PARTICIPANT.chat, mallory, 'GET', `${PATH}?chatId=${query}`);
    await refused(403, NOT_PARTICIPANT.feed, mallory, 'GET', `${PATH}/${query}`);
  }
});

test('a conversation may have the name of a route', async () => {
  const id = await found(alice, [], { id: 'read' });
  const { id: sent } = await post(alice, id, 'x');
  assert.deepEqual(ids((await done(200, alice, 'GET', `${PATH}/read`)).messages), [sent]);
  assert.deepEqual(ids((await read(alice, id)).messages), [sent]);
});

test('what is deleted stays in its place, what is hidden does not', async () => {
  const id = await found(alice, [bob]);
  const sent = [];
  for (const content of ['0', '1', '2', '3', '4']) sent.push(await post(alice, id, content));
  await done(200, alice, 'DELETE', `${PATH}/${sent[1].id}`);
  for (const number of [2, 3]) await done(200, bob, 'DELETE', `${PATH}/${sent[number].id}?forAll=false`);
  const contents = async (who, query) => (await read(who, id, query)).messages.map(({ content }) => content);
  assert.deepEqual(await contents(alice), ['0', null, '2', '3', '4']);
  assert.deepEqual(await contents(bob), ['0', null, '4']);
  assert.deepEqual(await contents(bob, { limit: 2 }), [null, '4']);
  assert.deepEqual(await contents(bob, { after: sent[0].id, limit: 2 }), [null, '4']);
  assert.deepEqual(await contents(bob, { after: sent[2].id, before: sent[4].id }), []);
  const { messages, pagination } = await done(200, bob, 'GET', `${PATH}/${id}?limit=2&offset=1`);
  assert.deepEqual(ids(messages), [sent[1].id, sent[4].id]);
  assert.deepEqual(pagination, { total: 3, limit: 2, offset: 1 });
});

test('who follows with after, while others write, misses nothing and gets nothing twice', async () => {
  const id = await found(alice, [bob]);
  const seen = [await post(alice, id, 'first')];
  let writing = true;
  const write = (who) => Promise.all([1, 2, 3].map(async (lane) => {
    for (let number = 0; number < 30; number += 1) await post(who, id, `${lane} ${number}`);
  }));
  const follow = async () => {
    for (let last = false; !last; ) {
      last = !writing;
      const { messages } = await read(alice, id, { after: seen.at(-1).id, limit: 20 });
      seen.push(...messages);
      last &&= messages.length === 0;
    }
  };
  const written = Promise.all([write(alice), write(bob)]).finally(() => (writing = false));
  await Promise.all([written, follow()]);
  assert.equal(seen.length, 181);
  assert.deepEqual(seen, await history(bob, id));
});
