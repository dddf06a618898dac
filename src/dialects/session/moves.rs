//! That members come and go: `user-joined` and `user-left` to the others, and `session-error` to a connection that
//! another has taken the place of.

use schemars::JsonSchema;
use serde::Serialize;

use super::words::SessionError;
use super::{SESSION_ERROR, signals};
use crate::connection::rooms::{Lagging, To, of_sessions};
use crate::model::ErrorCode;
use crate::model::session::Member;
use crate::payload::FrameSizes;
use crate::sessions::{LocalMember, Session, SessionUpdate};

pub(super) const USER_JOINED: &str = "user-joined";
pub(super) const USER_LEFT: &str = "user-left";

/// `user-joined` and `user-left`
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserMoved<'a> {
    user_id: &'a str,
    display_name: &'a str,
    /// Milliseconds since the epoch.
    timestamp: u64,
}

impl UserMoved<'_> {
    const SIZE: usize = 512;
}

/// Publishes that a member joined or left, by this change of the session.
pub(super) async fn moved(
    session: &mut Session<'_>,
    to: To<'_>,
    event: &'static str,
    (member, revision): (&Member, u64),
    timestamp: u64,
) -> Lagging {
    let moved = UserMoved {
        user_id: member.user.as_str(),
        display_name: &member.display_name,
        timestamp,
    };
    let about = format!("member {}", member.user.as_str());
    let update = SessionUpdate {
        newest: Some(&about),
        ..SessionUpdate::of(revision)
    };
    let frames = FrameSizes::from_slice(&[UserMoved::SIZE]);
    session.publish(to, update, event, &moved, &frames).await
}

/// A member is on these connections no more, whose clients learn it if they are told.
pub(crate) async fn end_displaced(
    session: &mut Session<'_>,
    displaced: &[LocalMember],
    is_told: bool,
) {
    let replaced = SessionError {
        error: ErrorCode::Replaced,
        message: "You have joined this session with another key elsewhere.",
        field: None,
    };
    for member in displaced {
        if is_told {
            member.connection.send_deferred_of(of_sessions);
            member.connection.send(SESSION_ERROR, &replaced);
        }
        signals::end_typing(session, member).await;
    }
}
