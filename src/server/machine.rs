//! What the machine, or the container, gives this process, and how much of it clients may take: file descriptors
//! and memory.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::config::Config;

/// Kept for the stores, the spool, the other servers and the log.
const RESERVED: u64 = 128;
/// Assumed where the system does not say: the usual limit.
const USUAL: u64 = 1024;

/// Assumed where the system does not say how much memory there is, in bytes.
const SMALLEST: u64 = 512 * 1024 * 1024;

/// Raises the limit of this process as far as the system allows, and returns how many connections of clients
/// are possible under it.
pub(super) fn connections() -> u32 {
    let before = rlimit::Resource::NOFILE.get_soft();
    let limit = rlimit::increase_nofile_limit(u64::MAX).or(before);
    let connections = connections_of(limit.as_ref().copied().unwrap_or(USUAL));
    match limit {
        Ok(descriptors) => tracing::info!(
            descriptors,
            connections,
            "the limit of open files is as high as the system allows"
        ),
        Err(error) => {
            tracing::warn!(%error, connections, "the limit of open files is not known");
        }
    }
    connections
}

fn connections_of(descriptors: u64) -> u32 {
    let half = descriptors / 2;
    let connections = descriptors.saturating_sub(RESERVED).max(half).max(1);
    u32::try_from(connections).unwrap_or(u32::MAX)
}

/// How much of the memory clients may make the server hold.
pub(super) fn memory_budget(config: &Config) -> usize {
    config.memory_budget.unwrap_or_else(half_of_memory)
}

/// Half of the memory that this process may have: of the machine, or of what the container or the limits of the
/// process leave of it.
fn half_of_memory() -> usize {
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let machine = System::new_with_specifics(memory);
    let limits = [
        Some(machine.total_memory()),
        machine.cgroup_limits().map(|limits| limits.total_memory),
        rlimit::Resource::AS.get_soft().ok(),
    ];
    let least = limits
        .into_iter()
        .flatten()
        .filter(|&bytes| bytes > 0)
        .min();
    let half = least.unwrap_or(SMALLEST) / 2;
    usize::try_from(half).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_is_never_more_than_half() {
        assert_eq!(connections_of(1024), 896);
        assert_eq!(connections_of(200), 100);
        assert_eq!(connections_of(0), 1);
        assert_eq!(connections_of(u64::MAX), u32::MAX);
    }
}
