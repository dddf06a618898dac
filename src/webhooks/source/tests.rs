use std::time::{Duration, Instant};

use super::*;
use crate::audit::{self, AuditOptions, Event, Record, SqliteStore};
use crate::webhooks::progress::id_at;

/// An audit that has stored a record, and its folder.
async fn with_a_record() -> (Audit, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let audit = Audit::start(store, folder.path(), AuditOptions::default()).unwrap();
    stored(&audit, Record::new(&acting(), None, Event::SocketConnect)).await;
    (audit, folder)
}

fn acting() -> Arc<audit::Source> {
    Arc::new(audit::Source::nobody())
}

async fn stored(audit: &Audit, record: Record) {
    audit.record(record);
    let flushed = audit.clone();
    let soon = Instant::now() + Duration::from_secs(20);
    let flush = tokio::task::spawn_blocking(move || flushed.flush(soon));
    assert!(flush.await.unwrap());
}

#[tokio::test]
async fn what_was_stored_before_is_read_at_the_start_and_not_again_after_a_reload() {
    let (audit, _folder) = with_a_record().await;
    let first = audit.follow().since(None).unwrap();
    let later = id_at((first.as_u128() >> 80) as u64 + 60_000);
    let begins = |reads| {
        let progress = Progress {
            position: later,
            ..Progress::default()
        };
        let (audit, wanted) = (audit.clone(), FactTypes::default());
        Source::new(audit, "node".into(), wanted, progress, reads).read_to()
    };
    assert_eq!(begins(Reads::Own), before(first));
    assert_eq!(begins(Reads::OwnAgain), recent_from(later));
}

#[tokio::test]
async fn what_was_stored_late_and_not_read_is_read_when_it_goes_on() {
    let (audit, _folder) = with_a_record().await;
    let now_ms = (audit.follow().since(None).unwrap().as_u128() >> 80) as u64;
    let progress = |waiting: Vec<FactId>| Progress {
        position: id_at(now_ms),
        waiting: waiting.into_iter().collect(),
        ..Progress::default()
    };
    let begin = |waiting| {
        let wanted = FactTypes::of(&[crate::model::FactType::ConversationCreated]);
        Source::new(
            audit.clone(),
            "node".into(),
            wanted,
            progress(waiting),
            Reads::OwnAgain,
        )
    };
    let mut stopped = begin(Vec::new());
    let an_hour_ago = now_ms - 3_600_000;
    let conversation_id = audit::AuditText::new("c");
    let created = Event::ConversationCreated { conversation_id };
    stored(&audit, Record::at(an_hour_ago, &acting(), created)).await;
    let unread = stopped.unread();
    let parts: Vec<_> = unread.iter().map(|id| (id.at_ms(), id.part)).collect();
    assert_eq!(parts, [(an_hour_ago, 0)]);
    for (waiting, is_read) in [(Vec::new(), false), (unread, true)] {
        let mut read = Vec::new();
        let mut take = |fact: Fact| {
            read.push(fact.id.at_ms());
            true
        };
        begin(waiting).read(&mut take).await.unwrap();
        assert_eq!(read.contains(&an_hour_ago), is_read);
    }
}
