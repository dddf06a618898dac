// Socket.IO's protocol, revision 5, packet by packet on a WebSocket: what the public suite looks at, with a server that has one
// namespace and no echo. Instead of that a client sends to itself. Started with CONNECT_TIMEOUT.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Polling, Socket, echo } from '../support/engine.mjs';
import { token, user } from '../support/relay.mjs';

const CONNECT_TIMEOUT = parseInt(process.env.CONNECT_TIMEOUT, 10) * 1000;
const OPEN = 'EIO=4&transport=websocket';
const NO_NAMESPACE = '{"message":"Invalid namespace"}';

/** A session whose client has not entered. */
async function opened() {
  const socket = new Socket(OPEN);
  assert.equal((await socket.next())[0], '0');
  return socket;
}

async function goesOn(socket, who = socket, seq = 99) {
  const { sent, isBack } = echo(who, seq);
  socket.send(sent);
  await socket.next(isBack);
}

/** It is closed, and was a WebSocket until then. */
async function isClosed(socket) {
  assert.ok('code' in (await socket.ended));
}

// Entering.

test('who enters is told the id of the socket, and nothing else', async () => {
  const socket = await opened();
  const who = user('Alice');
  socket.send(`40${JSON.stringify({ token: token(who) })}`);
  const answer = await socket.next();
  assert.ok(answer.startsWith('40{'), answer);
  const told = JSON.parse(answer.slice(2));
  assert.deepEqual(Object.keys(told), ['sid']);
  assert.equal(typeof told.sid, 'string');
  // What it brought has arrived: it says who it is.
  const [event, welcome] = JSON.parse((await socket.next()).slice(2));
  assert.deepEqual([event, welcome.userId], ['auth:success', who.userId]);
});

test('who enters with nothing is told why not, and may do so again with a token', async () => {
  const socket = await opened();
  for (const packet of ['40', '40{}', '40/,{}']) {
    socket.send(packet);
    assert.equal(await socket.next(), '44{"message":"Authentication token required"}', packet);
    // Nothing tells when the library is done with it; what enters before that is taken for the same.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const who = user('Alice');
  socket.send(`40${JSON.stringify({ token: token(who) })}`);
  assert.ok((await socket.next()).startsWith('40{'));
  await goesOn(socket, who);
});

test('a namespace that there is not is refused, before and after entering, with and without a payload', async () => {
  for (const socket of [await opened(), await Socket.enter(4)]) {
    for (const [packet, name] of [['40/room,', '/room'], ['40/room,{"token":"x"}', '/room'], ['40/nowhere', '/nowhere'], ['40/a?b=c,', '/a?b=c']]) {
      socket.send(packet);
      assert.equal(await socket.next((got) => got.startsWith('44')), `44${name},${NO_NAMESPACE}`, packet);
    }
    if (socket.userId) await goesOn(socket);
  }
});

test('who polls is told the same', async () => {
  const session = await Polling.open(4);
  await session.post('40/room,', '40');
  assert.equal(await session.next((packet) => packet.startsWith('44')), `44/room,${NO_NAMESPACE}`);
  assert.equal(await session.next((packet) => packet.startsWith('44')), '44{"message":"Authentication token required"}');
});

test('what is no packet closes the connection of who has not entered', async () => {
  for (const packet of ['4xyz', '4', '40{', '40[]', '49']) {
    const socket = await opened();
    socket.send(packet);
    await isClosed(socket);
  }
});

test('an event of who has not entered closes the connection', async () => {
  const socket = await opened();
  socket.send(echo(user('Alice'), 1).sent);
  await isClosed(socket);
});

test('who does not enter is closed in time', async () => {
  const began = performance.now();
  const socket = await opened();
  await isClosed(socket);
  assert.ok(performance.now() - began > CONNECT_TIMEOUT * 0.9);
});

// Leaving.

test('who leaves the namespace keeps the connection', async () => {
  const socket = await Socket.enter(4, '', { bare: true });
  socket.send('41');
  // The next that comes is a ping, and so is what comes after it is answered.
  for (let count = 0; count < 2; count += 1) {
    assert.equal(await socket.next(), '2');
    socket.send('3');
  }
});

// Events.

test('an event comes back as it was sent', async () => {
  const socket = await Socket.enter(4);
  const { sent, isBack } = echo(socket, 1, [null, -2.5, { a: [true, 'ü\u2028'] }]);
  socket.send(sent);
  const [event, { ciphertext }] = JSON.parse((await socket.next(isBack)).slice(2));
  assert.deepEqual([event, ciphertext], ['receive_message', [null, -2.5, { a: [true, 'ü\u2028'] }]]);
});

test('an event comes back with its attachments behind it, in order', async () => {
  const socket = await Socket.enter(4);
  const places = [0, 1].map((num) => ({ _placeholder: true, num }));
  socket.send(echo(socket, 1, places).sent.replace('42', '452-'));
  socket.send(Buffer.from([1, 2, 3]));
  socket.send(Buffer.from([4, 5, 6]));
  const event = await socket.next((packet) => packet.startsWith('452-["receive_message"'));
  assert.deepEqual(JSON.parse(event.slice(4))[1].ciphertext, places);
  assert.deepEqual([await socket.next(), await socket.next()], [Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6])]);
});

