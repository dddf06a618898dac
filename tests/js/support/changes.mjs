// What the suites about the order of changes share: clients of every dialect on every node, what each was told in words
// that are the same for all dialects, and how violations are counted. It expects nothing of the order itself.
import assert from 'node:assert/strict';
import { TIMEOUT, unique } from './relay.mjs';
import { at as place, call, done } from './rest.mjs';
import { NODES, client, until } from './nodes.mjs';

export const DIALECTS = ['conversation', 'feed', 'chat'];
/** How many times as many rounds as usual. */
const FACTOR = Number(process.env.ROUNDS_FACTOR ?? 1);
/** How many requests are on their way at once where a test makes as many as it can. */
const BATCH = 50;

/** What each event of a dialect says of a change, and of which conversation. */
const WORDS = {
  conversation: {
    'message:new': (it) => ({ kind: 'new', of: it.conversationId, id: it.id, content: it.content }),
    'message:updated': (it) => ({ kind: 'edited', of: it.conversationId, id: it.id, content: it.content }),
    'message:deleted': (it) => ({ kind: 'deleted', of: it.conversationId, id: it.id }),
    'reaction:added': (it) => ({ kind: 'reacted', of: it.conversationId, id: it.messageId, reaction: it.id }),
    'reaction:removed': (it) => ({ kind: 'unreacted', of: it.conversationId, id: it.messageId, reaction: it.id }),
  },
  feed: {
    'new-message': (it) => ({ kind: 'new', of: it.conversation_id, id: it.id, content: it.encrypted_msg_content }),
    'message-updated': (it) => ({ kind: 'edited', of: it.conversation_id, id: it.id, content: it.encrypted_msg_content }),
    'message-deleted': (it) => ({ kind: 'deleted', of: it.conversation_id, id: it.id }),
    'conversation-participants-added': (it) => ({ kind: 'added', of: it.conversationId, name: it.usernames[0] }),
    'conversation-participants-removed': (it) => ({ kind: 'removed', of: it.conversationId, name: it.usernames[0] }),
  },
  chat: {
    'message:new': ({ data }) => ({ kind: 'new', of: data.chatId, id: data.messageId, content: data.content }),
    'message:edited': ({ data }) => ({ kind: 'edited', of: data.chatId, id: data.messageId, content: data.content }),
    'message:deleted': ({ data }) => ({ kind: 'deleted', of: data.chatId, id: data.messageId }),
  },
};

/** What a new message is called in each dialect. */
const NEW = { conversation: 'message:new', feed: 'new-message', chat: 'message:new' };

/** Someone whose name nobody else has, so that it says who they are where only names are told. */
export function person(name) {
  const id = unique(name.toLowerCase());
  return { userId: id, username: id };
}

/** The number of rounds that a test is to do. */
export function rounds(usual) {
  return Math.ceil(usual * FACTOR);
}

/** Where a request is to be made to one node. */
export function on(node, path) {
  return `${NODES[node % NODES.length]}${path}`;
}

/** A conversation of these people, all of them its admins. */
export async function foundByAdmins(...people) {
  const [first, ...others] = people;
  const { conversation } = await done(201, first, 'POST', '/api/conversations', { participantIds: [] });
  for (const { userId } of others) {
    await done(201, first, 'POST', place(conversation.id, 'participants'), { userId, role: 'admin' });
  }
  return conversation.id;
}

/** A client of a dialect on a node that follows a conversation, if it has to ask for that. */
export async function follower(who, id, node, dialect) {
  const made = Object.assign(await client(who, node, dialect), { dialect, id });
  await follow(made);
  return made;
}

/** Lets a client follow its conversation; whether it may. */
export async function follow(follower) {
  if (follower.dialect === 'chat') return true;
  const [event, payload] = follower.dialect === 'feed'
    ? ['join-conversation', follower.id]
    : ['conversation:join', { conversationId: follower.id }];
  return (await follower.ask(event, payload)).success;
}

/** Clients of these people in a conversation, one of each dialect on each node. */
export async function followers(id, ...people) {
  const all = [];
  for (const node of NODES.keys()) {
    for (const [index, dialect] of DIALECTS.entries()) {
      all.push(await follower(people[index % people.length], id, node, dialect));
    }
  }
  return all;
}

/** The change that an event tells a client of this dialect of, if it is one. */
export function changeOf(dialect, { name, args }) {
  return WORDS[dialect][name]?.(args[0]);
}

/** The changes of a conversation that a client was told, in that order. */
export function told(follower, id = follower.id) {
  const changes = follower.events.map((event) => changeOf(follower.dialect, event));
  return changes.filter((change) => change !== undefined && String(change.of) === id);
}

/** The ids of the messages that a client was told of. */
export function messagesTold(follower, id = follower.id) {
  return told(follower, id).filter(({ kind }) => kind === 'new').map((change) => change.id);
}

/** Waits until a client was told of a new message with this content. */
export function receives(follower, content, timeout = TIMEOUT) {
  const { dialect } = follower;
  const name = NEW[dialect];
  return follower.next(name, (payload) => WORDS[dialect][name](payload).content === content, timeout);
}

/**
 * Posts a message by every node and waits until each of the clients has all of these: what was done before and is told
 * in order was told before.
 */
export async function settled(who, id, clients) {
  const contents = await Promise.all(NODES.map(async (_, node) => {
    const content = unique('settled');
    const message = { conversationId: id, content, tempId: content };
    // A store that is slow for a moment is none of what is tested.
    await until('a message is kept', async () => (await call(who, 'POST', on(node, '/api/messages'), message)).status < 300);
    return content;
  }));
  await Promise.all(clients.flatMap((one) => contents.map((content) => receives(one, content))));
}

/** Does something so many times, some at once; what each returned. */
export async function inBatches(count, act, batch = BATCH) {
  const results = [];
  for (let from = 0; from < count; from += batch) {
    const numbers = Array.from({ length: Math.min(batch, count - from) }, (_, index) => from + index);
    results.push(...(await Promise.all(numbers.map(act))));
  }
  return results;
}

/** How many of these there are for which something is wrong. */
export function count(all, isWrong) {
  return [...all].filter(isWrong).length;
}

/** Says how many violations there were, of which there must be none. */
export function verdict(test, violations, of, details = '') {
  test.diagnostic(`${violations} violations in ${of} rounds, ${NODES.length} nodes: ${test.name}`);
  assert.equal(violations, 0, `${violations} violations in ${of} rounds ${details}`);
}
