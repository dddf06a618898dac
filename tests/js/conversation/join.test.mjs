// `conversation`: conversation:join, who is admitted, and who is notified.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { TIME, same, unique, user } from '../support/relay.mjs';
import {
  DONE, REFUSALS, add, askInOrder, call, enter, failed, found, invalid, members, names, observe, online, person, present, send, settle,
} from '../support/conversations.mjs';

const MAX_LENGTH_ID = `${unique('conversation')}${'c'.repeat(128)}`.slice(0, 128);
const number = () => randomInt(2 ** 47);

/** What `conversation:join` of this id is refused with: the event and the callback say the same, and nothing else came. */
async function refusal(client, conversationId, others = []) {
  let answer;
  const [seen, ...reached] = await observe([client, ...others], async () => {
    answer = await client.ask('conversation:join', { conversationId });
  });
  assert.deepEqual(names(seen), ['conversation:join:error']);
  assert.deepEqual(reached, others.map(() => []));
  const [[, error]] = seen;
  assert.deepEqual(error.conversationId, conversationId);
  assert.deepEqual(answer, failed(error));
  return error;
}

test('a participant is let in: first the callback, then conversation:joined, and nothing more', async () => {
  const who = user('Alice');
  const conversationId = await found(who);
  const alice = await online(who);
  const start = alice.mark();
  const { answer, mark } = await askInOrder(alice, 'conversation:join', { conversationId });
  assert.deepEqual(answer, DONE);
  assert.equal(mark, start, 'nothing came before the callback was called');
  await settle([alice]);
  assert.deepEqual(alice.since(start), [['conversation:joined', { conversationId, participantCount: 1 }]]);
});

test('without a callback it is the same', async () => {
  const who = user('Alice');
  const conversationId = await found(who);
  const alice = await online(who);
  const [seen] = await observe([alice], () => alice.emit('conversation:join', { conversationId }));
  assert.deepEqual(seen, [['conversation:joined', { conversationId, participantCount: 1 }]]);
});

for (const transport of ['websocket', 'polling']) {
  test(`over ${transport} the others are notified who came, the one who came who is there`, async () => {
    const [one, two] = [{ ...user('Alice'), avatarUrl: 'https://example.test/a.png' }, user('Bob')];
    const conversationId = await found(one, [two]);
    const bob = await present(two, conversationId, { transports: [transport] });
    const alice = await online(one, { transports: [transport] });
    const [toAlice, toBob] = await observe([alice, bob], () => enter(alice, conversationId));
    same(toAlice, [
      ['conversation:joined', { conversationId, participantCount: 2 }],
      ['user:online', { conversationId, userId: two.userId, user: person(two), timestamp: TIME }],
    ]);
    same(toBob, [['user:online', { conversationId, userId: one.userId, user: person(one), timestamp: TIME }]]);
    assert.equal(toBob[0][1].user.avatarUrl, one.avatarUrl);
  });
}

test('a user is announced with their first socket, and every socket is counted', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const [second, third] = [await online(alice), await online(bob)];
  for (const [client, participantCount] of [[second, 3], [third, 4]]) {
    const [seen, ...others] = await observe([client, alice, bob], async () => {
      assert.deepEqual(await enter(client, alice.conversationId), { conversationId: alice.conversationId, participantCount });
    });
    assert.deepEqual(names(seen), ['conversation:joined', 'user:online'], 'of the other user');
    assert.deepEqual(others, [[], []]);
  }
});

test('every socket in the conversation is notified, once', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const second = await present(bob, alice.conversationId);
  const who = user('Carol');
  await add(alice, alice.conversationId, who);
  const carol = await online(who);
  const [, ...others] = await observe([carol, alice, bob, second], () => enter(carol, alice.conversationId));
  for (const events of others) assert.deepEqual(names(events), ['user:online']);
});

