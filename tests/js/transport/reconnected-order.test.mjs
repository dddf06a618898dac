// What a user handed over on a connection that has ended takes effect before what they hand over on the next one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, user } from '../support/relay.mjs';
import { found, online, present } from '../support/conversations.mjs';
import { chat, chatMessage, feed, feedMessage, knownUsers, reader } from '../support/feed-chat.mjs';
import { creator, joining, guest, member, message, place, until } from '../support/session.mjs';

const ROUNDS = 6;
const BEFORE = 40;
const FEW = 5;
const numbers = Array.from({ length: BEFORE + 1 }, (_, number) => number);

/** Emits so many events and ends the connection at once, as a page does that is reloaded. */
function leaveBehind({ socket }, event, payload, count = BEFORE) {
  for (let number = 0; number < count; number += 1) socket.emit(event, payload(number));
  socket.disconnect();
}

for (const transport of ['websocket', 'polling']) {
  const options = { transports: [transport] };

  test(`messages to a conversation keep their order, ${transport}`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const [one, two] = [user('Alice'), user('Bob')];
      const conversationId = await found(one, [two]);
      const bob = await present(two, conversationId);
      leaveBehind(await online(one, options), 'message:send', (content) => ({ conversationId, content }));
      const alice = await online(one, options);
      alice.emit('message:send', { conversationId, content: BEFORE });
      await until(() => bob.all('message:new').length > BEFORE);
      assert.deepEqual(bob.all('message:new').map(({ content }) => content), numbers, `round ${round}`);
    }
  });

  test(`messages to a conversation keep their order for clients of feed and of chat, ${transport}`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const [one, two] = await knownUsers('Alice', 'Bob');
      const conversationId = await found(one, [two]);
      const [inFeed, inChat] = [await reader(two, conversationId, options), await chat(two, options)];
      leaveBehind(await online(one, options), 'message:send', (content) => ({ conversationId, content }));
      const alice = await online(one, options);
      alice.emit('message:send', { conversationId, content: BEFORE });
      await until(() => [inFeed.all('new-message'), inChat.all('message:new')].every(({ length }) => length > BEFORE));
      assert.deepEqual(inFeed.all('new-message').map((message) => message.encrypted_msg_content), numbers, `round ${round}`);
      assert.deepEqual(inChat.all('message:new').map(({ data }) => data.content), numbers, `round ${round}`);
    }
  });

  for (const [name, connected, post, event, content] of [
    ['feed', feed, (who, id, text) => feedMessage(who, id, { encrypted_msg_content: text }), 'new-message', (message) => message.encrypted_msg_content],
    ['chat', chat, (who, id, text) => chatMessage(who, id, { content: text }), 'message:new', ({ data }) => data.content],
  ]) {
    test(`what clients of ${name} post before and after they reconnect keeps its order, ${transport}`, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const [one, two] = await knownUsers('Alice', 'Bob');
        const id = await found(one, [two]);
        const others = name === 'feed' ? await reader(two, id, options) : await chat(two, options);
        const before = await connected(one, options);
        for (let number = 0; number < FEW; number += 1) await post(one, id, `${number}`);
        before.socket.disconnect();
        await connected(one, options);
        await post(one, id, `${FEW}`);
        await until(() => others.all(event).length > FEW);
        assert.deepEqual(others.all(event).map((message) => Number(content(message))), numbers.slice(0, FEW + 1), `round ${round}`);
      }
    });
  }

  test(`messages of members of a session who have no account keep their order, ${transport}`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const where = place();
      const bob = await creator(where, 'Bob');
      const before = await member(where, 'Alice', {}, options);
      leaveBehind(before, 'send-message', (number) => message(before, { encrypted: String(number) }));
      const after = await guest(options);
      after.emit('join-session', joining(where, 'Alice', { userId: before.userId, publicKey: before.publicKey }));
      after.emit('send-message', message(before, { encrypted: String(BEFORE) }));
      await until(() => bob.all('new-message').length > BEFORE);
      assert.deepEqual(bob.all('new-message').map(({ encrypted }) => Number(encrypted)), numbers, `round ${round}`);
    }
  });

  test(`messages to a receiver that stands still keep their order, and others are not waited for, ${transport}`, async () => {
    const [one, two] = [user('Alice'), user('Bob')];
    const [bob, eve] = [await connect(two), await connect(user('Eve'))];
    const ciphertext = 'c'.repeat(400_000);
    const direct = (recipientId, seq, text = ciphertext) => ({ recipientId, ciphertext: text, iv: 'i', tag: 't', seq });
    const still = bob.socket.io.engine.transport.ws._socket;
    still.pause();
    const count = 14;
    const before = await connect(one, options);
    await before.ask('send_message', direct(bob.userId, -1));
    leaveBehind(before, 'send_message', (seq) => direct(bob.userId, seq), count);
    const alice = await connect(one, options);
    const toEve = alice.ask('send_message', direct(eve.userId, 'at once', 'c'));
    alice.emit('send_message', direct(bob.userId, count, 'c'));
    await toEve;
    still.resume();
    await until(() => bob.all('receive_message').length > count + 1);
    assert.deepEqual(bob.all('receive_message').map(({ seq }) => seq), [-1, ...numbers.slice(0, count + 1)]);
  });
}
