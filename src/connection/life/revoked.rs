//! The end of a connection whose token was taken back. It must not know by what.

use super::Life;
use super::handler::{Admission, Due, Handler};
use super::stage::Stage;
use crate::connection::open::IsRevoked;
use crate::model::{DisconnectReason, TokenFacts};

impl<H: Handler> Life<H> {
    /// What is kept of the token that it has now.
    pub(super) fn held_token(&self) -> Option<TokenFacts> {
        match &*self.stage.lock() {
            Stage::Member(held) => Some(held.token.clone()),
            Stage::Admitted(Admission::Member(membership)) => Some(membership.token.clone()),
            Stage::Admitted(_) | Stage::Guest | Stage::Rejected | Stage::Closed => None,
        }
    }

    /// Ends it if its token was taken back while it was looked at. To be called when others can find the token here: who
    /// takes one back looks for connections afterwards.
    pub(super) fn end_if_revoked(&self) {
        self.end_if_such(&|user, token| self.context.handler.is_revoked(user, token));
    }

    /// Tells the client so, and closes its connection, if its token is such a one. `false`: it is not, or is being closed
    /// already.
    pub(super) fn end_if_such(&self, is_revoked: IsRevoked<'_>) -> bool {
        let Some(token) = self.held_token() else {
            return false;
        };
        let source = self.connection.source();
        let user = source.user.as_deref().unwrap_or_default();
        let is_ended = is_revoked(user, &token) && self.connection.close_reason().is_none();
        if is_ended {
            self.send_and_close(Due::Revoked, DisconnectReason::Revoked);
        }
        is_ended
    }
}