test('who has not joined receives nothing, participant or not', async () => {
  const [one, two] = [user('Alice'), user('Bob')];
  const conversationId = await found(one, [two]);
  const [alice, bob, eve] = [await online(one), await online(two), await online(user('Eve'))];
  const [, ...others] = await observe([alice, bob, eve], async () => {
    await enter(alice, conversationId);
    await send(alice);
  });
  assert.deepEqual(others, [[], []]);
});

test('joining again has the same answers, and nobody else is notified', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const { conversationId } = alice;
  const [toAlice, toBob] = await observe([alice, bob], () => enter(alice, conversationId));
  assert.deepEqual(toAlice, [['conversation:joined', { conversationId, participantCount: 2 }]]);
  assert.deepEqual(toBob, []);
  const [, again] = await observe([alice, bob], () => send(alice));
  assert.deepEqual(names(again), ['message:new'], 'and nothing comes twice');
});

test('a socket may be in several conversations', async () => {
  const [one, two] = [user('Alice'), user('Bob')];
  const ids = [await found(one, [two]), await found(one, [two])];
  const [alice, bob] = [await online(one), await online(two)];
  for (const id of ids) {
    await enter(bob, id);
    assert.equal((await enter(alice, id)).participantCount, 2);
  }
  for (const conversationId of ids) {
    const [, toBob] = await observe([alice, bob], () => alice.ask('message:send', { conversationId, content: 'x' }));
    assert.deepEqual(toBob.map(([name, payload]) => [name, payload.conversationId]), [['message:new', conversationId]]);
  }
});

test('nobody can distinguish a conversation of others from one that does not exist', async () => {
  const [alice, bob] = await members('Alice', 'Bob');
  const eve = await online(user('Eve'));
  const answers = [];
  for (const id of [alice.conversationId, unique('conversation'), number(), '*', `${alice.conversationId} `]) {
    const { conversationId, ...error } = await refusal(eve, id, [alice, bob]);
    assert.equal(conversationId, id);
    answers.push(error);
  }
  assert.deepEqual(answers, answers.map(() => REFUSALS.notParticipant));
  const [toEve] = await observe([eve, alice], () => send(alice));
  assert.deepEqual(toEve, [], 'and who was refused gets no messages');
});

test('who is refused and then added is let in at once', async () => {
  const [alice] = await members('Alice');
  const eve = await online(user('Eve'));
  await refusal(eve, alice.conversationId);
  assert.equal((await add(alice, alice.conversationId, eve)).status, 201);
  await enter(eve, alice.conversationId);
});

test('an id is a number to those who joined with a number, text to those who joined with text', async () => {
  const [one, two] = [user('Alice'), user('Bob')];
  const id = number();
  assert.equal(await found(one, [two], { id }), id, 'REST answers as it was asked');
  const [alice, bob] = [await online(one), await online(two)];
  assert.deepEqual(await enter(alice, id), { conversationId: id, participantCount: 1 });
  const [toAlice] = await observe([alice, bob], () => enter(bob, String(id)));
  assert.equal(toAlice[0][1].conversationId, id);
  const seen = await observe([alice, bob], async () => {
    const messageId = await send(alice);
    await bob.ask('message:update', { conversationId: id, messageId: await send(bob), content: 'y' });
    await bob.ask('typing:start', { conversationId: id });
    await alice.ask('typing:stop', { conversationId: String(id) });
    await bob.ask('reaction:add', { conversationId: id, messageId, emoji: '👍' });
    await bob.ask('message:read', { conversationId: id, messageIds: [messageId] });
  });
  for (const [index, type] of [id, String(id)].entries()) {
    assert.ok(seen[index].length >= 6);
    for (const [name, { conversationId }] of seen[index]) assert.equal(conversationId, type, name);
  }
});

