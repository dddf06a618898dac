// Who is blocked adds the other as it always looks, in every dialect, and the other gets nothing of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unique } from '../support/relay.mjs';
import { changed, chat, conversation, feed, feedMessage, knownUsers, observe, rest, settle, talker } from '../support/feed-chat.mjs';
import { block, told, unblock } from '../support/blocked.mjs';

const place = (id) => `/api/conversations/${encodeURIComponent(id)}`;
const answer = async (request) => {
  const { status, json } = await request;
  return [status, json];
};
const add = (who, id, { userId }) => answer(rest(who, `POST ${place(id)}/participants`, { userId }));
const remove = (who, id, { userId }) => answer(rest(who, `DELETE ${place(id)}/participants/${userId}`));

/** A user's connections, by each dialect. */
const everywhere = async (who) => [await chat(who), await feed(who), await talker(who)];

/** What a user reads over REST of conversations. */
async function reads(who, id) {
  const { conversations } = (await rest(who, 'GET /api/conversations')).json;
  const answers = [conversations.filter((one) => one.id === id)];
  for (const path of [place(id), `${place(id)}/changes?after=0`, `/api/messages?conversationId=${id}`]) {
    answers.push(await answer(rest(who, `GET ${path}`)));
  }
  return answers;
}

/** What may be done by its admin to a conversation with another user: what it answers, and what others read of it. */
async function story(admin, member, other) {
  const id = unique('conversation');
  const seen = [];
  const note = async (request) => seen.push(await request);
  const all = [member, other].map(({ userId }) => userId);
  await note(answer(rest(admin, 'POST /api/conversations', { id, participantIds: all })));
  await note(answer(rest(admin, 'POST /api/messages', { conversationId: id, content: 'x' })));
  await note(add(admin, id, other));
  for (const who of [admin, member]) await note(reads(who, id));
  await note(remove(admin, id, other));
  await note(remove(admin, id, other));
  await note(reads(member, id));
  await note(add(admin, id, other));
  await note(answer(rest(admin, 'POST /api/messages', { chatId: id, content: 'y' })));
  for (const who of [admin, member]) await note(reads(who, id));
  return [id, seen];
}

/** Without what differs each time. */
function plain(seen, id, other) {
  const text = JSON.stringify(told(seen, other)).replaceAll(id, 'here');
  const uuids = [];
  const numbered = text.replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}/g, (uuid) => {
    if (!uuids.includes(uuid)) uuids.push(uuid);
    return `uuid ${uuids.indexOf(uuid)}`;
  });
  return JSON.parse(numbered.replaceAll(/1[789]\d{11}/g, '0').replaceAll(/"cursor":"[^"]*"/g, '"cursor":"-"'));
}

test('who is blocked, and all others, see the other as a participant; the other gets nothing', async () => {
  // Their ids are sorted alike.
  const [mallory, dave, bob, bea] = await knownUsers('Mallory', 'Dave', 'Bob', 'Bea');
  // They share one before, so that nobody is told by the first that they are online.
  await conversation(mallory, [dave]);
  const watchers = [...(await everywhere(mallory)), ...(await everywhere(dave))];
  const victim = await everywhere(bob);
  await block(bob, mallory);
  const stories = [];
  for (const other of [bea, bob]) {
    let told;
    const events = await observe([...watchers, ...victim], async () => {
      told = await story(mallory, dave, other);
    });
    const [id, seen] = told;
    const toVictim = events.splice(watchers.length);
    assert.deepEqual(toVictim, [[], [], []]);
    stories.push({ id, seen: plain(seen, id, other), events: plain(events, id, other) });
  }
  assert.deepEqual(stories[1].seen, stories[0].seen);
  assert.deepEqual(stories[1].events, stories[0].events);
  assert.ok(stories[1].events.slice(0, 2).every((events) => events.length > 0));

  const { id } = stories[1];
  assert.deepEqual((await rest(bob, 'GET /api/conversations')).json, { conversations: [] });
  assert.deepEqual((await rest(bob, 'GET /api/changes')).json.changes, []);
  for (const path of [`GET ${place(id)}`, `GET ${place(id)}/changes?after=0`, `GET /api/messages?chatId=${id}`]) {
    assert.ok([403, 404].includes((await rest(bob, path)).status), path);
  }
  assert.equal((await rest(bob, 'POST /api/messages', { conversationId: id, content: 'x' })).status, 403);
  assert.equal((await victim[2].ask('conversation:join', { conversationId: id })).success, false);
  assert.equal((await victim[1].ask('join-conversation', id)).success, false);
  const later = await chat(bob);
  const [seen] = await observe([later, ...watchers], () => feedMessage(mallory, id));
  assert.deepEqual(seen, []);
});

test('the form of feed is no way round, neither by id nor by a name that somebody gets later', async () => {
  const [mallory, bob] = await knownUsers('Mallory', 'Bob');
  const late = { userId: unique('late'), username: unique('Late') };
  const victim = await feed(bob);
  await block(bob, mallory);
  // Without a name in their token nobody knows them by one.
  await block({ userId: late.userId }, mallory);
  const id = unique('conversation');
  const entries = [mallory, bob, late].map(({ username }) => ({ id, username, encrypted_content_key: 'key', content_key_number: 1 }));
  const [seen] = await observe([victim], async () => {
    assert.equal((await rest(mallory, 'POST /api/conversations', { conversation_entries: entries })).status, 201);
  });
  assert.deepEqual(seen, []);
  // With the name in a token, the user is known by it.
  assert.deepEqual((await rest(late, 'GET /api/conversations')).json, { conversations: [] });
  const client = await feed(late);
  await settle([client]);
  assert.equal((await client.ask('join-conversation', id)).success, false);
  const { json } = await rest(mallory, `GET ${place(id)}`);
  assert.deepEqual(json.participants.filter(({ status }) => status === 'active').length, 3);
});

test('who is not blocked any more has to add the other again, and others may at any time', async () => {
  const [mallory, carol, bob] = await knownUsers('Mallory', 'Carol', 'Bob');
  const client = await feed(bob);
  await block(bob, mallory);
  const id = unique('conversation');
  await rest(mallory, 'POST /api/conversations', { id, participantIds: [carol.userId, bob.userId] });
  await unblock(bob, mallory);
  assert.deepEqual((await rest(bob, 'GET /api/conversations')).json, { conversations: [] });
  const [seen] = await observe([client], () => add(mallory, id, bob));
  assert.deepEqual(seen, changed('conversation-participants-added', { conversationId: id, usernames: [bob.username], added_by: mallory.username }));
  assert.equal((await rest(bob, 'GET /api/conversations')).json.conversations[0].unreadCount, 0);
  assert.equal((await rest(bob, 'POST /api/messages', { conversationId: id, content: 'x' })).status, 201);

  await block(bob, mallory);
  const second = unique('conversation');
  await rest(mallory, 'POST /api/conversations', { id: second, participantIds: [bob.userId] });
  await rest(mallory, `POST ${place(second)}/participants`, { userId: carol.userId, role: 'admin' });
  const [fromCarol] = await observe([client], () => add(carol, second, bob));
  assert.deepEqual(fromCarol.map(([name]) => name), ['conversation-participants-added', 'conversation-updated']);
  // Who is a participant stays one.
  assert.deepEqual((await add(mallory, second, bob))[0], 200);
  assert.equal((await rest(bob, `GET ${place(second)}`)).status, 200);
});
