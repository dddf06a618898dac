// Engine.IO by hand, in revisions 3 and 4: what the public suites of the protocol look at, with a server that has no echo.
// Instead of that a client sends to itself. Started with ALLOW_EIO3=true, pings of PING_INTERVAL and PING_TIMEOUT.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Polling, Socket, ask, echo } from '../support/engine.mjs';
import { RELAY_URL } from '../support/relay.mjs';

const [PING_INTERVAL, PING_TIMEOUT] = [process.env.PING_INTERVAL, process.env.PING_TIMEOUT].map((time) => parseInt(time, 10) * 1000);
const MAX_PAYLOAD = parseInt(process.env.MAX_EVENT_BYTES, 10);
const BYTES = Buffer.from([1, 2, 3, 4]);
const NOTHING = '6';
const BYE = '1';
/** How an attachment is text. */
const AS_TEXT = { 3: 'b4AQIDBA==', 4: 'bAQIDBA==' };
/** What a WebSocket carries for it. */
const AS_BYTES = { 3: Buffer.from([4, 1, 2, 3, 4]), 4: BYTES };

/** An event to oneself with an attachment, which follows. */
function withAttachment(to) {
  const { sent } = echo(to, 1, { _placeholder: true, num: 0 });
  return sent.replace('42', '451-');
}

const isEvent = (packet) => String(packet).startsWith('451-["receive_message"');

function told(told, revision, upgrades) {
  assert.equal(typeof told.sid, 'string');
  assert.deepEqual([told.upgrades, told.pingInterval, told.pingTimeout], [upgrades, PING_INTERVAL, PING_TIMEOUT]);
  if (revision === 4) {
    assert.equal(told.maxPayload, MAX_PAYLOAD);
    assert.deepEqual(Object.keys(told).sort(), ['maxPayload', 'pingInterval', 'pingTimeout', 'sid', 'upgrades']);
  }
}

/** Somebody who polls, and a WebSocket that they have tried. */
async function probed(revision) {
  const polling = await Polling.enter(revision);
  const socket = new Socket(polling.query.replace('polling', 'websocket'));
  await socket.opened();
  socket.send('2probe');
  assert.equal(await socket.next(), '3probe');
  return { polling, socket };
}

/** The same once the client has chosen it. */
async function upgraded(revision) {
  const { polling, socket } = await probed(revision);
  socket.send('5');
  await goesOn(socket, polling, 1);
  return { polling, socket };
}

async function goesOn(socket, who, seq) {
  const { sent, isBack } = echo(who, seq);
  socket.send(sent);
  await socket.next(isBack);
}

