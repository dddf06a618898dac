//! Periodic tasks of a running server: ending unused sessions and connections that do not enter, removing stale
//! state, and watching the database in the data folder and the collection of an application. The deadlines of
//! connections that did enter are in `connection`.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

use crate::app::App;
use crate::dialects::session;
use crate::model::UserId;
use crate::surroundings::Subject;

/// How often unused sessions are looked for.
const SESSIONS_INTERVAL: Duration = Duration::from_millis(500);
/// How often connections are looked for that do not enter.
const UNADMITTED_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is tried again to read who blocks users.
const BLOCKERS_INTERVAL: Duration = Duration::from_secs(2);
/// How often stale state is removed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);

/// How often the database in the data folder is looked after while nobody uses it.
const STORE_INTERVAL: Duration = Duration::from_secs(2);
/// How often the collection of an application's users is looked at.
const APPLICATION_INTERVAL: Duration = Duration::from_secs(10);
/// For how long the audit counts what is repeated.
const AUDIT_MINUTE: Duration = Duration::from_secs(60);

/// Ends unused sessions, for ever.
pub(super) async fn end_sessions(app: Arc<App>) {
    let mut interval = every(SESSIONS_INTERVAL);
    loop {
        interval.tick().await;
        session::end_expired(&app).await;
    }
}

/// Ends connections that do not enter in time, for ever.
pub(super) async fn end_unadmitted(app: Arc<App>) {
    let mut interval = every(UNADMITTED_INTERVAL);
    loop {
        interval.tick().await;
        app.places.end_overdue();
    }
}

/// Removes stale state, for ever.
pub(super) async fn sweep(app: Arc<App>) {
    let mut interval = every(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        app.limits.sweep();
        app.users.relayed.sweep();
    }
}

/// Notes once that those are offline who were online when the last process of this server was killed, and are not back
/// in time.
pub(super) async fn note_who_left(app: Arc<App>) {
    let left = app.webhooks.who_was_left().await;
    let grace = app.config.now().offline_grace;
    tokio::time::sleep(grace.saturating_sub(app.started.elapsed())).await;
    for user in left.iter().filter_map(|user| UserId::parse(user)) {
        app.presence.record_left(&user).await;
    }
}

/// Reads who blocks users where that failed, for ever.
pub(super) async fn read_missing_blockers(app: Arc<App>) {
    let mut interval = every(BLOCKERS_INTERVAL);
    loop {
        interval.tick().await;
        app.users.read_missing_blockers().await;
    }
}

/// Reads which users have numbers as their ids, as soon as the store answers.
pub(super) async fn read_id_types(app: Arc<App>) {
    let mut interval = every(STORE_INTERVAL);
    loop {
        interval.tick().await;
        match app.conversations.stores().users.read_id_types().await {
            Ok(()) => return,
            Err(error) => tracing::debug!(%error, "the types of the ids of users were not read"),
        }
    }
}

/// Reads which tokens are taken back, however many there are: until then they would be good again. Where the store does
/// not answer, they are read as soon as it does.
pub(super) async fn read_revocations(app: &App) {
    if let Err(error) = app.revocations.read_all().await {
        tracing::error!(%error, "it is not known which tokens are revoked");
    }
}

/// Has the log say soon, and not only at the next message, that a database is lost, and has one be opened
/// that could not be at the start; for ever. MongoDB looks after itself.
pub(super) async fn watch_store(app: Arc<App>) {
    let mut interval = every(STORE_INTERVAL);
    while app.config.now().mongodb_uri.is_none() {
        interval.tick().await;
        // The store logs what is wrong.
        let _ = app.conversations.stores().health.check().await;
    }
}

/// Looks whether the users of an application can be found by their ids, for ever.
pub(super) async fn watch_application(app: Arc<App>) {
    let mut interval = every(APPLICATION_INTERVAL);
    while let Some(users) = &app.conversations.stores().application {
        interval.tick().await;
        match users.unmet_demand().await {
            Ok(unmet) => {
                let unmet = unmet.into_iter().collect();
                app.surroundings.found(Subject::ApplicationUsers, unmet);
            }
            Err(error) => {
                tracing::debug!(%error, "the users of the application were not looked at")
            }
        }
    }
}

/// Ends the minutes in which the audit, and the log of failed authentications, count what is repeated, for ever.
pub(super) async fn end_audit_minutes(app: Arc<App>) {
    let mut interval = every(AUDIT_MINUTE);
    interval.reset();
    loop {
        interval.tick().await;
        app.audit.end_minute();
        app.auth.end_minute();
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
