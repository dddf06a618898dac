//! Requests that come again, on one node.

use super::*;

fn published(number: u64) -> Published {
    Published {
        id: uuid::Uuid::from_u128(number.into()),
        connections: number,
        targets: Vec::new(),
        complete: true,
    }
}

fn key(key: &str, body: &str) -> RequestKey {
    RequestKey::new(key, body.as_bytes()).expect("a key")
}

fn first(begun: Begun<'_>) -> First<'_> {
    match begun {
        Begun::First(first) => first,
        _ => panic!("it is known"),
    }
}

#[tokio::test]
async fn a_request_is_done_once_for_its_token_key_and_body() {
    let requests = Requests::new(None);
    let begun = first(requests.begin("one", &key("k", "a")).await);
    assert_eq!(begun.done(published(7)).await.connections, 7);
    let again = requests.begin("one", &key("k", "a")).await;
    assert!(matches!(again, Begun::Again(same) if same.connections == 7));
    assert!(matches!(
        requests.begin("one", &key("k", "b")).await,
        Begun::Conflict
    ));
    first(requests.begin("two", &key("k", "b")).await)
        .release()
        .await;
    first(requests.begin("one", &key("K", "b")).await)
        .release()
        .await;
    let age = |kept: &mut Kept| {
        let entries = kept.entries.values_mut();
        entries.for_each(|entry| entry.since -= KEPT);
        kept.swept = None;
    };
    age(&mut requests.kept.lock());
    first(requests.begin("one", &key("k", "b")).await)
        .release()
        .await;
    assert!(requests.kept.lock().entries.is_empty());
    assert_eq!(requests.kept.lock().bytes, 0);
}

#[tokio::test]
async fn one_that_is_under_way_is_waited_for_and_one_that_was_not_done_is_begun_again() {
    let requests = Requests::new(None);
    let (same, other) = (key("k", "a"), key("k", "b"));
    let begun = first(requests.begin("one", &same).await);
    assert!(matches!(
        requests.begin("one", &other).await,
        Begun::Conflict
    ));
    let (answered, again) = tokio::join!(
        async { begun.done(published(3)).await },
        requests.begin("one", &same)
    );
    assert!(matches!(again, Begun::Again(same) if same == answered));
    let begun = first(requests.begin("one", &other.clone_as("l")).await);
    let waiting = other.clone_as("l");
    let (_, again) = tokio::join!(
        async {
            tokio::task::yield_now().await;
            begun.release().await;
        },
        requests.begin("one", &waiting)
    );
    assert!(matches!(again, Begun::First(_)));
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let requests = Requests::new(None);
    requests.kept.lock().bytes = MAX_BYTES - ENTRY;
    first(requests.begin("one", &key("k", "a")).await)
        .done(published(1))
        .await;
    assert!(matches!(
        requests.begin("one", &key("l", "a")).await,
        Begun::Full
    ));
    assert!(matches!(
        requests.begin("one", &key("k", "a")).await,
        Begun::Again(_)
    ));
}

#[test]
fn a_key_has_visible_characters_only() {
    for good in ["a", "~!", &"x".repeat(MAX_KEY)] {
        assert!(RequestKey::new(good, b"").is_some());
    }
    for bad in ["", "a b", "ä", "a\n", &"x".repeat(MAX_KEY + 1)] {
        assert!(RequestKey::new(bad, b"").is_none(), "{bad:?}");
    }
}

impl RequestKey {
    fn clone_as(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self.clone()
        }
    }
}
