//! What an event costs in system calls, which does not depend on the machine: a regression fails.

mod counted;
mod relayed;
mod stored;
