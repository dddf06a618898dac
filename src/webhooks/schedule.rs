//! When something is tried again that failed.

use std::time::Duration;

/// The pauses after the first failures; later ones are [`LAST`].
const PAUSES: [u64; 8] = [1, 5, 30, 120, 600, 1_800, 3_600, 7_200];
const LAST: u64 = 14_400;

/// The longest that an endpoint may ask to be left alone.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// How long is waited after so many failed attempts. `chance` is from 0 to 1, and spreads it by a fifth.
pub(super) fn pause(failed: u32, chance: f64) -> Duration {
    let index = failed.saturating_sub(1) as usize;
    let seconds = PAUSES.get(index).copied().unwrap_or(LAST);
    let spread = 0.8 + 0.4 * chance.clamp(0.0, 1.0);
    Duration::from_secs(seconds).mul_f64(spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_four_hours_and_are_spread_by_a_fifth() {
        let seconds = |failed, chance| pause(failed, chance).as_secs_f64();
        let expected = [
            1.0, 5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 14_400.0,
        ];
        for (failed, expected) in (1..).zip(expected) {
            assert!((seconds(failed, 0.5) - expected).abs() < 1e-6, "{failed}");
            assert!(
                (seconds(failed, 0.0) - expected * 0.8).abs() < 1e-6,
                "{failed}"
            );
            assert!(
                (seconds(failed, 1.0) - expected * 1.2).abs() < 1e-6,
                "{failed}"
            );
        }
    }
}
