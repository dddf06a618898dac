// Requests and WebSocket frames by hand, as fast as a connection takes them. Knows no event.
import { randomBytes } from 'node:crypto';
import net from 'node:net';

/** How many requests or frames are written at once. */
const BATCH = 64;

/** Sends a request again and again over one connection until `stopped`; how many were answered. */
export async function pipeline(port, request, stopped) {
  const batch = Buffer.from(request.repeat(BATCH));
  let answered = 0;
  while (!stopped.aborted) {
    answered += await until(stopped, port, (socket) => {
      let answers = 0;
      socket.on('data', (chunk) => { answers += occurrences(chunk, 'HTTP/1.1 '); });
      flood(socket, batch, stopped);
      return () => answers;
    });
  }
  return answered;
}

/** A request with these headers. */
export function request(head, headers = [], body = '') {
  const lines = [`${head} HTTP/1.1`, 'Host: relay', ...headers, `Content-Length: ${Buffer.byteLength(body)}`];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** Opens a WebSocket, enters with `auth`, sends `first`, and then `packet` again and again until `stopped`. */
export async function emitAll(port, { auth, first = [], packet }, stopped) {
  const batch = Buffer.concat(Array.from({ length: BATCH }, () => frame(packet)));
  let sent = 0;
  while (!stopped.aborted) {
    sent += await until(stopped, port, (socket) => {
      let batches = 0;
      opened(socket, auth, () => {
        for (const text of first) socket.write(frame(text));
        flood(socket, batch, stopped, () => { batches += 1; });
      });
      return () => batches * BATCH;
    });
  }
  return sent;
}

/** Connects with `auth` and leaves as soon as the server has answered, until `stopped`; how often. */
export async function connectAll(port, auth, stopped) {
  let times = 0;
  while (!stopped.aborted) {
    times += await until(stopped, port, (socket) => {
      opened(socket, auth, () => socket.destroy());
      return () => 1;
    });
  }
  return times;
}

/** Runs on a new connection until that ends, or until `stopped`; what `run` has counted. */
function until(stopped, port, run) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const end = () => socket.destroy();
    stopped.addEventListener('abort', end, { once: true });
    socket.on('error', () => {});
    let result = () => 0;
    socket.once('connect', () => { result = run(socket); });
    socket.once('close', () => {
      stopped.removeEventListener('abort', end);
      // Others get their turn, also when each connection is refused.
      setImmediate(() => resolve(result()));
    });
  });
}

/** Writes a batch again and again, as the socket takes it. */
function flood(socket, batch, stopped, wrote = () => {}) {
  const write = () => {
    while (!stopped.aborted && !socket.destroyed) {
      wrote();
      if (!socket.write(batch)) return;
    }
  };
  socket.on('drain', write);
  write();
}

/** Calls back once the server has answered to CONNECT, whatever it says. */
function opened(socket, auth, then) {
  const key = randomBytes(16).toString('base64');
  socket.write(`GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\n`
    + `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`);
  let received = '';
  let entered = false;
  const read = (chunk) => {
    received += chunk.toString('latin1');
    if (!entered && received.includes('"sid"')) {
      entered = true;
      socket.write(frame(`40${JSON.stringify(auth)}`));
    } else if (!entered && /^HTTP\/1.1 [2-5]/.test(received)) {
      socket.destroy();
    } else if (/4[04]\{/.test(received.slice(received.indexOf('}') + 1))) {
      socket.off('data', read);
      socket.resume();
      then();
    }
  };
  socket.on('data', read);
}

/** A text frame of a client. The mask is zero, so the text stays readable. */
function frame(text) {
  const payload = Buffer.from(text);
  const head = payload.length < 126 ? [payload.length | 0x80] : [126 | 0x80, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x81, ...head, 0, 0, 0, 0]), payload]);
}

function occurrences(chunk, text) {
  let count = 0;
  for (let at = chunk.indexOf(text); at >= 0; at = chunk.indexOf(text, at + 1)) count += 1;
  return count;
}
