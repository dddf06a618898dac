//! What is done from time to time as long as the server runs: sessions that are not used any more
//! end, and what nobody needs is forgotten. The deadlines of connections are their own.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

use crate::app::App;
use crate::dialects::session;

/// How often it is looked for sessions that are to end.
const SESSIONS_INTERVAL: Duration = Duration::from_millis(500);
/// How often what was left behind is cleared away.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);

/// How old a connection is when the presence that it was sent at its beginning is not sent again.
const SYNCED_AFTER: Duration = Duration::from_secs(60);

/// Ends sessions that are not used any more, for ever.
pub(super) async fn end_sessions(app: Arc<App>) {
    let mut interval = every(SESSIONS_INTERVAL);
    loop {
        interval.tick().await;
        session::end_expired(&app).await;
    }
}

/// Forgets what nobody needs, for ever.
pub(super) async fn sweep(app: Arc<App>) {
    let mut interval = every(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        app.presence.sweep(SYNCED_AFTER);
        app.limits.sweep();
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
