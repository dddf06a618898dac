// What the suites of several dialects in one conversation share: one client of each, and how each is sent the same.
import { TIME } from './relay.mjs';
import { chat, joined, knownUsers, reader } from './feed-chat.mjs';
import { found } from './rest.mjs';

/** What one event of a conversation is to each of the clients that `trio` makes. */
export const FAMILIES = ['conversation', 'feed', 'chat'];

/** Three users in a new conversation, each a client of their own dialect, in the order of `FAMILIES`; the first is its admin. */
export async function trio(fields = {}) {
  const [alice, bob, carol] = await knownUsers('Alice', 'Bob', 'Carol');
  const id = await found(alice, [bob, carol], fields);
  return { id, alice: await joined(alice, id), bob: await reader(bob, id), carol: await chat(carol) };
}

/** A message, as the sockets of each family get it. */
export function sent({ id, conversationId, sender, content, createdAt = TIME, tempId, keyNumber = null, media }) {
  const own = { id, conversationId, senderId: sender.userId, content, createdAt, sender: { id: sender.userId, name: sender.username } };
  const more = { ...(tempId && { tempId }), ...(keyNumber !== null && { keyNumber }), ...(media && { media }) };
  return [
    ['message:new', { ...own, ...more }],
    ['new-message', {
      id, conversation_id: conversationId, content_key_number: keyNumber, encrypted_msg_content: content, sender_username: sender.username,
      created_at: Date.parse(createdAt), is_deleted: 0,
    }],
    ['message:new', {
      type: 'message:new',
      data: { messageId: id, chatId: conversationId, senderId: sender.userId, content, ...(media && { media }), timestamp: createdAt },
    }],
  ];
}

/** A change of a message. */
export function edited({ id, conversationId, content, editedAt, keyNumber = null }) {
  return [
    ['message:updated', { id, conversationId, content, editedAt }],
    ['message-updated', {
      id, conversation_id: conversationId, content_key_number: keyNumber, encrypted_msg_content: content, updated_at: Date.parse(editedAt),
    }],
    ['message:edited', { type: 'message:edited', data: { messageId: id, chatId: conversationId, content, editedAt } }],
  ];
}

/** The end of a message. */
export function deleted({ id, conversationId, deletedAt }) {
  return [
    ['message:deleted', { id, conversationId, deletedAt }],
    ['message-deleted', { id, conversation_id: conversationId }],
    ['message:deleted', { type: 'message:deleted', data: { messageId: id, chatId: conversationId } }],
  ];
}