for (const revision of [3, 4]) {
  const name = (what) => `revision ${revision}: ${what}`;
  const [polling, websocket] = ['polling', 'websocket'].map((transport) => `EIO=${revision}&transport=${transport}`);

  test(name('a session begins by polling'), async () => {
    told((await Polling.open(revision)).told, revision, ['websocket']);
  });

  test(name('a session begins on a WebSocket'), async () => {
    const first = await new Socket(websocket).next();
    assert.equal(first[0], '0');
    told(JSON.parse(first.slice(1)), revision, []);
  });

  test(name('another transport is refused, by a request and by a WebSocket'), async () => {
    for (const query of [`EIO=${revision}`, `EIO=${revision}&transport=carrier`]) {
      assert.equal((await ask(query)).status, 400, query);
      assert.equal((await new Socket(query).ended).status, 400, query);
    }
  });

  test(name('another method begins no session'), async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const { status, body } = await ask(polling, { method });
      assert.deepEqual([status, JSON.parse(body)], [400, { code: 2, message: 'Bad handshake method' }], method);
    }
  });

  test(name('a packet that is posted is taken, and one that comes back polled'), async () => {
    const session = await Polling.enter(revision);
    const { sent, isBack } = echo(session, 1);
    assert.deepEqual(await session.post(sent), { status: 200, text: 'ok' });
    assert.match(await session.next(isBack), /"ciphertext":"hello","iv":"é😀"/);
  });

  test(name('several packets are posted at once and come back in order'), async () => {
    const session = await Polling.enter(revision);
    const events = [1, 2, 3].map((seq) => echo(session, seq));
    assert.deepEqual(await session.post(...events.map(({ sent }) => sent)), { status: 200, text: 'ok' });
    const seen = [];
    while (seen.length < 3) seen.push(await session.next((packet) => events.some(({ isBack }) => isBack(packet))));
    events.forEach(({ isBack }, at) => assert.ok(isBack(seen[at]), seen[at]));
  });

  test(name('an attachment is text for who polls with b64, between packets that are text'), async () => {
    const session = await Polling.enter(revision, '&b64=1');
    const { sent, isBack } = echo(session, 2);
    const posted = await session.post(withAttachment(session), AS_TEXT[revision], sent);
    assert.deepEqual(posted, { status: 200, text: 'ok' });
    await session.next(isEvent);
    assert.equal(await session.next(() => true), AS_TEXT[revision]);
    await session.next(isBack);
  });

  test(name('an attachment reaches who polls without b64 in the form of the revision'), async () => {
    const session = await Polling.enter(revision);
    await session.post(withAttachment(session), AS_TEXT[revision]);
    await session.next(isEvent);
    const attachment = await session.next(() => true);
    assert.deepEqual(attachment, revision === 4 ? AS_TEXT[4] : AS_BYTES[3]);
  });

  test(name('what is no payload ends the session'), async () => {
    const session = await Polling.open(revision);
    // Stock may answer `ok`; a session that is over is what counts.
    await session.postAs('xyz');
    assert.equal((await session.poll()).status, 400);
  });

  test(name('a body that is too large ends the session, and says so by its status'), async () => {
    for (const session of [await Polling.open(revision), await Polling.enter(revision)]) {
      assert.deepEqual(await session.postAs('4'.repeat(2 * MAX_PAYLOAD)), { status: 413, text: '' });
      assert.equal((await session.poll()).status, 400);
    }
  });

  test(name('a second poll ends the session, and the first one is told so'), async () => {
    const session = await Polling.enter(revision);
    // Whichever comes second is refused.
    const answers = await Promise.all([session.poll(), session.poll()]);
    answers.sort((one, other) => one.status - other.status);
    assert.deepEqual(answers, [{ status: 200, packets: [BYE] }, { status: 400, packets: [] }]);
    assert.equal((await session.poll()).status, 400);
  });

  test(name('text and bytes pass on a WebSocket in both directions'), async () => {
    const socket = await Socket.enter(revision);
    await goesOn(socket, socket, 1);
    socket.send(withAttachment(socket));
    socket.send(AS_BYTES[revision]);
    await socket.next(isEvent);
    assert.deepEqual(await socket.next(), AS_BYTES[revision]);
  });

  test(name('what is no packet closes a WebSocket'), async () => {
    const socket = new Socket(websocket);
    await socket.next();
    socket.send('xyz');
    assert.ok('code' in (await socket.ended));
  });

  test(name('a message that is too large closes a WebSocket, and the code says so, before it is sent'), async () => {
    for (const query of ['', '&b64=1']) {
      const socket = await Socket.enter(revision, query);
      const announced = Buffer.alloc(14);
      announced.writeUInt16BE(0x81ff);
      announced.writeUInt32BE(5 * MAX_PAYLOAD, 6);
      socket.ws._socket.write(announced);
      assert.deepEqual(await socket.ended, { code: 1009 }, query);
    }
  });

  test(name('who polls and says goodbye has its poll answered, and is gone'), async () => {
    const answers = [];
    // Nothing tells that a poll waits. One that comes after the goodbye is refused, and it is tried again.
    for (const pause of [100, 1000, 10_000]) {
      const session = await Polling.enter(revision);
      const waiting = session.poll();
      await new Promise((resolve) => setTimeout(resolve, pause));
      assert.equal((await session.post(BYE)).status, 200);
      answers.push(await waiting);
      assert.equal((await session.poll()).status, 400);
      if (answers.at(-1).status === 200) break;
    }
    assert.deepEqual(answers.at(-1), { status: 200, packets: [NOTHING] });
  });

  test(name('a WebSocket whose client says goodbye is closed'), async () => {
    const socket = new Socket(websocket);
    await socket.next();
    socket.send(BYE);
    assert.ok('code' in (await socket.ended));
  });

  test(name('a session that polls becomes a WebSocket'), async () => {
    const { polling: session, socket } = await probed(revision);
    assert.deepEqual(await session.poll(), { status: 200, packets: [NOTHING] });
    socket.send('5');
    await goesOn(socket, session, 1);
  });

  test(name('a session that has become a WebSocket takes no request'), async () => {
    const { polling: session, socket } = await upgraded(revision);
    assert.equal((await session.poll()).status, 400);
    assert.equal((await session.post('3')).status, 400);
    await goesOn(socket, session, 2);
  });

  test(name('a session takes no WebSocket while another one is tried'), async () => {
    const { polling: session, socket } = await probed(revision);
    assert.deepEqual(await new Socket(session.query.replace('polling', 'websocket')).ended, { code: 1005 });
    socket.send('5');
    await goesOn(socket, session, 1);
  });

  test(name('a session that has become a WebSocket takes no other'), async () => {
    const { polling: session, socket } = await upgraded(revision);
    assert.deepEqual(await new Socket(session.query.replace('polling', 'websocket')).ended, { code: 1005 });
    await goesOn(socket, session, 2);
  });
}

