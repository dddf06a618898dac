//! Why the relay does not do what a client asks for: one type for services, dialects and `http`.
//!
//! Owns the closed list of reasons, each with the code that clients and records see. It must not
//! know how a refusal is worded or sent: that belongs to each dialect and to `http`.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::session::{JoinError, KeysError, ReserveError};
use super::{AuthFailure, ErrorCode, FailedAuth, Identity, Scope};

/// Declares the reasons in one table: variant, code, description.
macro_rules! reasons {
    ($($variant:ident $({ $field:ident: $type:ty })?, $code:ident, $doc:literal;)+) => {
        /// A reason. Finer than its code where a dialect words or treats two cases differently.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Why {
            $(#[doc = $doc] $variant $({ $field: $type })?,)+
        }

        impl Why {
            /// The code of this reason, unless a dialect has one of its own.
            pub(crate) const fn code(self) -> ErrorCode {
                match self { $(Self::$variant { .. } => ErrorCode::$code,)+ }
            }
        }
    };
}

reasons! {
    Missing, InvalidInput, "The field, or without one the whole payload, is missing or malformed.";
    Unusable, InvalidInput, "The field is present, but not what it has to be.";
    RateLimited, RateLimit, "A rate limit was exceeded.";
    Busy, ServerBusy, "The server has no room for it now.";
    Failed, OperationFailed, "The server failed; nothing the client did.";

    NotParticipant, NotParticipant, "No such conversation, or the user is not a participant.";
    NotSubscribed, NotParticipant, "The connection has not joined the conversation.";
    MessageNotFound, Unauthorized, "No such message, or it is not for this user to change.";
    ConversationNotFound, NotFound, "No such conversation.";
    ParticipantNotFound, NotFound, "No such participant.";
    ConversationExists, ConversationExists, "A conversation with this id exists.";
    ConversationFull, ConversationFull, "The conversation has as many participants as it may have.";
    NoSharedConversation, NoSharedConversation, "The user shares no conversation with who is to be added.";
    NotBlocked, NotFound, "The user has not blocked that one.";
    BlockListFull, BlockListFull, "The user has blocked as many others as they may.";
    NotAdmin, NotAuthorized, "The user is not an admin of the conversation.";
    LastAdmin, LastAdmin, "The conversation would have no admin any more.";
    CursorExpired, CursorExpired, "The log does not have what is behind the cursor.";

    NotMember, NotAMember, "The connection is not a member of the session under this id.";
    SessionNotFound, SessionNotFound, "No such session, and who asks does not create it.";
    NotCreator, InvalidKey, "The session of this creator has another key.";
    WrongPassword, InvalidPassword, "The password of the session is wrong.";
    WrongKey, InvalidKey, "The key of the session is wrong or missing.";
    SessionFull { max: usize }, SessionFull, "The session has as many members as it may have.";
    SessionExists, SessionExists, "The session is reserved or in use.";
    NotGroup, InvalidRequest, "The session is not in group mode, or it has ended.";

    NoToken, MissingToken, "No token where one is needed.";
    BadToken, InvalidToken, "The token is malformed, badly signed or not for this server.";
    TokenExpired, ExpiredToken, "The token has expired.";
    Suspended, NotAuthorized, "The user is suspended.";
    TooManyAttempts, TooManyAttempts, "Too many failures from this address.";
    ScopeMissing, NotAuthorized, "The token of the administrator does not open this.";
    UnknownDialect, UnknownDialect, "No such dialect, or the settings do not enable it.";
    TooManyConnections, TooManyConnections, "The user, or the address, has as many connections as it may have.";

    KeyReused, IdempotencyConflict, "The key of the request stands for another one.";
    ConnectionNotFound, NotFound, "No such connection.";
    RevocationNotFound, NotFound, "No such revocation.";
    WebhookNotFound, NotFound, "No such endpoint of the backend.";
    NoRoute, NotFound, "No such endpoint.";
    BodyTooLarge, PayloadTooLarge, "The body of the request is too large.";
    BodyTooSlow, RequestTimeout, "The body of the request arrived too slowly.";
    NotJson, UnsupportedMediaType, "The body of the request does not claim to be JSON.";
}

/// Why something is not done.
#[derive(Clone)]
pub(crate) struct Refusal {
    /// The code that clients and records see, unless a dialect has another for the same reason.
    pub(crate) code: ErrorCode,
    /// The field that is at fault; as the client named it, when the relay does not know it.
    pub(crate) field: Option<Cow<'static, str>>,
    why: Why,
    text: Option<Cow<'static, str>>,
    failed_auth: Option<Box<FailedAuth>>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Refusal {
    /// A refusal for this reason.
    pub(crate) fn new(why: Why) -> Self {
        Self {
            code: why.code(),
            field: None,
            why,
            text: None,
            failed_auth: None,
            source: None,
        }
    }

    /// Somebody is not authenticated: why, and whom a token with a good signature names.
    pub(crate) fn unauthenticated(failure: AuthFailure, identity: Option<Identity>) -> Self {
        Self {
            failed_auth: Some(Box::new(FailedAuth { failure, identity })),
            ..Self::new(failure.into())
        }
    }

    /// The token of an administrator lacks this scope.
    pub(crate) fn scope_missing(scope: Scope) -> Self {
        Self {
            field: Some(scope.as_str().into()),
            ..Self::unauthenticated(AuthFailure::ScopeMissing, None)
        }
    }

    /// The payload as a whole is missing or malformed.
    pub(crate) fn malformed() -> Self {
        Self::new(Why::Missing)
    }

    /// This field is missing, of the wrong type or too long.
    pub(crate) fn invalid(field: &'static str) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(Why::Missing)
        }
    }

