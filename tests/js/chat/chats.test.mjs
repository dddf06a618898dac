// `chat` over REST: chats, and their histories, in the form of the server whose clients it has. Started with DIALECTS=chat.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same } from '../support/relay.mjs';
import { chat, chatEdit, chatMessage, knownUsers, must, observe, rest } from '../support/feed-chat.mjs';

const PROFILE = { position: '', company: '', category: 'Other' };
const NOT_FOUND = { error: 'Chat not found', code: 'NOT_FOUND' };

/** Users with a first and a last name. */
const named = (...names) => knownUsers(...names.map((name) => `${name} Smith`));
/** How a user is shown, in a chat and as who sent a message. */
function shown({ userId, username }) {
  const [firstName, ...rest_] = username.split(' ');
  return { id: userId, name: username, firstName, lastName: rest_.join(' ') };
}
const byId = (people) => people.toSorted((one, other) => (one.id < other.id ? -1 : 1));
const members = (...users) => byId(users.map((who) => ({ ...shown(who), profile: PROFILE })));
const open = (who, others, fields = {}) => rest(who, 'POST /api/chats', { participantIds: others.map(({ userId }) => userId), ...fields });
const list = (who, query = '') => must(200, rest(who, `GET /api/chats${query}`));
const histories = (who, id, query = '') => must(200, rest(who, `GET /api/messages?chatId=${id}${query}`));

test('a chat of two is made once, whoever of them asks, and shown alike in the list and alone', async () => {
  const [alice, bob] = await named('Alice', 'Bob');
  const made = await must(201, open(alice, [bob]));
  const { id } = made.chat;
  const expected = {
    id, type: 'private', participants: members(alice, bob), lastMessage: null, unreadCount: { [alice.userId]: 0 }, createdAt: TIME, updatedAt: TIME,
  };
  same({ ...made, chat: { ...made.chat, participants: byId(made.chat.participants) } }, { message: 'Chat created', chat: expected });
  for (const [who, other] of [[alice, bob], [bob, alice]]) {
    const again = await must(200, open(who, [other]));
    assert.deepEqual([again.message, again.chat.id, again.chat.unreadCount], ['Chat already exists', id, { [who.userId]: 0 }]);
  }
  assert.deepEqual(await must(200, rest(alice, `GET /api/chats/${id}`)), { message: 'Chat retrieved', chat: made.chat });
  assert.deepEqual(await list(alice), { message: 'Chats retrieved', total: 1, count: 1, limit: 50, offset: 0, chats: [made.chat] });
});

test('a chat of two is made once, however many of their requests come at a time', async () => {
  const [alice, bob] = await named('Alice', 'Bob');
  const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => (index % 2 ? open(alice, [bob]) : open(bob, [alice]))));
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [...Array(11).fill(200), 201]);
  assert.equal(new Set(answers.map(({ json }) => json.chat.id)).size, 1);
});

test('another chat is made where a title, an id or others are named, and where one of the two has left', async () => {
  const [alice, bob, carol] = await named('Alice', 'Bob', 'Carol');
  const { chat: { id } } = await must(201, open(alice, [bob]));
  const titled = await must(201, open(alice, [bob], { title: 'Plans', color: 'red' }));
  assert.deepEqual([titled.chat.title, titled.chat.type, titled.chat.color], ['Plans', 'group', 'red']);
  const own = `chat of ${alice.userId}`;
  await must(201, open(alice, [bob], { id: own }));
  await must(200, open(alice, [bob], { id: own }));
  const three = await must(201, open(alice, [bob, carol]));
  assert.deepEqual([three.chat.type, three.chat.participants.length], ['group', 3]);
  await must(200, rest(alice, `DELETE /api/conversations/${encodeURIComponent(own)}`));
  await must(200, rest(bob, `DELETE /api/conversations/${id}`));
  const anew = await must(201, open(alice, [bob]));
  assert.notEqual(anew.chat.id, id);
  assert.equal((await must(200, open(bob, [alice]))).chat.id, anew.chat.id);
});

test('those in a new chat are in it at once, as by any other route', async () => {
  const [alice, bob] = await named('Alice', 'Bob');
  const clients = [await chat(alice), await chat(bob)];
  let id;
  const seen = await observe(clients, async () => {
    ({ chat: { id } } = await must(201, open(alice, [bob])));
    await chatMessage(alice, id);
  });
  for (const events of seen) assert.deepEqual(events.at(-1)[1].data.chatId, id);
});

