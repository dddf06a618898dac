// The `conversation` part of the plain server, written the way such servers usually are: a room per conversation, the
// database asked for each event, every message committed before it is confirmed, its receipts in a commit of their own.
// It has what the row needs: no edits, reads, reactions or typing, and no presence.
import { openStore } from './store.mjs';

const MAX_CONTENT_CHARS = 10_000;
const MAX_BODY_BYTES = 1_000_000;

const store = openStore(process.env.DATA_DIR);

const roomOf = (conversationId) => `conversation:${conversationId}`;
const userRoomOf = (userId) => `user:${userId}`;
const isId = (value) => typeof value === 'string' && value.length >= 1 && value.length <= 128;

/** Whether a user with a valid token may connect. */
export const admit = ({ id, username, avatarUrl = null }) => store.admit({ id, name: username, avatarUrl });

/** `POST /api/conversations`, by a user with a valid token. */
export async function createConversation(request, response, user) {
  const answer = (status, body) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  try {
    let text = '';
    for await (const part of request.setEncoding('utf8')) {
      text += part;
      if (text.length > MAX_BODY_BYTES) return answer(413, { error: 'Too large', code: 'PAYLOAD_TOO_LARGE' });
    }
    const { id, title, participantIds } = JSON.parse(text);
    if (!Array.isArray(participantIds) || !participantIds.every(isId) || (id !== undefined && !isId(id))) {
      return answer(400, { error: 'Missing or invalid participantIds', code: 'INVALID_INPUT' });
    }
    answer(201, store.create({ id, title, createdBy: user.id, participantIds }));
  } catch (error) {
    console.error(error);
    answer(500, { error: 'Internal server error', code: 'OPERATION_FAILED' });
  }
}

export function serveConversations(io, socket) {
  const { user } = socket.data;
  socket.join(userRoomOf(user.id));

  const refuse = (ack, event, code, message) => {
    ack?.({ success: false, error: { message, code } });
    socket.emit('error', { message, code, context: { event } });
  };

  /** The other users who have a socket in the room. */
  const othersOnline = (room) => {
    const users = new Set();
    for (const socketId of io.sockets.adapter.rooms.get(room) ?? []) {
      users.add(io.sockets.sockets.get(socketId).data.user.id);
    }
    users.delete(user.id);
    return [...users];
  };

  socket.on('conversation:join', (data, ack) => {
    const { conversationId } = data ?? {};
    if (!isId(conversationId) || !store.isParticipant(conversationId, user.id)) {
      const error = { message: 'Not authorized to join conversation', code: 'NOT_PARTICIPANT' };
      ack?.({ success: false, error });
      return socket.emit('conversation:join:error', { conversationId, ...error });
    }
    const room = roomOf(conversationId);
    socket.join(room);
    ack?.({ success: true });
    socket.emit('conversation:joined', { conversationId, participantCount: io.sockets.adapter.rooms.get(room).size });
  });

  socket.on('message:send', (data, ack) => {
    const { conversationId, content, tempId } = data ?? {};
    const event = 'message:send';
    if (!isId(conversationId)) return refuse(ack, event, 'INVALID_INPUT', 'Missing or invalid conversationId');
    if (typeof content !== 'string' || content.length < 1 || content.length > MAX_CONTENT_CHARS) {
      return refuse(ack, event, 'INVALID_INPUT', 'Missing or invalid content');
    }
    if (tempId !== undefined && !isId(tempId)) return refuse(ack, event, 'INVALID_INPUT', 'Missing or invalid tempId');
    try {
      if (!store.isParticipant(conversationId, user.id)) {
        return refuse(ack, event, 'NOT_PARTICIPANT', 'Not authorized to join conversation');
      }
      const { id, createdAt, repeated } = store.append({ conversationId, senderId: user.id, content, tempId });
      ack?.({ success: true, messageId: id });
      if (repeated) return;
      const room = roomOf(conversationId);
      const sender = { id: user.id, name: user.username, avatarUrl: user.avatarUrl };
      io.to(room).emit('message:new', { id, conversationId, senderId: user.id, content, createdAt, tempId, sender });
      const others = othersOnline(room);
      if (others.length === 0) return;
      const { reached, deliveredAt } = store.markDelivered(id, others);
      io.to(userRoomOf(user.id)).emit('message:delivered', {
        messageId: id, conversationId, deliveredTo: reached, deliveredAt,
      });
    } catch (error) {
      console.error(error);
      refuse(ack, event, 'MESSAGE_SEND_FAILED', 'Failed to send message');
    }
  });
}
