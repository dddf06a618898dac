// Changes of messages and reactions that are made through several nodes at once: all clients are told them in the order of
// the history. With ROUNDS_FACTOR=10, ten times as many rounds.
import { test } from 'node:test';
import { done, history, reactions, read } from '../support/rest.mjs';
import { NODES } from '../support/nodes.mjs';
import {
  count, follower, followers, foundByAdmins, inBatches, messagesTold, on, person, rounds, settled, told, verdict,
} from '../support/changes.mjs';

/** How many messages are on their way at once, and after how many of them a client is cut off. */
const [AT_ONCE, CUT_AFTER] = [50, 30];

/** Several clients of an author, and one who may delete what others wrote, on the first node and the last. */
async function stage() {
  const [author, admin, carol] = ['Author', 'Admin', 'Carol'].map(person);
  const id = await foundByAdmins(author, admin, carol);
  const last = NODES.length - 1;
  const [first, second] = [await follower(author, id, 0, 'conversation'), await follower(author, id, last, 'conversation')];
  return { id, author, admin: await follower(admin, id, last, 'conversation'), devices: [first, second], watchers: await followers(id, carol) };
}

async function ask(from, event, fields) {
  return from.ask(event, { conversationId: from.id, ...fields });
}

async function send(from, content) {
  return (await ask(from, 'message:send', { content })).messageId;
}

/** What each of the clients was told of each message, by its id. */
function byMessage(watchers) {
  return watchers.map((watcher) => {
    const all = new Map();
    for (const change of told(watcher)) all.set(change.id, [...(all.get(change.id) ?? []), change]);
    return all;
  });
}

test('messages that are sent by all nodes at once are told in the order of the history', async (t) => {
  const { id, devices, author, admin, watchers } = await stage();
  const of = rounds(300);
  const senders = [...devices, admin];
  await inBatches(of, (n) => send(senders[n % senders.length], n));
  await settled(author, id, watchers);
  const stored = (await history(author, id)).map((message) => message.id);
  const misplaced = watchers.map((watcher) => {
    const received = messagesTold(watcher);
    return count(stored.keys(), (at) => stored[at] !== received[at]);
  });
  verdict(t, Math.max(...misplaced), of);
});

test('a client that was cut off misses nothing behind the last message that it has', async (t) => {
  const { id, author, devices, admin } = await stage();
  const [of, each] = [rounds(1200), 2 * AT_ONCE];
  const senders = [...devices, admin];
  let wrong = 0;
  for (let round = 0; round < of / each; round += 1) {
    const reader = await follower(author, id, round, 'conversation');
    const sent = inBatches(each, (n) => send(senders[n % senders.length], n), AT_ONCE);
    await reader.next('message:new', () => messagesTold(reader).length >= CUT_AFTER);
    reader.close();
    const ids = messagesTold(reader);
    const all = await sent;
    for (let after = ids.at(-1); after !== undefined; ) {
      const page = await read(author, id, { after, limit: 50 });
      ids.push(...page.messages.map((message) => message.id));
      after = page.nextCursor;
    }
    wrong += count(all, (message) => count(ids, (one) => one === message) !== 1);
  }
  verdict(t, wrong, of);
});

test('who reads on by a cursor while all nodes write reads each message once', async (t) => {
  const { id, author, devices, admin } = await stage();
  const of = rounds(600);
  const senders = [...devices, admin];
  const ways = {
    changes: (cursor) => `/api/conversations/${id}/changes?after=${cursor}`,
    messages: (cursor) => `/api/messages?conversationId=${id}&after=${cursor}&limit=200`,
  };
  const { cursor: begin } = await done(200, author, 'GET', `/api/conversations/${id}/changes`);
  let isOver = false;
  const readers = Object.entries(ways).flatMap(([what, path]) => NODES.map(async (_, node) => {
    const read = [];
    for (let cursor = begin, more = true; more; ) {
      const wasOver = isOver;
      const page = await done(200, author, 'GET', on(node, path(cursor)));
      read.push(...page[what].map((one) => (one.message ?? one).id));
      more = !wasOver || page.cursor !== cursor;
      cursor = page.cursor;
    }
    return read;
  }));
  const sent = await inBatches(of, (n) => send(senders[n % senders.length], n)).finally(() => (isOver = true));
  const all = await Promise.all(readers);
  verdict(t, Math.max(...all.map((read) => count(sent, (message) => count(read, (one) => one === message) !== 1))), of);
});

