// `conversation`: message:update and message:delete, by whom, and who receives the change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TIME, same, unique, user } from '../support/relay.mjs';
import {
  DONE, REFUSALS, SEALED, askInOrder, done, found, inConversation, members, names, observe, online, present, refused, send, settle,
} from '../support/conversations.mjs';

const historyOf = async (client) =>
  (await done(200, client, 'GET', `/api/messages?conversationId=${encodeURIComponent(client.conversationId)}`)).messages;
const update = (client, messageId, content = 'edited') => client.ask('message:update', inConversation(client, { messageId, content }));
const erase = (client, messageId) => client.ask('message:delete', inConversation(client, { messageId }));

/** `members`, and a message by the second of them. */
async function scene(...others) {
  const clients = await members('Admin', 'Author', ...others);
  const messageId = await send(clients[1]);
  // Its delivery is sent to every connection that the author has by then.
  await settle(clients);
  return { clients, messageId };
}

test('an edit by the author is sent to everybody, the author too, and stored', async () => {
  const { clients, messageId } = await scene('Carol');
  const [, author] = clients;
  const seen = await observe(clients, async () => assert.deepEqual(await update(author, messageId), DONE));
  const { conversationId } = author;
  for (const events of seen) same(events, [['message:updated', { id: messageId, conversationId, content: 'edited', editedAt: TIME }]]);
  const [stored] = await historyOf(author);
  assert.deepEqual([stored.content, stored.editedAt], ['edited', seen[0][0][1].editedAt]);
});

test('a deletion is sent to everybody, who deleted too, and leaves no content', async () => {
  const { clients, messageId } = await scene('Carol');
  const [, author] = clients;
  const seen = await observe(clients, async () => assert.deepEqual(await erase(author, messageId), DONE));
  const { conversationId } = author;
  for (const events of seen) same(events, [['message:deleted', { id: messageId, conversationId, deletedAt: TIME }]]);
  const [stored] = await historyOf(author);
  assert.deepEqual([stored.id, stored.content, stored.deletedAt], [messageId, null, seen[0][0][1].deletedAt]);
});

for (const [event, received] of [['message:update', 'message:updated'], ['message:delete', 'message:deleted']]) {
  test(`${event}: the callback is called before the event comes`, async () => {
    const { clients: [, author], messageId } = await scene();
    await settle([author]);
    const start = author.mark();
    const { answer, mark } = await askInOrder(author, event, inConversation(author, { messageId, content: 'edited' }));
    assert.deepEqual([answer, mark], [DONE, start]);
    await settle([author]);
    assert.deepEqual(names(author.since(start)), [received]);
  });

  test(`${event}: an author who has not joined may do it`, async () => {
    const { clients: [admin, author], messageId } = await scene();
    const apart = await online(author);
    const { conversationId } = author;
    const [seen, toAdmin] = await observe([apart, admin], async () => {
      assert.deepEqual(await apart.ask(event, { conversationId, messageId, content: 'edited' }), DONE);
    });
    assert.deepEqual([seen, names(toAdmin)], [[], [received]]);
  });

  test(`${event}: other conversations receive nothing`, async () => {
    const { clients: [admin, author], messageId } = await scene();
    const inAnother = await present(admin, await found(admin, [author]));
    const [, , events] = await observe([author, admin, inAnother], () =>
      author.ask(event, inConversation(author, { messageId, content: 'edited' })),
    );
    assert.deepEqual(events, []);
  });

  test(`${event}: a member who is not the author is refused`, async () => {
    const { clients: [admin, author, carol], messageId } = await scene('Carol');
    const { conversationId } = author;
    await refused(carol, event, inConversation(carol, { messageId, content: 'x' }), REFUSALS.unauthorized, { conversationId, messageId }, [admin, author]);
    assert.equal((await historyOf(author))[0].content, SEALED);
  });

  test(`${event}: a message that is not there is refused like one of another`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const inAnother = await present(alice, await found(alice));
    const foreign = await send(inAnother);
    const { conversationId } = alice;
    for (const messageId of [foreign, foreign.replace(/.$/, (last) => (last === '0' ? '1' : '0')), unique('message'), 'x', foreign.toUpperCase().slice(0, -1), 7]) {
      await refused(alice, event, inConversation(alice, { messageId, content: 'x' }), REFUSALS.unauthorized, { conversationId, messageId }, [bob]);
    }
    assert.equal((await historyOf(inAnother))[0].content, SEALED);
  });

  test(`${event}: who is no participant is refused, whether there is such a message or not`, async () => {
    const { clients: [admin, author], messageId } = await scene();
    const { conversationId } = author;
    const eve = await online(user('Eve'));
    for (const id of [messageId, unique('message')]) {
      await refused(eve, event, { conversationId, messageId: id, content: 'x' }, REFUSALS.notParticipant, { conversationId, messageId: id }, [admin, author]);
    }
    assert.equal((await historyOf(author))[0].content, SEALED);
  });
}

test('an admin of the conversation deletes what others wrote, but does not edit it', async () => {
  const { clients: [admin, author], messageId } = await scene();
  const { conversationId } = author;
  await refused(admin, 'message:update', inConversation(admin, { messageId, content: 'x' }), REFUSALS.unauthorized, { conversationId, messageId }, [author]);
  const seen = await observe([admin, author], async () => assert.deepEqual(await erase(admin, messageId), DONE));
  assert.deepEqual(seen.map(names), [['message:deleted'], ['message:deleted']]);
});

test('an admin of another conversation deletes nothing here', async () => {
  const { clients: [, author, carol], messageId } = await scene('Carol');
  const own = await found(carol, [author]);
  const { conversationId } = author;
  await refused(carol, 'message:delete', { conversationId: own, messageId }, REFUSALS.unauthorized, { conversationId: own, messageId }, [author]);
  await refused(carol, 'message:delete', { conversationId, messageId }, REFUSALS.unauthorized, { conversationId, messageId }, [author]);
});

test('what was deleted cannot be edited', async () => {
  const { clients: [admin, author], messageId } = await scene();
  await erase(author, messageId);
  const { conversationId } = author;
  await refused(author, 'message:update', inConversation(author, { messageId, content: 'x' }), REFUSALS.unauthorized, { conversationId, messageId }, [admin]);
});

test('deleting again is acknowledged, and nobody is notified', async () => {
  const { clients: [admin, author], messageId } = await scene();
  await erase(author, messageId);
  const seen = await observe([admin, author], async () => {
    for (const client of [author, admin]) assert.deepEqual(await erase(client, messageId), DONE);
  });
  assert.deepEqual(seen, [[], []]);
});

test('an edit may be edited, and every receiver sees the changes in their order', async () => {
  const { clients: [admin, author], messageId } = await scene();
  const [toAdmin] = await observe([admin, author], () => {
    for (const content of ['one', 'two', 'three']) author.emit('message:update', inConversation(author, { messageId, content }));
    author.emit('message:delete', inConversation(author, { messageId }));
    author.emit('message:send', inConversation(author, { content: 'next' }));
  });
  assert.deepEqual(toAdmin.map(([name, { content }]) => [name, content]), [
    ['message:updated', 'one'], ['message:updated', 'two'], ['message:updated', 'three'], ['message:deleted', undefined], ['message:new', 'next'],
  ]);
});
