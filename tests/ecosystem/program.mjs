// A client program of any language as a process: what it is told, and what it says.
// Knows the form of that and nothing of servers or checks.
import { createInterface } from 'node:readline';
import { start } from './processes.mjs';

/** What a program may say at most besides its facts; the rest is of no use in a report. */
const KEPT_NOISE = 2000;

export class Program {
  facts = [];
  #noise = '';
  #waiting = new Set();
  #child;
  #ended;

  /** Starts `command`, a program and its arguments, with these options as one argument more. */
  constructor([file, ...args], options) {
    this.#child = start(file, [...args, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#ended.then(() => this.#add({ fact: 'ended', reason: this.#noise.trim().split('\n').at(-1) }));
    this.#child.on('error', (error) => this.#hear(error.message));
    // A program that has ended does not read any more, which its `ended` says.
    this.#child.stdin.on('error', (error) => this.#hear(error.message));
    this.#child.stderr.setEncoding('utf8').on('data', (text) => this.#hear(text));
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      // Libraries have their own to say there, too.
      if (line.startsWith('{')) this.#add(JSON.parse(line));
      else this.#hear(`${line}\n`);
    });
  }

  #hear(text) {
    this.#noise = (this.#noise + text).slice(-KEPT_NOISE);
  }

  #add(fact) {
    this.facts.push(fact);
    for (const look of this.#waiting) look();
  }

  /** A position in what was said, for `until`. */
  mark() {
    return this.facts.length;
  }

  /** Whether it is connected, as far as it has said. */
  isConnected() {
    const last = this.facts.findLast(({ fact }) => fact === 'connected' || fact === 'disconnected' || fact === 'ended');
    return last?.fact === 'connected';
  }

  send(...messages) {
    this.#child.stdin.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
  }

  /** What `find` makes of the facts from `mark` on, once that is something; fails after `milliseconds`. */
  until(what, milliseconds, find, mark = 0) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = find(this.facts.slice(mark));
        if (!found && this.facts.at(-1)?.fact !== 'ended') return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        if (found) resolve(found);
        else reject(new Error(`${what}: the program ended: ${this.facts.at(-1).reason}`));
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`${what}: not within ${milliseconds} ms; ${this.#account(mark)}`));
      }, milliseconds);
      this.#waiting.add(look);
      look();
    });
  }

  #account(mark) {
    const said = this.facts.slice(mark).filter(({ fact }) => fact !== 'received' && fact !== 'acknowledged');
    const last = said.slice(-4).map(({ fact, reason }) => (reason ? `${fact} (${reason})` : fact));
    return `said ${last.join(', ') || 'nothing'} ${this.#noise.trim().slice(-300)}`.trim();
  }

  signal(name) {
    this.#child.kill(name);
  }

  async end() {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
