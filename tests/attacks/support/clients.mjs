// Clients that keep to no rule: raw connections, WebSockets and polling sessions that are opened again when they end. Knows no attack.
import { createRequire } from 'node:module';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { token } from './server.mjs';

const require = createRequire(new URL('../../js/package.json', import.meta.url));
const WebSocket = createRequire(require.resolve('engine.io-client'))('ws');

/** Where a polling session begins. */
export const OPENING = '/socket.io/?EIO=4&transport=polling';

/** A connection that is made again when it ends, and written to as fast as it takes. */
export function flood({ port, from, until }, bytes, connections) {
  return Promise.all(
    Array.from({ length: connections }, async () => {
      while (Date.now() < until) {
        await new Promise((ended) => {
          const socket = net.connect({ port, host: '127.0.0.1', localAddress: from });
          const stop = setTimeout(() => socket.destroy(), until - Date.now());
          const push = () => {
            while (!socket.destroyed && socket.write(bytes));
          };
          socket.on('connect', push).on('drain', push).on('data', () => {}).on('error', () => {});
          socket.on('close', () => {
            clearTimeout(stop);
            ended();
          });
        });
        await wait(10);
      }
    }),
  );
}

/** Connections to which a beginning is written and then a byte now and then. */
export function hold({ port, from, until }, beginning, connections, every = 2000) {
  return Promise.all(
    Array.from({ length: connections }, async () => {
      while (Date.now() < until) {
        await new Promise((ended) => {
          const socket = net.connect({ port, host: '127.0.0.1', localAddress: from });
          socket.on('error', () => {}).on('data', () => {}).write(beginning);
          const drip = setInterval(() => (Date.now() < until ? socket.write('x') : socket.destroy()), every);
          socket.on('close', () => {
            clearInterval(drip);
            ended();
          });
        });
        await wait(100);
      }
    }),
  );
}

/** An open WebSocket that reads nothing when `reads` is false; `undefined` when it is refused. */
function open({ port, from }, auth, { reads = true } = {}) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`, {
      localAddress: from,
      perMessageDeflate: false,
    });
    socket.on('error', () => resolve(undefined)).on('close', () => resolve(undefined));
    socket.on('open', () => socket.send(`40${JSON.stringify(auth)}`));
    socket.on('message', (data) => {
      const text = data.toString();
      if (text === '2') socket.send('3');
      if (text.startsWith('40')) {
        if (!reads) socket.pause();
        resolve(socket);
      }
      if (text.startsWith('44')) socket.terminate();
    });
  });
}

/** Keeps so many WebSockets open, on each of which `act` is done again and again. */
export function sockets(target, count, auth, act, options) {
  return Promise.all(
    Array.from({ length: count }, async (_, number) => {
      while (Date.now() < target.until) {
        const socket = await open(target, auth(number), options);
        while (socket && socket.readyState === WebSocket.OPEN && Date.now() < target.until) {
          await act(socket, number);
        }
        socket?.terminate();
        await wait(100);
      }
    }),
  );
}

export async function sendAll(socket, data) {
  if (socket.bufferedAmount > 1 << 20) return wait(20);
  await new Promise((sent) => socket.send(data, sent));
}

/** Keeps so many polling sessions open, in each of which `act` is done again and again. */
export function polling(target, count, auth, act) {
  const agent = new http.Agent({ keepAlive: true, localAddress: target.from });
  const request = (method, query, body) =>
    new Promise((resolve) => {
      const options = { port: target.port, host: '127.0.0.1', agent, method, path: `${OPENING}${query}`, timeout: 20_000 };
      const asked = http.request(options, (answer) => {
        const chunks = [];
        answer.on('data', (chunk) => chunks.push(chunk)).on('close', () => resolve({ status: answer.statusCode, text: Buffer.concat(chunks).toString() }));
      });
      asked.on('timeout', () => asked.destroy()).on('error', () => resolve({ status: 0, text: '' })).end(body);
    });
  return Promise.all(
    Array.from({ length: count }, async (_, number) => {
      while (Date.now() < target.until) {
        const sid = /"sid":"([^"]+)"/.exec((await request('GET', '')).text)?.[1];
        const query = `&sid=${sid}`;
        let isOpen = sid !== undefined && (await request('POST', query, `40${JSON.stringify(auth(number))}`)).status === 200;
        if (isOpen) (async () => { while (isOpen && (await request('GET', query)).status === 200); })();
        while (isOpen && Date.now() < target.until) isOpen = (await act({ post: (body) => request('POST', query, body) }, number)).status === 200;
        await wait(100);
      }
    }),
  );
}

export const user = (target, number) => `mallory-${target.from}-${number}`;
export const asUser = (target) => (number) => ({ token: token(user(target, number % 16)) });
export const guest = () => ({});
export const megabyte = 'x'.repeat(1 << 20);
