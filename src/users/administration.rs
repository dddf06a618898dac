//! What an administrator does to users.

use std::sync::Arc;

use crate::app::Relay;
use crate::audit::{AdminAction, AuditText, Event, Record, Source};
use crate::cluster::{Answer, Body, Topic};
use crate::model::conversation::{UserChange, UserRecord, UserStatus};
use crate::model::{DisconnectReason, UserId};
use crate::stores::conversations::StoreError;

/// Changes what is known of a user, who may not be known yet. One who is suspended is disconnected
/// at once.
///
/// # Errors
/// The store fails.
pub async fn change_user(
    relay: &Relay,
    source: &Arc<Source>,
    user: &UserId,
    change: &UserChange,
) -> Result<UserRecord, StoreError> {
    let record = relay
        .conversations
        .store()
        .change_user(user, change)
        .await?;
    let suspended = record.status == UserStatus::Suspended;
    relay.users.changed(user, suspended);
    if let Some(nodes) = &relay.nodes {
        let user = user.clone();
        let changed = Body::UserChanged { user, suspended };
        let _ = nodes.bus().post(&Topic::Everyone, &changed);
    }
    let action = match change.status {
        Some(UserStatus::Suspended) => AdminAction::UserSuspended,
        _ => AdminAction::UserChanged,
    };
    let count = match suspended {
        true => Some(disconnect(relay, user, DisconnectReason::Suspended).await),
        false => None,
    };
    admin(relay, source, action, user, count);
    Ok(record)
}

/// Closes all connections of a user; how many there were.
pub async fn disconnect_user(relay: &Relay, source: &Arc<Source>, user: &UserId) -> u64 {
    let count = disconnect(relay, user, DisconnectReason::Revoked).await;
    let action = AdminAction::UserDisconnected;
    admin(relay, source, action, user, Some(count));
    count
}

async fn disconnect(relay: &Relay, user: &UserId, why: DisconnectReason) -> u64 {
    let here = disconnect_here(relay, user, why) as u64;
    let Some(nodes) = &relay.nodes else {
        return here;
    };
    let topic = Topic::User(user.clone());
    let answers = nodes.have_done(&topic, &Body::Disconnect(why)).await;
    let elsewhere = answers.into_iter().map(|answer| match answer {
        Answer::Count(count) => count,
        Answer::Users(_) => 0,
    });
    here + elsewhere.sum::<u64>()
}

/// Closes the connections of a user to this server; how many there were.
pub fn disconnect_here(relay: &Relay, user: &UserId, why: DisconnectReason) -> usize {
    let connections = relay.users.connections(user.as_str());
    for connection in &connections {
        connection.disconnect(why);
    }
    connections.len()
}

fn admin(
    relay: &Relay,
    source: &Arc<Source>,
    action: AdminAction,
    user: &UserId,
    count: Option<u64>,
) {
    let event = Event::Admin {
        action,
        recipient: Some(AuditText::new(user.as_str())),
        conversation_id: None,
        count,
    };
    relay.audit.record(Record::new(source, None, event));
}
