//! How far a connection is. Only its life moves it from one stage to the next.

use super::handler::{Admission, Handler};
use crate::model::{Refusal, TokenFacts};

/// How far a connection is.
pub(super) enum Stage<H: Handler> {
    /// It is admitted; the library has yet to send CONNECT.
    Admitted(Admission<H>),
    /// It belongs to no user so far.
    Guest,
    /// It belongs to a user.
    Member(MemberState<H::Registration>),
    /// Its client was rejected, and it is being closed.
    Rejected,
    /// It has ended.
    Closed,
}

/// What a member's connection has, until its token expires.
pub(super) struct MemberState<R> {
    pub(super) registration: R,
    pub(super) token: TokenFacts,
    pub(super) is_announced: bool,
}

/// As what a connection begins.
pub(super) enum Begun<H: Handler> {
    Member(H::Member),
    Guest,
    Rejected(Refusal),
}
