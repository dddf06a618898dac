// REST: who is let in, and what is answered to a request that is none. Every answer has a request id (`call`).
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { before, test } from 'node:test';
import { RELAY_URL, request, seconds, token, user } from '../support/relay.mjs';
import { NO_ROUTE, at, bearer, call, done, found, invalid, post, read, refused } from '../support/rest.mjs';

const PATH = '/api/messages';
const NO_TOKEN = { error: 'Access token required', code: 'MISSING_TOKEN' };
const refusedToken = (code) => ({ error: 'Invalid or expired token', code });
const alice = user('Alice');
let conversationId;
let sent;

before(async () => {
  conversationId = await found(alice, [], { title: 'Kept' });
  sent = await post(alice, conversationId, 'kept');
});

/** Every route for users, with a request that would be done. */
function routes() {
  const participants = at(conversationId, 'participants');
  return [
    ['POST', '/api/conversations', { participantIds: [] }],
    ['GET', '/api/conversations'],
    ['GET', at(conversationId)],
    ['POST', participants, { userId: 'bob' }],
    ['DELETE', `${participants}/${alice.userId}`],
    ['POST', PATH, { conversationId, content: 'x' }],
    ['GET', `${PATH}?conversationId=${conversationId}`],
    ['GET', `${PATH}/${conversationId}`],
    ['PATCH', `${PATH}/${sent.id}`, { content: 'x' }],
    ['PUT', `${PATH}/${sent.id}`, { encrypted_msg_content: 'x' }],
    ['DELETE', `${PATH}/${sent.id}`],
    ['POST', `${PATH}/read`, { conversationId, messageIds: [sent.id] }],
  ];
}

test('without a token nobody does anything', async () => {
  for (const [method, path, body] of routes()) {
    for (const Authorization of [undefined, '', 'Bearer', 'Bearer ', 'Basic YTpi']) {
      await refused(401, NO_TOKEN, null, method, path, body, Authorization === undefined ? {} : { Authorization });
    }
    await refused(401, NO_TOKEN, null, method, `${path}${path.includes('?') ? '&' : '?'}token=${token(alice)}`, body);
  }
});

test('nor with one that is not good', async () => {
  const bad = {
    INVALID_TOKEN: [
      'nonsense', 'a.b.c', token(alice, { secret: 'another secret, also longer than thirty-two bytes' }), token(alice, { alg: 'none' }),
      token({ ...alice, exp: undefined }), token({ ...alice, userId: '' }), token({ ...alice, userId: { $ne: null } }),
      token({ ...alice, userId: 'x'.repeat(129) }), token({ ...alice, userId: 'a\nb' }), token({ username: 'Nobody' }), 'x'.repeat(8000),
    ],
    EXPIRED_TOKEN: [token({ ...alice, exp: seconds(-60) })],
  };
  for (const [method, path, body] of routes()) {
    for (const [code, texts] of Object.entries(bad)) {
      for (const text of texts) await refused(403, refusedToken(code), bearer(text), method, path, body);
    }
  }
});

test('what was refused changed nothing', async () => {
  assert.deepEqual((await read(alice, conversationId)).messages, [sent]);
  assert.equal((await done(200, alice, 'GET', '/api/conversations')).conversations.length, 1);
});

test('the token is asked for before anything is read', async () => {
  for (const [body, type] of [['{', 'application/json'], ['x', 'text/plain'], ['{"content":1}', 'application/json']]) {
    await refused(401, NO_TOKEN, null, 'POST', PATH, body, { 'Content-Type': type });
  }
  await refused(401, NO_TOKEN, null, 'GET', `${PATH}?limit=x`);
});

test('what is no route is answered alike, with a token and without', async () => {
  const unknown = [
    ['GET', '/'], ['GET', '/api'], ['POST', '/api/message'], ['GET', '/api/messages/a/b'], ['POST', '/api/messages/a/b', {}], ['GET', '/API/conversations'],
    ['GET', `${at(conversationId)}/message`], ['GET', '/api/admin'], ['GET', '/__proto__'],
  ];
  for (const [method, path, body] of unknown) {
    for (const who of [null, alice, bearer('nonsense')]) {
      const { status, json } = await call(who, method, path, body);
      assert.deepEqual([status, json], [404, NO_ROUTE], `${method} ${path}`);
    }
  }
});

