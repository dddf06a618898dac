//! The time as the protocol writes it.

use std::time::SystemTime;

/// Now, as ISO 8601 in UTC with milliseconds: `2025-01-31T12:00:00.000Z`.
pub fn now_iso() -> String {
    iso(jiff::Timestamp::now())
}

/// A time, written the same way.
pub fn iso(time: jiff::Timestamp) -> String {
    format!("{time:.3}")
}

/// Now, in whole seconds since the epoch, as tokens count.
pub fn now_seconds() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_have_milliseconds_always() {
        for _ in 0..1000 {
            let now = super::now_iso();
            assert_eq!(now.len(), "2025-01-31T12:00:00.000Z".len(), "{now}");
            assert!(now.ends_with('Z') && now.as_bytes()[19] == b'.', "{now}");
        }
    }
}
