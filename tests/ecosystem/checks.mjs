// What is asked of a client and a server together: each check once, the same for all of them.
// A check is given a session; what it throws is why its cell says no.
import { setTimeout as pause } from 'node:timers/promises';
import { Program } from './program.mjs';
import { ASLEEP, HASTY, USUAL } from './servers.mjs';

/** How long something may take that must come, on a busy machine. */
const SOON = 15_000;
/** How long a client may take to come back: the one for Go waits for 20 s after a close that it was told of. */
const BACK = 45_000;
/** How long a message may take after a client is back, before it is sent again. */
const AGAIN = 2000;
const BURST = 100;
const TEXT = 'é 😀 漢字 \u2028 " \\ \u0001 \u{10ffff}';
const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** One client program, connected to one server. */
export class Session {
  #seq = 0;

  constructor(row, server) {
    Object.assign(this, { row, server, userId: 'alice' });
  }

  start(token = this.server.token(this.userId)) {
    const { row, userId, server } = this;
    const { command, transports, options } = row;
    this.program = new Program(command, { url: server.url, token, userId, transports, ...options });
  }

  said(wanted, mark = 0, milliseconds = SOON) {
    return this.program.until(wanted, milliseconds, (facts) => facts.find(({ fact }) => fact === wanted), mark);
  }

  /** Sends these contents at once, and returns them as they came back, all and in order. */
  async exchange(contents, milliseconds = SOON) {
    const mark = this.program.mark();
    const messages = contents.map((content) => ({ seq: (this.#seq += 1), ...content }));
    this.program.send(...messages);
    const received = await this.#all('received', messages, milliseconds, mark);
    if (this.row.threads) received.sort((one, other) => one.seq - other.seq);
    for (const [index, { seq, text, base64 }] of messages.entries()) {
      const got = received[index];
      if (got.seq !== seq) throw new Error(`message ${seq} is out of order`);
      if (got.text !== text || got.base64 !== base64) throw new Error(`message ${seq} is changed`);
    }
    return received;
  }

  /** The same, where each message must be acknowledged, too. */
  async acknowledged(contents) {
    const mark = this.program.mark();
    const received = await this.exchange(contents);
    const answers = await this.#all('acknowledged', received, SOON, mark);
    if (!answers.every(({ success }) => success === true)) throw new Error('an acknowledgement does not say success');
  }

  /** What was said of these messages from `mark` on, once it is all of them; fails if the client cannot. */
  async #all(kind, messages, milliseconds, mark) {
    const ours = new Set(messages.map(({ seq }) => seq));
    let got = [];
    const find = (facts) => {
      got = facts.filter(({ fact, seq }) => ours.has(seq) && (fact === kind || fact === 'unable'));
      return got.length >= ours.size;
    };
    await this.program.until(`${ours.size} ${kind}`, milliseconds, find, mark);
    const unable = got.find(({ fact }) => fact === 'unable');
    if (unable) throw new Error(unable.reason);
    return got;
  }

  /** Waits until it is connected anew and gets messages again. A message that its connection is lost under is sent again. */
  async isBack(mark) {
    const deadline = Date.now() + BACK;
    await this.said('connected', mark, BACK);
    for (;;) {
      try {
        if (this.program.isConnected()) return await this.exchange([{ text: 'again' }], AGAIN);
        await this.said('connected', this.program.mark(), Math.max(deadline - Date.now(), 1));
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  }
}

async function connect(session) {
  await session.said('connected');
  await staysOnItsTransport(session);
  await session.said('welcome', 0, AGAIN);
}

/** A client that may change its transport has done so a little later. */
async function staysOnItsTransport(session) {
  const wanted = session.row.transports.at(-1);
  for (const deadline = Date.now() + SOON; ; ) {
    const [{ transport }] = await session.exchange([{ text: 'hello' }]);
    if (transport === undefined || transport === wanted) break;
    if (Date.now() > deadline) throw new Error(`stays on ${transport}`);
    await pause(50);
  }
}

async function megabyte(session) {
  await session.exchange([{ text: 'sealed 😀 '.repeat(83_334) }]);
  if (session.row.sendsBytes) await session.exchange([{ base64: Buffer.alloc(1_000_000, ALL_BYTES).toString('base64') }]);
}

async function asleep(session) {
  if (session.server.timers !== HASTY) await ended(session, 'SIGKILL', HASTY);
  await staysOnItsTransport(session);
  const mark = session.program.mark();
  session.program.signal('SIGSTOP');
  // Nothing but the time makes the server take it for gone.
  await pause(ASLEEP);
  session.program.signal('SIGCONT');
  await session.isBack(mark);
}

async function ended(session, signal, timers) {
  const mark = session.program.mark();
  await session.server.end(signal);
  await session.server.again(timers);
  await session.isBack(mark);
}

/** A program of its own, whatever has become of the other one. */
async function badToken({ row, server }) {
  const other = new Session(row, server);
  other.start('bad');
  try {
    const find = (facts) => facts.find(({ fact }) => fact === 'refused' || fact === 'connected');
    const { fact, reason } = await other.program.until('refusal', SOON, find);
    if (fact === 'connected') throw new Error('is let in');
    if (!String(reason).includes('Invalid token')) throw new Error(`is told ${reason}`);
  } finally {
    await other.program.end();
  }
}

/** Each column by its name, in the order in which it is checked. */
export const CHECKS = {
  connect,
  ack: (session) => session.acknowledged([{ text: 'c2VhbGVk' }]),
  unicode: (session) => session.exchange([{ text: TEXT }]),
  binary: (session) => session.exchange([{ base64: ALL_BYTES.toString('base64') }]),
  '1 MB': megabyte,
  burst: (session) => session.acknowledged(Array.from({ length: BURST }, (_, index) => ({ text: `message ${index}` }))),
  'bad token': badToken,
  killed: (session) => ended(session, 'SIGKILL', HASTY),
  asleep,
  stopped: (session) => ended(session, 'SIGTERM', USUAL),
};
