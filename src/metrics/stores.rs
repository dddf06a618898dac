//! How long stores take, and how often they fail. What a store rejects is no failure.

use std::time::Instant;

use super::counter::Counters;
use super::families::Families;
use super::histogram::Histogram;
use crate::traces::{self, Attribute, Name};

/// What is done in a store.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Something is read of conversations and users.
    ReadConversations,
    /// Something is written of them.
    WriteConversations,
    /// Records of the audit are read.
    ReadAudit,
    /// Records of the audit are written.
    WriteAudit,
    /// Something is read of tokens that are taken back.
    ReadRevocations,
    /// Something is written of them.
    WriteRevocations,
    /// Something is read of what endpoints of the backend were told.
    ReadWebhooks,
    /// Something is written of it.
    WriteWebhooks,
}

/// With the labels `store` and `operation`.
const ALL: [(Work, &str, &str); 8] = [
    (Work::ReadConversations, "conversations", "read"),
    (Work::WriteConversations, "conversations", "write"),
    (Work::ReadAudit, "audit", "read"),
    (Work::WriteAudit, "audit", "write"),
    (Work::ReadRevocations, "revocations", "read"),
    (Work::WriteRevocations, "revocations", "write"),
    (Work::ReadWebhooks, "webhooks", "read"),
    (Work::WriteWebhooks, "webhooks", "write"),
    // Mailboxes are not there yet.
];

static DURATION: [Histogram; ALL.len()] = [const { Histogram::fast() }; ALL.len()];
static ERRORS: Counters<{ ALL.len() }> = Counters::new();

/// Something is done that began then.
pub(crate) fn done(work: Work, begun: Instant, has_failed: bool) {
    DURATION[work as usize].observe(begun.elapsed());
    ERRORS.at(work as usize).add(u64::from(has_failed));
    let (_, store, operation) = ALL[work as usize];
    traces::passed(Name::Store { store, operation }, begun, || {
        has_failed.then_some(Attribute::Error("store_failed"))
    });
}

/// Adds what is counted here.
pub(super) fn describe(families: &mut Families) {
    let labels = |store: &'static str, operation: &'static str| {
        [("store", store.into()), ("operation", operation.into())]
    };
    let help = "How long a store took, with waiting for its turn";
    let family = families.histogram("relay_store_duration_seconds", help);
    for (work, store, operation) in ALL {
        family.times(labels(store, operation), &DURATION[work as usize]);
    }
    let help = "Operations in which a store failed";
    let family = families.counter("relay_store_errors_total", help);
    for ((_, store, operation), count) in ALL.into_iter().zip(ERRORS.values()) {
        family.count(labels(store, operation), count);
    }
}
