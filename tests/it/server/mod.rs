//! The process: its command line, its start and stop, its log.

mod cli;
mod health;
mod lifecycle;
mod log_injection;
mod signals;
mod unwritable_log;
