//! The bytes of what backends have all nodes do, and of the answers.

use super::*;
use crate::model::conversation::ChangeNumber;
use crate::model::{Revocation, RevocationKind};

fn ask(message: BackendMessage) -> AllNodesMessage {
    AllNodesMessage::Backend(message)
}

fn answer(answer: Answer) -> NodeMessage {
    NodeMessage::Answer {
        question: 1,
        answer,
    }
}

#[test]
fn what_is_published() {
    let publication = |data: Option<&str>, targets| {
        ask(BackendMessage::Publish(Publication {
            token: "t".to_owned(),
            event: "app:x".to_owned(),
            data: data.map(str::to_owned),
            targets,
        }))
    };
    pin(
        &publication(None, Vec::new()),
        b"\x81\xa4body\x81\xa7Backend\x81\xa7Publish\x83\xa5token\xa1t\xa5event\xa5app:x\xa7\
        targets\x90",
    );
    let targets = vec![
        PublishTarget::User(user("ann")),
        PublishTarget::Conversation {
            id: conversation(),
            last: ChangeNumber::new(7),
            participants: vec![user("bob")],
        },
        PublishTarget::Session("s".to_owned()),
        PublishTarget::Connection(id(1)),
    ];
    pin(
        &publication(Some("1.0"), targets),
        b"\x81\xa4body\x81\xa7Backend\x81\xa7Publish\x84\xa5token\xa1t\xa5event\xa5app:x\xa4\
        data\xa31.0\xa7targets\x94\x81\xa4User\xa3ann\x81\xacConversation\x83\xa2id\xa1\
        c\xa4last\x07\xacparticipants\x91\xa3bob\x81\xa7Session\xa1s\x81\xaaConnection\xc4\
        \x10\x01\x90\x00\x00\x00\x00p\x00\x80\x00\x00\x00\x00\x00\x00\x01",
    );
    let reached = Reached {
        connections: 3,
        targets: vec![1, 2],
    };
    pin(
        &answer(Answer::Reached(reached)),
        b"\x81\xa4body\x81\xa6Answer\x82\xa8question\x01\xa6answer\x81\xa7Reached\x82\xab\
        connections\x03\xa7targets\x92\x01\x02",
    );
}

#[test]
fn what_is_asked_of_connections() {
    let count = BackendMessage::CountConnections(vec![user("ann")]);
    pin(
        &ask(count),
        b"\x81\xa4body\x81\xa7Backend\x81\xb0CountConnections\x91\xa3ann",
    );
    pin(
        &answer(Answer::Counts(vec![0, 2])),
        b"\x81\xa4body\x81\xa6Answer\x82\xa8question\x01\xa6answer\x81\xa6Counts\x92\x00\x02",
    );
    let list = |user, after| BackendMessage::ListConnections {
        user,
        after,
        limit: 101,
    };
    pin(
        &ask(list(None, None)),
        b"\x81\xa4body\x81\xa7Backend\x81\xafListConnections\x81\xa5limite",
    );
    pin(
        &ask(list(Some(user("ann")), Some(id(1)))),
        b"\x81\xa4body\x81\xa7Backend\x81\xafListConnections\x83\xa4user\xa3ann\xa5after\xc4\
        \x10\x01\x90\x00\x00\x00\x00p\x00\x80\x00\x00\x00\x00\x00\x00\x01\xa5limite",
    );
    pin(
        &ask(BackendMessage::CloseConnection(id(1))),
        b"\x81\xa4body\x81\xa7Backend\x81\xafCloseConnection\xc4\x10\x01\x90\x00\x00\x00\x00\
        p\x00\x80\x00\x00\x00\x00\x00\x00\x01",
    );
    let listed = |is_full: bool| ListedConnection {
        id: id(1),
        user: is_full.then(|| "ann".to_owned()),
        dialect: "direct".to_owned(),
        transport: "websocket".to_owned(),
        connected_at: NOW,
        address: "127.0.0.1".parse().unwrap(),
        user_agent: is_full.then(|| "a/1".to_owned()),
        node: "relay".to_owned(),
        token_id: is_full.then(|| "t".to_owned()),
        token_expires_at: is_full.then_some(1_700_000_000),
        backlog: 0,
        from_page: false,
        by_tls: false,
    };
    pin(
        &answer(Answer::Connections(vec![listed(false)])),
        b"\x81\xa4body\x81\xa6Answer\x82\xa8question\x01\xa6answer\x81\xabConnections\x91\
        \x87\xa2id\xc4\x10\x01\x90\x00\x00\x00\x00p\x00\x80\x00\x00\x00\x00\x00\x00\x01\
        \xa7dialect\xa6direct\xa9transport\xa9websocket\xacconnected_at\xcf\x00\x00\x01\
        \x8b\xcf\xe5h\x00\xa7address\x81\xa2V4\x94\x7f\x00\x00\x01\xa4node\xa5relay\xa7\
        backlog\x00",
    );
    pin(
        &answer(Answer::Connections(vec![listed(true)])),
        b"\x81\xa4body\x81\xa6Answer\x82\xa8question\x01\xa6answer\x81\xabConnections\x91\
        \x8b\xa2id\xc4\x10\x01\x90\x00\x00\x00\x00p\x00\x80\x00\x00\x00\x00\x00\x00\x01\
        \xa4user\xa3ann\xa7dialect\xa6direct\xa9transport\xa9websocket\xacconnected_at\xcf\
        \x00\x00\x01\x8b\xcf\xe5h\x00\xa7address\x81\xa2V4\x94\x7f\x00\x00\x01\xaauser_\
        agent\xa3a/1\xa4node\xa5relay\xa8token_id\xa1t\xb0token_expires_at\xceeS\xf1\x00\xa7backlog\x00",
    );
}

