// Engine.IO by hand, in both of its revisions: each request with its answer, each WebSocket with all that it was sent.
// Holds no expectation, and knows of Socket.IO only how a client enters and who it is.
import http from 'node:http';
import { createRequire } from 'node:module';
import { afterEach } from 'node:test';
import { RELAY_URL, TIMEOUT, token, user } from './relay.mjs';

const require = createRequire(import.meta.url);
const WebSocket = createRequire(require.resolve('engine.io-client'))('ws');
/** Between the packets of a payload of revision 4. */
const SEPARATOR = '\x1e';
const PING = '2';
const PONG = '3';
const open = new Set();

afterEach(() => {
  for (const socket of open) socket.terminate();
  open.clear();
});

/** One request to Engine.IO: `{status, type, body}`, of which the body is bytes. */
export function ask(query, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const call = http.request(new URL(`/socket.io/?${query}`, RELAY_URL), { method, headers, agent: false });
    call.setTimeout(TIMEOUT, () => call.destroy(new Error(`no answer to ${method} ${query}`)));
    call.on('error', reject);
    call.on('response', (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => {
        resolve({ status: response.statusCode, type: response.headers['content-type'], body: Buffer.concat(parts) });
      });
    });
    call.end(body);
  });
}

/** What a client posts: packets, of which attachments are text already. */
export function payload(revision, packets) {
  if (revision === 4) return packets.join(SEPARATOR);
  return packets.map((packet) => `${packet.length}:${packet}`).join('');
}

/** The packets of an answer, as text or bytes. */
export function packets(revision, { type, body }) {
  if (type === 'application/octet-stream') return framed(body);
  if (revision === 4) return body.toString().split(SEPARATOR);
  const [found, text] = [[], body.toString()];
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at);
    const end = colon + 1 + Number(text.slice(at, colon));
    found.push(text.slice(colon + 1, end));
    at = end;
  }
  return found;
}

/** The same of revision 3 with bytes among them. */
function framed(body) {
  const found = [];
  for (let at = 0; at < body.length; ) {
    const colon = body.indexOf(0xff, at);
    const end = colon + 1 + Number([...body.subarray(at + 1, colon)].join(''));
    const packet = body.subarray(colon + 1, end);
    found.push(body[at] === 0 ? packet.toString() : packet);
    at = end;
  }
  return found;
}

/** How a client of this revision says who it is: in a header, or when it enters. */
function introduced(revision, who) {
  const bearer = token(who);
  return revision === 4
    ? { enter: `40${JSON.stringify({ token: bearer })}` }
    : { headers: { Authorization: `Bearer ${bearer}` } };
}

function isWelcome(packet) {
  return String(packet).startsWith('42["auth:success"');
}

/** A session that polls. */
export class Polling {
  #unread = [];

  /** A new one, with what it was told first. */
  static async open(revision, { query = '', headers = {} } = {}) {
    const session = new Polling();
    session.revision = revision;
    session.query = `EIO=${revision}&transport=polling${query}`;
    const [first, ...more] = packets(revision, await ask(session.query, { headers }));
    session.told = JSON.parse(first.slice(1));
    session.#unread = more;
    session.query += `&sid=${session.told.sid}`;
    return session;
  }

  /** A new one of somebody who has entered. */
  static async enter(revision, query = '') {
    const who = user('Alice');
    const { enter, headers } = introduced(revision, who);
    const session = await Polling.open(revision, { query, headers });
    if (enter) await session.post(enter);
    await session.next(isWelcome);
    return Object.assign(session, who);
  }

  /** One poll, and the packets that answered it. */
  async poll() {
    const answer = await ask(this.query);
    const isGood = answer.status === 200;
    return { status: answer.status, packets: isGood ? packets(this.revision, answer) : [] };
  }

  /** Posts these packets. */
  post(...sent) {
    return this.postAs(payload(this.revision, sent));
  }

  /** Posts this body as it is. */
  async postAs(body, options = {}) {
    const answer = await ask(this.query, { method: 'POST', body, ...options });
    return { status: answer.status, text: answer.body.toString() };
  }

  /** Polls until a packet satisfies this, and answers pings meanwhile. What came before it is passed over. */
  async next(wanted) {
    for (;;) {
      while (this.#unread.length > 0) {
        const packet = this.#unread.shift();
        if (wanted(packet)) return packet;
        if (packet === PING) await this.post(PONG);
      }
      const { status, packets: got } = await this.poll();
      if (status !== 200) throw new Error(`a poll was answered ${status}`);
      this.#unread = got;
    }
  }
}

/** A WebSocket. Pings are answered, and not told, unless it is `bare`. */
export class Socket {
  #received = [];
  #changed = () => {};

  constructor(query, { headers = {}, bare = false } = {}) {
    const url = `${RELAY_URL.replace('http', 'ws')}/socket.io/?${query}`;
    this.ws = new WebSocket(url, { headers, perMessageDeflate: false });
    open.add(this.ws);
    this.ws.on('message', (data, isBytes) => this.#take(isBytes ? data : data.toString(), bare));
    // Why there is an end is told by that.
    this.ws.on('error', () => {});
    /** How it ends: `{status}` where there never was one, else `{code}`. */
    this.ended = new Promise((resolve) => {
      this.ws.on('unexpected-response', (call, response) => {
        resolve({ status: response.statusCode });
        call.destroy();
      });
      this.ws.on('close', (code) => resolve({ code }));
    });
    this.ended.then(() => this.#changed());
  }

  /** One of somebody who has entered. */
  static async enter(revision, query = '', options = {}) {
    const who = user('Alice');
    const { enter, headers } = introduced(revision, who);
    const socket = new Socket(`EIO=${revision}&transport=websocket${query}`, { headers, ...options });
    await socket.next((packet) => packet[0] === '0');
    if (enter) socket.send(enter);
    await socket.next(isWelcome);
    return Object.assign(socket, who);
  }

  #take(message, bare) {
    if (message === PING && !bare) return this.send(PONG);
    this.#received.push(message);
    return this.#changed();
  }

  /** Once it is there. */
  async opened() {
    if (this.ws.readyState !== WebSocket.OPEN) await new Promise((resolve) => this.ws.once('open', resolve));
  }

  send(message) {
    this.ws.send(message);
  }

  /** The next message that satisfies this. What came before it is passed over. */
  async next(wanted = () => true) {
    const deadline = AbortSignal.timeout(TIMEOUT);
    for (;;) {
      while (this.#received.length > 0) {
        const message = this.#received.shift();
        if (wanted(message)) return message;
      }
      if (this.ws.readyState === WebSocket.CLOSED) throw new Error('the WebSocket is closed');
      await new Promise((resolve, reject) => {
        this.#changed = resolve;
        deadline.addEventListener('abort', () => reject(new Error(`no such message in ${TIMEOUT} ms`)), { once: true });
      });
    }
  }
}

/** A message to oneself, and whether a packet is the one that comes back. */
export function echo(to, seq, ciphertext = 'hello') {
  const message = { recipientId: to.userId, ciphertext, iv: 'é😀', tag: 't', seq };
  return {
    sent: `42${JSON.stringify(['send_message', message])}`,
    isBack: (packet) => String(packet).startsWith('42["receive_message"') && packet.includes(`"seq":${seq}`),
  };
}
