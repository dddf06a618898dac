//! Members who join, come on another socket with the same key or another, leave and are disconnected, in any order: after
//! each step every socket has been sent exactly what a simple model of a session says, in that order.

mod play;
mod state;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use self::play::Play;
use super::server;
use test_support::scene::stop;

const CASES: u32 = 150;
const USERS: [&str; 3] = ["ann", "ben", "cem"];
const SOCKETS: usize = 5;

/// What one client does. Sockets and users are given by number.
#[derive(Debug, Clone)]
enum Step {
    Join {
        socket: usize,
        user: usize,
        creator: bool,
        key: JoinKey,
    },
    Leave(usize),
    Disconnect(usize),
    Send {
        socket: usize,
        to: Option<usize>,
    },
    SaveKey(usize),
}

/// The key that somebody joins with.
#[derive(Debug, Clone, Copy)]
enum JoinKey {
    None,
    /// The one that is known of the user.
    Known,
    New,
}

fn step() -> impl Strategy<Value = Step> {
    let socket = 0..SOCKETS;
    let key = prop_oneof![
        Just(JoinKey::None),
        Just(JoinKey::Known),
        Just(JoinKey::New)
    ];
    let join = (socket.clone(), 0..USERS.len(), any::<bool>(), key).prop_map(
        |(socket, user, creator, key)| Step::Join {
            socket,
            user,
            creator,
            key,
        },
    );
    let send = (socket.clone(), proptest::option::of(0..USERS.len()))
        .prop_map(|(socket, to)| Step::Send { socket, to });
    prop_oneof![
        5 => join,
        1 => socket.clone().prop_map(Step::Leave),
        2 => socket.clone().prop_map(Step::Disconnect),
        3 => send,
        1 => socket.prop_map(Step::SaveKey),
    ]
}

#[test]
fn a_session_agrees_with_its_model_through_joins_and_leaves() {
    let mut relay = server(&[("LOG_LEVEL", "warn"), ("SESSION_JOIN_WAIT", "0")]);
    let runtime = Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let sessions = std::cell::Cell::new(0);
    let result = runner.run(&vec(step(), 1..40), |steps| {
        sessions.set(sessions.get() + 1);
        runtime.block_on(async {
            let mut play = Play::new(&relay, format!("s{}", sessions.get()));
            for step in &steps {
                play.step(step).await?;
            }
            Ok(())
        })
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    stop(&mut relay);
}