    /// This field is present, but of no use.
    pub(crate) fn unusable(field: &'static str) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(Why::Unusable)
        }
    }

    /// This field, whatever its name is, is present, but of no use.
    pub(crate) fn unusable_named(field: &str) -> Self {
        const MAX_NAME_BYTES: usize = 128;
        let name = &field[..field.floor_char_boundary(MAX_NAME_BYTES)];
        Self {
            field: Some(name.to_owned().into()),
            ..Self::new(Why::Unusable)
        }
    }

    /// A rate limit was exceeded.
    pub(crate) fn rate_limited() -> Self {
        Self::new(Why::RateLimited)
    }

    /// The server has no room for it.
    pub(crate) fn busy() -> Self {
        Self::new(Why::Busy)
    }

    /// There is no such conversation, or the user is not a participant of it.
    pub(crate) fn not_participant() -> Self {
        Self::new(Why::NotParticipant)
    }

    /// There is no such message or reaction, or it is not for this user to change.
    pub(crate) fn message_not_found() -> Self {
        Self::new(Why::MessageNotFound)
    }

    /// The connection is not a member of the ad-hoc session.
    pub(crate) fn not_member() -> Self {
        Self::new(Why::NotMember)
    }

    /// The server failed. The source goes to the log and nowhere else; it must not contain anything
    /// that clients wrote.
    pub(crate) fn failed(source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            source: Some(Arc::new(source)),
            ..Self::new(Why::Failed)
        }
    }

    /// The same, in these words instead of the usual ones for its reason.
    #[must_use]
    pub(crate) fn worded(self, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: Some(text.into()),
            ..self
        }
    }

    /// The reason.
    pub(crate) fn why(&self) -> Why {
        self.why
    }

    /// Why somebody is not authenticated, where that is the reason.
    pub(crate) fn auth_failure(&self) -> Option<AuthFailure> {
        let known = self.failed_auth.as_ref().map(|failed| failed.failure);
        known.or(match self.why {
            Why::NoToken => Some(AuthFailure::Missing),
            Why::TokenExpired => Some(AuthFailure::Expired),
            Why::Suspended => Some(AuthFailure::Suspended),
            Why::TooManyAttempts => Some(AuthFailure::Throttled),
            _ => None,
        })
    }

    /// The user whom a token names that is refused though its signature is good.
    pub(crate) fn refused_identity(&self) -> Option<&Identity> {
        self.failed_auth.as_ref()?.identity.as_ref()
    }

    /// Its own words, where it has some.
    pub(crate) fn text(&self) -> Option<&Cow<'static, str>> {
        self.text.as_ref()
    }

    fn known_field(&self) -> Option<&'static str> {
        match self.field {
            Some(Cow::Borrowed(name)) => Some(name),
            _ => None,
        }
    }

    /// What failed; for the log.
    pub(crate) fn source(&self) -> Option<&(dyn Error + Send + Sync)> {
        self.source.as_deref()
    }
}

impl fmt::Debug for Refusal {
    /// Without its words, which may repeat a name that the client sent, as a field may.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("why", &self.why)
            .field("field", &self.known_field())
            .finish_non_exhaustive()
    }
}

/// What a client is told of it.
impl From<AuthFailure> for Why {
    fn from(failure: AuthFailure) -> Self {
        match failure {
            AuthFailure::Missing => Self::NoToken,
            AuthFailure::Throttled => Self::TooManyAttempts,
            AuthFailure::Expired => Self::TokenExpired,
            AuthFailure::Suspended => Self::Suspended,
            AuthFailure::ScopeMissing => Self::ScopeMissing,
            _ => Self::BadToken,
        }
    }
}

impl From<JoinError> for Refusal {
    fn from(error: JoinError) -> Self {
        Self::new(match error {
            JoinError::NotFound => Why::SessionNotFound,
            JoinError::NotTheCreator => Why::NotCreator,
            JoinError::WrongPassword => Why::WrongPassword,
            JoinError::WrongKey => Why::WrongKey,
            JoinError::Full { max } => Why::SessionFull { max },
            JoinError::Busy => Why::Busy,
        })
    }
}

impl From<ReserveError> for Refusal {
    fn from(error: ReserveError) -> Self {
        Self::new(match error {
            ReserveError::Exists => Why::SessionExists,
            ReserveError::Busy => Why::Busy,
        })
    }
}

impl From<KeysError> for Refusal {
    fn from(error: KeysError) -> Self {
        Self::new(match error {
            KeysError::NotGroup => Why::NotGroup,
            KeysError::Busy => Why::Busy,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_brings_its_code_and_debug_hides_the_words() {
        let refusal = Refusal::invalid("userId").worded("User carol not found");
        assert_eq!(refusal.code, ErrorCode::InvalidInput);
        assert_eq!(refusal.field.as_deref(), Some("userId"));
        assert!(!format!("{:?}", Refusal::unusable_named("secret")).contains("secret"));
        assert!(!format!("{refusal:?}").contains("carol"));
        assert_eq!(
            Refusal::from(JoinError::Full { max: 2 }).why(),
            Why::SessionFull { max: 2 }
        );
    }
}
