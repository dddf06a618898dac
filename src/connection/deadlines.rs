//! The watch over the deadlines of connections: tokens that expire, guests that stay too long,
//! polling clients that take nothing. One task for all of them, and one for sessions.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::auth::AuthError;
use crate::connection::{Close, Connection, Phase};
use crate::dialects::{auth_events, session};
use crate::model::{DisconnectReason, clock};

/// How often deadlines are looked at; they are kept to about this.
const INTERVAL: Duration = Duration::from_millis(500);
/// A connection that the library never began, and whose end it did not tell, is forgotten.
const LONGEST_ADMISSION: Duration = Duration::from_secs(60);
/// How often things that were left behind are cleared away.
const SWEEP_EVERY: u32 = 60;

/// Watches for ever.
pub async fn watch(app: Arc<App>) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for turn in 0u32.. {
        interval.tick().await;
        let now = clock::now_seconds();
        for connection in app.connections.all() {
            check(&app, &connection, now);
        }
        if turn % SWEEP_EVERY == 0 {
            app.connections.sweep();
            app.presence.sweep(LONGEST_ADMISSION);
            app.limits.sweep();
        }
    }
}

/// Watches for ever over sessions that are not used any more.
pub async fn watch_sessions(app: Arc<App>) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        session::end_expired(&app).await;
    }
}

fn check(app: &App, connection: &Arc<Connection>, now: u64) {
    if matches!(*connection.phase(), Phase::Admitted(_)) && connection.age() > LONGEST_ADMISSION {
        app.connections.remove(connection.socket_id());
        return connection.flow().close();
    }
    app.record_over_limit(connection);
    if connection.closing().is_some() {
        return;
    }
    if connection.member().is_some() {
        check_expiry(app, connection, now);
    } else if connection.is_guest() && connection.age() >= app.config.guest_timeout {
        auth_events::reject(
            connection,
            AuthError::Missing,
            DisconnectReason::GuestTimeout,
        );
    }
    let polls = connection.flow().link().is_none();
    if polls && connection.flow().stalled_for() > app.config.write_deadline {
        connection.close(Close::Now, DisconnectReason::SlowConsumer);
    }
}

fn check_expiry(app: &App, connection: &Connection, now: u64) {
    let left = connection.expires_at().saturating_sub(now);
    if left == 0 {
        auth_events::reject(
            connection,
            AuthError::Expired,
            DisconnectReason::TokenExpired,
        );
    } else if left <= app.config.auth_expiring_notice.as_secs() && connection.announces_expiry() {
        auth_events::announce_expiry(connection);
    }
}
