// The `direct` part of the plain servers, written the way such servers usually are: one personal room per user, relay to that
// room, confirmation to the sender, counting the chunks of a file.
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

export function serveDirect(io, socket) {
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
}
