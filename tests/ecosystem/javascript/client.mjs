// socket.io-client, as an application uses it. Its options are the argument; see ../README.md for what is said.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// The published versions are there for the suites of tests/js.
const require = createRequire(new URL('../../js/package.json', import.meta.url));
const { url, token, userId, transports, library } = JSON.parse(process.argv[2]);
const published = require(library);
const headers = { extraHeaders: { Authorization: `Bearer ${token}` } };
const socket = (published.io ?? published)(url, {
  transports,
  auth: { token },
  // Socket.IO 2 has no `auth`.
  transportOptions: { polling: headers, websocket: headers },
  reconnectionDelay: 200,
  reconnectionDelayMax: 1000,
});

function say(fact) {
  process.stdout.write(`${JSON.stringify(fact)}\n`);
}

socket.on('connect', () => say({ fact: 'connected' }));
socket.on('auth:success', () => say({ fact: 'welcome' }));
socket.on('disconnect', (reason) => say({ fact: 'disconnected', reason }));
socket.on('connect_error', ({ message }) => say({ fact: 'refused', reason: message }));
socket.on('error', (error) => say({ fact: 'refused', reason: error.message ?? error }));
socket.on('receive_message', ({ seq, ciphertext }) => {
  const content = typeof ciphertext === 'string' ? { text: ciphertext } : { base64: ciphertext.toString('base64') };
  say({ fact: 'received', seq, ...content, transport: socket.io.engine.transport.name });
});

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { seq, text, base64 } = JSON.parse(line);
    const ciphertext = text ?? Buffer.from(base64, 'base64');
    socket.emit('send_message', { recipientId: userId, ciphertext, iv: 'i', tag: 't', seq }, ({ success }) =>
      say({ fact: 'acknowledged', seq, success }),
    );
  })
  .on('close', () => process.exit());
