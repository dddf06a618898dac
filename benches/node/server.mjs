// A plain socket.io server doing the work the benchmark measures, written the way such servers usually are:
// JWT middleware, one personal room per user, relay to that room, confirmation to the sender.
// It keeps no audit, enforces no limits and sends no presence; our own server is measured with all of that at work.
import { createServer } from 'node:http';
import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';
import { serveSession } from './session.mjs';

const secret = process.env.JWT_SECRET;
// The dialect of the row: `direct`, `session`, whose clients are guests, or `conversation`, which needs the database.
const dialect = process.env.DIALECTS;
const admitsGuests = dialect === 'session';
const conversation = dialect === 'conversation' ? await import('./conversation.mjs').catch(giveUp) : undefined;

/** One line, its last: it says why there are no figures. */
function giveUp(error) {
  console.error(`conversation.mjs: ${error.message.split('\n')[0]}`);
  process.exit(1);
}

/** The user whom a valid token names. */
function userOf(token) {
  const claims = jwt.verify(token, secret, { algorithms: ['HS256'] });
  return { id: claims.userId, username: claims.username, avatarUrl: claims.avatarUrl };
}

const http = createServer((request, response) => {
  if (conversation && request.method === 'POST' && request.url === '/api/conversations') {
    return serveAuthorized(request, response, conversation.createConversation);
  }
  response.writeHead(request.url === '/health' ? 200 : 404);
  response.end();
});

function serveAuthorized(request, response, serve) {
  let user;
  try {
    user = userOf(request.headers.authorization?.replace(/^Bearer /, ''));
  } catch {
    response.writeHead(403);
    return response.end();
  }
  serve(request, response, user);
}

// The largest event is 10 MB, as in the relay's defaults.
const io = new Server(http, { maxHttpBufferSize: 10_000_000 });

io.use((socket, next) => {
  const token = socket.handshake.auth?.token;
  if (!token) return next(admitsGuests ? undefined : new Error('Authentication token required'));
  try {
    socket.data.user = userOf(token);
  } catch {
    return next(new Error('Invalid token'));
  }
  next(!conversation || conversation.admit(socket.data.user) ? undefined : new Error('User not authorized'));
});

const roomOf = (userId) => `user:${userId}`;
const uploads = new Map();

/** Whether this chunk was the last one missing of its file. */
function completes(senderId, { recipientId, messageId, chunkNumber, totalChunks }) {
  const key = `${senderId} ${recipientId} ${messageId}`;
  const seen = uploads.get(key) ?? new Set();
  seen.add(chunkNumber);
  if (seen.size < totalChunks) {
    uploads.set(key, seen);
    return false;
  }
  uploads.delete(key);
  return true;
}

io.on('connection', (socket) => {
  if (!socket.data.user) return serveSession(io, socket);
  if (conversation) return conversation.serveConversations(io, socket);

  const { id: senderId, username: senderUsername } = socket.data.user;
  socket.join(roomOf(senderId));

  socket.on('send_message', (data) => {
    const { recipientId, ciphertext, iv, tag, seq, signature, messageType = 'text' } = data ?? {};
    if (!recipientId || !ciphertext || !iv || !tag || seq === undefined) {
      return socket.emit('message:error', { error: 'Missing required fields' });
    }
    const timestamp = new Date().toISOString();
    const room = roomOf(recipientId);
    io.to(room).emit('receive_message', {
      senderId, senderUsername, ciphertext, iv, tag, seq, signature, messageType, timestamp,
    });
    const recipientOnline = io.sockets.adapter.rooms.has(room);
    socket.emit('message:sent', { recipientId, seq, success: true, timestamp, recipientOnline });
  });

  socket.on('send_file_chunk', (data) => {
    const {
      recipientId, messageId, chunkNumber, totalChunks, encryptedData, iv, tag, hash, fileName, fileSize, mimeType,
    } = data ?? {};
    if (!recipientId || !messageId || chunkNumber === undefined || !totalChunks || !encryptedData || !iv || !tag) {
      return socket.emit('file:error', { error: 'Missing required fields for file chunk' });
    }
    io.to(roomOf(recipientId)).emit('receive_file_chunk', {
      senderId, senderUsername, messageId, chunkNumber, totalChunks, encryptedData, iv, tag, hash,
      fileName, fileSize, mimeType, timestamp: new Date().toISOString(),
    });
    socket.emit('file:chunk-sent', { recipientId, messageId, chunkNumber, totalChunks, success: true });
    if (completes(senderId, data)) {
      socket.emit('file:upload-complete', { recipientId, messageId, totalChunks });
    }
  });
});

http.listen(Number(process.env.PORT), process.env.HOST);