test('an answer is JSON whatever the path is', async () => {
  const participants = at(conversationId, 'participants');
  for (const [method, path] of [
    ['GET', '/api/conversations/%FF'], ['GET', `${PATH}/%FF`], ['DELETE', `${PATH}/%FF`], ['DELETE', `${participants}/%FF`], ['GET', '/%FF'],
    ['GET', '/api/conversations/%00'], ['GET', `${PATH}?conversationId=%FF`], ['DELETE', `${participants}/%C0%80`], ['GET', `${PATH}/%ED%A0%80`],
  ]) {
    const { status } = await call(alice, method, path);
    assert.ok([400, 403, 404].includes(status), `${method} ${path}: ${status}`);
  }
});

test('what a route does not do is answered so too', async () => {
  const wrong = [
    ['PUT', '/api/conversations'], ['DELETE', '/api/conversations'], ['PUT', at(conversationId)], ['POST', at(conversationId)],
    ['PATCH', PATH], ['DELETE', PATH], ['POST', `${PATH}/${sent.id}`], ['PROPFIND', PATH],
  ];
  for (const [method, path] of wrong) {
    const { status, json } = await call(alice, method, path, method === 'DELETE' ? undefined : {});
    assert.ok([404, 405].includes(status), `${method} ${path}: ${status}`);
    assert.deepEqual(json, NO_ROUTE);
  }
  assert.deepEqual((await read(alice, conversationId)).messages, [sent]);
});

test('a body that is not said to be JSON is refused', async () => {
  const body = JSON.stringify({ conversationId, content: 'x' });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp', 'json', '']) {
    const { status, json } = await call(alice, 'POST', PATH, body, { 'Content-Type': type });
    assert.deepEqual([status, json.code], [415, 'UNSUPPORTED_MEDIA_TYPE'], type);
  }
  const { status } = await request(PATH, { method: 'POST', headers: { Authorization: `Bearer ${token(alice)}` }, body });
  assert.equal(status, 415);
  assert.deepEqual((await read(alice, conversationId)).messages, [sent]);
});

test('how JSON is called does not matter', async () => {
  const id = await found(alice);
  for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset=UTF-8']) {
    await done(201, alice, 'POST', PATH, { conversationId: id, content: 'x' }, { 'Content-Type': type });
  }
});

test('what is not JSON is refused', async () => {
  const content = `{"conversationId":${JSON.stringify(conversationId)},"content":`;
  const bodies = [
    '', ' ', '{', '}', '{"a"', '{"a":', '{"a":1', '{"a":1,}', "{'a':1}", '{a:1}', 'nonsense', `${content}"x"}}`, `${content}"x"} x`, `${content}01}`, `${content}NaN}`,
    `${content}"\n"}`, `${content}"\\x"}`, `${content}tru}`, `${content}"x",}`, `${content}+1}`, `${content}.5}`, `${content}"x"}{}`,
  ];
  for (const body of bodies) {
    const { status, json } = await call(alice, 'POST', PATH, body);
    assert.deepEqual([status, json.code], [400, 'INVALID_INPUT'], body);
  }
  for (const bytes of [Buffer.from([0xff, 0xfe]), Buffer.concat([Buffer.from(`${content}"`), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])]) {
    const headers = { Authorization: `Bearer ${token(alice)}`, 'Content-Type': 'application/json' };
    assert.equal((await request(PATH, { method: 'POST', headers, body: bytes })).status, 400);
  }
  assert.deepEqual((await read(alice, conversationId)).messages, [sent]);
});

test('JSON that is no object is refused', async () => {
  for (const [method, path, body] of routes().filter(([, , given]) => given)) {
    for (const other of ['[]', '[{}]', '"text"', '7', 'true', 'null', JSON.stringify([body])]) {
      const { status, json } = await call(alice, method, path, other);
      assert.deepEqual([status, json.code], [422, 'INVALID_INPUT'], `${method} ${path} ${other}`);
    }
  }
});