test('the list has the newest message and what is unread, the newest chat first, by limit and offset', async () => {
  const [alice, bob, carol, dave] = await named('Alice', 'Bob', 'Carol', 'Dave');
  const ids = [];
  for (const other of [bob, carol, dave]) {
    const { chat: { id } } = await must(201, open(alice, [other]));
    await chatMessage(other, id, { content: 'first' });
    const { timestamp } = await chatMessage(other, id, { content: `of ${other.userId}` });
    ids.unshift({ id, content: `of ${other.userId}`, senderId: other.userId, timestamp });
  }
  const { chats, ...counts } = await list(alice);
  assert.deepEqual(counts, { message: 'Chats retrieved', total: 3, count: 3, limit: 50, offset: 0 });
  assert.deepEqual(chats.map(({ id, lastMessage: { id: _, ...last }, unreadCount }) => ({ id, ...last, unread: unreadCount[alice.userId] })),
    ids.map((one) => ({ ...one, unread: 2 })));
  for (const [offset, limit, found] of [[0, 2, [0, 1]], [2, 2, [2]], [1, 1, [1]], [3, 5, []], [9, 100, []]]) {
    const page = await list(alice, `?limit=${limit}&offset=${offset}`);
    assert.deepEqual(page.chats.map(({ id }) => id), found.map((index) => ids[index].id), `${offset} ${limit}`);
    assert.deepEqual([page.total, page.count, page.limit, page.offset], [3, found.length, limit, offset]);
  }
  assert.equal((await list(alice, '?limit=5000')).limit, 100);
  for (const query of ['limit=0', 'offset=-1', 'offset=x', 'limit=1.5']) await must(400, rest(alice, `GET /api/chats?${query}`));
});

test('a chat of others is not there', async () => {
  const [alice, bob, eve] = await named('Alice', 'Bob', 'Eve');
  const { chat: { id } } = await must(201, open(alice, [bob]));
  for (const path of [id, 'nowhere', 'a%00b']) assert.deepEqual(await must(404, rest(eve, `GET /api/chats/${path}`)), NOT_FOUND);
  assert.deepEqual((await list(eve)).chats, []);
  for (const body of [{}, { participantIds: 'bob' }, { participantIds: [{}] }]) {
    const { status, json } = await rest(eve, 'POST /api/chats', body);
    assert.deepEqual([[400, 422].includes(status), json.field], [true, 'participantIds']);
  }
});

test('a history is counted from the newest message where an offset is given, and has who sent each', async () => {
  const [alice, bob] = await named('Alice', 'Bob');
  const { chat: { id } } = await must(201, open(alice, [bob]));
  const sent = [];
  for (let number = 0; number < 5; number += 1) sent.push(await chatMessage(number % 2 ? alice : bob, id, { content: String(number) }));
  for (const [index, { sender }] of sent.entries()) assert.deepEqual(sender, shown(index % 2 ? alice : bob));
  const plain = await histories(alice, id, '&limit=2');
  assert.deepEqual([plain.total, plain.count, plain.limit, plain.offset, plain.message], [5, 2, 2, 0, 'Messages retrieved']);
  assert.deepEqual(plain.messages, sent.slice(3));
  for (const [offset, limit, found] of [[0, 2, [4, 3]], [2, 2, [2, 1]], [4, 2, [0]], [5, 2, []], [1000, 50, []], [0, 50, [4, 3, 2, 1, 0]]]) {
    const page = await histories(alice, id, `&limit=${limit}&offset=${offset}`);
    assert.deepEqual(page.messages, found.map((index) => sent[index]), `${offset} ${limit}`);
    assert.deepEqual([page.total, page.count, page.limit, page.offset], [5, found.length, limit, offset]);
  }
  // What one hid for oneself does not count.
  await must(200, rest(alice, `DELETE /api/messages/${sent[4].id}?forAll=false`));
  const page = await histories(alice, id, '&limit=2&offset=0');
  assert.deepEqual([page.total, page.messages.map(({ content }) => content)], [4, ['3', '2']]);
  for (const query of ['offset=-1', 'offset=x', `offset=1&before=${sent[2].id}`, `offset=1&after=${sent[2].id}`]) {
    await must(400, rest(alice, `GET /api/messages?chatId=${id}&${query}`));
  }
});

test('an edit is answered in the form of this dialect', async () => {
  const [alice, bob] = await named('Alice', 'Bob');
  const { chat: { id } } = await must(201, open(alice, [bob]));
  const { id: messageId } = await chatMessage(alice, id);
  same(await must(200, chatEdit(alice, messageId, 'edited')), { message: 'Message updated', data: { id: messageId, content: 'edited', editedAt: TIME } });
});

test('who has blocked the other is in no new chat with them, which that one finds again', async () => {
  const [alice, bob] = await named('Alice', 'Bob');
  await must(201, rest(bob, `PUT /api/users/me/blocked/${encodeURIComponent(alice.userId)}`));
  const { chat: made } = await must(201, open(alice, [bob]));
  assert.equal(made.participants.length, 2);
  assert.equal((await must(200, open(alice, [bob]))).chat.id, made.id);
  assert.deepEqual((await list(bob)).chats, []);
  assert.deepEqual(await must(404, rest(bob, `GET /api/chats/${made.id}`)), NOT_FOUND);
  assert.notEqual((await must(201, open(bob, [alice]))).chat.id, made.id);
});
