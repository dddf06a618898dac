//! What is brought in from elsewhere.

use super::subject::*;
use crate::model::conversation::*;
use crate::stores::conversations::{DryRun, StoreError};
use ParticipantStatus::{Active, Left, Removed};

fn made(name: &str, created_by: Option<&str>, created_at: Option<u64>) -> Import {
    Import::Conversation(ImportedConversation {
        id: conversation(name),
        id_type: IdType::Text,
        title: Some("Plans".into()),
        created_by: created_by.map(user),
        created_at,
    })
}

fn is_in(at: &str, who: &str, status: ParticipantStatus) -> ImportedParticipant {
    ImportedParticipant {
        conversation: conversation(at),
        user: user(who),
        role: None,
        status,
        joined_at: None,
    }
}

fn member(at: &str, who: &str) -> Import {
    Import::Participant(is_in(at, who, Active))
}

fn with_role(at: &str, who: &str, role: Role) -> Import {
    Import::Participant(ImportedParticipant {
        role: Some(role),
        ..is_in(at, who, Active)
    })
}

fn since(at: &str, who: &str, status: ParticipantStatus, joined_at: u64) -> Import {
    Import::Participant(ImportedParticipant {
        joined_at: Some(joined_at),
        ..is_in(at, who, status)
    })
}

/// Of each line how many changes of a log it has made, or why it is not stored.
async fn import(subject: &Subject, lines: Vec<Import>) -> Vec<String> {
    let imports = &subject.stores.imports;
    let done = imports.import(lines, 3).await.unwrap().into_iter();
    let said = done.map(|line| match line {
        Ok(Imported::User(user)) => user.name.to_string(),
        Ok(Imported::Logged(changes)) => changes.len().to_string(),
        Err(error) => error.to_string(),
    });
    said.collect()
}

