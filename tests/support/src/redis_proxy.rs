//! Stands between relays and Redis and mistreats what Redis publishes to them: messages of pub/sub are dropped, doubled
//! or delayed, so that later ones overtake them. Everything else passes as it is.
//!
//! Owns its threads. What happens to the messages of a connection is decided by a seed; it must not know what they mean.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::spawn;
use std::time::{Duration, Instant};

use crate::resp;

/// How long a message is delayed at most.
const MAX_DELAY: Duration = Duration::from_millis(300);

/// What is done to messages, each in so many of a hundred.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mistreatment {
    /// They never arrive.
    pub dropped: u64,
    /// They arrive twice.
    pub doubled: u64,
    /// They arrive later.
    pub delayed: u64,
}

/// A proxy on a port of its own. It forwards until the test process ends.
#[derive(Debug)]
pub struct RedisProxy {
    port: u16,
    now: Arc<Mutex<Mistreatment>>,
    dropped: Arc<AtomicU64>,
}

impl RedisProxy {
    /// Forwards to a Redis on this port of the machine, which may come and go.
    pub fn to(redis: u16, seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            now: Arc::default(),
            dropped: Arc::default(),
        };
        let (now, dropped) = (proxy.now.clone(), proxy.dropped.clone());
        spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                let client = client.unwrap();
                // Redis is away: so is this connection.
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, redis)) else {
                    continue;
                };
                let chance = Chance(seed ^ (number as u64) << 32);
                forward(client, server, now.clone(), dropped.clone(), chance);
            }
        });
        proxy
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Mistreats messages so from now on.
    pub fn mistreat(&self, how: Mistreatment) {
        *self.now.lock().unwrap() = how;
    }

    /// What is done to messages now.
    pub fn mistreatment(&self) -> Mistreatment {
        *self.now.lock().unwrap()
    }

    /// How many messages were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Forwards one connection both ways until one side ends it.
fn forward(
    client: TcpStream,
    server: TcpStream,
    now: Arc<Mutex<Mistreatment>>,
    dropped: Arc<AtomicU64>,
    mut chance: Chance,
) {
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let (mut requests, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    spawn(move || {
        // An error is an end as well.
        let _ = std::io::copy(&mut requests, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let (send, due) = channel();
    spawn(move || deliver(client, &due));
    spawn(move || {
        let mut replies = BufReader::new(server);
        while let Some(frame) = resp::read_frame(&mut replies) {
            let arrival = Instant::now();
            let mut arrivals = vec![arrival];
            if resp::is_message(&frame) {
                let how = *now.lock().unwrap();
                if chance.is_one_of(how.delayed) {
                    arrivals = vec![arrival + MAX_DELAY.mul_f64(chance.share())];
                }
                if chance.is_one_of(how.doubled) {
                    arrivals.push(arrival + MAX_DELAY.mul_f64(chance.share()));
                }
                if chance.is_one_of(how.dropped) {
                    arrivals.clear();
                    dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            for arrival in arrivals {
                // An error means that the client is gone.
                let _ = send.send((arrival, frame.clone()));
            }
        }
    });
}

/// Writes frames when they are due, those of one time in their order, until no more can come.
fn deliver(mut client: TcpStream, frames: &Receiver<(Instant, Vec<u8>)>) {
    let mut waiting = BinaryHeap::<Reverse<(Instant, u64, Vec<u8>)>>::new();
    for number in 0_u64.. {
        while let Some(Reverse((arrival, _, _))) = waiting.peek() {
            if *arrival > Instant::now() {
                break;
            }
            let Some(Reverse((_, _, frame))) = waiting.pop() else {
                break;
            };
            if client.write_all(&frame).is_err() {
                return;
            }
        }
        let next = waiting.peek().map(|Reverse((arrival, _, _))| *arrival);
        let received = match next {
            Some(arrival) => frames.recv_timeout(arrival.saturating_duration_since(Instant::now())),
            None => frames.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok((arrival, frame)) => waiting.push(Reverse((arrival, number, frame))),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}

/// Decides by a seed.
struct Chance(u64);

impl Chance {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// True in so many of a hundred.
    fn is_one_of(&mut self, hundred: u64) -> bool {
        self.next() % 100 < hundred
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() % 1_000) as f64 / 1_000.0
    }
}
