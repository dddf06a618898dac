//! Whether this machine lets that many connections be open: files and memory. It raises what it may, and else says what
//! somebody has to set.

use anyhow::{Context as _, Result};
use rlimit::Resource;

use crate::process_usage;

/// Files of the relay and of the crowd besides their connections.
const OTHER_FILES: u64 = 500;
/// What a connection takes at most, with both ends in the kernel and in the crowd.
const KIB_PER_CONNECTION: u64 = 48;

/// Lets processes that are started from now on have files enough, as far as the system allows it; how many connections they
/// can have of those that are wanted.
pub(super) fn raise(connections: u32) -> Result<u32> {
    let wanted = u64::from(connections) + OTHER_FILES;
    let (_, hard) = Resource::NOFILE.get()?;
    if hard < wanted && Resource::NOFILE.set(wanted, wanted).is_err() {
        let most = hard.saturating_sub(OTHER_FILES);
        eprintln!(
            "at most {hard} files may be open, enough for {most} connections; for {connections} set the hard limit to \
             {wanted} (`ulimit -Hn`, limits.conf or LimitNOFILE), and fs.nr_open to no less"
        );
        return Ok(u32::try_from(most)?);
    }
    Ok(connections)
}

/// Whether there is memory for so many.
pub(super) fn is_memory_for(connections: u64) -> Result<bool> {
    let available = process_usage::memory_kib("MemAvailable:").context("no MemAvailable")?;
    let fits = connections * KIB_PER_CONNECTION < available;
    if !fits {
        eprintln!("not enough memory for {connections} connections: {available} KiB are available");
    }
    Ok(fits)
}
