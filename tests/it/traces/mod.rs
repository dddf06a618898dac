//! Traces: the spans that a collector receives, what is in them and what never is, and what a collector that is away costs.

mod away;
mod collector;
mod content;
mod parents;
mod several;

/// With all that happens recorded, and sent soon.
pub(super) const ALL: [(&str, &str); 2] = [
    ("OTEL_TRACES_SAMPLER", "always_on"),
    ("OTEL_BSP_SCHEDULE_DELAY", "50"),
];
