//! Sending the other members of a session that one types, or does not any more. It must not know how that reads.

use std::time::Instant;

use serde::Serialize;
use smallvec::smallvec;

use super::SessionUpdate;
use super::session::Session;
use crate::cluster::{SessionMembers, Typing};
use crate::connection::SMALL_EVENT;
use crate::connection::rooms::To;
use crate::payload::FrameSizes;

impl Session<'_> {
    /// Sends the others that a member types on a connection, or does not any more.
    pub(crate) async fn publish_typing<T: Serialize + Sync>(
        &mut self,
        typing: Typing,
        event: &'static str,
        payload: &T,
    ) {
        let (to, update) = (SessionMembers::All, SessionUpdate::SIGNAL);
        let is_sent = self.local.typists.note(&typing, Instant::now());
        let frames: FrameSizes = smallvec![SMALL_EVENT];
        let members = self.local.members.iter();
        let (own, others): (Vec<_>, Vec<_>) =
            members.partition(|member| member.user == typing.user);
        let room = &self.local.room;
        // They are too small to wait for slow receivers.
        match &own[..] {
            _ if !is_sent => {}
            [] => drop(room.send_sized(To::Everyone, None, event, payload, &frames)),
            [own] => {
                let to = To::Others(&own.connection);
                drop(room.send_sized(to, None, event, payload, &frames));
            }
            _ => {
                for other in others {
                    room.send_to(&other.connection, event, payload, &frames);
                }
            }
        }
        self.publish_remote((to, Some(typing)), update, event, payload);
    }
}
