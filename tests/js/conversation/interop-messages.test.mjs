// One conversation, three dialects: what anybody sends, changes, deletes or reads reaches everybody else in their own shape.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, isTime, same, unique } from '../support/relay.mjs';
import {
  DONE, chat, chatEdit, chatMessage, comesBeforeTheAnswer, erase, feedEdit, feedMessage, joined, knownUsers, observe, reader, settle, talker,
} from '../support/feed-chat.mjs';
import { deleted, edited, sent, trio } from '../support/interop.mjs';
import { done, found } from '../support/rest.mjs';

const DELIVERED = 'message:delivered';
const except = (events, ...names) => events.filter(([name]) => !names.includes(name));

/** Lets the clients of a `trio` see what `action` does; what each got, without receipts of delivery. */
async function seenBy({ alice, bob, carol }, action) {
  const seen = await observe([alice, bob, carol], action);
  return seen.map((events) => except(events, DELIVERED));
}

/** Sends a message of Alice over her socket: its id. */
async function sendMessage({ alice, id }, content, fields = {}) {
  const answer = await alice.ask('message:send', { conversationId: id, content, ...fields });
  assert.equal(answer.success, true, JSON.stringify(answer));
  return answer.messageId;
}

/** The one way of each to send a message with this content: the sender, the message's id, and what else it has. */
const WAYS = {
  'message:send': async (scene, content) => {
    const tempId = unique('temp');
    return { sender: scene.alice, id: await sendMessage(scene, content, { tempId }), tempId };
  },
  'POST of feed': async ({ bob, id }, content) => ({
    sender: bob, id: (await feedMessage(bob, id, { encrypted_msg_content: content, content_key_number: 7 })).id, keyNumber: 7,
  }),
  'POST of chat': async ({ carol, id }, content) => {
    const media = { url: 'https://media.test/1' };
    return { sender: carol, id: (await chatMessage(carol, id, { content, media })).id, media };
  },
};

for (const [way, send] of Object.entries(WAYS)) {
  test(`${way}: a message reaches all, its sender too`, async () => {
    const scene = await trio();
    let message;
    const [[own, ...more], ...others] = await seenBy(scene, async () => (message = await send(scene, 'c2VhbGVk')));
    const { createdAt } = own[1];
    isTime(createdAt);
    const expected = sent({ ...message, conversationId: scene.id, content: 'c2VhbGVk', createdAt });
    assert.deepEqual([[own, ...more], ...others], expected.map((event) => [event]));
  });
}

test('what is sent in turn arrives in turn, everywhere', async () => {
  const scene = await trio();
  const ids = [];
  const seen = await seenBy(scene, async () => {
    for (let round = 0; round < 5; round += 1) {
      for (const send of Object.values(WAYS)) ids.push((await send(scene, `${round}`)).id);
    }
  });
  const shownIds = seen.map((events) => events.map(([, payload]) => payload.id ?? payload.data.messageId));
  assert.deepEqual(shownIds, [ids, ids, ids]);
});

test('a chat’s media without a text has an empty one', async () => {
  const scene = await trio();
  const media = ['one', { two: 2 }];
  let id;
  const seen = await seenBy(scene, async () => ({ id } = await chatMessage(scene.carol, scene.id, { media })));
  const { createdAt } = seen[0][0][1];
  assert.deepEqual(seen, sent({ id, conversationId: scene.id, sender: scene.carol, content: '', media, createdAt }).map((event) => [event]));
});

for (const [name, content] of Object.entries({
  'an object': { iv: [1, 2], data: { ciphertext: 'c', tag: null } },
  binary: Buffer.from([0, 1, 254, 255]),
  'an object with binary in it': { iv: Buffer.from('iv'), parts: [Buffer.from('one'), Buffer.from('two')] },
})) {
  test(`a content that is ${name} is the same to all`, async () => {
    const scene = await trio();
    let id;
    const seen = await seenBy(scene, async () => (id = await sendMessage(scene, content)));
    const { createdAt } = seen[0][0][1];
    assert.deepEqual(seen, sent({ id, conversationId: scene.id, sender: scene.alice, content, createdAt }).map((event) => [event]));
  });
}