#[test]
fn what_who_watches_asks() {
    pin(
        &ask(BackendMessage::Stats),
        b"\x81\xa4body\x81\xa7Backend\xa5Stats",
    );
    pin(
        &ask(BackendMessage::Watch { limit: 11 }),
        b"\x81\xa4body\x81\xa7Backend\x81\xa5Watch\x81\xa5limit\x0b",
    );
    pin(
        &ask(BackendMessage::FindAdminSession([1; 32])),
        &[
            b"\x81\xa4body\x81\xa7Backend\x81\xb0FindAdminSession\xdc\x00 ".as_slice(),
            &[1; 32],
        ]
        .concat(),
    );
    let stats = NodeStats {
        id: "i".to_owned(),
        node: "relay".to_owned(),
        pid: 1,
        uptime: 2,
        clients: 3,
        polling: 4,
        opened: 5,
        closed: vec![("client left".to_owned(), 6)],
        events_in: 7,
        events_out: 8,
        bytes_in: 9,
        bytes_out: 10,
        admins: 11,
    };
    pin(
        &answer(Answer::Stats(stats)),
        b"\x81\xa4body\x81\xa6Answer\x82\xa8question\x01\xa6answer\x81\xa5Stats\x8d\xa2id\xa1i\xa4node\
        \xa5relay\xa3pid\x01\xa6uptime\x02\xa7clients\x03\xa7polling\x04\xa6opened\x05\xa6closed\
        \x91\x92\xabclient left\x06\xa9events_in\x07\xaaevents_out\x08\xa8bytes_in\x09\xa9bytes_out\
        \x0a\xa6admins\x0b",
    );
    let watched = Watched {
        id: "i".to_owned(),
        open: Vec::new(),
        ended: vec![EndedConnection {
            id: id(1),
            reason: "revoked".to_owned(),
            at: 1,
        }],
    };
    pin(
        &answer(Answer::Watched(watched)),
        b"\x81\xa4body\x81\xa6Answer\x82\xa8question\x01\xa6answer\x81\xa7Watched\x83\xa2id\xa1i\
        \xa4open\x90\xa5ended\x91\x83\xa2id\xc4\x10\x01\x90\x00\x00\x00\x00p\x00\x80\x00\x00\x00\
        \x00\x00\x00\x01\xa6reason\xa7revoked\xa2at\x01",
    );
    let session = AdminSession {
        name: "ops".to_owned(),
        token: [1; 32],
        expires: 2,
    };
    pin(
        &answer(Answer::AdminSession(Some(session))),
        &[
            b"\x81\xa4body\x81\xa6Answer\x82\xa8question\x01\xa6answer\x81\xacAdminSession\x83\xa4\
            name\xa3ops\xa5token\xdc\x00 "
                .as_slice(),
            &[1; 32],
            b"\xa7expires\x02",
        ]
        .concat(),
    );
}

#[test]
fn what_is_revoked() {
    let revocation = |kind, before| Revocation {
        id: id(1),
        kind,
        subject: "ann".into(),
        before,
        created_at: NOW,
        expires_at: NOW + 1,
    };
    let made = revocation(RevocationKind::User, Some(NOW));
    pin(
        &AllNodesMessage::Revocation(RevocationMessage::Made(made)),
        b"\x81\xa4body\x81\xaaRevocation\x81\xa4Made\x86\xa2id\xc4\x10\x01\x90\x00\x00\x00\x00\
        p\x00\x80\x00\x00\x00\x00\x00\x00\x01\xa4kind\xa4User\xa7subject\xa3ann\xa6before\xcf\
        \x00\x00\x01\x8b\xcf\xe5h\x00\xaacreated_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00\xaa\
        expires_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x01",
    );
    let taken_back = revocation(RevocationKind::Token, None);
    pin(
        &AllNodesMessage::Revocation(RevocationMessage::TakenBack(taken_back)),
        b"\x81\xa4body\x81\xaaRevocation\x81\xa9TakenBack\x85\xa2id\xc4\x10\x01\x90\x00\x00\x00\
        \x00p\x00\x80\x00\x00\x00\x00\x00\x00\x01\xa4kind\xa5Token\xa7subject\xa3ann\xaa\
        created_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00\xaaexpires_at\xcf\x00\x00\x01\x8b\xcf\xe5\
        h\x01",
    );
    assert_eq!(
        RevocationKind::ALL.map(|kind| serde_json::to_string(&kind).unwrap()),
        ["\"Token\"", "\"User\"", "\"Session\""]
    );
}
