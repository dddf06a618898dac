// Invitations, with who invites, who is invited and their requests on nodes of their own. Started with WHO_MAY_ADD=invite.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { token, user } from '../support/relay.mjs';
import { NODES, client } from '../support/nodes.mjs';

/** A request to a node that must succeed. */
async function ask(node, who, method, path, body) {
  const headers = { Authorization: `Bearer ${token(who)}`, 'Content-Type': 'application/json' };
  const answer = await fetch(`${NODES[node % NODES.length]}${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, await answer.clone().text());
  return answer.json();
}

const say = (node, who, id, content) => ask(node, who, 'POST', '/api/messages', { conversationId: id, content });

test('an invitation, its acceptance and its end hold on every node', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  for (let node = 0; node < 3; node += 1) {
    const told = [await client(bob, node, 'feed'), await client(bob, node + 1, 'feed')];
    const chats = [await client(bob, node, 'chat'), await client(bob, node + 2, 'chat')];
    const talk = await client(bob, node + 1, 'conversation');
    const watcher = await client(alice, node + 1, 'feed');
    const { conversation } = await ask(node, alice, 'POST', '/api/conversations', { participantIds: [] });
    const { id } = conversation;
    const path = `/api/conversations/${id}/participants`;
    const { participant } = await ask(node + 2, alice, 'POST', path, { userId: bob.userId });
    assert.equal(participant.status, 'invited');
    for (const one of told) {
      await one.next('conversation-participants-added', ({ added_by: by, conversationId }) => by === alice.username && conversationId === id);
    }
    await say(node, alice, id, 'before');
    const join = () => talk.ask('conversation:join', { conversationId: id });
    assert.deepEqual(await join(), { success: true });
    for (const one of [...told, watcher]) {
      await one.next('conversation-participants-added', ({ added_by: by, conversationId }) => by === bob.username && conversationId === id);
    }
    await say(node + 2, alice, id, 'after');
    await talk.next('message:new', (message) => message.content === 'after');
    for (const one of chats) {
      await one.next('message:new');
      assert.deepEqual(one.all('message:new').map(({ data }) => data.content), ['after']);
    }
    const news = watcher.all('conversation-participants-added').filter(({ conversationId }) => conversationId === id);
    assert.equal(news.length, 1, 'others are told when they are in');
    await ask(node, bob, 'DELETE', `${path}/${bob.userId}`);
    await ask(node + 1, alice, 'POST', path, { userId: bob.userId });
    await ask(node + 2, bob, 'DELETE', `${path}/${bob.userId}`);
    assert.equal((await join()).success, false);
    for (const one of [...told, ...chats, talk, watcher]) one.close();
  }
});

test('who accepts on two nodes at once is added once', async () => {
  const [alice, bob] = ['Alice', 'Bob'].map(user);
  const talks = [await client(bob, 0, 'conversation'), await client(bob, 1, 'conversation'), await client(bob, 2, 'conversation')];
  for (let round = 0; round < 10; round += 1) {
    const { conversation } = await ask(round, alice, 'POST', '/api/conversations', { participantIds: [bob.userId] });
    const { id } = conversation;
    const answers = await Promise.all(talks.map((talk) => talk.ask('conversation:join', { conversationId: id })));
    assert.deepEqual(answers, talks.map(() => ({ success: true })));
    const { changes } = await ask(round, alice, 'GET', `/api/conversations/${id}/changes?after=0`);
    assert.deepEqual(changes.map(({ type }) => type), ['conversation:created', 'participant:added']);
    await say(round + 1, alice, id, `to all ${round}`);
    for (const talk of talks) await talk.next('message:new', ({ content }) => content === `to all ${round}`);
  }
});
