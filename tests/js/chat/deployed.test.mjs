// `chat`: a client as deployed ones are, with the habits that they have. Started with nothing set.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, token } from '../support/relay.mjs';
import { asChat, chatEdit, chatMessage, conversation, erase, knownUsers, must, observe, rest, settle } from '../support/feed-chat.mjs';

const GRACE = 2000;

/**
 * Makes a new socket whenever another chat is opened, the token in its query, and closes the one before it. Reads messages from the envelope
 * and everything else from the flat form. Shows messages of the open chat only, those it posted as well only once the server has sent them.
 */
class Deployed {
  online = new Set();
  typing = new Set();
  /** What was sent about others' presence in all, `[name, userId]`. */
  presence = [];
  messages = [];

  constructor(who) {
    this.who = who;
  }

  /** Shows a chat: its history, and what comes. */
  async open(chatId) {
    this.client?.close();
    this.chatId = chatId;
    const options = { query: { token: token(this.who) }, transports: ['polling', 'websocket'], reconnection: true, autoConnect: false };
    this.client = asChat(new Client(options));
    this.listen(this.client.socket);
    this.client.socket.connect();
    await this.client.next('auth:success');
    const { messages } = await must(200, rest(this.who, `GET /api/messages?chatId=${chatId}`));
    this.messages = messages.map(({ id, content }) => ({ id, content }));
  }

  listen(socket) {
    const inThisChat = (act) => ({ data }) => data.chatId === this.chatId && act(data);
    socket.on('message:new', inThisChat(({ messageId: id, content }) => this.messages.push({ id, content })));
    socket.on('message:edited', inThisChat(({ messageId, content }) => this.replace(messageId, [{ id: messageId, content }])));
    socket.on('message:deleted', inThisChat(({ messageId }) => this.replace(messageId, [])));
    for (const [name, act] of [['user:online', 'add'], ['user:offline', 'delete']]) {
      socket.on(name, ({ userId }) => {
        this.online[act](userId);
        this.presence.push([name, userId]);
      });
    }
    socket.on('user:typing', ({ userId, chatId, isTyping }) => chatId === this.chatId && this.typing[isTyping ? 'add' : 'delete'](userId));
    socket.on('user:stop-typing', ({ userId }) => this.typing.delete(userId));
  }

  replace(messageId, by) {
    this.messages = this.messages.flatMap((message) => (message.id === messageId ? by : [message]));
  }

  type() {
    this.client.emit('user:typing', { chatId: this.chatId });
  }

  send(content) {
    return chatMessage(this.who, this.chatId, { content });
  }

  get contents() {
    return this.messages.map(({ content }) => content);
  }
}

/** Two users who have these many chats, each with the first one open. */
async function windows(count) {
  const [one, other] = await knownUsers('Ann', 'Ben');
  const chats = [];
  for (let index = 0; index < count; index += 1) chats.push(await conversation(one, [other]));
  const both = [new Deployed(one), new Deployed(other)];
  for (const window of both) await window.open(chats[0]);
  await settle(both.map(({ client }) => client));
  return { chats, both };
}

test('both see what is posted, edited and deleted', async () => {
  const { both: [ann, ben] } = await windows(1);
  await observe([ann.client, ben.client], async () => {
    const first = await ann.send('helo');
    const second = await ben.send('what?');
    await ann.send('I meant hello');
    await must(200, chatEdit(ann.who, first.id, 'hello'));
    await must(200, erase(ben.who, second.id));
  });
  assert.deepEqual([ann.contents, ben.contents], Array(2).fill(['hello', 'I meant hello']));
  assert.deepEqual([...ann.online, ...ben.online], [ben.who.userId, ann.who.userId]);
});

test('who opens one chat after the other is not seen to come and go', async () => {
  const { chats, both: [ann, ben] } = await windows(4);
  for (const chatId of [...chats, ...chats, chats[1]]) {
    await ann.open(chatId);
    assert.deepEqual([...ann.online], [ben.who.userId]);
    await ben.open(chatId);
  }
  await observe([ann.client, ben.client], () => ben.send('still here?'));
  assert.deepEqual([ann.contents, ben.contents], Array(2).fill(['still here?']));
  const before = Date.now();
  ann.client.close();
  const { at } = await ben.client.nextEvent('user:offline');
  assert.ok(at - before >= GRACE - 50, `after ${at - before} ms`);
  assert.deepEqual([...ben.online], []);
  assert.deepEqual(new Set(ben.presence.map(([name]) => name)), new Set(['user:online', 'user:offline']));
  assert.equal(ben.presence.filter(([name]) => name === 'user:offline').length, 1);
  assert.ok(ann.presence.every(([name]) => name === 'user:online'));
});

test('whoever waits sees the other once, however often that one opens a chat', async () => {
  const { chats, both: [ann, ben] } = await windows(3);
  for (const chatId of chats) await ann.open(chatId);
  await settle([ben.client]);
  assert.deepEqual(ben.presence, [['user:online', ann.who.userId]]);
});

test('no message is missed that is posted while a socket is recreated', async () => {
  const { chats: [first, second], both: [ann, ben] } = await windows(2);
  await ben.open(second);
  for (let round = 0; round < 10; round += 1) {
    await ann.open(round % 2 ? first : second);
    const [message] = await Promise.all([ben.send(`message ${round}`), ann.open(second)]);
    await settle([ann.client]);
    assert.ok(ann.messages.some(({ id }) => id === message.id), `round ${round}`);
  }
});

test('typing is shown until it stops, is stopped, or the socket goes', async () => {
  const { chats: [, second], both: [ann, ben] } = await windows(2);
  const shows = (...users) => assert.deepEqual([...ben.typing], users);
  const typed = () => observe([ann.client, ben.client], () => ann.type());
  await typed();
  shows(ann.who.userId);
  await ben.client.next('user:stop-typing');
  shows();
  await typed();
  shows(ann.who.userId);
  await observe([ann.client, ben.client], () => ann.client.emit('user:stop-typing', { chatId: ann.chatId }));
  shows();
  await typed();
  shows(ann.who.userId);
  await ann.open(second);
  await ben.client.next('user:stop-typing');
  await ben.client.next('user:stop-typing');
  shows();
});
