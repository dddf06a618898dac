//! Lines that are stored together, and those among them that are of no use.

use super::answers::{Counts, NotStored, push};
use super::lines::Line;
use super::read::read;
use super::target::Target;
use crate::config::Config;
use crate::model::conversation::Import;
use crate::model::{Refusal, Why};
use crate::stores::conversations::StoreError;

/// The most lines: others who write wait for as long as these take.
const MAX_LINES: u64 = 250;
/// The most bytes of them.
const MAX_BYTES: usize = 256 * 1024;
/// With so many bad lines an import ends.
pub(super) const MAX_ERRORS: u64 = 1_000;
/// After so many lines it says how far it is.
pub(super) const LINES_OF_PROGRESS: u64 = 10_000;

/// What kind of line is counted as what.
enum Kind {
    User,
    Conversation,
    Participant,
}

/// The lines that wait to be stored.
#[derive(Default)]
pub(super) struct Batch {
    lines: Vec<Import>,
    /// What each line is, by its number.
    each: Vec<(u64, Result<Kind, Refusal>)>,
    /// How many lines were read, empty ones included.
    read: u64,
    bytes: usize,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.read == 0
    }

    /// Whether it ends here. It is so small that it cannot have more bad lines than an import may, and ends where progress is
    /// to be said.
    pub(super) fn is_full(&self, before: &Counts) -> bool {
        let allowed = MAX_ERRORS.saturating_sub(before.errors).max(1);
        let to_progress = LINES_OF_PROGRESS - before.lines % LINES_OF_PROGRESS;
        let most = MAX_LINES.min(allowed).min(to_progress);
        self.read >= most || self.bytes >= MAX_BYTES
    }

    /// Adds the line behind those that are counted, at this time.
    pub(super) fn add(&mut self, line: &Line, before: &Counts, config: &Config, now: u64) {
        self.read += 1;
        let number = before.lines + self.read;
        let read = match line {
            Line::TooLong => {
                let refusal = Refusal::new(Why::BodyTooLarge);
                Err(refusal.worded("Line is longer than 65536 bytes"))
            }
            Line::Text(text) if text.trim_ascii().is_empty() => return,
            Line::Text(text) => {
                self.bytes += text.len();
                read(text, config, now)
            }
        };
        let kind = read.map(|line| {
            let kind = match line {
                Import::User(..) => Kind::User,
                Import::Conversation(_) => Kind::Conversation,
                Import::Participant(_) => Kind::Participant,
            };
            self.lines.push(line);
            kind
        });
        self.each.push((number, kind));
    }

    /// Stores them, counts them, and says which are not stored.
    ///
    /// # Errors
    /// The store fails; none of them is counted.
    pub(super) async fn commit(
        &mut self,
        target: &Target,
        counts: &mut Counts,
    ) -> Result<Vec<u8>, StoreError> {
        let Self {
            lines, each, read, ..
        } = std::mem::take(self);
        let mut stored = match lines.is_empty() {
            true => Vec::new().into_iter(),
            false => target.import(lines).await?.into_iter(),
        };
        let mut bad = Vec::new();
        for (number, kind) in each {
            let done = kind.and_then(|kind| match stored.next() {
                Some(stored) => stored.map(|()| kind),
                None => Err(Refusal::new(Why::Failed)),
            });
            match done {
                Ok(Kind::User) => counts.users += 1,
                Ok(Kind::Conversation) => counts.conversations += 1,
                Ok(Kind::Participant) => counts.participants += 1,
                Err(refusal) => {
                    counts.errors += 1;
                    push(&mut bad, &NotStored::new(number, &refusal));
                }
            }
        }
        counts.lines += read;
        Ok(bad)
    }
}
