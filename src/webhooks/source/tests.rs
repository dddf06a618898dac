use std::time::{Duration, Instant};

use super::*;
use crate::audit::{self, AuditOptions, Encoded, Event, Record, SqliteStore};
use crate::webhooks::progress::id_at;

/// An audit that has stored a record, and its folder.
async fn with_a_record() -> (Audit, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let audit = Audit::start(store, folder.path(), AuditOptions::default()).unwrap();
    let acting = Arc::new(audit::Source {
        user: None,
        username: None,
        session_id: None,
        ip: None,
        user_agent: None,
        node: "node".into(),
        encoded: Encoded::default(),
    });
    audit.record(Record::new(&acting, None, Event::SocketConnect));
    let flushed = audit.clone();
    let soon = Instant::now() + Duration::from_secs(20);
    let flush = tokio::task::spawn_blocking(move || flushed.flush(soon));
    assert!(flush.await.unwrap());
    (audit, folder)
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
