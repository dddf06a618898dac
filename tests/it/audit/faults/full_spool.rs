//! There is no room: in the spool, or on the disk.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use super::load::Load;
use super::trail::is_of;
use super::{Stage, assert_unnoticed};
use test_support::raw::{Client, Dial, token};
use test_support::scene::stop;
use test_support::wait::until_ready_says;

/// The least that can be set: some 5 000 records.
const LIMIT: (&str, &str) = ("AUDIT_SPOOL_MAX_BYTES", "1048576");
const FULL: &str = "the audit's spool is full";

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_drops_the_oldest_loudly_and_relays_on() {
    let Some(mut stage) = Stage::without_mongodb() else {
        return;
    };
    let mut relay = stage.relay(&[LIMIT]);
    let mut load = Load::begin(&relay, "full").await;
    load.goes_on(12_000).await;
    until_ready_says(&relay, Some(FULL)).await;
    let all = load.end().await;
    assert_unnoticed(&all);
    relay.logs(FULL, 1);
    assert!(relay.log_lines("audit records lost") > 0);
    stage.mongodb.restart();
    until_ready_says(&relay, None).await;
    stop(&mut relay);
    let messages = stage.trail().await.messages().await;
    for sent in &all {
        let recorded = &messages[&sent.user];
        is_of(recorded, sent);
        // The newest, without a gap; before them at most those that were being written when their file was dropped.
        assert!((recorded.len() as u64) < sent.count);
        assert_eq!(recorded.last(), Some(&(sent.count - 1)));
        let gaps = recorded.windows(2).filter(|pair| pair[1] != pair[0] + 1);
        assert!(gaps.count() <= 1, "{recorded:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_refuses_what_it_cannot_record_when_configured_so() {
    let Some(mut stage) = Stage::without_mongodb() else {
        return;
    };
    let refuse = [LIMIT, ("AUDIT_SPOOL_FULL", "refuse")];
    let mut relay = stage.relay(&refuse);
    let mut load = Load::begin(&relay, "refused").await;
    load.rushes(8_000);
    load.is_refused().await;
    until_ready_says(&relay, Some(FULL)).await;
    let mut late = Client::open(&relay, Dial::default()).await.unwrap();
    let refused = late.enter(&token::for_user("late")).await.unwrap_err();
    assert!(refused.contains("Server is busy"), "{refused}");
    stage.mongodb.restart();
    until_ready_says(&relay, None).await;
    load.goes_on(500).await;
    let all = load.end().await;
    stage.has_recorded(&all).await;
    assert_eq!(relay.log_lines("audit records lost"), 0);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_loud_and_neither_stops_relaying_nor_loses_what_fits_in_memory() {
    let Some(mut stage) = Stage::set() else {
        return;
    };
    let Some(disk) = Disk::mount(stage.data.path()) else {
        return;
    };
    let mut relay = stage.relay(&[]);
    let mut load = Load::begin(&relay, "disk").await;
    load.goes_on(300).await;
    stage.mongodb.stop();
    disk.fill();
    load.goes_on(3_000).await;
    until_ready_says(&relay, Some("spool cannot be written")).await;
    relay.logs("the audit's spool cannot be written", 1);
    stage.mongodb.restart();
    load.goes_on(300).await;
    let all = load.end().await;
    assert_unnoticed(&all);
    stage.has_recorded(&all).await;
    disk.empty();
    stop(&mut relay);
}

/// A small disk of its own, in memory.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// `None`: that takes an administrator. With `CI=true` the test fails then.
    fn mount(path: &'a Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(path)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        let reason = "no disk can be mounted here";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{reason}");
        let notice = format!("SKIPPED a test of a full disk: {reason}\n");
        std::io::stderr().write_all(notice.as_bytes()).unwrap();
        None
    }

    fn filler(&self) -> std::path::PathBuf {
        self.0.join("filler")
    }

    /// Leaves no room on it.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.filler()).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
    }

    fn empty(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // Lazily: a server that is killed after this may still have files open.
        let unmounted = Command::new("umount").arg("-l").arg(self.0).status();
        if !std::thread::panicking() {
            assert!(unmounted.unwrap().success());
        }
    }
}
