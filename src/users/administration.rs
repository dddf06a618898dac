//! What an administrator does to users.

use std::sync::Arc;

use crate::app::App;
use crate::audit::{AdminAction, AuditText, Event, Record, Source};
use crate::cluster::{AllNodes, AllNodesMessage, Answer, UserMessage};
use crate::connection::Close;
use crate::model::conversation::{UserChange, UserRecord, UserStatus};
use crate::model::{DisconnectReason, UserId};
use crate::stores::conversations::StoreError;

/// Changes what is known of a user, who may not be known yet. One who is suspended is disconnected
/// at once.
///
/// # Errors
/// The store fails.
pub async fn change_user(
    app: &App,
    source: &Arc<Source>,
    user: &UserId,
    change: &UserChange,
) -> Result<UserRecord, StoreError> {
    let record = app
        .conversations
        .stores()
        .users
        .change(user, change)
        .await?;
    let suspended = record.status == UserStatus::Suspended;
    app.users.changed(user, suspended);
    if let Some(cluster) = &app.cluster {
        let user = user.clone();
        let changed = AllNodesMessage::UserChanged { user, suspended };
        let _ = cluster.bus().publish(&AllNodes, &changed);
    }
    let action = match change.status {
        Some(UserStatus::Suspended) => AdminAction::UserSuspended,
        _ => AdminAction::UserChanged,
    };
    let count = match suspended {
        true => Some(disconnect(app, user, DisconnectReason::Suspended).await),
        false => None,
    };
    admin(app, source, action, user, count);
    Ok(record)
}

/// Closes all connections of a user; how many there were.
pub async fn disconnect_user(app: &App, source: &Arc<Source>, user: &UserId) -> u64 {
    let count = disconnect(app, user, DisconnectReason::Revoked).await;
    let action = AdminAction::UserDisconnected;
    admin(app, source, action, user, Some(count));
    count
}

async fn disconnect(app: &App, user: &UserId, why: DisconnectReason) -> u64 {
    let here = disconnect_here(app, user, why) as u64;
    let Some(cluster) = &app.cluster else {
        return here;
    };
    let disconnect = UserMessage::Disconnect(why);
    let answers = cluster.execute(user, &disconnect).await;
    let elsewhere = answers.into_iter().map(|answer| match answer {
        Answer::Count(count) => count,
        Answer::Users(_) => 0,
    });
    here + elsewhere.sum::<u64>()
}

/// Closes the connections of a user to this server; how many there were.
pub fn disconnect_here(app: &App, user: &UserId, why: DisconnectReason) -> usize {
    let connections = app.users.connections(user.as_str());
    for connection in &connections {
        connection.close(Close::AfterFlush, why);
    }
    connections.len()
}

fn admin(app: &App, source: &Arc<Source>, action: AdminAction, user: &UserId, count: Option<u64>) {
    let event = Event::Admin {
        action,
        recipient: Some(AuditText::new(user.as_str())),
        conversation_id: None,
        count,
    };
    app.audit.record(Record::new(source, None, event));
}
