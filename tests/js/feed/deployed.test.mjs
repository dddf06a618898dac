// `feed`: a client as deployed ones are, with the habits that they have. Started with nothing set.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, request, token } from '../support/relay.mjs';
import { asFeed, conversation, feedMessage, knownUsers, must, number, observe, person, rest, settle } from '../support/feed-chat.mjs';
import { cut } from '../support/session.mjs';

/**
 * Posts over REST and listens on a socket that starts with polling. Whenever it has connected it authenticates and joins the one
 * conversation that is open, without waiting. Knows its conversations by the very id it has of them, a number.
 */
class Deployed {
  messages = new Map();
  failures = [];

  constructor(who, conversations) {
    this.who = who;
    this.keys = new Map(conversations.map((id) => [id, `key of ${id}`]));
    const options = { transports: ['polling', 'websocket'], reconnection: true, reconnectionDelay: 50, reconnectionAttempts: 5, autoConnect: false };
    this.client = asFeed(new Client(options), who);
    this.listen(this.client.socket);
    this.client.socket.connect();
  }

  listen(socket) {
    socket.on('connect', () => {
      socket.emit('authenticate', this.token ?? token(this.who));
      if (this.active !== undefined) socket.emit('join-conversation', this.active);
    });
    socket.on('authenticated', ({ success, error }) => success || this.failures.push(error));
    socket.on('new-message', (message) => this.take(message));
  }

  /** A message of a conversation whose key is not known cannot be read. */
  take({ id, conversation_id: place, encrypted_msg_content: content, sender_username: sender, is_deleted: deleted }) {
    if (!this.keys.has(place) || deleted) return;
    this.messages.set(place, [...(this.messages.get(place) ?? []), { id, sender, content }]);
  }

  /** Opens a conversation; the one before it is not left. */
  open(id) {
    this.active = id;
    if (this.client.socket.connected) this.client.emit('join-conversation', id);
  }

  send(content) {
    return feedMessage(this.who, this.active, { encrypted_msg_content: content });
  }

  /** What it shows of a conversation, as `sender: content`. */
  lines(id) {
    return (this.messages.get(id) ?? []).map(({ sender, content }) => `${sender.split('-')[0]}: ${content}`);
  }

  async ready() {
    await this.client.next('authenticated');
    await settle([this.client]);
  }
}

/** Two users who have these many conversations, and a window for each of them with the first one open. */
async function windows(count) {
  const [one, other] = await knownUsers('hi89', 'lo89');
  const ids = [];
  for (let index = 0; index < count; index += 1) ids.push(await conversation(one, [other], { id: number() }));
  const both = [new Deployed(one, ids), new Deployed(other, ids)];
  for (const window of both) window.open(ids[0]);
  for (const window of both) await window.ready();
  return { ids, both, clients: both.map(({ client }) => client) };
}

test('a window takes a new conversation for the one it made, also after a reload', async () => {
  const { both: [hi, lo], clients } = await windows(1);
  const id = number();
  const [[made], [told]] = await observe(clients, () => conversation(hi.who, [lo.who], { id }));
  assert.deepEqual([made[0], told[0]], ['conversation-created', 'conversation-created']);
  // It compares strictly.
  assert.ok(made[1].conversationId === id && told[1].conversationId === id);
  for (const { who } of [hi, lo]) {
    const { conversations } = await must(200, rest(who, 'GET /api/conversations'));
    assert.ok(conversations.some((one) => one.id === id));
    assert.ok((await must(200, rest(who, `GET /api/conversations/${id}`))).conversation.id === id);
  }
});

test('what one window sends is shown in both at once', async () => {
  const { ids: [id], both: [hi, lo], clients } = await windows(1);
  await observe(clients, async () => {
    await hi.send('hello');
    await lo.send('hello yourself');
    await hi.send('how are you?');
  });
  const talk = ['hi89: hello', 'lo89: hello yourself', 'hi89: how are you?'];
  assert.deepEqual([hi.lines(id), lo.lines(id)], [talk, talk]);
  assert.deepEqual([hi.failures, lo.failures], [[], []]);
  for (const client of clients) {
    // Until it says what it speaks, it may be told that the other window came.
    const names = new Set(client.events.map(({ name }) => name).filter((name) => name !== 'user:online'));
    assert.deepEqual(names, new Set(['connect', 'auth:success', 'authenticated', 'new-message']));
  }
});

test('a window that opens another conversation goes on to receive the first', async () => {
  const { ids: [first, second], both: [hi, lo], clients } = await windows(2);
  await observe(clients, async () => {
    lo.open(second);
    await settle(clients);
    await hi.send('to the first');
    hi.open(second);
    await settle(clients);
    await hi.send('to the second');
  });
  assert.deepEqual([lo.lines(first), lo.lines(second)], [['hi89: to the first'], ['hi89: to the second']]);
  assert.deepEqual([hi.lines(first), hi.lines(second)], [['hi89: to the first'], ['hi89: to the second']]);
});

test('after its connection was lost it receives the open conversation again, and finds what it missed', async () => {
  const { ids: [first, second], both: [hi, lo], clients } = await windows(2);
  lo.open(second);
  await settle(clients);
  const { io: manager } = lo.client.socket;
  manager.reconnection(false);
  cut(lo.client);
  await lo.client.next('disconnect');
  hi.open(second);
  await hi.send('missed');
  manager.reconnection(true);
  lo.client.socket.connect();
  await lo.ready();
  await observe(clients, async () => {
    await hi.send('heard');
    hi.open(first);
    await hi.send('of no interest now');
  });
  assert.deepEqual([lo.lines(first), lo.lines(second)], [[], ['hi89: heard']]);
  const { messages } = await must(200, rest(lo.who, `GET /api/messages/${second}`));
  assert.deepEqual(messages.map(({ encrypted_msg_content: content }) => content), ['missed', 'heard']);
  assert.equal(messages[1].id, lo.messages.get(second)[0].id);
});

test('it survives several losses, and nothing is shown twice', async () => {
  const { ids: [id], both: [hi, lo], clients } = await windows(1);
  for (let round = 0; round < 4; round += 1) {
    cut(lo.client);
    await lo.ready();
    await observe(clients, () => hi.send(round));
  }
  assert.deepEqual(lo.lines(id), ['hi89: 0', 'hi89: 1', 'hi89: 2', 'hi89: 3']);
});

test('one whose token is not good is notified and stays away', async () => {
  const [who] = await knownUsers('lo89');
  const window = new Deployed(who, []);
  window.token = token(who, { secret: 'another secret of more than thirty-two bytes' });
  assert.equal(await window.client.next('disconnect'), 'io server disconnect');
  assert.deepEqual(window.failures, ['Invalid token']);
});

test('one that knows neither the conversation nor its participants receives nothing of it', async () => {
  const { ids: [id], both: [hi], clients } = await windows(1);
  const eve = new Deployed(person('eve'), [id]);
  eve.open(id);
  await eve.ready();
  await observe([...clients, eve.client], () => hi.send('not for Eve'));
  assert.deepEqual(eve.lines(id), []);
});

test('a page of the origin that is allowed by default may connect, another may not', async () => {
  const answer = (Origin) => request('/socket.io/?EIO=4&transport=polling', { headers: { Origin } });
  const allowed = await answer('http://localhost:5173');
  assert.equal(allowed.status, 200);
  assert.equal(allowed.headers['access-control-allow-origin'], 'http://localhost:5173');
  assert.equal((await answer('http://elsewhere.example')).status, 403);
});
