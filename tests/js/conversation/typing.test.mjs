// `conversation`: typing:start and typing:stop. Started with OFFLINE_GRACE=300ms.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { unique, user } from '../support/relay.mjs';
import {
  DONE, REFUSALS, failed, found, inConversation, members, names, observe, online, person, present, send, settle, witness,
} from '../support/conversations.mjs';
import { cut } from '../support/session.mjs';

/** Typing ends by itself after this many milliseconds without a start. */
const AUTO_STOP = 5000;
/** How much later than that it may be sent. */
const LATE = 4000;

const started = ({ conversationId, userId, username }) => [
  'typing:user:start', { conversationId, userId, user: person({ userId, username }) },
];
const stopped = ({ conversationId, userId }) => ['typing:user:stop', { conversationId, userId }];
const by = (client) => (payload) => payload.userId === client.userId;
const type = (client, event = 'typing:start') => client.ask(event, inConversation(client));

for (const [event, received] of [['typing:start', started], ['typing:stop', stopped]]) {
  test(`${event} is sent to the others, not to the one who types`, async () => {
    const [alice, bob, carol] = await members('Alice', 'Bob', 'Carol');
    const second = await present(bob, alice.conversationId);
    const [toAlice, ...toOthers] = await observe([alice, bob, second, carol], async () => assert.deepEqual(await type(alice, event), DONE));
    assert.deepEqual(toAlice, []);
    for (const events of toOthers) assert.deepEqual(events, [received(alice)]);
  });

  test(`${event} is passed on as often as it comes, with a callback or without`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const [, toBob] = await observe([alice, bob], async () => {
      alice.emit(event, inConversation(alice));
      await type(alice, event);
      alice.emit(event, inConversation(alice));
    });
    assert.deepEqual(toBob, Array(3).fill(received(alice)));
  });

  test(`${event} of who has not joined is ignored, participant or not`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const [apart, gone, eve] = [await online(bob), await present(bob, alice.conversationId), await online(user('Eve'))];
    await gone.ask('conversation:leave', inConversation(gone));
    for (const [client, id] of [[apart, alice.conversationId], [gone, alice.conversationId], [eve, alice.conversationId], [eve, unique('c')]]) {
      const [seen, ...others] = await observe([client, alice, bob], async () => {
        client.emit(event, { conversationId: id });
        assert.deepEqual(await client.ask(event, { conversationId: id }), failed(REFUSALS.notParticipant));
      });
      assert.deepEqual([seen, ...others], [[], [], []]);
    }
  });
}

test('the avatar is not shown to whom someone types', async () => {
  const [one, two] = [{ ...user('Alice'), avatarUrl: 'https://example.test/a.png' }, user('Bob')];
  const conversationId = await found(one, [two]);
  const [alice, bob] = [await present(one, conversationId), await present(two, conversationId)];
  const [, toBob] = await observe([alice, bob], () => type(alice));
  assert.deepEqual(toBob, [started(alice)]);
});

test('other conversations receive nothing', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const inAnother = await present(bob, await found(alice, [bob]));
  const [, , events] = await observe([alice, bob, inAnother], () => type(alice));
  assert.deepEqual(events, []);
});

test('typing and messages keep their order', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [, toBob] = await observe([alice, bob], async () => {
    alice.emit('typing:start', inConversation(alice));
    alice.emit('typing:stop', inConversation(alice));
    alice.emit('message:send', inConversation(alice, { content: 'x' }));
    alice.emit('typing:start', inConversation(alice));
  });
  assert.deepEqual(names(toBob), ['typing:user:start', 'typing:user:stop', 'message:new', 'typing:user:start']);
});

test('leaving while typing ends it', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await type(alice);
  const [, toBob] = await observe([alice, bob], () => alice.ask('conversation:leave', inConversation(alice)));
  assert.deepEqual(toBob[0], stopped(alice));
  assert.deepEqual(names(toBob), ['typing:user:stop', 'user:offline']);
});

test('leaving without typing publishes no end of it', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await type(alice);
  await type(alice, 'typing:stop');
  const [, toBob] = await observe([alice, bob], () => alice.ask('conversation:leave', inConversation(alice)));
  assert.deepEqual(names(toBob), ['user:offline']);
});

for (const [way, end] of [['close', (client) => client.close()], ['lost connection', cut]]) {
  test(`a ${way} while typing ends it at once, before the user counts as offline`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    await type(alice);
    await settle([alice, bob]);
    const mark = bob.mark();
    end(alice);
    await bob.next('user:offline', by(alice));
    assert.deepEqual(bob.since(mark)[0], stopped(alice));
    assert.deepEqual(names(bob.since(mark)), ['typing:user:stop', 'user:offline']);
  });
}

test('it ends by itself five seconds after the last start, once, and is not sent again after an end', { timeout: 60_000 }, async () => {
  const [once, twice, ended, last, watcher] = await members('Once', 'Twice', 'Ended', 'Last', 'Watcher');
  const mark = watcher.mark();
  for (const client of [once, twice, ended]) await type(client);
  await type(ended, 'typing:stop');
  await setTimeout(AUTO_STOP / 2);
  await type(twice);
  await type(last);
  const wait = (client) => watcher.nextEvent('typing:user:stop', by(client), AUTO_STOP + LATE);
  await watcher.next('typing:user:stop', by(ended));
  for (const client of [once, twice, last]) {
    const start = watcher.events.findLast(({ name, args: [payload] }) => name === 'typing:user:start' && by(client)(payload));
    const end = await wait(client);
    assert.deepEqual(end.args[0], stopped(client)[1]);
    const after = end.at - start.at;
    assert.ok(after > AUTO_STOP - 500 && after < AUTO_STOP + LATE, `${client.username} stopped after ${after} ms`);
  }
  // Last began after everybody else: what had still to be sent about them would have been sent before.
  await settle([once, twice, ended, last, watcher]);
  const ends = watcher.since(mark).filter(([name]) => name === 'typing:user:stop').map(([, { userId }]) => userId);
  assert.deepEqual(ends.toSorted(), [once, twice, ended, last].map(({ userId }) => userId).toSorted());
  for (const client of [once, twice, ended, last]) assert.deepEqual(client.all('typing:user:stop').filter(by(client)), []);
});

test('a message does not end it', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  await type(alice);
  const [, toBob] = await observe([alice, bob], () => send(alice));
  assert.deepEqual(names(toBob), ['message:new']);
  const [, again] = await witness([alice, bob], () => alice.ask('conversation:leave', inConversation(alice)));
  assert.deepEqual(names(again), ['typing:user:stop', 'user:offline']);
});

for (const how of ['stops', 'leaves', 'disconnects']) {
  test(`who types in two tabs types until they do in none: one ${how}`, async () => {
    const [alice, bob] = await members('Alice', 'Bob');
    const other = await present(alice, alice.conversationId);
    for (const tab of [alice, other]) await type(tab);
    const [toBob] = await observe([bob, other], async () => {
      if (how === 'stops') await type(alice, 'typing:stop');
      else if (how === 'leaves') await alice.ask('conversation:leave', inConversation(alice));
      else alice.close();
    });
    assert.ok(names(toBob).every((name) => name !== 'typing:user:stop'), `${names(toBob)}`);
    await type(other, 'typing:stop');
    await bob.next('typing:user:stop', by(alice));
  });
}
