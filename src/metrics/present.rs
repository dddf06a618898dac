//! What is there now of what is made and dropped: sessions, and conversations in use. Each is counted as long as the value
//! that goes with it is there.

use super::counter::Gauge;
use super::families::Families;
use crate::model::session::ChatMode;

static SESSIONS: [Gauge; ChatMode::ALL.len()] = [const { Gauge::new() }; ChatMode::ALL.len()];
static CONVERSATIONS: Gauge = Gauge::new();

/// Something that counts as there until this is dropped.
#[derive(Debug)]
pub(crate) struct Present(&'static Gauge);

impl Present {
    fn of(gauge: &'static Gauge) -> Self {
        gauge.add(1);
        Self(gauge)
    }

    /// A session.
    pub(crate) fn session(mode: ChatMode) -> Self {
        Self::of(&SESSIONS[mode as usize])
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

/// A conversation that is in use here.
#[derive(Debug)]
pub(crate) struct PresentConversation(#[expect(dead_code, reason = "it is dropped")] Present);

impl Default for PresentConversation {
    fn default() -> Self {
        Self(Present::of(&CONVERSATIONS))
    }
}

/// Sessions of each mode, where this node alone has them.
fn own_sessions() -> [u64; ChatMode::ALL.len()] {
    ChatMode::ALL.map(|mode| u64::try_from(SESSIONS[mode as usize].get()).unwrap_or(0))
}

/// Adds sessions: so many of each mode that all nodes share, or else those of this one.
pub(crate) fn describe_sessions(
    families: &mut Families,
    shared: Option<[u64; ChatMode::ALL.len()]>,
) {
    let family = families.gauge("relay_sessions", "Sessions, by their mode");
    let counts = shared.unwrap_or_else(own_sessions);
    for (mode, count) in ChatMode::ALL.into_iter().zip(counts) {
        family.set([("mode", mode.as_str().into())], count as f64);
    }
}

/// Adds what is counted here, but for sessions.
pub(super) fn describe(families: &mut Families) {
    let help = "Conversations that are in use here, most of them since somebody is subscribed";
    let family = families.gauge("relay_conversations_active", help);
    family.set([], CONVERSATIONS.get() as f64);
}
