// Sockets of the published client as an application has them: of a manager of their own, which ends with its test. A message
// to oneself stands for the echo that the relay has not.
import assert from 'node:assert/strict';
import { afterEach } from 'node:test';
import { Manager } from 'socket.io-client';
import { RELAY_URL, TIMEOUT, token, user } from './relay.mjs';

/** The transports that a client may have. */
export const WAYS = [['polling'], ['websocket'], ['polling', 'websocket']];
const managers = [];
afterEach(() => {
  for (const manager of managers.splice(0)) {
    manager.reconnection(false);
    manager._close();
  }
});

/** A manager that comes back soon. */
export function manage({ url = RELAY_URL, ...options } = {}) {
  const manager = new Manager(url, { reconnectionDelay: 10, reconnectionDelayMax: 50, randomizationFactor: 0, ...options });
  managers.push(manager);
  return manager;
}

/** A socket of somebody, of a manager of its own. */
export function socketOf(options = {}, { auth, ...own } = {}) {
  const who = user('Alice');
  const socket = manage(options).socket('/', { auth: auth ?? { token: token(who) }, ...own });
  return Object.assign(socket, who);
}

/** The next time that this happens: what comes with it. */
export function next(emitter, event, wanted = () => true) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${event} in ${TIMEOUT} ms`)), TIMEOUT);
    const look = (...args) => {
      if (!wanted(...args)) return;
      clearTimeout(timer);
      emitter.off(event, look);
      resolve(args);
    };
    emitter.on(event, look);
  });
}

/** The same once it is connected. */
export async function connected(options, own) {
  const socket = socketOf(options, own);
  await next(socket, 'auth:success');
  return socket;
}

/** A message to itself. */
export function message(socket, seq, ciphertext = 'hello') {
  return { recipientId: socket.userId, ciphertext, iv: 'i', tag: 't', seq };
}

/** Sends it to itself and waits until it is back and acknowledged. */
export async function goesOn(socket, seq = 99, ciphertext = undefined) {
  const back = next(socket, 'receive_message', (got) => got.seq === seq);
  const answer = await socket.timeout(TIMEOUT).emitWithAck('send_message', message(socket, seq, ciphertext));
  assert.equal(answer.success, true);
  return (await back)[0];
}

/** What came under this name so far, from now on. */
export function record(emitter, event) {
  const all = [];
  emitter.on(event, (...args) => all.push(args[0]));
  return all;
}