test('an event with a number is acknowledged by that number', async () => {
  const socket = await Socket.enter(4);
  for (const number of ['0', '12', '4294967295']) {
    socket.send(echo(socket, 7).sent.replace('42', `42${number}`));
    const answer = await socket.next((packet) => packet.startsWith('43'));
    assert.ok(answer.startsWith(`43${number}[{`), answer);
    const [{ success, seq }] = JSON.parse(answer.slice(2 + number.length));
    assert.deepEqual([success, seq], [true, 7]);
  }
});

test('so is one with attachments', async () => {
  const socket = await Socket.enter(4);
  const places = [0, 1].map((num) => ({ _placeholder: true, num }));
  socket.send(echo(socket, 8, places).sent.replace('42', '452-77'));
  socket.send(Buffer.from([1, 2, 3]));
  socket.send(Buffer.from([4, 5, 6]));
  const [{ success, seq }] = JSON.parse((await socket.next((packet) => String(packet).startsWith('4377'))).slice(4));
  assert.deepEqual([success, seq], [true, 8]);
});

for (const [what, packet] of Object.entries({
  'of no kind': '4xyz',
  'whose payload is no list': '42{}',
  'whose number is none': '42x["send_message",{}]',
  'whose list is empty': '42[]',
  'whose event has no name': '42[{}]',
  'that is cut off': '42["send_message"',
  'whose attachments are not counted': '45["send_message",{"_placeholder":true,"num":0}]',
})) {
  test(`a packet ${what} closes the connection`, async () => {
    const socket = await Socket.enter(4);
    socket.send(packet);
    await isClosed(socket);
  });
}

test('bytes that no event has announced close the connection', async () => {
  const socket = await Socket.enter(4);
  socket.send(Buffer.from([1, 2, 3]));
  await isClosed(socket);
});

test('an event before the attachments of the last one closes the connection', async () => {
  const socket = await Socket.enter(4);
  socket.send(echo(socket, 1, { _placeholder: true, num: 0 }).sent.replace('42', '451-'));
  socket.send(echo(socket, 2).sent);
  await isClosed(socket);
});

const enter = ({ userId, username }) => `40${JSON.stringify({ token: token({ userId, username }) })}`;

test('who left the namespace enters again on the same connection, by polling, too', async () => {
  for (const transport of [Socket, Polling]) {
    const by = await transport.enter(4);
    const send = (packet) => (by.send ? by.send(packet) : by.post(packet));
    for (let seq = 0; seq < 10; seq += 1) {
      await send('41');
      await send(enter(by));
      await by.next((packet) => String(packet).startsWith('42["auth:success"'));
      const { sent, isBack } = echo(by, seq);
      await send(sent);
      await by.next(isBack);
    }
  }
});

test('who is refused after they have left may enter yet', async () => {
  const socket = await Socket.enter(4);
  socket.send('41');
  socket.send('40{"token":"no token"}');
  await socket.next((packet) => String(packet).startsWith('44'));
  // The library is done with the first try only after that.
  await new Promise((resolve) => setTimeout(resolve, 100));
  socket.send(enter(socket));
  await socket.next((packet) => String(packet).startsWith('42["auth:success"'));
});

test('who enters while they have entered is closed', async () => {
  const socket = await Socket.enter(4);
  socket.send(enter(socket));
  assert.ok('code' in (await socket.ended));
  const session = await Polling.enter(4);
  await session.post(enter(session));
  await assert.rejects(session.next(() => false), /a poll was answered 400/);
});

test('who has left and does not come back is closed', async () => {
  const socket = await Socket.enter(4);
  socket.send('41');
  assert.ok('code' in (await socket.ended));
});
