//! How many spans are lost, for a line in the log once a minute. It must not know why.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How often it is said that spans are lost.
const BETWEEN_LINES: Duration = Duration::from_secs(60);

/// Spans that are lost for one reason.
#[derive(Debug, Default)]
pub(super) struct Lost(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Of these nothing was said yet.
    spans: u64,
    said: Option<Instant>,
}

impl Lost {
    /// So many more are, which is said if it was not within a minute.
    pub(super) fn add(&self, spans: u64, say: impl FnOnce(u64)) {
        let mut state = self.0.lock();
        state.spans += spans;
        let is_due = state
            .said
            .is_none_or(|said| said.elapsed() >= BETWEEN_LINES);
        if is_due {
            state.said = Some(Instant::now());
            let spans = std::mem::take(&mut state.spans);
            drop(state);
            say(spans);
        }
    }

    /// There will be no more: the rest is said.
    pub(super) fn end(&self, say: impl FnOnce(u64)) {
        let spans = std::mem::take(&mut self.0.lock().spans);
        if spans > 0 {
            say(spans);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_within_a_minute_is_said_once_and_the_rest_at_the_end() {
        let (lost, mut said) = (Lost::default(), Vec::new());
        for spans in [1, 2, 3] {
            lost.add(spans, |spans| said.push(spans));
        }
        assert_eq!(said, [1]);
        lost.end(|spans| said.push(spans));
        lost.end(|spans| said.push(spans));
        assert_eq!(said, [1, 5]);
    }
}
