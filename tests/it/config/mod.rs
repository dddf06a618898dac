//! Settings: the sources that they come from, their values, and the files that are generated from them.

mod compose;
mod settings;
