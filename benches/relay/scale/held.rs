//! The process that holds a crowd, as it is seen from outside: told one step after the other, and killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::cpus::Side;
use crate::load::Order;
use crate::load::crowd::{Done, Step};
use crate::server::{Stage, own_binary};

/// All leave at once when this is dropped.
pub(super) struct Held {
    child: Child,
    input: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Held {
    pub(super) fn start(order: &Order, stage: &Stage) -> Result<Self> {
        let mut child = stage
            .placement
            .command(Side::Load, &own_binary()?)
            .args(["crowd", &serde_json::to_string(order)?])
            .env("RUST_LIB_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Self {
            input: child.stdin.take().context("no input")?,
            answers: BufReader::new(child.stdout.take().context("no output")?),
            child,
        })
    }

    pub(super) fn take(&mut self, step: &Step) -> Result<Done> {
        writeln!(self.input, "{}", serde_json::to_string(step)?)?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        // It has said why.
        ensure!(!answer.is_empty(), "the crowd failed at {step:?}");
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
