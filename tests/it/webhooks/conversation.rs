//! What an endpoint is told of a conversation: who is in it, and who was not there when something was said.

use serde_json::{Value, json};

use super::SECRET;
use crate::conversation::{ConversationClient, Shape, create, rest, server_in};
use test_support::canary::canary;
use test_support::endpoint::{Endpoint, Told};
use test_support::scene::stop;

fn data(told: &Told) -> Value {
    told.json()["data"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_absent_of_a_conversation_are_told_but_who_blocked_the_author() {
    let (data_folder, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let (mark, url) = (canary(), endpoint.url());
    let settings = [
        ("WEBHOOK_URL", url.as_str()),
        ("WEBHOOK_SECRETS", SECRET),
        ("WEBHOOK_PRIVATE_NETWORKS", "true"),
        ("MAX_PARTICIPANTS", "1000"),
    ];
    let mut relay = server_in(data_folder.path(), &settings);
    let absent: Vec<_> = (0..300)
        .map(|number| format!("absent-{number:03}"))
        .collect();
    let mut users = vec!["alice", "bob", "enemy"];
    users.extend(absent.iter().map(String::as_str));
    create(&relay, "\"c1\"", &users).await;
    let blocked = rest(&relay, "enemy", "PUT", "/api/users/me/blocked/alice", "").await;
    assert!((200..300).contains(&blocked.status), "{blocked:?}");
    let _bob = ConversationClient::connect(&relay, "bob", Shape::Conversation).await;
    let mut alice =
        ConversationClient::subscriber(&relay, "alice", Shape::Conversation, "\"c1\"").await;
    let message = format!(r#"{{"conversationId":"c1","content":"{mark}"}}"#);
    let sent = alice.ask("message:send", &message).await;
    assert!(sent.succeeded(), "{sent:?}");
    let undelivered = endpoint.took("message.undelivered", 300).await;
    let mut told: Vec<_> = undelivered
        .iter()
        .map(|one| data(one)["userId"].as_str().unwrap().to_owned())
        .collect();
    told.sort_unstable();
    assert_eq!(told, absent);
    let first = data(&undelivered[0]);
    assert_eq!(
        (
            &first["senderId"],
            &first["conversationId"],
            &first["urgent"]
        ),
        (&json!("alice"), &json!("c1"), &json!(true))
    );
    assert!(undelivered.iter().any(|one| one.id().ends_with("-256")));

    let bob = "/api/conversations/c1/participants/bob";
    let left = rest(&relay, "bob", "DELETE", bob, "").await;
    assert!((200..300).contains(&left.status), "{left:?}");
    let added = rest(
        &relay,
        "alice",
        "POST",
        "/api/conversations/c1/participants",
        r#"{"userId":"bob"}"#,
    )
    .await;
    assert!((200..300).contains(&added.status), "{added:?}");
    endpoint.took("participant.added", 1).await;
    let of = |kind: &str| {
        let mut taken = endpoint.taken();
        taken.retain(|one| one.what().0 == kind);
        taken.iter().map(data).collect::<Vec<_>>()
    };
    assert_eq!(
        of("conversation.created"),
        [json!({"conversationId": "c1", "by": "alice"})]
    );
    let participant = |by: &str| json!({"conversationId": "c1", "userId": "bob", "by": by});
    assert_eq!(of("participant.removed"), [participant("bob")]);
    assert_eq!(of("participant.added"), [participant("alice")]);
    stop(&mut relay);
    let records = crate::audit::records::rows(data_folder.path());
    let undelivered = records
        .iter()
        .filter(|row| row.event == "MESSAGE_UNDELIVERED");
    assert_eq!(undelivered.count(), 2, "256 in one record");
    assert!(endpoint.told().iter().all(|one| !one.body.contains(&mark)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_dialect_a_message_has_its_absent_recipient_is_told() {
    let (data_folder, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let (mark, url) = (canary(), endpoint.url());
    let settings = [
        ("WEBHOOK_URL", url.as_str()),
        ("WEBHOOK_SECRETS", SECRET),
        ("WEBHOOK_EVENTS", "message.undelivered"),
        ("WEBHOOK_PRIVATE_NETWORKS", "true"),
    ];
    let mut relay = server_in(data_folder.path(), &settings);
    create(&relay, "\"c1\"", &["alice", "bob"]).await;
    let forms = [
        format!(r#"{{"conversationId":"c1","content":"{mark}"}}"#),
        format!(r#"{{"chatId":"c1","content":"{mark}"}}"#),
        format!(
            r#"{{"conversation_id":"c1","content_key_number":1,"encrypted_msg_content":"{mark}"}}"#
        ),
    ];
    for form in &forms {
        let sent = rest(&relay, "alice", "POST", "/api/messages", form).await;
        assert_eq!(sent.status, 201, "{sent:?}");
    }
    let told = endpoint.took("message.undelivered", forms.len()).await;
    stop(&mut relay);
    for one in &told {
        let data = data(one);
        assert_eq!(
            (&data["userId"], &data["senderId"], &data["conversationId"]),
            (&json!("bob"), &json!("alice"), &json!("c1"))
        );
        assert!(!one.body.contains(&mark));
    }
    let ids: std::collections::BTreeSet<_> = told
        .iter()
        .map(|one| data(one)["messageId"].to_string())
        .collect();
    assert_eq!(ids.len(), forms.len());
}