/** Sends a body that does not end, until the server has enough of it: what it answered, and how much it was sent. */
function flood(bytes) {
  const { hostname, port } = new URL(RELAY_URL);
  const head = ['POST /api/messages HTTP/1.1', `Host: ${hostname}`, `Authorization: Bearer ${token(alice)}`, 'Content-Type: application/json', `Content-Length: ${bytes}`];
  const chunk = Buffer.alloc(65_536, 'x');
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let answer = '';
    let sent = 0;
    const more = () => {
      while (!answer && !socket.destroyed && sent < bytes) {
        sent += chunk.length;
        if (!socket.write(chunk)) return;
      }
    };
    const end = () => {
      socket.destroy();
      resolve({ answer, sent });
    };
    socket.on('drain', more).on('error', end).on('close', end);
    socket.setEncoding('utf8').on('data', (part) => {
      answer += part;
      if (answer.includes('}')) end();
    });
    socket.write(`${head.join('\r\n')}\r\n\r\n{"conversationId":${JSON.stringify(conversationId)},"content":"`);
    more();
  });
}

test('a body that is too large is not read to its end', async () => {
  const bytes = 256 * 1024 * 1024;
  const { answer, sent: taken } = await flood(bytes);
  assert.ok(taken < bytes / 4, `${taken} bytes were taken`);
  // A connection that is closed with unread data may take the answer with it.
  if (answer) {
    const [head, body] = answer.split('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 413 /);
    assert.match(head, /^x-request-id: ./im);
    assert.equal(JSON.parse(body).code, 'PAYLOAD_TOO_LARGE');
  }
  assert.deepEqual((await read(alice, conversationId)).messages, [sent]);
});

test('JSON of another kind of size is no matter', async () => {
  const id = await found(alice);
  const body = (fields) => `{${fields},"conversationId":${JSON.stringify(id)},"content":"x"}`;
  const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  for (const fields of [`"deep":${nested}`, Array.from({ length: 100_000 }, (_, key) => `"${key}":0`).join(), `"n":${'9'.repeat(100_000)}`]) {
    const { status } = await call(alice, 'POST', PATH, body(fields));
    assert.ok([201, 400, 413, 422].includes(status), String(status));
  }
  const { status } = await call(alice, 'POST', PATH, `{"conversationId":${JSON.stringify(id)},"content":${nested}}`);
  assert.ok([400, 413, 422].includes(status), String(status));
  await post(alice, id, 'still there');
});

test('a request id of the client is used, and each answer has its own otherwise', async () => {
  const headers = (await call(alice, 'GET', '/api/conversations', undefined, { 'x-request-id': 'mine-7' })).headers;
  assert.equal(headers['x-request-id'], 'mine-7');
  const ids = await Promise.all([1, 2, 3].map(async () => (await call(alice, 'GET', '/api/conversations')).headers['x-request-id']));
  assert.equal(new Set(ids).size, 3);
});

test('a field is named that is missing', async () => {
  await refused(400, invalid('conversationId'), alice, 'POST', PATH, {});
  await refused(400, invalid('conversationId'), alice, 'POST', PATH, { content: 'x' });
  await refused(400, invalid('content'), alice, 'POST', PATH, { conversationId });
  await refused(400, invalid('content'), alice, 'PATCH', `${PATH}/${sent.id}`, {});
});

test('a web page of an allowed origin may call, one of another may not', async () => {
  const good = await call(alice, 'GET', '/api/conversations', undefined, { Origin: 'http://localhost:5173' });
  assert.deepEqual([good.status, good.headers['access-control-allow-origin']], [200, 'http://localhost:5173']);
  const headers = { Authorization: `Bearer ${token(alice)}`, 'Content-Type': 'application/json', Origin: 'http://evil.example' };
  const bad = await request(PATH, { method: 'POST', headers, body: JSON.stringify({ conversationId, content: 'x' }) });
  assert.equal(bad.status, 403);
  for (const method of ['POST', 'PATCH', 'PUT', 'DELETE']) {
    const preflight = await request(`${PATH}/${sent.id}`, {
      method: 'OPTIONS', headers: { Origin: 'http://localhost:5173', 'Access-Control-Request-Method': method, 'Access-Control-Request-Headers': 'authorization,content-type' },
    });
    assert.ok([200, 204].includes(preflight.status), String(preflight.status));
    assert.match(preflight.headers['access-control-allow-methods'] ?? '', new RegExp(`${method}|\\*`));
    assert.match(preflight.headers['access-control-allow-headers'] ?? '', /authorization/i);
  }
  assert.deepEqual((await read(alice, conversationId)).messages, [sent]);
});
