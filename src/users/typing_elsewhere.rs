//! Whether a user types to somebody on another connection, of any node. It must not know who is told.

use super::{Member, Users};
use crate::cluster::{Answer, UserMessage};
use crate::model::UserId;

impl Users {
    /// Whether the user of a connection types to somebody on another one: they do until they do on none. A node that
    /// does not answer counts as one where they do not.
    pub(crate) async fn types_elsewhere(&self, member: &Member, to: &UserId) -> bool {
        let members = member.user.members();
        let mut others = members
            .iter()
            .filter(|other| !std::ptr::eq(&***other, member));
        if others.any(|other| other.typing.is_to(to)) {
            return true;
        }
        let Some(cluster) = &self.cluster else {
            return false;
        };
        let question = UserMessage::CountTyping { to: to.clone() };
        let answers = cluster.ask(&member.user.id, &question).await;
        let mut answers = answers.into_iter();
        answers.any(|answer| matches!(answer, Answer::Count(1..)))
    }

    /// On how many connections to this server a user types to somebody.
    pub(crate) fn count_typing(&self, user: &UserId, to: &UserId) -> u64 {
        let members = self.members(user.as_str());
        let typing = members.iter().filter(|member| member.typing.is_to(to));
        typing.count() as u64
    }
}
