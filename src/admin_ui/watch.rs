//! The task that looks at all nodes while an administrator is connected, and tells each of them what they see. It must not
//! know how a node finds out what it answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use super::admin::Admin;
use super::admission::is_still;
use super::shapes::Features;
use super::sockets::Sockets;
use super::stats::Counts;
use super::{AdminUi, NAMESPACE};
use crate::config::Config;
use crate::payload::SocketPacket;

/// How often connections are looked at, and after how many such looks the counts of all nodes are.
const INTERVAL: Duration = Duration::from_secs(1);
const LOOKS: u32 = 2;

/// What was seen of all nodes.
#[derive(Debug, Default)]
struct View {
    counts: Counts,
    sockets: Sockets,
    /// Connections to all nodes, as they were counted last.
    clients: u64,
}

/// What administrators are told at a time.
#[derive(Debug)]
struct Told {
    features: Features,
    stats: Vec<SocketPacket>,
    /// What has changed of connections; `None`: they are not shown.
    changed: Option<Vec<SocketPacket>>,
    /// All of them.
    all: Option<SocketPacket>,
    with_users: bool,
}

/// Shows all nodes to who is connected, until nobody is.
pub(super) async fn run(ui: Arc<AdminUi>) {
    let mut view = View::default();
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut look = 0;
    while ui.goes_on() {
        tokio::select! {
            _ = interval.tick() => {}
            // Whoever comes is shown everything.
            () = ui.has_come.notified() => look = 0,
        }
        ui.end_others();
        let told = ui.look(&mut view, look % LOOKS == 0).await;
        for admin in ui.all().iter().filter(|admin| admin.is_welcome()) {
            tell(admin, &told);
        }
        look += 1;
    }
}

impl AdminUi {
    /// Disconnects those who may not be here any more, and forgets those who are not.
    fn end_others(&self) {
        let config = self.app.config.now();
        let is_stopping = self.app.drain.has_begun();
        for admin in self.all() {
            if is_stopping {
                admin.drain();
            }
            if admin.is_lost() {
                self.remove(&admin);
            } else if !is_still(&config, &admin.who) {
                admin.disconnect();
            }
            let mut ignored = admin.ignored.lock();
            ignored.record_if_over(&self.app.audit, &admin.source);
        }
    }

    /// Looks at all nodes.
    async fn look(&self, view: &mut View, with_stats: bool) -> Told {
        let backend = &self.app.backend;
        let mut stats = Vec::new();
        if with_stats {
            let (nodes, _) = backend.stats().await;
            view.clients = nodes.iter().map(|node| node.clients).sum();
            let shown = view.counts.shown(&nodes);
            stats.extend(
                shown
                    .iter()
                    .filter_map(|one| SocketPacket::event_of(NAMESPACE, &("server_stats", one))),
            );
        }
        let (max, with_users) = {
            let config = self.app.config.now();
            (config.admin_ui_max_sockets, config.admin_ui_users)
        };
        let mut changed = None;
        if view.clients <= max as u64 {
            let nodes = backend.watch(max + 1).await;
            let open: usize = nodes.iter().map(|node| node.open.len()).sum();
            changed = (open <= max).then(|| view.sockets.follow(nodes, with_users));
        }
        if changed.is_none() {
            view.sockets.forget();
        }
        let now = Instant::now();
        let wants_all = |admin: &Arc<Admin>| admin.shown.lock().wants_all(with_users, now);
        let is_wanted = changed.is_some() && self.all().iter().any(wants_all);
        Told {
            features: features(&self.app.config.now(), changed.is_some()),
            stats,
            all: is_wanted.then(|| view.sockets.all(with_users)).flatten(),
            changed,
            with_users,
        }
    }
}

/// Tells an administrator.
fn tell(admin: &Admin, told: &Told) {
    let now = Instant::now();
    let mut shown = admin.shown.lock();
    if shown.features.as_ref() != Some(&told.features) {
        let config = SocketPacket::event_of(NAMESPACE, &("config", &told.features));
        if config.is_some_and(|config| admin.offer(&config)) {
            shown.features = Some(told.features.clone());
        }
    }
    for stats in &told.stats {
        // The next ones come soon.
        admin.offer(stats);
    }
    let Some(changed) = &told.changed else {
        shown.with_users = None;
        return;
    };
    match &told.all {
        Some(all) if shown.wants_all(told.with_users, now) => {
            let is_taken = admin.offer(all);
            shown.note_all(told.with_users, is_taken, now);
        }
        // Whoever was not shown all of them is next.
        _ if shown.with_users.is_none() => {}
        _ => shown.send(changed, now, |event| admin.offer(event)),
    }
}

/// What administrators may see and do.
fn features(config: &Config, with_sockets: bool) -> Features {
    let can = [
        ("AGGREGATED_EVENTS", true),
        ("ALL_EVENTS", with_sockets),
        ("DISCONNECT", !config.admin_ui_readonly),
        ("MDISCONNECT", !config.admin_ui_readonly),
    ];
    let can = can.into_iter().filter(|(_, can)| *can);
    Features {
        supported_features: can.map(|(feature, _)| feature).collect(),
    }
}