const EDITS = {
  'message:update': [({ alice }) => alice, async ({ alice, id: conversationId }, messageId, content) =>
    assert.deepEqual(await alice.ask('message:update', { messageId, conversationId, content }), DONE)],
  PUT: [({ bob }) => bob, async ({ bob }, id, content) => assert.equal((await feedEdit(bob, id, content)).status, 200)],
  PATCH: [({ carol }) => carol, async ({ carol }, id, content) => assert.equal((await chatEdit(carol, id, content)).status, 200)],
};

for (const [index, [way, [author, edit]]] of Object.entries(EDITS).entries()) {
  test(`${way}: a change reaches all`, async () => {
    const scene = await trio();
    const { id, keyNumber } = await Object.values(WAYS)[index](scene, 'before');
    const seen = await seenBy(scene, () => edit(scene, id, 'after'));
    const { editedAt } = seen[0][0][1];
    isTime(editedAt);
    assert.deepEqual(seen, edited({ id, conversationId: scene.id, content: 'after', editedAt, keyNumber }).map((event) => [event]));
    const { messages } = await done(200, author(scene), 'GET', `/api/messages?conversationId=${scene.id}`);
    assert.deepEqual([messages[0].content, messages[0].editedAt], ['after', editedAt]);
  });
}

test('a deletion reaches all, whoever deletes', async () => {
  const scene = await trio();
  const ids = [];
  for (const send of Object.values(WAYS)) ids.push((await send(scene, 'x')).id);
  const conversationId = scene.id;
  const ways = [
    () => scene.alice.ask('message:delete', { messageId: ids[0], conversationId }),
    () => erase(scene.bob, ids[1]),
    // Alice is the admin.
    () => erase(scene.alice, ids[2], '?forAll=true'),
  ];
  for (const [index, way] of ways.entries()) {
    const seen = await seenBy(scene, way);
    const { deletedAt } = seen[0][0][1];
    isTime(deletedAt);
    assert.deepEqual(seen, deleted({ id: ids[index], conversationId, deletedAt }).map((event) => [event]));
  }
  const hidden = (await WAYS['POST of feed'](scene, 'x')).id;
  assert.deepEqual(await seenBy(scene, () => erase(scene.carol, hidden, '?forAll=false')), [[], [], []]);
});

test('reactions are sent in the shape that has them', async () => {
  const scene = await trio();
  const { id: messageId } = await WAYS['POST of chat'](scene, 'x');
  const target = { messageId, conversationId: scene.id };
  const seen = await seenBy(scene, async () => {
    const { reactionId } = await scene.alice.ask('reaction:add', { ...target, emoji: '👍' });
    await scene.alice.ask('reaction:remove', { ...target, reactionId });
  });
  assert.deepEqual(seen.map((events) => events.map(([name]) => name)), [['reaction:added', 'reaction:removed'], [], []]);
});

test('the sender is notified once of whom a message reached, in whichever dialect they are there', async () => {
  const scene = await trio();
  const second = await joined(scene.alice, scene.id);
  let messageId;
  const [toAlice, toSecond, ...others] = await observe([scene.alice, second, scene.bob, scene.carol], async () => (messageId = await sendMessage(scene, 'x')));
  const receipts = toAlice.filter(([name]) => name === DELIVERED);
  assert.equal(receipts.length, 1);
  const [[, { deliveredTo, ...receipt }]] = receipts;
  same(receipt, { messageId, conversationId: scene.id, deliveredAt: TIME });
  assert.deepEqual(deliveredTo.toSorted(), [scene.bob.userId, scene.carol.userId].toSorted());
  assert.deepEqual(toSecond, toAlice);
  for (const events of others) assert.deepEqual(except(events, 'message:new', 'new-message'), []);
});

test('who posts over REST is sent the receipt on their sockets of `conversation`', async () => {
  const scene = await trio();
  const desk = await talker(scene.bob);
  let id;
  const [toDesk] = await observe([desk, scene.alice], async () => ({ id } = await feedMessage(scene.bob, scene.id)));
  const [[name, { deliveredTo, ...receipt }], ...more] = toDesk;
  assert.deepEqual([name, more], [DELIVERED, []]);
  same(receipt, { messageId: id, conversationId: scene.id, deliveredAt: TIME });
  assert.deepEqual(deliveredTo.toSorted(), [scene.alice.userId, scene.carol.userId].toSorted());
});

