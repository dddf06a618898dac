//! What happens when memory gets scarce: whoever was slowed down for it looks again, and when nearly all of it is
//! held the connections that hold the most are closed, of the users who hold the most first. It must not count
//! memory itself; that is `limits`' and the flow control's.

use std::sync::Arc;
use std::time::Duration;

use super::open::AnyLife;
use super::{Close, OpenConnections};
use crate::limits::{ALWAYS, Memory};
use crate::model::DisconnectReason;

/// How often it is looked at, and so how long a connection is slowed down at least.
const INTERVAL: Duration = Duration::from_millis(100);

/// Looks after the memory that connections hold, for ever.
pub(crate) async fn watch(open: Arc<OpenConnections>, memory: Arc<Memory>) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let (is_exceeded, excess) = (memory.take_exceeded(), memory.excess());
        if !is_exceeded && excess == 0 {
            continue;
        }
        let all = open.all();
        if excess > 0 {
            close_greediest(&all, excess);
        }
        for life in &all {
            life.connection().flow().look_again();
        }
    }
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
    let (mut closed, mut freed) = (0, 0);
    for (_, bytes, connection) in holding {
        if freed >= excess {
            break;
        }
        connection.close(Close::Now, DisconnectReason::OutOfMemory);
        closed += 1;
        freed += bytes;
    }
    tracing::error!(
        closed,
        freed,
        excess,
        "memory is scarce: connections that hold the most of it are closed"
    );
}