async fn participants(subject: &Subject, at: &str) -> Vec<(String, Role, ParticipantStatus, u64)> {
    let all = subject.stores.participants.list(&conversation(at)).await;
    let short = |one: Participant| {
        let user = one.user.as_str().to_owned();
        (user, one.role, one.status, one.joined_at)
    };
    let mut all: Vec<_> = all.unwrap().into_iter().map(short).collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

pub(crate) async fn lines_are_stored_with_the_times_that_they_have(subject: Subject) {
    let named = UserChange {
        name: Some("Ann".into()),
        ..UserChange::default()
    };
    let lines = vec![
        Import::User(user("ann"), named),
        made("c", Some("ann"), Some(1_000)),
        Import::Participant(ImportedParticipant {
            role: Some(Role::Admin),
            joined_at: Some(1_000),
            ..is_in("c", "ann", Active)
        }),
        since("c", "bo", Active, 2_000),
        since("c", "cy", Left, 1_500),
        since("c", "di", Removed, 1_600),
    ];
    let now = subject.tick();
    let done = import(&subject, lines.clone()).await;
    assert_eq!(done, ["Ann", "1", "1", "1", "0", "0"]);
    let c = conversation("c");
    let stored = subject
        .stores
        .conversations
        .find(&c)
        .await
        .unwrap()
        .unwrap();
    let times = (stored.created_at, stored.last_message_at);
    assert_eq!((times, stored.created_by), ((1_000, 1_000), user("ann")));
    assert_eq!(stored.description.title.as_deref(), Some("Plans"));
    let expected = [
        ("ann".to_owned(), Role::Admin, Active, 1_000),
        ("bo".to_owned(), Role::Member, Active, 2_000),
        ("cy".to_owned(), Role::Member, Left, 1_500),
        ("di".to_owned(), Role::Member, Removed, 1_600),
    ];
    assert_eq!(participants(&subject, "c").await, expected);
    let log = &subject.stores.log;
    let page = log.changes(&c, ChangeNumber::default(), 9).await.unwrap();
    let at: Vec<_> = page.changes.iter().map(|change| change.at).collect();
    assert_eq!((page.last.get(), at), (3, vec![now; 3]));
    for former in ["cy", "di"] {
        let read = log.participations(&user(former), None).await.unwrap();
        assert_eq!(read, [], "{former} has read nothing of it here");
        let listed = subject
            .stores
            .conversations
            .find_for(&c, &user(former))
            .await;
        assert!(listed.unwrap().is_none(), "{former}");
    }
    subject.tick();
    let again = import(&subject, lines).await;
    assert_eq!(again, ["Ann", "0", "0", "0", "0", "0"]);
    assert_eq!(participants(&subject, "c").await, expected);
    let _ = subject.send("c", "ann", "\"hi\"").await;
    assert_eq!(subject.unread("c", "bo").await, 1);
}

pub(crate) async fn a_line_ends_a_participation_and_begins_no_earlier_one(subject: Subject) {
    subject.with("c", &["ann", "bo"]).await;
    let joined = subject.participant("c", "bo").await.unwrap().joined_at;
    let bo = |status, at| since("c", "bo", status, at);
    assert_eq!(import(&subject, vec![bo(Left, joined)]).await, ["1"]);
    let left = subject.participant("c", "bo").await.unwrap();
    assert_eq!((left.status, left.ended_by), (Left, Some(user("bo"))));
    assert_eq!(import(&subject, vec![bo(Active, joined)]).await, ["0"]);
    let later = subject.tick();
    assert_eq!(import(&subject, vec![bo(Active, later)]).await, ["1"]);
    let back = subject.participant("c", "bo").await.unwrap();
    assert_eq!((back.status, back.joined_at), (Active, later));
    // Who is left becomes an admin in the same step.
    let ann = Import::Participant(is_in("c", "ann", Removed));
    assert_eq!(import(&subject, vec![ann]).await, ["2"]);
    let roles: Vec<_> = participants(&subject, "c").await;
    assert_eq!((roles[0].2, roles[1].1), (Removed, Role::Admin));
    assert_eq!(import(&subject, vec![member("c", "ann")]).await, ["1"]);
}

/// Lines of which some are not stored.
fn mixed() -> Vec<Import> {
    vec![
        member("new", "ann"),
        made("new", Some("ann"), None),
        with_role("new", "ann", Role::Admin),
        member("new", "bo"),
        made("new", Some("bo"), None),
        made("new", None, None),
        with_role("new", "ann", Role::Member),
        member("new", "cy"),
        member("new", "di"),
        Import::Participant(is_in("new", "bo", Left)),
        member("new", "di"),
        made("taken", Some("eve"), None),
        member("taken", "di"),
        with_role("taken", "zoe", Role::Member),
        Import::Participant(is_in("taken", "zoe", Removed)),
        with_role("taken", "di", Role::Member),
    ]
}

pub(crate) async fn a_line_that_is_not_stored_keeps_no_other(subject: Subject) {
    subject.with("taken", &["zoe", "yan"]).await;
    let folder = tempfile::tempdir().unwrap();
    let tried = DryRun::new(&subject.stores, folder.path()).await.unwrap();
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "its file has no name");
    let mut as_tried = Vec::new();
    for some in mixed().chunks(3) {
        as_tried.extend(tried.import(some.to_vec(), 3, 1).await.unwrap());
    }
    let fresh = subject
        .stores
        .conversations
        .find(&conversation("new"))
        .await;
    assert!(fresh.unwrap().is_none(), "nothing was changed");
    let done = subject.stores.imports.import(mixed(), 3).await.unwrap();
    let why = |error: &StoreError| error.to_string();
    let done: Vec<_> = done
        .iter()
        .map(|line| line.as_ref().err().map(why))
        .collect();
    let as_tried: Vec<_> = as_tried
        .iter()
        .map(|line| line.as_ref().err().map(why))
        .collect();
    assert_eq!(done, as_tried);
    let none = why(&StoreError::NoConversation);
    let expected = [
        (0, &*none),
        (4, "the conversation exists"),
        (6, "the last admin of the conversation"),
        (8, "the conversation is full"),
        (11, "the conversation exists"),
        (13, "the last admin of the conversation"),
        (15, "the last admin of the conversation"),
    ];
    let failed = done.iter().enumerate();
    let failed = failed.filter_map(|(index, why)| Some((index, why.as_deref()?)));
    assert_eq!(failed.collect::<Vec<_>>(), expected);
    let left: Vec<_> = participants(&subject, "new").await;
    let left = left.iter().map(|one| (one.0.as_str(), one.2));
    let expected = [
        ("ann", Active),
        ("bo", Left),
        ("cy", Active),
        ("di", Active),
    ];
    assert_eq!(left.collect::<Vec<_>>(), expected);
}
