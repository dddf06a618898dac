//! Rates: how many times something may happen in a period.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use super::raw::Raw;
use super::types::SettingType;

/// The time a [`Rate`] counts over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// One second.
    Second,
    /// One minute.
    Minute,
    /// One hour.
    Hour,
}

impl Period {
    const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    /// How long it is.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_nanos(self.nanoseconds())
    }

    const fn nanoseconds(self) -> u64 {
        const SECOND: u64 = 1_000_000_000;
        match self {
            Self::Second => SECOND,
            Self::Minute => 60 * SECOND,
            Self::Hour => 3600 * SECOND,
        }
    }

    /// Its name, and others that people write.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Second => &["s", "sec", "second"],
            Self::Minute => &["min", "m", "minute"],
            Self::Hour => &["h", "hr", "hour"],
        }
    }
}

/// A number of times in a period, never zero: `30/s`, `30/min`, `100/h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    per: Period,
    /// In nanoseconds: limits ask for it with every event.
    interval: u64,
}

impl Rate {
    /// The highest count, so that the time between two events is never rounded to nothing.
    const MAX_COUNT: u32 = 1_000_000;

    /// `count` in one second. `count` is brought within 1 to 1 000 000.
    #[must_use]
    pub const fn per_second(count: u32) -> Self {
        Self::new(count, Period::Second)
    }

    /// `count` in one minute. `count` is brought within 1 to 1 000 000.
    #[must_use]
    pub const fn per_minute(count: u32) -> Self {
        Self::new(count, Period::Minute)
    }

    const fn new(count: u32, per: Period) -> Self {
        let capped = if count > Self::MAX_COUNT {
            Self::MAX_COUNT
        } else {
            count
        };
        let count = match NonZeroU32::new(capped) {
            Some(count) => count,
            None => NonZeroU32::MIN,
        };
        let interval = per.nanoseconds() / count.get() as u64;
        Self {
            count,
            per,
            interval,
        }
    }

    /// How many times in the period.
    #[must_use]
    pub const fn count(self) -> NonZeroU32 {
        self.count
    }

    /// The period.
    #[must_use]
    pub const fn period(self) -> Period {
        self.per
    }

    /// The time after which one more is allowed; never zero.
    #[must_use]
    pub const fn interval(self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    /// Reads `30/s`, `30/min` or `100/h`; also `30r/s`, and periods by other names.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (count, period) = text.split_once('/')?;
        let count = count.trim();
        let count = count.strip_suffix('r').unwrap_or(count);
        let count: u32 = count.replace('_', "").parse().ok()?;
        let period = period.trim().to_ascii_lowercase();
        let mut periods = Period::ALL.into_iter();
        let per = periods.find(|per| per.names().contains(&period.as_str()))?;
        (1..=Self::MAX_COUNT)
            .contains(&count)
            .then(|| Self::new(count, per))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.per.names()[0])
    }
}

impl SettingType for Rate {
    fn parse(raw: &Raw) -> Result<Self, String> {
        raw.text()
            .ok()
            .and_then(Self::parse)
            .ok_or_else(|| {
                "must be a number from 1 to 1000000 and its period, such as \"30/s\", \"30/min\" or \"100/h\"".to_owned()
            })
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}
