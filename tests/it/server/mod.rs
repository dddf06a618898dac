//! The process: its command line, its start and stop, its log.

mod access_log;
pub(crate) mod admin_ui;
mod as_written;
mod canary_of_backend;
mod cli;
pub(crate) mod client_files;
mod health;
mod importing;
mod lifecycle;
mod log_injection;
mod published_while_stopping;
mod reload;
mod reloaded;
mod service_manager;
mod signals;
mod surroundings;
mod unwritable_log;
