// What the plain servers do, on whichever engine: a JWT middleware, and then what the row of the benchmark is about.
// They keep no audit, enforce no limits and send no presence; our own server is measured with all of that at work.
import { serveDirect } from './direct.mjs';
import { serveSession } from './session.mjs';

// The largest event is 10 MB, as in the relay's defaults.
export const MAX_EVENT_BYTES = 10_000_000;

// The dialect of the row: `direct`, `session`, whose clients are guests, or `conversation`, which needs the database.
const dialect = process.env.DIALECTS;
const admitsGuests = dialect === 'session';

/** The user whom a valid token names. */
export function userOf(jwt, token) {
  const claims = jwt.verify(token, process.env.JWT_SECRET, { algorithms: ['HS256'] });
  return { id: claims.userId, username: claims.username, avatarUrl: claims.avatarUrl };
}

/** `conversation` is the module that serves stored ones, where there are any. */
export function serve(io, jwt, conversation) {
  io.use((socket, next) => {
    const token = socket.handshake.auth?.token;
    if (!token) return next(admitsGuests ? undefined : new Error('Authentication token required'));
    try {
      socket.data.user = userOf(jwt, token);
    } catch {
      return next(new Error('Invalid token'));
    }
    next(!conversation || conversation.admit(socket.data.user) ? undefined : new Error('User not authorized'));
  });

  io.on('connection', (socket) => {
    if (!socket.data.user) return serveSession(io, socket);
    if (conversation) return conversation.serveConversations(io, socket);
    serveDirect(io, socket);
  });
}
