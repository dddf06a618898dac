//! The names of events that have a meaning already: nobody may give them another one by configuration.
//!
//! Tests compare them with what the dialects take and send.

/// The events of Socket.IO itself.
const OWN: [&str; 7] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
    "error",
];

/// What the relay's own events of authentication begin with.
const AUTH: &str = "auth:";

/// The events of clients and of the relay, in all dialects, but for those of authentication.
const OF_DIALECTS: [&str; 88] = [
    "authenticate",
    "authenticated",
    "chat:updated",
    "conversation-created",
    "conversation-key-rotated",
    "conversation-participants-added",
    "conversation-participants-removed",
    "conversation-updated",
    "conversation:join",
    "conversation:join:error",
    "conversation:joined",
    "conversation:leave",
    "conversation:left",
    "conversation:updated",
    "download-notification",
    "file-downloaded",
    "file:chunk-sent",
    "file:error",
    "file:request-sent",
    "file:requested",
    "file:upload-complete",
    "get-public-keys",
    "join-conversation",
    "join-session",
    "join_room",
    "key-exchange:error",
    "key-exchange:receive",
    "key-exchange:send",
    "key-exchange:sent",
    "leave-conversation",
    "leave-session",
    "leave_room",
    "message-deleted",
    "message-sent",
    "message-updated",
    "message:delete",
    "message:deleted",
    "message:delivered",
    "message:delivery-confirmed",
    "message:edited",
    "message:error",
    "message:new",
    "message:read",
    "message:read-confirmed",
    "message:read:receipt",
    "message:send",
    "message:sent",
    "message:update",
    "message:updated",
    "messages-history",
    "new-message",
    "presence:request",
    "presence:response",
    "public-keys-updated",
    "reaction:add",
    "reaction:added",
    "reaction:remove",
    "reaction:removed",
    "receive_file_chunk",
    "receive_message",
    "request_file",
    "room:error",
    "room:joined",
    "room:left",
    "room:user-ready",
    "save-public-key",
    "send-message",
    "send_file_chunk",
    "send_message",
    "session-error",
    "session-key-available",
    "session-metadata",
    "set-session-key",
    "stopped-typing",
    "typing",
    "typing:start",
    "typing:stop",
    "typing:user",
    "typing:user:start",
    "typing:user:stop",
    "user-joined",
    "user-left",
    "user-stopped-typing",
    "user-typing",
    "user:offline",
    "user:online",
    "user:stop-typing",
    "user:typing",
];

/// Whether an event of this name has a meaning already.
#[cfg(test)]
pub(crate) fn is_reserved(name: &str) -> bool {
    reserved_by(name, false).is_some()
}

/// The event that already has a meaning and this name, or begins with it where it is a prefix.
pub(crate) fn reserved_by(name: &str, is_prefix: bool) -> Option<&'static str> {
    if name.starts_with(AUTH) || is_prefix && AUTH.starts_with(name) {
        return Some("auth:*");
    }
    let mut all = OWN.into_iter().chain(OF_DIALECTS);
    all.find(|one| *one == name || is_prefix && one.starts_with(name))
}
