use super::*;

fn user(name: &str) -> OnBehalfOf {
    UserId::parse(name)
}

/// Takes what is there, each of which takes as many milliseconds as it says.
fn taken(queue: &FairQueue<(char, u64)>) -> String {
    let mut order = String::new();
    while let Some(turn) = queue.take(Duration::MAX, |_| true) {
        let (name, time) = turn.write;
        order.push(name);
        queue.done(turn, Duration::from_millis(time));
    }
    order
}

#[tokio::test]
async fn who_asks_for_much_waits_behind_their_own() {
    let queue = FairQueue::default();
    for _ in 0..4 {
        queue.push(user("mallory"), 1, ('m', 10)).await.unwrap();
    }
    for _ in 0..4 {
        queue.push(user("ann"), 1, ('a', 1)).await.unwrap();
    }
    queue.push(None, 1, ('x', 1)).await.unwrap();
    assert_eq!(taken(&queue), "maxaaammm");
    // Once nothing waits, all begin anew.
    queue.push(user("mallory"), 1, ('m', 10)).await.unwrap();
    queue.push(user("ann"), 1, ('a', 1)).await.unwrap();
    assert_eq!(taken(&queue), "ma");
}

#[tokio::test]
async fn a_small_write_waits_for_no_large_one_that_has_not_begun() {
    let queue = FairQueue::default();
    for name in ["mallory", "trudy", "mallory"] {
        let write = (name.chars().next().unwrap(), 50);
        queue.push(user(name), 1_000, write).await.unwrap();
    }
    let begun = queue.take(Duration::MAX, |_| true).unwrap();
    for _ in 0..3 {
        queue.push(user("ann"), 1, ('a', 1)).await.unwrap();
    }
    queue.done(begun, Duration::from_millis(50));
    assert_eq!(taken(&queue), "aaatm");
}

#[tokio::test]
async fn a_large_write_waits_until_there_is_time_for_it() {
    let queue = FairQueue::default();
    queue.push(user("mallory"), 1_000, ('m', 50)).await.unwrap();
    assert!(queue.take(Duration::from_millis(10), |_| true).is_none());
    queue.push(user("ann"), 1, ('a', 1)).await.unwrap();
    let turn = queue.take(Duration::from_millis(10), |_| true).unwrap();
    queue.done(turn, Duration::from_millis(1));
    assert!(queue.take(Duration::from_millis(9), |_| true).is_none());
    assert_eq!(taken(&queue), "m");
}

#[tokio::test]
async fn what_was_not_known_at_first_counts() {
    let queue = FairQueue::default();
    for _ in 0..2 {
        queue.push(user("mallory"), 1, ('m', 1)).await.unwrap();
        queue.push(user("ann"), 1, ('a', 3)).await.unwrap();
    }
    let turn = queue.take(Duration::MAX, |_| true).unwrap();
    let (_, mallory) = queue.done(turn, Duration::from_millis(1));
    queue.charge(&mallory, Duration::from_millis(100));
    // The turn that was given already stays.
    queue.push(user("mallory"), 1, ('m', 1)).await.unwrap();
    assert_eq!(taken(&queue), "amam");
}

#[tokio::test]
async fn who_comes_late_has_saved_nothing() {
    let queue = FairQueue::default();
    for _ in 0..10 {
        queue.push(user("ann"), 1, ('a', 10)).await.unwrap();
    }
    assert_eq!(taken(&queue), "aaaaaaaaaa");
    for _ in 0..3 {
        queue.push(user("bo"), 1, ('b', 10)).await.unwrap();
        queue.push(user("cy"), 1, ('c', 10)).await.unwrap();
    }
    queue.push(user("ann"), 1, ('a', 10)).await.unwrap();
    assert_eq!(taken(&queue), "bcabcbc");
}

#[tokio::test]
async fn what_waits_for_one_user_is_bounded() {
    let queue = FairQueue::default();
    for _ in 0..MAX_WAITING {
        queue.push(user("mallory"), 1, ('m', 1)).await.unwrap();
    }
    let mut more = Box::pin(queue.push(user("mallory"), 1, ('m', 1)));
    assert!(futures_util::poll!(&mut more).is_pending());
    queue.push(user("ann"), 1, ('a', 1)).await.unwrap();
    let turn = queue.take(Duration::MAX, |_| true).unwrap();
    queue.done(turn, Duration::ZERO);
    more.await.unwrap();
    let mut more = Box::pin(queue.push(user("mallory"), 1, ('m', 1)));
    assert!(futures_util::poll!(&mut more).is_pending());
    queue.close();
    assert!(more.await.is_err());
    assert_eq!(taken(&queue).len(), MAX_WAITING + 1);
    assert!(matches!(queue.wait(None), Next::Closed));
}

#[test]
fn who_waits_learns_that_nothing_comes() {
    let queue = FairQueue::<char>::default();
    let soon = Instant::now() + Duration::from_millis(1);
    assert!(matches!(queue.wait(Some(soon)), Next::Nothing));
}

#[tokio::test]
async fn users_who_ask_for_nothing_are_forgotten() {
    let queue = FairQueue::default();
    for number in 0..10 * MAX_USERS {
        queue
            .push(user(&format!("u{number}")), 1, ('u', 0))
            .await
            .unwrap();
        taken(&queue);
    }
    assert!(queue.state.lock().users.len() <= MAX_USERS);
}
