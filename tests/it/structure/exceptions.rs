//! The imports that break a rule of the layers today. This list may only shrink: what is no longer needed fails the
//! test, which prints the lines to remove.

/// The file below `src`, and the entry, or the neighbour in its folder, that it must not import.
pub const EXCEPTIONS: &[(&str, &str)] = &[
    ("auth/admission.rs", "app"),
    ("connection/admission.rs", "app"),
    ("connection/admission.rs", "auth"),
    ("connection/deadlines.rs", "app"),
    ("connection/deadlines.rs", "auth"),
    ("connection/deadlines.rs", "dialects"),
    ("connection/edge.rs", "app"),
    ("connection/life.rs", "app"),
    ("connection/life.rs", "auth"),
    ("connection/life.rs", "dialects"),
    ("connection/mod.rs", "auth"),
    ("connection/mod.rs", "users"),
    ("users/administration.rs", "app"),
];
