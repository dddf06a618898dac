// `session`: a member on several connections, and one whose place another takes, over each transport.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MILLIS, same, token, unique, user } from '../support/relay.mjs';
import {
  DONE, NOT_A_MEMBER, REFUSALS, REPLACED, attemptJoin, creator, cut, entry, failed, guest, joining, leave, member, message, mine, place, rejoin,
  reserved, until,
} from '../support/session.mjs';

const NAMES = ['user-joined', 'user-left', 'session-error'];
/** What would tell a client of somebody's coming and going, and of its own end. */
const news = (client) => client.events.map(({ name }) => name).filter((name) => NAMES.includes(name));

/** Sends a message and waits until each of these has it. */
async function reaches(sender, receivers, fields = {}) {
  const clientMessageId = unique('message');
  const { success } = await sender.ask('send-message', message(sender, { clientMessageId, ...fields }));
  assert.equal(success, true);
  for (const receiver of receivers) await receiver.next('new-message', ({ id }) => id === clientMessageId);
}

for (const transports of [['websocket'], ['polling']]) {
  const over = `over ${transports}`;

  /** Alice, and Bob on two connections; `fields` and `options` are those of the second. */
  async function twice(fields = {}, options = {}) {
    const alice = await creator(place(), 'Alice', {}, { transports });
    const one = await member(alice.where, 'Bob', {}, { transports });
    const two = await rejoin(one, fields, { transports, ...options });
    return { alice, one, two };
  }

  for (const [how, fields] of [['the same key', {}], ['no key', { publicKey: null }]]) {
    test(`who joins on a second connection with ${how} is a member on both, ${over}`, async () => {
      const { alice, one, two } = await twice(fields);
      await reaches(alice, [one, two]);
      await reaches(alice, [one, two], { to: one.userId });
      await reaches(one, [alice, two]);
      await reaches(two, [alice, one]);
      same(two.all('public-keys-updated').at(-1), [entry(alice, MILLIS), entry(one, MILLIS)]);
      alice.emit('file-downloaded', { sessionId: alice.sessionId, downloadedBy: 'Alice', senderId: one.userId, fileName: 'f' });
      for (const tab of [one, two]) await tab.next('download-notification');
      assert.deepEqual([news(alice), news(one), news(two)], [['user-joined'], [], []]);
    });
  }

  for (const [how, end] of [['leaves', leave], ['closes', (client) => client.close()], ['is lost', cut]]) {
    test(`a member of whom one connection ${how} stays on the other, and is gone with the last, ${over}`, async () => {
      const { alice, one, two } = await twice();
      await end(one);
      await reaches(alice, [two]);
      await reaches(two, [alice]);
      if (how === 'leaves') assert.deepEqual(await one.ask('send-message', message(one)), failed(NOT_A_MEMBER));
      await end(two);
      assert.equal((await alice.next('user-left')).userId, one.userId);
      await reaches(alice, []);
      same(alice.all('public-keys-updated').at(-1), [entry(alice, MILLIS)]);
      assert.deepEqual(news(alice), ['user-joined', 'user-left']);
    });
  }

  for (const [how, end] of [
    ['stops typing', (client) => client.ask('stopped-typing', mine(client)).then((answer) => assert.deepEqual(answer, DONE))],
    ['leaves', leave],
    ['closes', (client) => client.close()],
  ]) {
    test(`a member who types on two connections goes on when one ${how}, ${over}`, async () => {
      const { alice, one, two } = await twice();
      const typing = (client) => client.events.map(({ name }) => name).filter((name) => name.includes('typing'));
      for (const tab of [one, two]) {
        assert.deepEqual(await tab.ask('typing', mine(tab)), DONE);
        await alice.next('user-typing', ({ userId }) => userId === one.userId);
      }
      // The node of each has heard of the other's typing: what it sends comes behind that.
      await reaches(one, [two, alice]);
      await reaches(two, [one, alice]);
      await end(one);
      if (how === 'stops typing') await reaches(one, [two, alice]);
      await reaches(two, [alice]);
      assert.deepEqual(typing(alice), ['user-typing', 'user-typing']);
      await end(two);
      assert.equal((await alice.next('user-stopped-typing')).userId, one.userId);
      await reaches(alice, []);
      assert.equal(typing(alice).length, 3);
      assert.deepEqual([...typing(one), ...typing(two)], [], 'not of oneself');
    });
  }

  test(`one authenticated user is a member on both connections with another key, which is marked, ${over}`, async () => {
    const auth = { token: token(user('bob')) };
    const alice = await creator(place(), 'Alice', {}, { transports });
    const one = await member(alice.where, 'Bob', {}, { transports, auth });
    const two = await rejoin(one, { publicKey: 'a new key' }, { transports, auth });
    const known = (keys) => keys.find(({ userId }) => userId === one.userId)?.publicKey === 'a new key';
    for (const client of [alice, one]) {
      const keys = await client.next('public-keys-updated', known);
      same(keys, [entry(alice, MILLIS), { ...entry(two, MILLIS), keyChangedAt: MILLIS }]);
    }
    await reaches(alice, [one, two]);
    await reaches(one, [alice, two]);
    assert.deepEqual([news(one), news(two)], [[], []]);
    const eve = await rejoin(one, { publicKey: 'key of Eve' }, { transports, auth: { token: token(user('eve')) } });
    for (const displaced of [one, two]) assert.deepEqual(await displaced.next('session-error'), REPLACED);
    await reaches(alice, [eve]);
  });

  test(`who joins under a member’s id with another key takes its place, which that one is told, ${over}`, async () => {
    const { alice, one, two } = await twice();
    assert.deepEqual(await two.ask('typing', mine(two)), DONE);
    await alice.next('user-typing');
    const eve = await rejoin(one, { publicKey: 'key of Eve' }, { transports });
    for (const displaced of [one, two]) assert.deepEqual(await displaced.next('session-error'), REPLACED);
    await alice.next('user-stopped-typing');
    const changed = (keys) => keys.some(({ keyChangedAt }) => keyChangedAt !== undefined);
    const keys = await alice.next('public-keys-updated', changed);
    same(keys, [entry(alice, MILLIS), { ...entry(eve, MILLIS), keyChangedAt: MILLIS }]);
    assert.ok(keys[1].keyChangedAt >= keys[1].joinedAt);
    const seen = [one, two].map((displaced) => displaced.mark());
    await reaches(alice, [eve]);
    await reaches(eve, [alice]);
    for (const displaced of [one, two]) {
      assert.deepEqual(await displaced.ask('send-message', message(displaced)), failed(NOT_A_MEMBER));
      assert.deepEqual(await displaced.ask('leave-session', mine(displaced)), failed(NOT_A_MEMBER));
    }
    const late = [one, two].flatMap((displaced, at) => displaced.since(seen[at]).map(([name]) => name));
    assert.deepEqual([...new Set(late)], ['session-error'], 'nothing of the session any more');
    one.close();
    two.close();
    await reaches(alice, [eve]);
    assert.deepEqual(news(alice), ['user-joined']);
    const again = await member(alice.where, 'Bob', { userId: one.userId, publicKey: one.publicKey }, { transports });
    assert.deepEqual(await eve.next('session-error'), REPLACED, 'the member takes it back');
    await reaches(alice, [again]);
  });

  test(`who sets another key on one connection of a member takes its place on the others, ${over}`, async () => {
    const { alice, one, two } = await twice({ publicKey: null });
    const saved = { publicKey: one.publicKey, displayName: 'Bob' };
    assert.deepEqual(await two.ask('save-public-key', mine(two, saved)), DONE, 'the same key');
    await reaches(alice, [one, two]);
    assert.deepEqual(await two.ask('save-public-key', mine(two, { publicKey: 'key of Eve' })), DONE);
    assert.deepEqual(await one.next('session-error'), REPLACED);
    await alice.next('public-keys-updated', (keys) => keys.some(({ keyChangedAt }) => keyChangedAt !== undefined));
    await reaches(alice, [two]);
    assert.deepEqual(await one.ask('send-message', message(one)), failed(NOT_A_MEMBER));
    assert.deepEqual(news(two), []);
  });
}

