//! What an administrator sent that they may not, in records: so many of it in a minute one by one, and then a count. It must
//! not know what was sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::audit::{AdminAction, Audit, Event, Record, Source};

/// How often in a minute each of what may not be done is recorded; the rest is counted.
const RECORDED: u64 = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// What one administrator sent that they may not.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    minute: Option<Instant>,
    recorded: u64,
    counted: u64,
}

impl Ignored {
    /// Once more.
    pub(super) fn note(&mut self, audit: &Audit, source: &Arc<Source>) {
        self.record_if_over(audit, source);
        self.minute.get_or_insert_with(Instant::now);
        match self.recorded < RECORDED {
            true => {
                self.recorded += 1;
                record(audit, source, 1);
            }
            false => self.counted += 1,
        }
    }

    /// Records what was only counted, if the minute is over.
    pub(super) fn record_if_over(&mut self, audit: &Audit, source: &Arc<Source>) {
        if self.minute.is_some_and(|since| since.elapsed() >= MINUTE) {
            self.record(audit, source);
        }
    }

    /// Records what was only counted.
    pub(super) fn record(&mut self, audit: &Audit, source: &Arc<Source>) {
        if self.counted > 0 {
            record(audit, source, self.counted);
        }
        *self = Self::default();
    }
}

fn record(audit: &Audit, source: &Arc<Source>, count: u64) {
    let event = Event::Admin {
        action: AdminAction::CommandIgnored,
        recipient: None,
        conversation_id: None,
        count: Some(count),
    };
    audit.record(Record::new(source, None, event));
}
