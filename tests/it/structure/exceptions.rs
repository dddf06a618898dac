//! The imports that break a rule of the layers today. This list may only shrink: what is no longer needed fails the
//! test, which prints the lines to remove.

/// The file below `src`, and the entry, or the neighbour in its folder, that it must not import.
pub(super) const EXCEPTIONS: &[(&str, &str)] = &[];
