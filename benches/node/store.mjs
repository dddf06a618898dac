// The database of the plain server's stored conversations: better-sqlite3, one commit for each thing that happens, each on
// the disk before it is answered, as such servers usually do.
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

const SCHEMA = `
  CREATE TABLE users (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, avatarUrl TEXT, status TEXT NOT NULL DEFAULT 'active'
  );
  CREATE TABLE conversations (
    id TEXT PRIMARY KEY, title TEXT, createdBy TEXT NOT NULL, createdAt INTEGER NOT NULL, lastMessageAt INTEGER NOT NULL
  );
  CREATE TABLE participants (
    conversationId TEXT NOT NULL, userId TEXT NOT NULL, role TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'active',
    joinedAt INTEGER NOT NULL, PRIMARY KEY (conversationId, userId)
  );
  CREATE TABLE messages (
    id TEXT PRIMARY KEY, conversationId TEXT NOT NULL, senderId TEXT NOT NULL, content TEXT, tempId TEXT,
    createdAt INTEGER NOT NULL, editedAt INTEGER, deletedAt INTEGER
  );
  CREATE INDEX messages_history ON messages (conversationId, id);
  CREATE UNIQUE INDEX messages_tempId ON messages (conversationId, senderId, tempId) WHERE tempId IS NOT NULL;
  CREATE TABLE receipts (
    messageId TEXT NOT NULL, userId TEXT NOT NULL, deliveredAt INTEGER NOT NULL, readAt INTEGER,
    PRIMARY KEY (messageId, userId)
  );
`;

/** A UUIDv7: it sorts by time, which keeps new rows together. */
function newId(now) {
  const time = now.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

export function openStore(folder) {
  mkdirSync(folder, { recursive: true });
  const db = new Database(join(folder, 'conversations.db'));
  // What is confirmed outlives a power failure. The package's own default in this mode is NORMAL, which does not flush.
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec(SCHEMA);

  const upsertUser = db.prepare(`
    INSERT INTO users (id, name, avatarUrl) VALUES (@id, @name, @avatarUrl)
    ON CONFLICT (id) DO UPDATE SET name = @name, avatarUrl = @avatarUrl RETURNING status`);
  const insertConversation = db.prepare(
    'INSERT INTO conversations (id, title, createdBy, createdAt, lastMessageAt) VALUES (?, ?, ?, ?, ?)',
  );
  const insertParticipant = db.prepare(
    'INSERT INTO participants (conversationId, userId, role, joinedAt) VALUES (?, ?, ?, ?)',
  );
  const participation = db.prepare(
    "SELECT 1 FROM participants WHERE conversationId = ? AND userId = ? AND status = 'active'",
  );
  const sentBefore = db.prepare('SELECT id FROM messages WHERE conversationId = ? AND senderId = ? AND tempId = ?');
  const insertMessage = db.prepare(`
    INSERT INTO messages (id, conversationId, senderId, content, tempId, createdAt) VALUES (?, ?, ?, ?, ?, ?)`);
  const touchConversation = db.prepare('UPDATE conversations SET lastMessageAt = ? WHERE id = ?');
  const insertReceipt = db.prepare(`
    INSERT INTO receipts (messageId, userId, deliveredAt) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`);

  return {
    /** Stores what a token says of its bearer; whether they may connect. */
    admit: (user) => upsertUser.get(user).status === 'active',

    isParticipant: (conversationId, userId) => participation.get(conversationId, userId) !== undefined,

    create: db.transaction(({ id = newId(Date.now()), title = null, createdBy, participantIds }) => {
      const now = Date.now();
      insertConversation.run(id, title, createdBy, now, now);
      const roles = new Map(participantIds.map((userId) => [userId, 'member'])).set(createdBy, 'admin');
      const participants = [...roles].map(([userId, role]) => {
        insertParticipant.run(id, userId, role, now);
        return { userId, role, status: 'active', joinedAt: new Date(now).toISOString() };
      });
      const createdAt = new Date(now).toISOString();
      return { conversation: { id, title: title ?? undefined, createdBy, createdAt, lastMessageAt: createdAt }, participants };
    }).immediate,

    append: db.transaction(({ conversationId, senderId, content, tempId = null }) => {
      const earlier = tempId === null ? undefined : sentBefore.get(conversationId, senderId, tempId);
      if (earlier) return { id: earlier.id, repeated: true };
      const now = Date.now();
      const id = newId(now);
      insertMessage.run(id, conversationId, senderId, content, tempId, now);
      touchConversation.run(now, conversationId);
      return { id, createdAt: new Date(now).toISOString(), repeated: false };
    }).immediate,

    markDelivered: db.transaction((messageId, userIds) => {
      const now = Date.now();
      const reached = userIds.filter((userId) => insertReceipt.run(messageId, userId, now).changes === 1);
      return { reached, deliveredAt: new Date(now).toISOString() };
    }).immediate,
  };
}
