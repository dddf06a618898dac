// A server of its own for each attack: its process, its folder, what it has stored. Knows no attack.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createHmac } from 'node:crypto';

const JWT_SECRET = 'a secret of attacks, longer than thirty-two bytes';

/** A running server on a free port. */
export class Server {
  #binary;
  #child;
  #env;
  port;

  /** Starts this binary with these settings beside the defaults. */
  static async start(binary, settings = {}) {
    const server = new Server();
    server.data = mkdtempSync(path.join(os.tmpdir(), 'attack-'));
    server.#binary = path.resolve(binary);
    server.#env = { HOST: '127.0.0.1', PORT: '0', DATA_DIR: server.data, JWT_SECRET, ...settings };
    await server.start();
    return server;
  }

  /** Starts it again where it was. */
  async start() {
    this.#child = spawn(this.#binary, [], { cwd: this.data, env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.port = await this.#address();
  }

  #address() {
    return new Promise((resolve, reject) => {
      let log = '';
      const read = (chunk) => {
        // Only the beginning is of interest; the rest is read so that the server can go on writing.
        if (log.length < 65_536) log += chunk;
        const found = /listening on http:\/\/[^:]+:(\d+)/.exec(log);
        if (found) resolve(Number(found[1]));
      };
      this.#child.stdout.on('data', read);
      this.#child.stderr.on('data', read);
      this.#child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
    });
  }

  /** Resident memory in bytes. */
  resident() {
    return this.#memory('VmRSS');
  }

  /** What it holds, in bytes: without the pages of files. */
  held() {
    return this.#memory('RssAnon');
  }

  #memory(name) {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) * 1024;
  }

  /** Whether it runs. */
  get isAlive() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Bytes of all files in its folder. */
  bytes() {
    return size(this.data);
  }

  /** Stops it as an operator does; waits for the end. */
  stop() {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    return ended;
  }

  /** How many records its audit has, once it is stopped. */
  records() {
    const options = { cwd: this.data, env: this.#env, maxBuffer: 2 ** 32 };
    const exported = spawnSync(this.#binary, ['audit', 'export'], options);
    if (exported.status !== 0) throw new Error(exported.stderr.toString());
    let lines = 0;
    for (const byte of exported.stdout) lines += byte === 10;
    return lines;
  }

  /** Deletes its folder. */
  remove() {
    rmSync(this.data, { recursive: true });
  }
}

/** A token that the servers accept. */
export function token(userId) {
  return signed({ userId, username: userId, exp: Math.floor(Date.now() / 1000) + 3600 }, JWT_SECRET);
}

/** One that looks like it, and is not signed by them. */
export function forged(userId) {
  return signed({ userId, exp: Math.floor(Date.now() / 1000) + 3600 }, 'some other secret');
}

function signed(claims, secret) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

function size(folder) {
  const sizes = readdirSync(folder, { withFileTypes: true }).map((entry) => {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) return size(name);
    // A file may be gone again.
    return statSync(name, { throwIfNoEntry: false })?.size ?? 0;
  });
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
