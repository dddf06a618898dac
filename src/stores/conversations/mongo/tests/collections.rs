//! Whose collections are whose: those of earlier versions are taken over, those of other programs left alone.

use super::*;
use crate::model::conversation::UserChange;

/// The prefix of earlier versions.
fn none() -> MongoPrefix {
    prefix("")
}

fn prefix(text: &str) -> MongoPrefix {
    MongoPrefix::parse(text).unwrap()
}

/// A database, and nodes with one prefix or another in it.
struct Shared {
    database: Database,
    client: mongodb::Database,
    clock: Arc<ManualClock>,
}

impl Shared {
    async fn new() -> Option<Self> {
        let database = Database::new()?;
        let client = mongodb::Client::with_uri_str(database.uri()).await.unwrap();
        Some(Self {
            client: client.default_database().unwrap(),
            database,
            clock: Arc::new(ManualClock::new()),
        })
    }

    async fn node(&self, prefix: MongoPrefix, shows: bool) -> Result<ConversationStores, String> {
        let mongo = mongo_at(self.database.uri(), prefix).await;
        let store = Arc::new(MongoConversations::new(&mongo, self.clock.clone(), shows));
        let stores = ConversationStores::of(store.clone()).shared(store);
        match stores.health.check().await {
            Ok(()) => Ok(stores),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn names(&self) -> Vec<String> {
        let mut names = self.client.list_collection_names().await.unwrap();
        names.retain(|name| !name.starts_with("system."));
        names.sort();
        names
    }

    async fn insert(&self, name: &str, document: Document) {
        let collection = self.client.collection::<Document>(name);
        collection.insert_one(document).await.unwrap();
    }
}

/// A conversation of `ann` and `bo` with a message, in which `bo` is suspended.
async fn use_it(stores: &ConversationStores) -> MessageId {
    let suspended = UserChange {
        status: Some(UserStatus::Suspended),
        ..Default::default()
    };
    stores.users.change(&user("bo"), &suspended).await.unwrap();
    let new = new_conversation("c", &["ann", "bo"]);
    let _ = stores.conversations.create(&new, &by("ann")).await.unwrap();
    let sent = new_message("c", "ann", "1");
    stores.messages.append(&sent).await.unwrap().value.id
}

const ALL: [&str; 11] = [
    "blocks",
    "changes",
    "conversations",
    "messages",
    "participantChanges",
    "participants",
    "reactions",
    "receipts",
    "revocations",
    "schema",
    "users",
];

fn all_with(prefix: &str) -> Vec<String> {
    ALL.iter().map(|name| format!("{prefix}{name}")).collect()
}

#[tokio::test]
async fn what_an_earlier_version_made_gets_the_prefix() {
    let Some(shared) = Shared::new().await else {
        return;
    };
    let earlier = shared.node(none(), true).await.unwrap();
    let id = use_it(&earlier).await;
    assert_eq!(shared.names().await, all_with(""));
    // Two nodes of the new version start at once.
    let (one, two) = tokio::join!(
        shared.node(MongoPrefix::default(), true),
        shared.node(MongoPrefix::default(), true),
    );
    assert_eq!(shared.names().await, all_with("relay_"));
    for stores in [one.unwrap(), two.unwrap()] {
        let bo = stores.users.find(&user("bo")).await.unwrap().unwrap();
        assert_eq!(bo.status, UserStatus::Suspended);
        let message = stores.messages.find(id).await.unwrap();
        assert!(message.is_some());
        let log = stores.log.snapshot(&conversation("c")).await.unwrap();
        assert_eq!((log.number.get(), log.participants.len()), (2, 2));
    }
}

#[tokio::test]
async fn a_start_that_was_cut_off_is_gone_on_with() {
    let Some(shared) = Shared::new().await else {
        return;
    };
    let earlier = shared.node(none(), true).await.unwrap();
    let id = use_it(&earlier).await;
    let admin = shared.client.client().database("admin");
    let (from, to) = ("users", "relay_users");
    let full = |name: &str| format!("{}.{name}", shared.client.name());
    let rename = doc! { "renameCollection": full(from), "to": full(to) };
    admin.run_command(rename).await.unwrap();
    let stores = shared.node(MongoPrefix::default(), true).await.unwrap();
    assert_eq!(shared.names().await, all_with("relay_"));
    assert!(stores.messages.find(id).await.unwrap().is_some());
}

#[tokio::test]
async fn collections_of_another_application_are_left_alone() {
    let Some(shared) = Shared::new().await else {
        return;
    };
    let theirs = [
        (
            "users",
            doc! { "email": "eve@example.com", "password": "x" },
        ),
        ("messages", doc! { "sender": ObjectId::new(), "text": "t" }),
        ("conversations", doc! { "id": "c", "members": ["eve"] }),
    ];
    for (name, document) in &theirs {
        shared.insert(name, document.clone()).await;
    }
    let stores = shared.node(MongoPrefix::default(), true).await.unwrap();
    use_it(&stores).await;
    for (name, document) in theirs {
        let collection = shared.client.collection::<Document>(name);
        let mut found = collection.find_one(doc! {}).await.unwrap().unwrap();
        found.remove("_id");
        assert_eq!(found, document);
        assert_eq!(collection.list_index_names().await.unwrap(), ["_id_"]);
    }
    // Another start finds the same.
    shared.node(MongoPrefix::default(), true).await.unwrap();
    assert_eq!(shared.names().await.len(), ALL.len() + 3);
}

#[tokio::test]
async fn what_is_shared_with_an_application_is_not_taken_away_from_it() {
    let Some(shared) = Shared::new().await else {
        return;
    };
    let earlier = shared.node(none(), true).await.unwrap();
    use_it(&earlier).await;
    shared
        .insert("users", doc! { "id": "eve", "email": "e" })
        .await;
    let refused = shared.node(MongoPrefix::default(), true).await.unwrap_err();
    assert!(
        refused.contains("`users`, which an earlier version used"),
        "{refused}"
    );
    assert_eq!(shared.names().await, all_with(""));
    shared.node(none(), true).await.unwrap();
}

#[tokio::test]
async fn documents_of_another_program_are_named_by_collection_and_index() {
    for (name, document, index) in [
        ("users", doc! { "email": "e" }, "id_1"),
        ("conversations", doc! { "members": [] }, "id_1"),
        (
            "participants",
            doc! { "conversationId": ObjectId::new(), "userId": ObjectId::new() },
            "conversationId_1_userId_1",
        ),
        (
            "messages",
            doc! { "id": "m", "conversationId": "c", "senderId": "ann", "text": "t" },
            "conversationId_1_seq_1",
        ),
        ("receipts", doc! {}, "messageId_1_userId_1"),
        ("reactions", doc! {}, "messageId_1_userId_1_emoji_1"),
        ("changes", doc! {}, "conversationId_1_number_1"),
    ] {
        for prefix in [none(), MongoPrefix::default()] {
            let Some(shared) = Shared::new().await else {
                return;
            };
            shared.insert(&prefix.before(name), document.clone()).await;
            let refused = shared.node(prefix.clone(), true).await.unwrap_err();
            let collection = format!("`{}` has documents of another program", prefix.before(name));
            assert!(refused.contains(&collection), "{refused}");
            assert!(refused.contains(&format!("index `{index}`")), "{refused}");
        }
    }
}

#[tokio::test]
async fn a_key_that_is_there_twice_is_named_by_collection_and_index() {
    let Some(shared) = Shared::new().await else {
        return;
    };
    for _ in 0..2 {
        let twice = doc! { "conversationId": "c", "userId": "canary" };
        shared.insert("relay_participants", twice).await;
    }
    let refused = shared.node(MongoPrefix::default(), true).await.unwrap_err();
    let named = "the index `conversationId_1_userId_1` of `relay_participants` cannot be made";
    assert!(refused.contains(named), "{refused}");
    assert!(!refused.contains("canary"), "{refused}");
}

#[tokio::test]
async fn only_what_is_needed_is_made() {
    let Some(shared) = Shared::new().await else {
        return;
    };
    let stores = shared.node(MongoPrefix::default(), false).await.unwrap();
    stores
        .users
        .record_last_seen(&user("ann"), 1)
        .await
        .unwrap();
    assert!(
        stores
            .pending
            .pending_in(&user("ann"))
            .await
            .unwrap()
            .is_empty()
    );
    let kept = Duration::from_secs(60);
    assert_eq!(stores.retention.remove_old_messages(kept).await.unwrap(), 0);
    stores.retention.remove_old_changes(kept).await.unwrap();
    let log = stores.shared_log.as_ref().unwrap();
    log.participants_changed(None).await.unwrap();
    log.log_applications(&[], &[]).await.unwrap();
    assert_eq!(
        shared.names().await,
        ["relay_blocks", "relay_revocations", "relay_users"]
    );
    // An administrator may make a conversation nevertheless.
    use_it(&stores).await;
    assert_eq!(shared.names().await, all_with("relay_"));
    // From then on they are looked after at each start.
    let again = shared.node(MongoPrefix::default(), false).await.unwrap();
    shared.clock.advance(120_000);
    assert_eq!(again.retention.remove_old_messages(kept).await.unwrap(), 1);
}

#[tokio::test]
async fn two_deployments_in_one_database_do_not_know_each_other() {
    let Some(shared) = Shared::new().await else {
        return;
    };
    let one = shared.node(prefix("one."), true).await.unwrap();
    let two = shared.node(prefix("two."), true).await.unwrap();
    use_it(&one).await;
    assert!(two.users.find(&user("bo")).await.unwrap().is_none());
    use_it(&two).await;
}

#[tokio::test]
async fn an_index_of_another_kind_is_named() {
    let Some(shared) = Shared::new().await else {
        return;
    };
    let collection = shared.client.collection::<Document>("relay_users");
    let index = mongodb::IndexModel::builder().keys(doc! { "id": 1 });
    collection.create_index(index.build()).await.unwrap();
    // Not every server of the protocol notices.
    if let Err(refused) = shared.node(MongoPrefix::default(), true).await {
        let named = "the index `id_1` of `relay_users` cannot be made";
        assert!(refused.contains(named), "{refused}");
    }
}
