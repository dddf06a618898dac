// The rows: which published client, in which version, over which transports.
// What else a version needs is in the list that its toolchain has of its own, such as python/requirements-5.0.4.txt.
import { go, java, javascript, python, rust } from './toolchains.mjs';

const POLLING = ['polling'];
const WEBSOCKET = ['websocket'];
const UPGRADE = ['polling', 'websocket'];

/** One for each client; those whose commands take long to start come first. */
const CLIENTS = [
  ...['4.6.1', '5.0.4', '5.18.1'].flatMap((version) =>
    ['sync', 'async'].map((form) => ({
      client: `python-socketio ${form}`,
      version,
      toolchain: python,
      options: { form },
      // It calls each handler on a thread of its own, so its order is none.
      threads: form === 'sync',
    })),
  ),
  ...['1.0.2', '2.1.2'].map((version) => ({ client: 'socket.io-client-java', version, toolchain: java })),
  { client: 'socket.io client for Go', version: '3.0.6', toolchain: go },
  // It has no bytes within an object.
  { client: 'rust_socketio', version: '0.6.0', toolchain: rust, sendsBytes: false },
  ...Object.entries({ '2.5.0': 'client-2', '3.1.3': 'client-3', '4.0.2': 'client-4', '4.8.4': 'socket.io-client' }).map(
    ([version, library]) => ({ client: 'socket.io-client', version, toolchain: javascript, options: { library } }),
  ),
];

const ROWS = CLIENTS.flatMap((client) =>
  [POLLING, WEBSOCKET, UPGRADE].map((transports) => ({ sendsBytes: true, ...client, transports })),
);

/** The order of the document. */
const ORDER = [
  'socket.io-client',
  'python-socketio sync',
  'python-socketio async',
  'socket.io-client-java',
  'socket.io client for Go',
  'rust_socketio',
];

/** How a row is called. */
export function title({ client, version, transports }) {
  return [client, version, transports.join(' → ')];
}

/** The titles of all rows, as the document has them. */
export function titles() {
  return ROWS.map(title).sort(([one], [other]) => ORDER.indexOf(one) - ORDER.indexOf(other));
}

/** The rows whose title has this text, each with its command, or why it has none. */
export function rows(text) {
  return ROWS.filter((row) => title(row).join(' ').includes(text)).map((row) => ({ ...row, ...prepared(row) }));
}

/** In CI, what is there must be of use. */
function prepared({ toolchain, version }) {
  try {
    return toolchain(version);
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    return { missing: error.message };
  }
}
