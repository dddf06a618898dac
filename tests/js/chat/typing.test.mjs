// `chat`: who is typing. It stops by itself after three seconds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { connect, same, unique } from '../support/relay.mjs';
import { DONE, asChat, chat, conversation, feed, joined, knownUsers, number, observe, reader, remove } from '../support/feed-chat.mjs';

const BY_ITSELF = 3000;

/** A chat of Alice and Bob: its id and their sockets, Alice's two first. */
async function scene(fields = {}) {
  const [alice, bob] = await knownUsers('Alice', 'Bob');
  const id = await conversation(alice, [bob], fields);
  return { id, clients: [await chat(alice), await chat(alice), await chat(bob)] };
}

function eventOf(type, { userId }, chatId, isTyping) {
  const facts = { userId, chatId, isTyping };
  return [type, { type, data: facts, ...facts }];
}

const started = (who, id) => eventOf('user:typing', who, id, true);
/** Whether this is the time after which typing stops by itself: that of `conversation` is five seconds. */
function isByItself(milliseconds) {
  assert.ok(milliseconds >= BY_ITSELF - 100 && milliseconds < BY_ITSELF + 1800, `after ${milliseconds} ms`);
}

/** A stop is sent in two events. */
const stopped = (who, id) => [eventOf('user:typing', who, id, false), eventOf('user:stop-typing', who, id, false)];

for (const [name, shape] of Object.entries({ 'in an object': (chatId) => ({ chatId }), bare: (chatId) => chatId })) {
  test(`typing is sent to the chat except for the socket that types; the id is ${name}`, async () => {
    const { id, clients } = await scene();
    const [typist] = clients;
    const seen = await observe(clients, async () => {
      assert.deepEqual(await typist.ask('user:typing', shape(id)), DONE);
      assert.deepEqual(await typist.ask('user:stop-typing', shape(id)), DONE);
    });
    const events = [started(typist, id), ...stopped(typist, id)];
    same(seen, [[], events, events]);
  });
}

test('it stops by itself, once', async () => {
  const { id, clients: [typist, , bob] } = await scene();
  const [seen] = await observe([bob], async () => {
    typist.emit('user:typing', { chatId: id });
    const start = await bob.nextEvent('user:typing');
    const stop = await bob.nextEvent('user:stop-typing');
    isByItself(stop.at - start.at);
  });
  same(seen, [started(typist, id), ...stopped(typist, id)]);
});

test('who goes on typing does not stop', async () => {
  const { id, clients: [typist, , bob] } = await scene();
  // From the first key to the last it is longer than a pause may be.
  const keys = 5;
  let last;
  for (let key = 0; key < keys; key += 1) {
    if (key > 0) await setTimeout((BY_ITSELF + 200) / (keys - 1));
    typist.emit('user:typing', { chatId: id });
    last = await bob.nextEvent('user:typing');
  }
  const stop = await bob.nextEvent('user:stop-typing');
  isByItself(stop.at - last.at);
  same(bob.events.filter(({ name }) => name.endsWith('typing')).map(({ name, args: [payload] }) => [name, payload]), [
    ...Array(keys).fill(started(typist, id)), ...stopped(typist, id),
  ]);
});

test('who stopped does not stop again by themselves', async () => {
  const { id, clients: [typist, other, bob] } = await scene();
  const seen = await observe([bob], async () => {
    typist.emit('user:typing', { chatId: id });
    typist.emit('user:stop-typing', { chatId: id });
    await typist.echo();
    // Begun later, ended by itself: by then the first would have ended as well.
    other.emit('user:typing', { chatId: id });
    await bob.next('user:stop-typing');
    await bob.next('user:stop-typing');
  });
  same(seen, [[started(typist, id), ...stopped(typist, id), started(typist, id), ...stopped(typist, id)]]);
});

test('it stops when the socket that types is gone', async () => {
  const { id, clients: [typist, other, bob] } = await scene();
  const seen = await observe([other, bob], async () => {
    await typist.ask('user:typing', { chatId: String(id) });
    typist.close();
    for (const client of [other, bob]) await client.next('user:stop-typing');
  });
  const events = [started(typist, id), ...stopped(typist, id)];
  same(seen, [events, events]);
});

