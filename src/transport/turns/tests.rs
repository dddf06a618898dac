use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;

use super::*;

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

/// A receiver that has room while less than so many bytes wait for it.
struct Receiver {
    turns: Arc<Turns>,
    backlog: Arc<AtomicUsize>,
    window: usize,
}

impl Receiver {
    fn new(window: usize) -> Self {
        Self {
            turns: Arc::default(),
            backlog: Arc::default(),
            window,
        }
    }

    async fn send(&self, sender: &UserId, bytes: usize) {
        let room = |granted| self.backlog.load(Ordering::SeqCst) + granted < self.window;
        let _turn = self.turns.wait(sender, bytes, room).await;
        self.backlog.fetch_add(bytes, Ordering::SeqCst);
    }

    fn take_all(&self) {
        self.backlog.store(0, Ordering::SeqCst);
        self.turns.look_again();
    }
}

/// In which order events come through of which each fills the window: those of the senders with these names
/// and sizes, who all wait from the beginning.
async fn order(events: &[(&str, usize)]) -> String {
    let receiver = Receiver::new(1);
    receiver.send(&user("first"), 1).await;
    let order = Mutex::new(String::new());
    let sending = events.iter().map(|(name, bytes)| {
        let (receiver, order) = (&receiver, &order);
        Box::pin(async move {
            receiver.send(&user(name), *bytes).await;
            order.lock().push_str(name);
        })
    });
    let mut sending: Vec<_> = sending.collect();
    for one in &mut sending {
        assert!(one.as_mut().now_or_never().is_none());
    }
    for _ in events {
        receiver.take_all();
        sending.retain_mut(|one| one.as_mut().now_or_never().is_none());
    }
    assert!(sending.is_empty());
    let state = receiver.turns.0.lock();
    assert!(
        state.waiting.is_empty()
            && state.senders.is_empty()
            && state.rooms.is_empty()
            && state.granted == 0
    );
    order.lock().clone()
}

#[tokio::test]
async fn who_sends_much_waits_behind_their_own() {
    let much = ("m", 1000);
    let little = ("a", 10);
    let both = [much, much, much, little, little, ("b", 1000), ("b", 1000)];
    assert_eq!(order(&both).await, "aambmbm");
}

#[tokio::test]
async fn the_events_of_one_sender_keep_their_order() {
    let receiver = Receiver::new(1);
    receiver.send(&user("first"), 1).await;
    let mallory = user("m");
    let mut large = pin!(receiver.send(&mallory, 1000));
    assert!(large.as_mut().now_or_never().is_none());
    let mut small = pin!(receiver.send(&mallory, 1));
    assert!(small.as_mut().now_or_never().is_none());
    assert_eq!(receiver.turns.waiting_of(&mallory), 1001);
    receiver.take_all();
    assert!(small.as_mut().now_or_never().is_none());
    assert!(large.as_mut().now_or_never().is_some());
}

#[tokio::test]
async fn what_is_about_to_be_sent_takes_room() {
    let receiver = Receiver::new(100);
    let room = |granted| granted < 100;
    let (ann, bo) = (user("ann"), user("bo"));
    let turn = receiver.turns.wait(&ann, 100, room).await;
    let mut waiting = pin!(receiver.turns.wait(&bo, 1, room));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(turn);
    assert!(waiting.now_or_never().is_some());
}

#[tokio::test]
async fn who_gives_up_is_in_nobodys_way() {
    let receiver = Receiver::new(1);
    receiver.send(&user("first"), 1).await;
    let (ann, bo) = (user("ann"), user("bo"));
    let mut first = Box::pin(receiver.send(&ann, 1));
    assert!(first.as_mut().now_or_never().is_none());
    let mut second = pin!(receiver.send(&bo, 2));
    assert!(second.as_mut().now_or_never().is_none());
    receiver.take_all();
    drop(first);
    assert!(second.as_mut().now_or_never().is_some());
}

#[test]
fn what_waits_of_a_room_keeps_its_order_and_lets_other_rooms_pass() {
    let turns = Turns::default();
    let woken = Arc::new(Notify::new());
    let waits = |sender: &str, room: &str, bytes| {
        let of = Origin {
            sender: (!sender.is_empty()).then(|| user(sender)),
            room: (!room.is_empty()).then(|| room.into()),
        };
        turns.enqueue(of, bytes, woken.clone())
    };
    let much = [waits("m", "one", 1000), waits("n", "one", 1000)];
    let behind_much = waits("ann", "one", 1);
    let nobody = waits("", "one", 1);
    let behind_her_own = waits("ann", "two", 1);
    let alone = waits("bo", "two", 1000);
    let first = waits("cy", "three", 1);
    let one_to_one = waits("cy", "", 1);
    let mut order = Vec::new();
    let all = [
        first,
        one_to_one,
        much[0],
        much[1],
        behind_much,
        nobody,
        behind_her_own,
        alone,
    ];
    for _ in all {
        let mut turn = all.iter().filter(|place| turns.is_turn(**place, |_| true));
        let place = *turn.next().expect("something waits");
        assert!(turn.next().is_none());
        turns.remove(place);
        order.push(place);
    }
    assert_eq!(order, all);
    let state = turns.0.lock();
    assert!(state.waiting.is_empty() && state.senders.is_empty() && state.rooms.is_empty());
}
