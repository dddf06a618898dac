use super::*;
use crate::limits::Memory;
use crate::transport::turns::Origin;
use smallvec::smallvec;

fn flow() -> Arc<Flow> {
    Flow::new(LIMITS, Account::new(&Memory::new(1 << 30)))
}

const LIMITS: FlowLimits = FlowLimits {
    receiver_budget: 1000,
    sender_budget: 1000,
    max_event: 500,
};

#[test]
fn a_receiver_over_its_hard_limit_is_refused_and_nothing_is_counted() {
    let flow = flow();
    assert!(flow.hand_over(&smallvec![1000]));
    assert!(!flow.has_room());
    assert!(flow.hand_over(&smallvec![1000]));
    assert!(!flow.hand_over(&smallvec![1000]));
    assert_eq!(flow.backlog(), 2 * (1000 + FRAME_OVERHEAD));
    flow.taken(2);
    assert_eq!(flow.backlog(), 0);
}

#[test]
fn what_is_deferred_counts_but_takes_no_room_from_what_passes_it() {
    let flow = flow();
    let woken = Arc::new(Notify::new());
    let defer = |room: &str| {
        let of = Origin {
            sender: None,
            room: Some(room.into()),
        };
        flow.defer(&smallvec![400], of, &woken)
    };
    assert!(flow.hand_over(&smallvec![900]));
    let (first, second) = (defer("one").unwrap(), defer("one").unwrap());
    assert!(!flow.is_turn(first) && !flow.has_room());
    flow.taken(1);
    assert_eq!(flow.backlog(), 2 * (400 + FRAME_OVERHEAD));
    assert!(flow.is_within_window(0));
    assert!(flow.is_turn(first) && !flow.is_turn(second));
    flow.hand_over_deferred(&smallvec![400], first);
    assert!(flow.is_turn(second));
    flow.hand_over_deferred(&smallvec![400], second);
    flow.taken(2);
    assert_eq!(flow.backlog(), 0);
    assert!(flow.is_within_window(LIMITS.receiver_budget - 1));
    assert!(flow.hand_over(&smallvec![2 * LIMITS.receiver_budget]));
    assert!(defer("one").is_none(), "it has too much waiting");
}

#[test]
fn attachments_are_frames_of_their_own() {
    let flow = flow();
    assert!(flow.hand_over(&smallvec![10, 400, 400]));
    flow.taken(2);
    assert_eq!(flow.backlog(), 400 + FRAME_OVERHEAD);
}

#[tokio::test]
async fn a_waiting_sender_goes_on_when_the_receiver_took_enough() {
    let flow = flow();
    assert!(flow.hand_over(&smallvec![1000]));
    let waiting = tokio::spawn({
        let flow = flow.clone();
        async move { flow.wait_for_room().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    flow.taken(1);
    assert!(waiting.await.is_ok());
}

#[tokio::test]
async fn nobody_waits_for_a_closed_connection() {
    let flow = flow();
    assert!(flow.hand_over(&smallvec![1000]));
    flow.received(2000);
    assert!(flow.reading_paused());
    flow.close();
    flow.wait_for_room().await;
    flow.readable().await;
}

#[test]
fn reading_pauses_at_the_budget_and_goes_on_below_it() {
    let flow = flow();
    flow.received(700);
    assert!(!flow.reading_paused());
    flow.received(700);
    assert!(flow.reading_paused());
    flow.done(700);
    assert!(!flow.reading_paused());
}

#[test]
fn who_holds_more_than_a_share_is_slowed_both_ways_until_there_is_room() {
    let memory = Memory::new(16 * ALWAYS);
    let limits = FlowLimits {
        receiver_budget: 100 * ALWAYS,
        sender_budget: 100 * ALWAYS,
        ..LIMITS
    };
    let user = Account::new(&memory);
    let (receiving, sending) = (
        Flow::new(limits, user.clone()),
        Flow::new(limits, user.clone()),
    );
    let idle = Flow::new(limits, user);
    assert!(receiving.hand_over(&smallvec![2 * ALWAYS]));
    sending.arrived(2 * ALWAYS);
    assert!(!receiving.has_room() && sending.reading_stopped());
    assert!(!receiving.reading_stopped() && sending.has_room());
    assert!(idle.has_room() && !idle.reading_stopped());
    receiving.taken(1);
    assert!(receiving.has_room() && sending.reading_stopped());
    sending.assembled(2 * ALWAYS);
    sending.received(ALWAYS - FRAME_OVERHEAD);
    assert!(!sending.reading_stopped());
}

#[tokio::test]
async fn who_waits_for_memory_goes_on_when_told_to_look_again() {
    let memory = Memory::new(8 * ALWAYS);
    let limits = FlowLimits {
        receiver_budget: 100 * ALWAYS,
        ..LIMITS
    };
    let flow = Flow::new(limits, Account::new(&memory));
    let other = Held::of(Account::new(&memory));
    other.set(8 * ALWAYS);
    assert!(flow.hand_over(&smallvec![3 * ALWAYS / 2]));
    let waiting = tokio::spawn({
        let flow = flow.clone();
        async move { flow.wait_for_room().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    flow.charge_to(Account::new(&Memory::new(1 << 30)));
    flow.look_again();
    assert!(waiting.await.is_ok());
}

#[test]
fn a_frame_is_held_as_a_whole_once_its_size_is_known() {
    let memory = Memory::new(64 * ALWAYS);
    let limits = FlowLimits {
        max_event: 8 * ALWAYS,
        ..LIMITS
    };
    let flow = Flow::new(limits, Account::new(&memory));
    flow.expect(6 * ALWAYS as u64);
    assert_eq!(flow.held().bytes(), 6 * ALWAYS);
    flow.arrived(2 * ALWAYS);
    flow.expect(4 * ALWAYS as u64);
    assert_eq!(flow.held().bytes(), 6 * ALWAYS);
    assert!(!flow.reading_stopped());
    flow.expect(0);
    flow.assembled(2 * ALWAYS);
    assert_eq!(memory.held(), 0);
    flow.keep_read_buffer(6 * ALWAYS as u64);
    flow.keep_read_buffer(1);
    flow.keep_write_buffer(ALWAYS);
    assert_eq!((flow.buffers(), memory.held()), (7 * ALWAYS, 0));
}

#[test]
fn more_than_a_client_may_send_at_once_is_a_flood() {
    let flow = flow();
    flow.received(LIMITS.sender_budget + LIMITS.max_event - FRAME_OVERHEAD);
    assert!(flow.reading_paused() && !flow.is_flooded());
    flow.received(1);
    assert!(flow.is_flooded());
}
