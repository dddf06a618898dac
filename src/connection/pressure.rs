//! What happens when memory gets scarce: whoever was slowed down for it looks again, and when nearly all of it is
//! held the connections that hold the most are closed, of the users who hold the most first. It must not count
//! memory itself; that is `limits`' and the flow control's.

use std::sync::Arc;
use std::time::Duration;

use super::open::AnyLife;
use super::{Close, Connection, OpenConnections};
use crate::limits::{ALWAYS, Memory};
use crate::model::DisconnectReason;

/// How often it is looked at while there is reason to, and so how long a connection is slowed down at least.
const INTERVAL: Duration = Duration::from_millis(100);

/// Looks after the memory that connections hold, for ever.
pub(crate) async fn watch(open: Arc<OpenConnections>, memory: Arc<Memory>) {
    loop {
        memory.pressure().await;
        tokio::time::sleep(INTERVAL).await;
        let (is_exceeded, scarcity) = (memory.take_exceeded(), memory.scarcity());
        if !is_exceeded && scarcity == 0 {
            continue;
        }
        let all = open.all();
        let freed = match scarcity {
            0 => 0,
            _ => close_largest_buffers(&all, scarcity),
        };
        let excess = memory.excess().saturating_sub(freed);
        if excess > 0 {
            close_greediest(&all, excess);
        }
        for life in &all {
            life.connection().flow().look_again();
        }
    }
}

/// Closes connections whose buffers keep so many bytes together, of those that move nothing now: their
/// clients connect again, with small ones. Of those that keep about as much, who was silent for longest is first. How
/// many bytes that frees.
fn close_largest_buffers(all: &[Arc<dyn AnyLife>], bytes: usize) -> usize {
    let mut keeping: Vec<_> = all
        .iter()
        .map(|life| life.connection())
        .filter(|connection| connection.flow().held().bytes() == 0)
        .map(|connection| (connection.flow().buffers(), connection))
        .filter(|(kept, _)| *kept > ALWAYS)
        .collect();
    let size_class = |kept: usize| kept.checked_ilog2();
    keeping.sort_by_cached_key(|&(kept, connection)| {
        std::cmp::Reverse((size_class(kept), connection.flow().silence()))
    });
    let (closed, freed) = close_until(keeping.into_iter(), bytes);
    if closed > 0 {
        tracing::warn!(
            closed,
            freed,
            "memory is scarce: idle connections with large buffers are closed"
        );
    }
    freed
}

/// Closes connections that hold so many bytes together, of those that hold more than is always allowed.
fn close_greediest(all: &[Arc<dyn AnyLife>], excess: usize) {
    let mut holding: Vec<_> = all
        .iter()
        .map(|life| life.connection())
        .map(|connection| (connection.flow().held(), connection))
        .filter(|(held, _)| held.bytes() > ALWAYS)
        .map(|(held, connection)| (held.account().held(), held.bytes(), connection))
        .collect();
    holding.sort_unstable_by_key(|&(of_user, bytes, _)| std::cmp::Reverse((of_user, bytes)));
    let holding = holding.into_iter();
    let holding =
        holding.map(|(_, bytes, connection)| (bytes + connection.flow().buffers(), connection));
    let (closed, freed) = close_until(holding, excess);
    tracing::error!(
        closed,
        freed,
        excess,
        "memory is scarce: connections that hold the most of it are closed"
    );
}

/// Closes connections until so many bytes are free, of which each frees some; how many were closed, and
/// what that frees.
fn close_until<'a>(
    connections: impl Iterator<Item = (usize, &'a Arc<Connection>)>,
    wanted: usize,
) -> (usize, usize) {
    let (mut closed, mut freed) = (0, 0);
    for (bytes, connection) in connections {
        if freed >= wanted {
            break;
        }
        connection.close(Close::Now, DisconnectReason::OutOfMemory);
        closed += 1;
        freed += bytes;
    }
    (closed, freed)
}
