//! `direct` over raw frames.

mod canary;
mod order;
mod spoofing;
mod verbatim;
