// The `session` part of the plain server, written the way such servers usually are: sessions in a map, each with a map
// of its members and an array with its last messages; a Socket.IO room per session. Guests need no token.
// It hashes no key, limits nothing but the number of messages, and never cleans up what is not empty.
import { randomUUID } from 'node:crypto';

const MAX_MESSAGES = 1000;
const sessions = new Map();

const keysOf = ({ members }) => [...members.values()]
  .filter(({ publicKey }) => publicKey)
  .map(({ userId, publicKey, displayName, joinedAt }) => ({ userId, publicKey, displayName, joinedAt }));

const concerns = ({ from, to }, userId) => !to || to === 'all' || to === userId || from === userId;

export function serveSession(io, socket) {
  const refuse = (error, message) => socket.emit('session-error', { error, message });

  socket.on('join-session', (data) => {
    const { sessionId: link, userId, displayName, publicKey, isCreator, authKey } = data ?? {};
    if (!link || !userId) return refuse('INVALID_REQUEST', 'Missing sessionId or userId');
    const [sessionId, keyInLink] = String(link).split(':');
    const key = authKey ?? keyInLink;
    let session = sessions.get(sessionId);
    if (!session) {
      if (!isCreator) return refuse('SESSION_NOT_FOUND', 'Session not found. Please check the session link.');
      session = { authKey: key, members: new Map(), messages: [], lastActivity: Date.now() };
      sessions.set(sessionId, session);
    }
    if (session.authKey !== key) {
      return refuse('INVALID_KEY', 'Invalid authentication key. Please check your link and try again.');
    }
    const known = session.members.get(userId);
    session.members.set(userId, {
      userId, displayName, publicKey, joinedAt: known?.joinedAt ?? Date.now(), socketId: socket.id,
    });
    session.lastActivity = Date.now();
    socket.data.member = { sessionId, userId };
    socket.join(sessionId);
    if (!known) socket.to(sessionId).emit('user-joined', { userId, displayName, timestamp: Date.now() });
    socket.emit('messages-history', session.messages.filter((message) => concerns(message, userId)));
    socket.emit('session-metadata', { chatMode: 'group', encryptedSessionKey: null });
    io.to(sessionId).emit('public-keys-updated', keysOf(session));
  });

  socket.on('send-message', (data) => {
    const { sessionId, from, to, encrypted, type = 'text', clientMessageId } = data ?? {};
    const session = sessions.get(sessionId);
    const member = session?.members.get(from);
    if (member?.socketId !== socket.id) return refuse('NOT_A_MEMBER', 'You are not a member of this session.');
    session.lastActivity = Date.now();
    const message = {
      id: clientMessageId ?? `msg-${randomUUID()}`, from, to, encrypted, timestamp: Date.now(), type,
      senderDisplayName: member.displayName,
    };
    const isNew = session.messages.findIndex(({ id }) => id === message.id) === -1;
    if (isNew) {
      session.messages.push(message);
      if (session.messages.length > MAX_MESSAGES) session.messages.shift();
    }
    if (!to || to === 'all') {
      socket.to(sessionId).emit('new-message', message);
    } else if (session.members.has(to)) {
      io.to(session.members.get(to).socketId).emit('new-message', message);
    }
    if (isNew) socket.emit('message-sent', message);
  });

  socket.on('disconnect', () => {
    const { sessionId, userId } = socket.data.member ?? {};
    const session = sessions.get(sessionId);
    const member = session?.members.get(userId);
    if (member?.socketId !== socket.id) return;
    session.members.delete(userId);
    if (session.members.size === 0) return sessions.delete(sessionId);
    io.to(sessionId).emit('user-left', { userId, displayName: member.displayName, timestamp: Date.now() });
    io.to(sessionId).emit('public-keys-updated', keysOf(session));
  });
}