test('who has not joined is told of receipts under the id that the conversation was made with', async () => {
  const [one, two] = [user('Alice'), user('Bob')];
  for (const id of [number(), String(number())]) {
    await found(one, [two], { id });
    const [alice, bob] = [await online(one), await online(two)];
    const { messageId } = await alice.ask('message:send', { conversationId: id, content: 'x' });
    const [seen] = await observe([alice, bob], () => bob.ask('message:read', { conversationId: String(id), messageIds: [messageId] }));
    assert.deepEqual(seen.map(([name, { conversationId }]) => [name, conversationId]), [['message:delivered', id], ['message:read:receipt', id]]);
  }
});

test('a conversation that was made with text may be joined with the number', async () => {
  const who = user('Alice');
  const id = number();
  assert.equal(await found(who, [], { id: String(id) }), String(id));
  const alice = await online(who);
  assert.equal((await enter(alice, id)).conversationId, id);
  await refusal(alice, `0${id}`);
  await refusal(alice, `${id}.0`);
});

test('the join that came last says which type the id has', async () => {
  const who = user('Alice');
  const id = await found(who, [], { id: number() });
  const alice = await online(who);
  for (const type of [id, String(id), id]) {
    assert.deepEqual(await enter(alice, type), { conversationId: type, participantCount: 1 });
    const [[[, { conversationId }]]] = await observe([alice], () => alice.ask('message:send', { conversationId: id, content: 'x' }));
    assert.equal(conversationId, type);
  }
});

test('a number of more digits than JavaScript has keeps them all', async () => {
  const who = user('Alice');
  const id = String(2n ** 62n + BigInt(number()));
  await found(who, [], { id });
  const alice = await online(who);
  const frames = alice.frames();
  alice.raw(`2["conversation:join",{"conversationId":${id}}]`);
  await alice.next('conversation:joined');
  assert.ok(frames.at(-1).includes(`"conversationId":${id},`), frames.at(-1));
});

for (const id of [MAX_LENGTH_ID, unique('é_ü:💬 /?#%'), unique('a_b'), `'"\\${unique('')}`]) {
  test(`an id may be ${id.slice(0, 20)}`, async () => {
    const [one, two] = [user('Alice'), user('Bob')];
    assert.equal(await found(one, [two], { id }), id);
    const [alice, bob] = [await present(one, id), await present(two, id)];
    const [, toBob] = await observe([alice, bob], () => send(alice));
    assert.equal(toBob[0][1].conversationId, id);
    assert.equal((await call(one, 'GET', `/api/conversations/${encodeURIComponent(id)}`)).status, 200);
  });
}

test('ids that look alike inside are different conversations', async () => {
  const who = user('Alice');
  const prefix = unique('c');
  const [first, second] = [await found(who, [], { id: `${prefix}:x` }), await found(user('Bob'), [], { id: `${prefix}_x` })];
  const alice = await present(who, first);
  assert.equal((await refusal(alice, second)).code, 'NOT_PARTICIPANT');
});

test('a conversationId that is missing or wrong is refused by name', async () => {
  const alice = await online(user('Alice'));
  for (const value of [undefined, null, '', true, {}, [], ['x'], 1.5, 1e300, 'x'.repeat(129), 'é'.repeat(65), 'a\u0000b', 'a\nb', Buffer.from('x')]) {
    const [seen] = await observe([alice], async () => {
      assert.deepEqual(await alice.ask('conversation:join', { conversationId: value, other: 'x' }), failed(invalid('conversationId')));
    });
    const [[name, { conversationId, ...error }]] = seen;
    assert.deepEqual([seen.length, name, error], [1, 'conversation:join:error', invalid('conversationId')]);
    if (conversationId !== null) assert.deepEqual(conversationId, value, 'if anything, what came in');
  }
});

test('a payload that is no object is refused', async () => {
  const alice = await online(user('Alice'));
  for (const args of [[], [null], [''], [true], [[]], [Buffer.from('x')]]) {
    const [seen] = await observe([alice], async () => {
      assert.deepEqual(await alice.ask('conversation:join', ...args), failed(invalid('payload')));
    });
    assert.deepEqual(seen, [['conversation:join:error', { conversationId: null, ...invalid('payload') }]]);
  }
});
