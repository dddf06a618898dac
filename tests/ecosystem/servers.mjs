// The relay and the stock server as processes that may be started again on their port.
// Owns the process and its data; knows nothing of clients.
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { start } from './processes.mjs';

const SECRET = 'a secret for checks, longer than thirty-two bytes';
const STOCK = fileURLToPath(new URL('stock/server.mjs', import.meta.url));
/** Below those that a system hands out by itself: while a server is down nobody else gets its port. */
const FIRST_PORT = 12_000;
const PORTS = 20_000;
const START_DEADLINE = 20_000;
/** Longer than a relay drains. */
const STOP_DEADLINE = 30_000;
/** The published defaults: nobody is taken for gone because a machine is busy. */
export const USUAL = { interval: 25_000, timeout: 20_000 };
/** Somebody who sleeps for `ASLEEP` is gone. */
export const HASTY = { interval: 1000, timeout: 1500 };
export const ASLEEP = 3500;

let turn = process.pid * 7919;

async function freePort() {
  for (;;) {
    turn += 1;
    const port = FIRST_PORT + (turn % PORTS);
    const probe = createServer();
    const isFree = await new Promise((resolve) => {
      probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (isFree) return new Promise((resolve) => probe.close(() => resolve(port)));
  }
}

export class Server {
  #program;
  #child;
  #exited;
  #log = '';
  #folder;
  #port;

  /** `program`: the relay's file, or nothing for the stock server. */
  static async start(program) {
    const server = new Server();
    server.#program = program;
    server.#port = await freePort();
    server.#folder = await mkdtemp(join(tmpdir(), 'ecosystem-'));
    await server.again(USUAL);
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** A token that this server takes. */
  token(userId) {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const exp = Math.floor(Date.now() / 1000) + 3600;
    const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ userId, username: userId, exp })}`;
    return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
  }

  /** Starts it again where it was, with these timers. */
  async again(timers) {
    this.timers = timers;
    const { interval, timeout } = timers;
    const [file, args, env] = this.#program
      ? [this.#program, [], this.#settings(`${interval}ms`, `${timeout}ms`)]
      : [process.execPath, [STOCK], { PORT: this.#port, PING_INTERVAL: interval, PING_TIMEOUT: timeout }];
    this.#child = start(file, args, { cwd: this.#folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = new Promise((resolve) => this.#child.once('close', resolve));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.#log += text));
    }
    for (const deadline = Date.now() + START_DEADLINE; !(await this.#listens()); await pause(10)) {
      if (Date.now() > deadline || this.#child.exitCode !== null) throw new Error(`no server: ${this.#log}`);
    }
  }

  #settings(interval, timeout) {
    return {
      HOST: '127.0.0.1', PORT: this.#port, DATA_DIR: this.#folder, JWT_SECRET: SECRET,
      DIALECTS: 'direct', RATE_LIMITS: 'off', ALLOW_EIO3: 'true', PING_INTERVAL: interval, PING_TIMEOUT: timeout,
    };
  }

  #listens() {
    return new Promise((resolve) => {
      const probe = connect(this.#port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      probe.on('connect', () => probe.destroy());
    });
  }

  /** Ends it at once, or as an operator does. */
  async end(signal) {
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_DEADLINE);
    await this.#exited;
    clearTimeout(timer);
    if (this.#log.includes('panicked')) throw new Error(this.#log);
  }

  async remove() {
    await this.end('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }
}
