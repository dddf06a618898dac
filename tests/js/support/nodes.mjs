// What the suites of several nodes share: where each node is, clients that are spread over them, and the word with the
// test that owns the processes.
import assert from 'node:assert/strict';
import net from 'node:net';
import { Client, TIMEOUT, token } from './relay.mjs';

/** Where the nodes are; behind a balancer, its address as often as there are nodes. */
export const NODES = process.env.RELAY_URLS?.split(',') ?? Array(3).fill(process.env.RELAY_URL);
/** What clients of these suites connect by: all there is, or polling alone. */
const TRANSPORTS = process.env.CLIENT_TRANSPORTS?.split(',') ?? ['websocket'];

/** How a client of a dialect connects to a node; the first is 0. */
export function at(node, dialect, more = {}) {
  return { url: NODES[node % NODES.length], transports: TRANSPORTS, auth: { dialect }, ...more };
}

/** A client of a user on a node. */
export async function client(who, node, dialect, more = {}) {
  const { auth, ...rest } = at(node, dialect, more);
  const made = new Client({ ...rest, auth: { ...auth, token: token(who) } });
  Object.assign(made, who, { node });
  await made.next('auth:success');
  return made;
}

/** Asks the test that owns the processes to do something to one of them, such as `kill 0`; returns when it is done, with the answer, if there is one. */
export function control(...words) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(process.env.CONTROL_PORT), '127.0.0.1');
    let answer = '';
    socket.setTimeout(6 * TIMEOUT, () => socket.destroy(new Error(`not done: ${words.join(' ')}`)));
    socket.on('error', reject);
    socket.on('data', (part) => (answer += part));
    socket.on('end', () => (answer.endsWith('done\n') ? resolve(answer.slice(0, -5)) : reject(new Error(`${words.join(' ')}: ${answer}`))));
    socket.write(`${words.join(' ')}\n`);
  });
}

/** Asks until the answer is right. `what` may say what it was instead. */
export async function until(what, look) {
  const deadline = Date.now() + 3 * TIMEOUT;
  for (;;) {
    const right = await look();
    if (right) return right;
    assert.ok(Date.now() < deadline, `not in time: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What `/ready` of a node says. */
export async function ready(node) {
  const answer = await fetch(`${NODES[node]}/ready`);
  return { ...(await answer.json()), status: answer.status };
}

/** Waits until all nodes are ready. */
export function allReady() {
  let answers;
  return until(() => `all nodes are ready: ${JSON.stringify(answers)}`, async () => {
    answers = await Promise.all(NODES.map((_, node) => ready(node)));
    return answers.every(({ status }) => status === 200);
  });
}

/** Sends something of `direct` and waits for the callback. */
export function sendDirect(from, to, seq, fields = {}) {
  return from.ask('send_message', { recipientId: to.userId, ciphertext: 'c', iv: 'i', tag: 't', seq, ...fields });
}

/** How often each event of this name came that satisfies `wanted`. */
export function times(receiver, name, wanted = () => true) {
  return receiver.all(name).filter(wanted).length;
}
