// An administrator on namespace /admin by the published client, as the Admin UI connects, and the list of sockets that it
// keeps. It holds no expectation about what is shown.
import assert from 'node:assert/strict';
import { afterEach } from 'node:test';
import { io } from 'socket.io-client';
import { RELAY_URL, TIMEOUT } from './relay.mjs';
import { ADMIN as REST, done } from './rest.mjs';

/** Who may connect, by ADMIN_TOKEN. */
export const ADMIN = { username: 'admin', password: process.env.ADMIN_TOKEN };
/** Who has the token of this name and scope, by ADMIN_TOKENS. */
export const named = (name) => ({ username: name, password: `token of ${name}` });

/** Waits until so many such records are in the audit, which is written behind what it records. */
export async function recorded(event, wanted, count) {
  const deadline = Date.now() + TIMEOUT;
  for (;;) {
    const { records } = await done(200, REST, 'GET', `/api/admin/audit?event=${event}&limit=100`);
    const found = records.filter(wanted);
    if (found.length >= count) return found;
    assert.ok(Date.now() < deadline, `${found.length} records of ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const open = new Set();
afterEach(() => {
  for (const admin of open) admin.close();
});

/** An administrator's socket: it records what it gets, and follows which sockets there are. */
export class AdminUi {
  events = [];
  /** By their ids, as the Admin UI has them. */
  sockets = new Map();
  #looks = new Set();

  constructor(auth, { url = RELAY_URL, ...options } = {}) {
    this.socket = io(`${url}/admin`, { auth, transports: ['websocket'], forceNew: true, reconnection: false, ...options });
    this.socket.onAny((name, ...args) => this.#record(name, args));
    for (const name of ['connect', 'connect_error', 'disconnect']) this.socket.on(name, (...args) => this.#record(name, args));
    open.add(this);
  }

  #record(name, args) {
    this.events.push({ name, args, at: Date.now(), taken: false });
    if (name === 'all_sockets') this.sockets = new Map(args[0].map((socket) => [socket.id, socket]));
    if (name === 'socket_connected') this.sockets.set(args[0].id, args[0]);
    if (name === 'socket_updated') this.sockets.set(args[0].id, { ...this.sockets.get(args[0].id), ...args[0] });
    if (name === 'socket_disconnected') this.sockets.delete(args[1]);
    for (const look of [...this.#looks]) look();
  }

  /** Waits until it is so, looking again whenever something comes; what it is. */
  until(what, look, timeout = TIMEOUT) {
    return new Promise((resolve, reject) => {
      const again = () => {
        const found = look();
        if (!found) return;
        clearTimeout(timer);
        this.#looks.delete(again);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#looks.delete(again);
        reject(new Error(`${what}: not in ${timeout} ms; seen: ${this.events.map(({ name }) => name).join(', ')}`));
      }, timeout);
      this.#looks.add(again);
      again();
    });
  }

  /** Takes the oldest such event not taken yet; its arguments. */
  async next(name, wanted = () => true, timeout = TIMEOUT) {
    const event = await this.until(name, () => this.events.find((one) => !one.taken && one.name === name && wanted(...one.args)), timeout);
    event.taken = true;
    return event.args;
  }

  /** All that came under this name. */
  all(name) {
    return this.events.filter((event) => event.name === name);
  }

  emit(...args) {
    this.socket.emit(...args);
  }

  close() {
    open.delete(this);
    this.socket.close();
  }
}

/** An administrator who is let in, and was shown all sockets. */
export async function administrator(auth = ADMIN, options = {}) {
  const admin = new AdminUi(auth, options);
  await admin.next('connect');
  [admin.session] = await admin.next('session');
  [admin.config] = await admin.next('config');
  return admin;
}

/** Why such an administrator is not let in. */
export async function refused(auth, options = {}) {
  const admin = new AdminUi(auth, options);
  const event = await admin.until('an answer', () => admin.events.find(({ name }) => name === 'connect' || name === 'connect_error'));
  admin.close();
  assert.equal(event.name, 'connect_error');
  return event.args[0].message;
}
