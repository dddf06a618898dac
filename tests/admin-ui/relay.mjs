// The relay as a process of its own, with data of its own, which does not outlive this one.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const DEADLINE = 30_000;
const LISTENS = /listening on http:\/\/(127\.0\.0\.1:\d+)/;

export class Relay {
  #child;
  #folder;

  static async start(program, settings) {
    const relay = new Relay();
    relay.#folder = await mkdtemp(join(tmpdir(), 'admin-ui-'));
    const env = { HOST: '127.0.0.1', PORT: 0, DATA_DIR: relay.#folder, ...settings };
    relay.#child = spawn(resolve(program), [], { cwd: relay.#folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
    process.once('exit', () => relay.#child.kill('SIGKILL'));
    relay.url = `http://${await relay.#address()}`;
    return relay;
  }

  #address() {
    let log = '';
    return new Promise((resolve, reject) => {
      const fail = () => reject(new Error(`the relay does not listen: ${log}`));
      const timer = setTimeout(fail, DEADLINE);
      this.#child.once('close', fail);
      this.#child.stderr.setEncoding('utf8').on('data', (text) => {
        log += text;
        const address = LISTENS.exec(log)?.[1];
        if (address) resolve(address);
        if (address) clearTimeout(timer);
      });
    });
  }

  async stop() {
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGTERM');
    await closed;
    await rm(this.#folder, { recursive: true, force: true });
  }
}