test('who joins as another on a connection of a member leaves that one only there', async () => {
  const alice = await creator(place(), 'Alice');
  const one = await member(alice.where, 'Bob');
  const two = await rejoin(one);
  assert.equal(await attemptJoin(two, joining(alice.where, 'Carol')), undefined);
  await alice.next('user-joined', ({ displayName }) => displayName === 'Carol');
  await reaches(alice, [one, two]);
  assert.deepEqual(news(alice), ['user-joined', 'user-joined']);
});

test('of more connections than a member may be on, the oldest is replaced', async () => {
  const alice = await creator(place(), 'Alice');
  const one = await member(alice.where, 'Bob');
  const tabs = [];
  for (let number = 1; number <= 16; number += 1) tabs.push(await rejoin(one));
  assert.deepEqual(await one.next('session-error'), REPLACED);
  await reaches(alice, tabs);
  for (const tab of tabs) assert.deepEqual(tab.all('session-error'), []);
});

test('a client whose connection died unnoticed comes back without a word, with its key and without', async () => {
  const alice = await creator(place(), 'Alice');
  for (const fields of [{}, { publicKey: null }]) {
    const bob = await member(alice.where, 'Bob');
    // It answers nothing any more, and the server does not know yet.
    bob.socket.io.engine.transport.ws._socket.pause();
    const again = await rejoin(bob, fields);
    await reaches(alice, [again]);
    await reaches(again, [alice]);
    cut(bob);
    await reaches(alice, [again]);
    const own = alice.events.filter(({ args: [payload] }) => payload?.userId === bob.userId).map(({ name }) => name);
    assert.deepEqual(own, ['user-joined']);
    assert.deepEqual(again.all('session-error'), []);
    await leave(again);
    await until(() => alice.all('user-left').length, (count) => count > 0);
    alice.events = alice.events.filter(({ name }) => name !== 'user-left');
  }
});

for (const chatMode of ['private', 'password']) {
  test(`in mode ${chatMode} the place of who was lost is kept for them, and of who leaves for nobody`, async () => {
    const where = await reserved(chatMode);
    const [alice, bob] = [await creator(where, 'Alice'), await member(where, 'Bob')];
    const tab = await rejoin(bob);
    cut(tab);
    cut(bob);
    await alice.next('user-left');
    for (const fields of [{}, { isCreator: true }]) {
      const error = await attemptJoin(await guest(), joining(where, 'Eve', fields));
      assert.deepEqual(error, REFUSALS.full(2));
    }
    const again = await rejoin(bob, { publicKey: null });
    await reaches(alice, [again]);
    cut(alice);
    await again.next('user-left');
    assert.deepEqual(await attemptJoin(await guest(), joining(where, 'Eve')), REFUSALS.full(2));
    const back = await rejoin(alice);
    await leave(again);
    await back.next('user-left');
    await reaches(await member(where, 'Carol'), [back]);
  });
}

test('a guest who shows the key of nobody is refused as ever', async () => {
  const alice = await creator(place(), 'Alice');
  const error = await attemptJoin(await guest(), joining({ ...alice.where, authKey: 'wrong' }, 'Alice', { userId: alice.userId }));
  assert.equal(error.error, 'INVALID_KEY');
  const { success } = await alice.ask('send-message', message(alice));
  assert.equal(success, true);
  assert.deepEqual(news(alice), []);
});