test('a message that is deleted through another node once it was acknowledged stays deleted', async (t) => {
  const { id, author, admin, devices, watchers } = await stage();
  const of = rounds(40);
  const messages = [];
  for (let round = 0; round < of; round += 1) {
    const messageId = await send(devices[0], round);
    await ask(admin, 'message:delete', { messageId });
    messages.push(messageId);
  }
  await settled(author, id, watchers);
  const all = byMessage(watchers);
  // A node that was behind tells of a message that is gone no more than that.
  const isTold = (changes) => ['new,deleted', 'deleted'].includes(changes.map(({ kind }) => kind).join());
  verdict(t, count(messages, (message) => all.some((one) => !isTold(one.get(message)))), of);
});

test('a message that is edited and deleted at once is not told as edited after it was deleted', async (t) => {
  const { id, author, admin, devices, watchers } = await stage();
  const of = rounds(40);
  const messages = [];
  for (let round = 0; round < of; round += 1) {
    const messageId = await send(devices[0], round);
    await Promise.all([
      ask(devices[round % 2], 'message:update', { messageId, content: `edited ${round}` }), ask(admin, 'message:delete', { messageId }),
    ]);
    messages.push(messageId);
  }
  await settled(author, id, watchers);
  const all = byMessage(watchers);
  verdict(t, count(messages, (message) => all.some((one) => one.get(message).at(-1).kind !== 'deleted')), of);
});

test('after edits through several nodes at once all clients have the words of the history', async (t) => {
  const { id, author, devices, watchers } = await stage();
  const of = rounds(40);
  const messages = [];
  for (let round = 0; round < of; round += 1) {
    const messageId = await send(devices[0], round);
    await Promise.all(devices.map((device, index) => ask(device, 'message:update', { messageId, content: `${round} by ${index}` })));
    messages.push(messageId);
  }
  await settled(author, id, watchers);
  const all = byMessage(watchers);
  const stored = new Map((await history(author, id)).map((message) => [message.id, message.content]));
  verdict(t, count(messages, (message) => all.some((one) => one.get(message).at(-1).content !== stored.get(message))), of);
});

test('the last word on a reaction is what is stored', async (t) => {
  const { id, author, devices, watchers } = await stage();
  const of = rounds(120);
  const messages = await inBatches(of, async (round) => {
    const messageId = await send(devices[0], round);
    const reaction = { messageId, emoji: '👍' };
    const { reactionId } = await ask(devices[round % 2], 'reaction:add', reaction);
    await Promise.all([
      ask(devices[0], 'reaction:remove', { messageId, reactionId }), ask(devices[1], 'reaction:add', reaction),
      ask(devices[1], 'reaction:remove', { messageId, reactionId }), ask(devices[0], 'reaction:add', reaction),
    ]);
    return messageId;
  }, 1);
  await settled(author, id, watchers);
  const all = byMessage(watchers.filter(({ dialect }) => dialect === 'conversation'));
  const stored = await reactions(author, id);
  verdict(t, count(messages, (message) => all.some((one) => {
    const present = new Set();
    for (const { kind, reaction } of one.get(message)) {
      if (kind === 'reacted') present.add(reaction);
      if (kind === 'unreacted') present.delete(reaction);
    }
    const known = new Set(one.get(message).map(({ reaction }) => reaction));
    return [...known].some((reaction) => reaction !== undefined && present.has(reaction) !== stored.has(reaction));
  })), of);
});
