//! How far a connection is. Only its life moves it from one stage to the next.

use super::handler::{Admission, Handler};

/// How far a connection is.
pub(super) enum Stage<H: Handler> {
    /// It is let in; the library has yet to say that the client is connected.
    Admitted(Admission<H>),
    /// It belongs to nobody so far.
    Guest,
    /// It belongs to a user.
    Member(Held<H::Registration>),
    /// It is being closed, since it was not let in.
    Rejected,
    /// It has ended.
    Closed,
}

/// What a member's connection has, until its token expires.
pub(super) struct Held<R> {
    pub(super) registration: R,
    /// In seconds since the epoch.
    pub(super) expires_at: u64,
    pub(super) is_announced: bool,
}

/// As what a connection begins.
pub(super) enum Begun<H: Handler> {
    Member(H::Member),
    Guest,
    Rejected(H::Rejection),
}
