// Participants who are added and removed through several nodes at once: what is told last is what is stored, and who is
// removed receives nothing more. With ROUNDS_FACTOR=10, ten times as many rounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at as place, call, done } from '../support/rest.mjs';
import { NODES } from '../support/nodes.mjs';
import {
  count, follow, followers, foundByAdmins, on, person, rounds, settled, told, verdict,
} from '../support/changes.mjs';

const LAST = NODES.length - 1;

/** Two admins, who are there all the time, and a third person who comes and goes, with clients of all dialects on all nodes. */
async function stage() {
  const [alice, bob, carol] = ['Alice', 'Bob', 'Carol'].map(person);
  const id = await foundByAdmins(alice, bob);
  await request(alice, 0, id, 'POST', carol);
  return { id, alice, bob, carol, watchers: await followers(id, alice, bob), guests: await followers(id, carol) };
}

/** Adds or removes somebody through a node. */
async function request(who, node, id, method, { userId }) {
  const path = method === 'POST' ? place(id, 'participants') : place(id, 'participants', userId);
  const { status } = await call(who, method, on(node, path), method === 'POST' ? { userId } : undefined);
  assert.ok([200, 201, 404].includes(status), `${status}`);
}

/** Whether somebody is a participant, as is stored. */
async function isIn(id, admin, { userId }) {
  const { participants } = await done(200, admin, 'GET', on(0, place(id)));
  return participants.some((one) => one.userId === userId && one.status === 'active');
}

/** What a client of `feed` was told of the participation of somebody. */
function words(watcher, { username }) {
  return told(watcher).filter(({ name }) => name === username).map(({ kind }) => kind);
}

/** The contents of the new messages that a client was told of. */
function contents(one) {
  return told(one).filter(({ kind }) => kind === 'new').map(({ content }) => content);
}

test('somebody who is added and removed by two admins at once is told of in order, and the last word is what is stored', async (t) => {
  const { id, alice, bob, carol, watchers } = await stage();
  const of = rounds(40);
  const feeds = watchers.filter(({ dialect }) => dialect === 'feed');
  let wrong = 0;
  for (let round = 0; round < of; round += 1) {
    const marks = feeds.map((one) => words(one, carol).length);
    await Promise.all([
      request(alice, 0, id, 'DELETE', carol), request(bob, LAST, id, 'POST', carol),
      request(bob, LAST, id, 'DELETE', carol), request(alice, 0, id, 'POST', carol),
    ]);
    await settled(alice, id, watchers);
    const last = (await isIn(id, alice, carol)) ? 'added' : 'removed';
    wrong += Number(feeds.some((one, index) => {
      const all = words(one, carol).slice(Math.max(0, marks[index] - 1));
      const isInOrder = all.every((word, at) => at === 0 || word !== all[at - 1]);
      return !isInOrder || (all.length > 1 && all.at(-1) !== last);
    }));
    // From here on both agree again.
    await request(alice, 0, id, 'DELETE', carol);
    await request(alice, 0, id, 'POST', carol);
    await settled(alice, id, watchers);
  }
  verdict(t, wrong, of);
});

test('who is removed receives no message that is sent after all requests were answered, and who is not receives each', async (t) => {
  const { id, alice, bob, carol, guests } = await stage();
  const of = rounds(400);
  const chats = guests.filter(({ dialect }) => dialect === 'chat');
  const wasIn = [];
  for (let round = 0; round < of; round += 1) {
    await Promise.all([
      request(alice, 0, id, 'DELETE', carol), request(bob, LAST, id, 'POST', carol), follow(guests[round % guests.length]),
      ...(round % 2 === 0 ? [request(bob, LAST, id, 'DELETE', carol)] : []),
    ]);
    wasIn.push(await isIn(id, alice, carol));
    await done(201, alice, 'POST', on(round, '/api/messages'), { conversationId: id, content: round });
  }
  await request(alice, 0, id, 'POST', carol);
  await settled(alice, id, chats);
  const received = guests.map((one) => new Set(contents(one)));
  verdict(t, count(wasIn.keys(), (round) => (wasIn[round]
    ? chats.some((one) => !received[guests.indexOf(one)].has(round))
    : received.some((all) => all.has(round)))), of);
  assert.ok(new Set(wasIn).size === 2, 'each request wins some rounds');
});
