//! The codes in messages to clients and in audit records: one table of errors, one of disconnect
//! reasons.
//!
//! Owns the codes only. Three are not here, since no record has them: `DRAINING`, `3` and `5`
//! (`connection/edge`). Error texts and shapes belong to each dialect, and nothing in this file may carry text that came from a client.

use serde::{Deserialize, Serialize, Serializer};

/// Why something was refused or failed, for clients and the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ErrorCode {
    /// A payload is missing, malformed or too large in a field.
    InvalidInput,
    /// The event name is reserved or not known.
    UnknownEvent,
    /// A rate limit was exceeded; retry later.
    RateLimit,
    /// No token where one is required.
    MissingToken,
    /// The token is malformed, badly signed or not for this server.
    InvalidToken,
    /// The token is past its `exp`.
    ExpiredToken,
    /// The user is known but not allowed.
    NotAuthorized,
    /// Too many failed authentications from this address.
    TooManyAttempts,
    /// Too many open connections of this address or user.
    TooManyConnections,
    /// The handshake names a dialect that is unknown or disabled.
    UnknownDialect,
    /// A payload of `session` is malformed.
    InvalidRequest,
    /// There is no session with this id.
    SessionNotFound,
    /// The session has another key.
    InvalidKey,
    /// The session has another password.
    InvalidPassword,
    /// The session has the maximum number of members.
    SessionFull,
    /// The server has the maximum number of sessions; retry later.
    ServerBusy,
    /// Only a member may do this, under its own id.
    NotAMember,
    /// The member has joined with another key on another connection.
    Replaced,
    /// The session was not used for too long.
    SessionExpired,
    /// The session is reserved or in use.
    SessionExists,
    /// There is no such conversation, or the user is not a participant of it.
    NotParticipant,
    /// There is no such message, or this user may not change it.
    Unauthorized,
    /// The requested object does not exist.
    NotFound,
    /// There is a conversation with this id.
    ConversationExists,
    /// The conversation has the maximum number of participants.
    ConversationFull,
    /// The conversation would have no admin any more.
    LastAdmin,
    /// The key of the request stands for another one.
    IdempotencyConflict,
    /// The user has blocked as many others as they may.
    BlockListFull,
    /// The user shares no conversation with who is to be added.
    NoSharedConversation,
    /// What happened since is not kept; read everything again.
    CursorExpired,
    /// A conversation could not be joined; not the fault of the client.
    JoinFailed,
    /// A message could not be stored; not the fault of the client.
    MessageSendFailed,
    /// A request's body is too large.
    PayloadTooLarge,
    /// A request's body arrived too slowly.
    RequestTimeout,
    /// A request's body is not JSON.
    UnsupportedMediaType,
    /// A web page of this origin may not call.
    OriginNotAllowed,
    /// The server failed; not the fault of the client.
    OperationFailed,
}

