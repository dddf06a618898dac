//! The records of messages in MongoDB, compared with what senders received.

use std::collections::HashMap;
use std::time::Instant;

use mongodb::Client;
use mongodb::bson::{Document, doc};

use super::load::{Sent, TIMEOUT};

/// One database.
pub(super) struct Trail(mongodb::Collection<Document>);

impl Trail {
    pub(super) async fn of(uri: &str) -> Self {
        let client = Client::with_uri_str(uri).await.unwrap();
        Self(client.default_database().unwrap().collection("relay_logs"))
    }

    /// The numbers of each sender's recorded messages, by `_id`.
    pub(super) async fn messages(&self) -> HashMap<String, Vec<u64>> {
        let mut found = self
            .0
            .find(doc! { "eventType": "MESSAGE_SENT" })
            .sort(doc! { "_id": 1 })
            .await
            .unwrap();
        let mut messages: HashMap<String, Vec<u64>> = HashMap::new();
        while found.advance().await.unwrap() {
            let record = found.deserialize_current().unwrap();
            let user = record.get_str("user").unwrap().to_owned();
            let details = record.get_document("details").unwrap();
            let seq = details.get_i64("seq").unwrap();
            messages.entry(user).or_default().push(seq as u64);
        }
        messages
    }

    /// Waits until there are as many records as were confirmed.
    pub(super) async fn is_complete(&self, all: &[Sent]) {
        let confirmed: usize = all.iter().map(|sent| sent.confirmed.len()).sum();
        self.reaches(confirmed as u64).await;
    }

    /// Waits until there are records of so many messages.
    pub(super) async fn reaches(&self, messages: u64) {
        let deadline = Instant::now() + TIMEOUT;
        let sent = || doc! { "eventType": "MESSAGE_SENT" };
        loop {
            // The test server fails to count in a collection that is just being made.
            let count = self.0.count_documents(sent()).await;
            if count.as_ref().is_ok_and(|count| *count >= messages) {
                return;
            }
            assert!(Instant::now() < deadline, "{count:?} of {messages}");
        }
    }
}

/// What was confirmed is recorded, once and in order; and nothing is that was not sent, or was refused.
pub(super) fn check(messages: &HashMap<String, Vec<u64>>, all: &[Sent]) {
    for sent in all {
        let recorded = messages.get(&sent.user).map_or(&[][..], Vec::as_slice);
        is_of(recorded, sent);
        let lacking = |number: &&u64| recorded.binary_search(number).is_err();
        let lacking: Vec<_> = sent.confirmed.iter().filter(lacking).collect();
        assert!(lacking.is_empty(), "{} lacks {lacking:?}", sent.user);
    }
}

/// What is recorded is what was sent and not refused, once and in order.
pub(super) fn is_of(recorded: &[u64], sent: &Sent) {
    let in_order = recorded.is_sorted_by(|one, two| one < two);
    assert!(in_order, "{}: {recorded:?}", sent.user);
    let is_sent = |number: &u64| *number < sent.count && !sent.refused.contains(number);
    assert!(recorded.iter().all(is_sent), "{}: {recorded:?}", sent.user);
}
