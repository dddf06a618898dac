//! Engine.IO as other servers speak it: what middleboxes do to an upgrade, how transports end, what polls and posts may be.

mod as_text;
mod endings;
mod polls;
mod posts;
mod requests;
mod upgrade;
