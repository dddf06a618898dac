//! What a server answers to an import: bad lines go to standard output as they are, the rest is said on standard error.

use std::fmt;

use anyhow::{anyhow, bail, ensure};
use serde::Deserialize;

use crate::output::{message, print};

/// No line of an answer is longer.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// The beginning of a line.
    begun: Vec<u8>,
    /// What was counted last.
    counts: Counts,
    /// The last line.
    end: Option<End>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
struct Counts {
    lines: u64,
    users: u64,
    conversations: u64,
    participants: u64,
    errors: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lines,
            users,
            conversations,
            participants,
            errors,
        } = self;
        write!(
            f,
            "{lines} lines: {users} users, {conversations} conversations, {participants} participants, {errors} errors"
        )
    }
}

#[derive(Debug, Deserialize)]
struct End {
    done: bool,
    #[serde(default)]
    error: String,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Progress { progress: Counts },
    End(End),
    Bad { line: u64 },
}

impl Report {
    /// Takes a part of the answer, and shows what it says.
    ///
    /// # Errors
    /// It is no answer to an import, or cannot be shown.
    pub(super) fn add(&mut self, part: &[u8]) -> anyhow::Result<()> {
        let mut rest = part;
        while let Some((line, behind)) = split(rest) {
            self.begun.extend_from_slice(line);
            rest = behind;
            let line = std::mem::take(&mut self.begun);
            self.show(&line)?;
        }
        self.begun.extend_from_slice(rest);
        ensure!(self.begun.len() <= MAX_LINE_BYTES, unknown());
        Ok(())
    }

    fn show(&mut self, line: &[u8]) -> anyhow::Result<()> {
        let text = str::from_utf8(line).map_err(|_| unknown())?;
        match serde_json::from_str(text).map_err(|_| unknown())? {
            Line::Progress { progress } => {
                self.counts = progress;
                message(progress);
            }
            Line::End(end) => {
                self.counts = end.counts;
                self.end = Some(end);
            }
            Line::Bad { line } => {
                self.counts.lines = self.counts.lines.max(line);
                print(text)?;
            }
        }
        Ok(())
    }

    /// What is said where the answer ends in the middle.
    pub(super) fn cut_off(&self) -> String {
        let Counts { lines, .. } = self.counts;
        format!(
            "the server is gone; at least the first {lines} lines were done, and the same file can be sent again"
        )
    }

    /// Says how it ended. `false`: some lines are not stored.
    ///
    /// # Errors
    /// It was not done.
    pub(super) fn end(self) -> anyhow::Result<bool> {
        let Some(end) = &self.end else {
            bail!(self.cut_off());
        };
        message(end.counts);
        ensure!(end.done, "ended early: {}", end.error);
        Ok(end.counts.errors == 0)
    }
}

fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', text)?;
    Some((&text[..end], &text[end + 1..]))
}

fn unknown() -> anyhow::Error {
    anyhow!("the answer is none to an import: is this the address of a relay?")
}