impl ErrorCode {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; Self::OperationFailed as usize + 1] = [
        Self::InvalidInput,
        Self::UnknownEvent,
        Self::RateLimit,
        Self::MissingToken,
        Self::InvalidToken,
        Self::ExpiredToken,
        Self::NotAuthorized,
        Self::TooManyAttempts,
        Self::TooManyConnections,
        Self::UnknownDialect,
        Self::InvalidRequest,
        Self::SessionNotFound,
        Self::InvalidKey,
        Self::InvalidPassword,
        Self::SessionFull,
        Self::ServerBusy,
        Self::NotAMember,
        Self::Replaced,
        Self::SessionExpired,
        Self::SessionExists,
        Self::NotParticipant,
        Self::Unauthorized,
        Self::NotFound,
        Self::ConversationExists,
        Self::ConversationFull,
        Self::LastAdmin,
        Self::IdempotencyConflict,
        Self::BlockListFull,
        Self::NoSharedConversation,
        Self::CursorExpired,
        Self::JoinFailed,
        Self::MessageSendFailed,
        Self::PayloadTooLarge,
        Self::RequestTimeout,
        Self::UnsupportedMediaType,
        Self::OriginNotAllowed,
        Self::OperationFailed,
    ];

    /// The code as clients see it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "INVALID_INPUT",
            Self::UnknownEvent => "UNKNOWN_EVENT",
            Self::RateLimit => "RATE_LIMIT",
            Self::MissingToken => "MISSING_TOKEN",
            Self::InvalidToken => "INVALID_TOKEN",
            Self::ExpiredToken => "EXPIRED_TOKEN",
            Self::NotAuthorized => "NOT_AUTHORIZED",
            Self::TooManyAttempts => "TOO_MANY_ATTEMPTS",
            Self::TooManyConnections => "TOO_MANY_CONNECTIONS",
            Self::UnknownDialect => "UNKNOWN_DIALECT",
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::SessionNotFound => "SESSION_NOT_FOUND",
            Self::InvalidKey => "INVALID_KEY",
            Self::InvalidPassword => "INVALID_PASSWORD",
            Self::SessionFull => "SESSION_FULL",
            Self::ServerBusy => "SERVER_BUSY",
            Self::NotAMember => "NOT_A_MEMBER",
            Self::Replaced => "REPLACED",
            Self::SessionExpired => "SESSION_EXPIRED",
            Self::SessionExists => "SESSION_EXISTS",
            Self::NotParticipant => "NOT_PARTICIPANT",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::NotFound => "NOT_FOUND",
            Self::ConversationExists => "CONVERSATION_EXISTS",
            Self::ConversationFull => "CONVERSATION_FULL",
            Self::LastAdmin => "LAST_ADMIN",
            Self::IdempotencyConflict => "IDEMPOTENCY_CONFLICT",
            Self::BlockListFull => "BLOCK_LIST_FULL",
            Self::NoSharedConversation => "NO_SHARED_CONVERSATION",
            Self::CursorExpired => "CURSOR_EXPIRED",
            Self::JoinFailed => "JOIN_FAILED",
            Self::MessageSendFailed => "MESSAGE_SEND_FAILED",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::OriginNotAllowed => "ORIGIN_NOT_ALLOWED",
            Self::OperationFailed => "OPERATION_FAILED",
        }
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum DisconnectReason {
    /// The client asked to leave.
    ClientLeft,
    /// The connection was closed or lost.
    TransportClosed,
    /// No answer to a ping in time.
    PingTimeout,
    /// The client broke the transport protocol, or one event was too large.
    ProtocolError,
    /// The client read nothing within the deadline while a backlog waited.
    SlowConsumer,
    /// The token expired and was not refreshed.
    TokenExpired,
    /// The server refused the connection's authentication.
    AuthRefused,
    /// A guest neither authenticated nor joined a session in time, or sent too much before.
    GuestTimeout,
    /// The user was suspended.
    Suspended,
    /// The user's sessions were revoked, or an administrator closed the connection.
    Revoked,
    /// Memory was scarce, and it was among those that held the most.
    OutOfMemory,
    /// The server closed the connection for a reason of its own.
    ServerClosed,
    /// The server is shutting down; reconnect.
    ServerShutdown,
}

impl DisconnectReason {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; Self::ServerShutdown as usize + 1] = [
        Self::ClientLeft,
        Self::TransportClosed,
        Self::PingTimeout,
        Self::ProtocolError,
        Self::SlowConsumer,
        Self::TokenExpired,
        Self::AuthRefused,
        Self::GuestTimeout,
        Self::Suspended,
        Self::Revoked,
        Self::OutOfMemory,
        Self::ServerClosed,
        Self::ServerShutdown,
    ];

    /// Those for which the server expels a client: what it did, or what an administrator did about it.
    pub(crate) const EXPULSIONS: [Self; 4] = [
        Self::SlowConsumer,
        Self::Suspended,
        Self::Revoked,
        Self::OutOfMemory,
    ];

    /// Whether it is one of these.
    pub(crate) fn is_expulsion(self) -> bool {
        Self::EXPULSIONS.contains(&self)
    }

    /// Whether a record with this reason is of one of these.
    pub(crate) fn names_expulsion(reason: &str) -> bool {
        Self::EXPULSIONS.iter().any(|one| one.as_str() == reason)
    }

    /// The reason in audit records and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ClientLeft => "client left",
            Self::TransportClosed => "transport closed",
            Self::PingTimeout => "ping timeout",
            Self::ProtocolError => "protocol error",
            Self::SlowConsumer => "slow consumer",
            Self::TokenExpired => "token expired",
            Self::AuthRefused => "authentication refused",
            Self::GuestTimeout => "guest timeout",
            Self::Suspended => "user suspended",
            Self::Revoked => "revoked",
            Self::OutOfMemory => "out of memory",
            Self::ServerClosed => "server closed",
            Self::ServerShutdown => "server shutdown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_have_the_order_of_the_variants() {
        let codes = ErrorCode::ALL.iter().enumerate();
        assert!(codes.into_iter().all(|(at, code)| *code as usize == at));
        let reasons = DisconnectReason::ALL.iter().enumerate();
        assert!(
            reasons
                .into_iter()
                .all(|(at, reason)| *reason as usize == at)
        );
    }
}
