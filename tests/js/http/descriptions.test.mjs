// REST: how a conversation is called and shown, what it may be called, and who is told when that changes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique, user } from '../support/relay.mjs';
import { DONE, enter, online } from '../support/conversations.mjs';
import { chat, feed, observe, settle } from '../support/feed-chat.mjs';
import { ADMIN, NOT_PARTICIPANT, at, done, found, invalid, refused } from '../support/rest.mjs';

const NOT_ALLOWED = { error: 'Not allowed', code: 'NOT_AUTHORIZED' };
const TITLE = 'Team 2';
const URL = 'https://pictures.test/1';

/** A client of `conversation`, for `observe`. */
async function talker(who) {
  const client = await online(who);
  return Object.assign(client, { echo: () => client.ask('typing:stop', { conversationId: unique('nowhere') }) });
}

const shown = async (who, id) => {
  const { conversation } = await done(200, who, 'GET', at(id));
  const { conversations } = await done(200, who, 'GET', '/api/conversations');
  const listed = conversations.find((one) => one.id === id);
  assert.deepEqual([listed.title, listed.avatarUrl], [conversation.title, conversation.avatarUrl]);
  return [conversation.title, conversation.avatarUrl];
};

test('an admin changes the title and the picture, and all participants are told in their words', async () => {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(user);
  const id = await found(alice, [bob], { title: 'Team', avatarUrl: 'https://pictures.test/0' });
  assert.deepEqual(await shown(bob, id), ['Team', 'https://pictures.test/0']);
  const clients = [await talker(bob), await talker(bob), await feed(bob), await chat(bob), await talker(carol)];
  await enter(clients[0], id);
  await settle(clients);
  const changes = [
    [{ title: TITLE, avatarUrl: URL }, TITLE, URL], [{ title: 'Another' }, 'Another', URL], [{ avatarUrl: null }, 'Another', null], [{ title: null }, null, null],
  ];
  const marks = clients.map((client) => client.mark());
  const told = [[], [], [], [], []];
  for (const [body, title, avatarUrl] of changes) {
    for (const _ of ['now', 'again, which nobody is told']) {
      const { conversation } = await done(200, alice, 'PATCH', at(id), body);
      assert.deepEqual([conversation.title, conversation.avatarUrl], [title ?? undefined, avatarUrl ?? undefined]);
    }
    for (const events of told.slice(0, 2)) events.push(['conversation:updated', { conversationId: id, title, avatarUrl }]);
    told[2].push(['conversation-updated', { conversationId: id, title, avatarUrl }]);
    told[3].push(['chat:updated', { type: 'chat:updated', data: { chatId: id, title, avatarUrl } }]);
    // Clients on other nodes are told a moment later.
    for (const [index, client] of clients.slice(0, 4).entries()) {
      while (client.since(marks[index]).length < told[index].length) await client.echo();
    }
    assert.deepEqual(await shown(bob, id), [title ?? undefined, avatarUrl ?? undefined]);
  }
  await settle(clients);
  assert.deepEqual(clients.map((client, index) => client.since(marks[index])), told);
  const { changes: log } = await done(200, bob, 'GET', at(id, 'changes') + '?after=0');
  const updated = log.filter(({ type }) => type === 'conversation:updated');
  assert.deepEqual(updated.map(({ title, avatarUrl, by: { userId } }) => [title, avatarUrl, userId]), changes.map(([, title, url]) => [title, url, alice.userId]));
});

test('who is no admin changes nothing', async () => {
  const [alice, bob, mallory] = ['Alice', 'Bob', 'Mallory'].map(user);
  const id = await found(alice, [bob], { title: 'Team' });
  const client = await talker(alice);
  const [seen] = await observe([client], async () => {
    await refused(403, NOT_ALLOWED, bob, 'PATCH', at(id), { title: TITLE });
    await refused(403, NOT_PARTICIPANT.conversation, mallory, 'PATCH', at(id), { title: TITLE });
    await refused(403, NOT_PARTICIPANT.conversation, mallory, 'PATCH', at(unique('none')), { title: TITLE });
    for (const title of ['', 7, {}, [], 'a\nb', 'x'.repeat(1025)]) await refused(422, invalid('title'), alice, 'PATCH', at(id), { title });
    for (const avatarUrl of ['', 7, {}, 'a\u0000b', 'x'.repeat(2049)]) await refused(422, invalid('avatarUrl'), alice, 'PATCH', at(id), { avatarUrl });
    await refused(400, invalid('history'), alice, 'PATCH', at(id), {});
  });
  assert.deepEqual(seen, []);
  assert.deepEqual(await shown(alice, id), ['Team', undefined]);
  await done(200, ADMIN, 'PATCH', at(id), { title: TITLE });
  assert.deepEqual(await shown(alice, id), [TITLE, undefined]);
});

test('the history is changed with it', async () => {
  const alice = user('Alice');
  const id = await found(alice);
  const { conversation } = await done(200, alice, 'PATCH', at(id), { history: 'joined', title: TITLE });
  assert.deepEqual([conversation.history, conversation.title], ['joined', TITLE]);
});

for (const [name, title] of Object.entries({
  '256 Chinese characters': '会'.repeat(256), '256 emoji': '🚀'.repeat(256), '1 KiB of base64': Buffer.alloc(768, 7).toString('base64'),
})) {
  test(`a title may be ${name}, made and changed, by users and administrators`, async () => {
    const alice = user('Alice');
    const id = await found(alice, [], { title });
    assert.deepEqual(await shown(alice, id), [title, undefined]);
    await done(200, alice, 'PATCH', at(id), { title: 'short' });
    await done(200, alice, 'PATCH', at(id), { title });
    assert.deepEqual(await shown(alice, id), [title, undefined]);
    const made = await done(201, ADMIN, 'POST', '/api/admin/conversations', { participantIds: [alice.userId], title });
    assert.deepEqual(await shown(alice, made.conversation.id), [title, undefined]);
    await refused(422, invalid('title'), alice, 'POST', '/api/conversations', { participantIds: [], title: title + 'x'.repeat(1025 - Buffer.byteLength(title)) });
  });
}

test('a name may have 128 characters of any script: of a token, and as administrators give it', async () => {
  const name = '名'.repeat(128);
  const alice = { ...user('Alice'), username: name };
  const id = await found(alice);
  assert.equal((await done(200, alice, 'GET', at(id))).participants[0].name, name);
  const given = '字'.repeat(128);
  assert.equal((await done(200, ADMIN, 'PUT', `/api/admin/users/${alice.userId}`, { name: given })).user.name, given);
  assert.deepEqual(await (await online(alice)).ask('conversation:join', { conversationId: id }), DONE);
});