for (const transports of [['websocket'], ['polling']]) {
  for (const how of ['stops', 'disconnects', 'stops by itself']) {
    test(`who types in two tabs types until they do in none: one ${how}, over ${transports}`, async () => {
      const [alice, bob] = await knownUsers('Alice', 'Bob');
      const chatId = await conversation(alice, [bob]);
      const [one, other, watcher] = [await chat(alice, { transports }), await chat(alice, { transports }), await chat(bob, { transports })];
      const isStop = ({ name, args: [payload] }) => name === 'user:stop-typing' && payload.userId === alice.userId;
      await one.ask('user:typing', { chatId });
      const began = performance.now();
      // Before the first stops by itself.
      if (how === 'stops by itself') await setTimeout(BY_ITSELF / 2);
      await other.ask('user:typing', { chatId });
      if (how === 'stops') await one.ask('user:stop-typing', { chatId });
      else if (how === 'disconnects') one.close();
      else {
        // By then the first has stopped by itself, and the other not yet.
        while (performance.now() - began < BY_ITSELF + 300) await other.echo();
      }
      const mark = watcher.mark();
      await other.echo();
      await watcher.echo();
      assert.deepEqual(watcher.events.slice(0, mark).filter(isStop), []);
      await other.ask('user:stop-typing', { chatId });
      await watcher.next('user:stop-typing');
    });
  }
}

test('typing in several chats stops in each', async () => {
  const { id, clients: [typist, , bob] } = await scene();
  const other = await conversation(typist, [bob]);
  const [got] = await observe([bob], async () => {
    for (const chatId of [id, other]) await typist.ask('user:typing', { chatId });
    await typist.ask('user:stop-typing', { chatId: id });
    typist.close();
    await bob.next('user:stop-typing', ({ chatId }) => chatId === other);
  }, [typist]);
  same(got, [started(typist, id), started(typist, other), ...stopped(typist, id), ...stopped(typist, other)]);
});

for (const event of ['user:typing', 'user:stop-typing']) {
  test(`${event} for a chat of others, or none, reaches nobody`, async () => {
    const { id, clients } = await scene();
    const [eve] = await knownUsers('Eve');
    const outsider = await chat(eve);
    const seen = await observe([...clients, outsider], async () => {
      for (const chatId of [id, unique('nowhere')]) {
        outsider.emit(event, { chatId });
        const { success, error } = await outsider.ask(event, { chatId });
        assert.deepEqual([success, error.code], [false, 'NOT_PARTICIPANT']);
      }
      for (const args of [[], [null], [{}], [{ chatId: null }], [{ chatId: {} }], [{ chatId: '' }], [true], [[]]]) {
        outsider.emit(event, ...args);
        const { success, error } = await outsider.ask(event, ...args);
        assert.deepEqual([success, error.code], [false, 'INVALID_INPUT']);
      }
    });
    assert.deepEqual(seen, [[], [], [], []]);
  });
}

test('a client that has declared nothing may type, and speaks chat from then on', async () => {
  const { id, clients: [typist, , bob] } = await scene();
  const client = asChat(await connect({ userId: typist.userId, username: typist.username }));
  const [got] = await observe([bob], async () => {
    assert.deepEqual(await client.ask('user:typing', { chatId: id }), DONE);
    assert.deepEqual(await client.ask('user:stop-typing', { chatId: id }), DONE);
  }, [client]);
  same(got, [started(typist, id), ...stopped(typist, id)]);
});

test('who is removed while typing stops', async () => {
  const { id, clients: [alice, , bob] } = await scene();
  const [got] = await observe([alice], async () => {
    await bob.ask('user:typing', { chatId: id });
    await remove(alice, id, bob);
  }, [bob]);
  same(got.slice(0, 3), [started(bob, id), ...stopped(bob, id)]);
  // They share no chat any more.
  assert.deepEqual(got.slice(3).map(([name, { userId }]) => [name, userId]), [['user:offline', bob.userId]]);
});

test('who was removed types no more', async () => {
  const { id, clients: [alice, , bob] } = await scene();
  await remove(alice, id, bob);
  const seen = await observe([alice, bob], async () => {
    assert.equal((await bob.ask('user:typing', { chatId: id })).error.code, 'NOT_PARTICIPANT');
  });
  assert.deepEqual(seen, [[], []]);
});

test('an id that is a number is sent as one', async () => {
  const id = number();
  const { clients: [typist, , bob] } = await scene({ id });
  const [got] = await observe([bob], () => typist.ask('user:typing', { chatId: id }), [typist]);
  same(got, [started(typist, id)]);
});

test('typing is sent between chat and conversation, each in its shape; feed has none', async () => {
  const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
  const id = await conversation(alice, [bob, carol]);
  const clients = [await chat(alice), await joined(bob, id), await reader(carol, id), await feed(carol)];
  const [typist, talker] = clients;
  const fromChat = await observe(clients, async () => {
    await typist.ask('user:typing', { chatId: id });
    await typist.ask('user:stop-typing', { chatId: id });
  });
  const about = { conversationId: id, userId: alice.userId };
  same(fromChat, [[], [
    ['typing:user:start', { ...about, user: { id: alice.userId, name: alice.username } }], ['typing:user:stop', about],
  ], [], []]);
  const fromConversation = await observe(clients, async () => {
    await talker.ask('typing:start', { conversationId: id });
    await talker.ask('typing:stop', { conversationId: id });
  });
  same(fromConversation, [[started(bob, id), ...stopped(bob, id)], [], [], []]);
});