// Who asks whether the other is alive is the server in revision 4, and the client in revision 3.

test('revision 4: the server asks who polls whether it is alive, and goes on when it answers', async () => {
  const session = await Polling.enter(4);
  for (let count = 0; count < 3; count += 1) {
    await session.next((packet) => packet === '2');
    assert.deepEqual(await session.post('3'), { status: 200, text: 'ok' });
  }
});

test('revision 4: the server asks on a WebSocket, and goes on when it is answered', async () => {
  const socket = await Socket.enter(4, '', { bare: true });
  for (let count = 0; count < 3; count += 1) {
    await socket.next((packet) => packet === '2');
    socket.send('3');
  }
});

test('revision 3: the server answers who asks by a post, or on a WebSocket', async () => {
  const [session, socket] = [await Polling.enter(3), await Socket.enter(3)];
  for (let count = 0; count < 3; count += 1) {
    assert.deepEqual(await session.post('2'), { status: 200, text: 'ok' });
    await session.next((packet) => packet === '3');
    socket.send('2');
    assert.equal(await socket.next((packet) => packet === '3'), '3');
  }
});

for (const revision of [3, 4]) {
  test(`revision ${revision}: who gives no sign of life is gone, by polling and on a WebSocket`, async () => {
    const began = performance.now();
    const socket = new Socket(`EIO=${revision}&transport=websocket`, { bare: true });
    const session = await Polling.open(revision);
    await socket.ended;
    assert.ok(performance.now() - began > PING_INTERVAL);
    for (;;) {
      // Neither a poll nor an upgrade: a request with a method that there is not says whether the session is there.
      const { body } = await ask(session.query, { method: 'PUT' });
      if (JSON.parse(body || '{}').code === 1) break;
      assert.ok(performance.now() - began < 10 * (PING_INTERVAL + PING_TIMEOUT), 'it is still there');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal((await session.poll()).status, 400);
    assert.equal((await session.post('2')).status, 400);
  });
}

test('a revision that there is not is refused, and none is the old one', async () => {
  for (const revision of ['x', '5', '']) {
    for (const transport of ['polling', 'websocket']) {
      const query = `EIO=${revision}&transport=${transport}`;
      const status = transport === 'polling' ? (await ask(query)).status : (await new Socket(query).ended).status;
      assert.equal(status, 400, query);
    }
  }
  // As of a server with `allowEIO3`: clients of Socket.IO 2 that were written by others name none.
  const answer = await fetch(`${RELAY_URL}/socket.io/?transport=polling`);
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /^\d+:0\{/);
  assert.equal((await new Socket('transport=websocket').next())[0], '0');
});
