//! What other nodes say of users and to their connections.

use std::sync::Arc;

use super::presence;
use crate::app::Relay;
use crate::cluster::{Answer, Body, Nodes, Topic};
use crate::conversations;
use crate::model::{NodeId, UserId};

/// To the connections of one user.
pub(crate) async fn heard(
    relay: &Arc<Relay>,
    nodes: &Nodes,
    user: &UserId,
    from: NodeId,
    body: Body,
) -> Option<Answer> {
    match body {
        Body::Event {
            sender,
            event,
            credit,
        } => {
            relay.deliver(user, &sender, &event).await;
            if credit > 0 {
                let taken = Body::Taken {
                    user: user.clone(),
                    bytes: credit,
                };
                let _ = nodes.bus().post(&Topic::Node(from), &taken);
            }
            None
        }
        Body::Notice {
            conversation,
            notice,
        } => {
            // Senders know of no delivery before they are told of the message.
            relay.conversations.settled(&conversation).await;
            notice.tell(user, |notice| {
                let conversations = &relay.conversations;
                conversations.notify_here(&relay.users, &conversation, notice);
            });
            None
        }
        Body::PutIn(conversation) => {
            // That they take part may not have been heard yet.
            relay
                .conversations
                .live(&conversation)
                .await
                .forget_members();
            conversations::put_in(relay, &conversation, user).await;
            count(1)
        }
        Body::Disconnect(why) => count(super::disconnect_here(relay, user, why)),
        Body::Spent(spent) => {
            if let Some(user) = relay.users.get(user.as_str()) {
                user.limits.charge(spent);
            }
            None
        }
        _ => None,
    }
}

/// To all nodes.
pub(crate) async fn heard_by_all(relay: &Relay, body: Body) {
    match body {
        Body::Presence(change) => presence::heard(relay, &change).await,
        Body::UserChanged { user, suspended } => relay.users.changed(&user, suspended),
        _ => {}
    }
}

/// How many.
fn count(count: usize) -> Option<Answer> {
    Some(Answer::Count(count as u64))
}