test('who joins in `feed` receives what they missed, and its senders are notified, once', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await found(alice, [bob]);
  const scene = { alice: await joined(alice, id), id };
  const [alone] = await observe([scene.alice], () => sendMessage(scene, 'one'));
  assert.deepEqual(alone.map(([name]) => name), ['message:new']);
  const two = await sendMessage(scene, 'two');
  const one = alone[0][1].id;
  await chat(bob).then((client) => settle([client, scene.alice]));
  const [seen] = await observe([scene.alice], async () => {
    const client = await reader(bob, id);
    await client.ask('leave-conversation', id);
    await client.ask('join-conversation', id);
    await settle([client, await joined(bob, id)]);
  });
  const receipts = except(seen, 'user:online');
  same(receipts, [one, two].map((messageId) => [DELIVERED, { messageId, conversationId: id, deliveredTo: [bob.userId], deliveredAt: TIME }]));
});

test('who reads over REST notifies the senders, and their own sockets, wherever these are', async () => {
  const scene = await trio();
  const mine = await sendMessage(scene, 'x');
  const { id: bobs } = await feedMessage(scene.bob, scene.id);
  const desk = await talker(scene.bob);
  const clients = [scene.alice, desk, scene.bob, scene.carol];
  const [toAlice, toDesk, ...others] = await observe(clients, () =>
    done(200, scene.carol, 'POST', '/api/messages/read', { conversationId: scene.id, messageIds: [bobs, mine] }));
  const receipt = (id) => [['message:read:receipt', { conversationId: scene.id, messageIds: [id], readBy: scene.carol.userId, readAt: TIME }]];
  const data = { chatId: scene.id, messageIds: [bobs, mine].toSorted(), readBy: scene.carol.userId, readAt: TIME };
  const own = [['message:read:receipt', { type: 'message:read:receipt', data }]];
  same([toAlice, toDesk, ...others], [receipt(mine), receipt(bobs), [], own]);
});

test('a user with a socket in each dialect gets each message once on each', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await found(alice, [bob]);
  const clients = [await joined(alice, id), await reader(alice, id), await chat(alice)];
  let message;
  const seen = await observe(clients, async () => (message = await feedMessage(bob, id, { encrypted_msg_content: 'x' })));
  const createdAt = new Date(message.created_at).toISOString();
  assert.deepEqual(seen, sent({ id: message.id, conversationId: id, sender: bob, content: 'x', keyNumber: 1, createdAt }).map((event) => [event]));
});

test('each is shown an integer id as the type they joined with, or else that it was made with', async () => {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await found(alice, [bob], { id: Number.parseInt(unique('').slice(1, 12), 16) });
  const clients = [
    await joined(alice, id), await joined(alice, String(id)), await reader(bob, id), await reader(bob, String(id)), await chat(bob),
  ];
  for (const post of [() => feedMessage(bob, id), () => chatMessage(alice, String(id)), () => clients[1].ask('message:send', { conversationId: id, content: 'x' })]) {
    const seen = await observe(clients, post);
    const shownIds = seen.map((events) => {
      const [[, payload]] = except(events, DELIVERED);
      return payload.conversationId ?? payload.conversation_id ?? payload.data.chatId;
    });
    assert.deepEqual(shownIds, [id, String(id), id, String(id), id]);
  }
});

test('what is done over REST has reached everybody when it is answered', async () => {
  const { id, alice, bob, carol } = await trio();
  const message = await feedMessage(bob, id);
  const rounds = [
    [alice, 'message:new', () => chatMessage(carol, id)],
    [bob, 'message-updated', (round) => feedEdit(bob, message.id, `${round}`)],
    [carol, 'message:new', () => feedMessage(bob, id)],
  ];
  for (const [client, name, act] of rounds) {
    await settle([alice, bob, carol]);
    await comesBeforeTheAnswer(client, name, act);
  }
});
