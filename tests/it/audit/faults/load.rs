//! Several who send as many messages as they are asked to, as fast as they are answered, and what each of them was sent.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use test_support::harness::Relay;
use test_support::raw::acknowledged;
use test_support::raw::{Client, Closed, Packet, Writer};
use test_support::scene;

const SENDERS: usize = 3;
/// How many messages a sender has sent and not been answered.
const WINDOW: usize = 16;
pub(crate) const TIMEOUT: Duration = Duration::from_secs(90);

/// What became of one sender's messages, which it numbers from 0.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) user: String,
    pub(crate) count: u64,
    pub(crate) confirmed: Vec<u64>,
    /// Answered with a failure, which says that the server is busy.
    pub(crate) refused: Vec<u64>,
    /// The longest time to an answer.
    pub(crate) slowest: Duration,
}

/// The senders, at work.
pub(crate) struct Load {
    tasks: Vec<JoinHandle<Sent>>,
    /// Messages that may still be sent. Closed: no more will be.
    messages: Arc<Semaphore>,
    confirmed: watch::Receiver<usize>,
    refused: watch::Receiver<usize>,
}

impl Load {
    /// Sets senders to work, whose names begin with this.
    pub(crate) async fn begin(relay: &Relay, name: &str) -> Self {
        let messages = Arc::new(Semaphore::new(0));
        let (confirm, confirmed) = watch::channel(0);
        let (refuse, refused) = watch::channel(0);
        let mut tasks = Vec::new();
        for number in 0..SENDERS {
            let client = Client::connect(relay, &format!("{name}-{number}")).await;
            let received = Counters {
                confirmed: confirm.clone(),
                refused: refuse.clone(),
            };
            tasks.push(tokio::spawn(send(client, messages.clone(), received)));
        }
        Self {
            tasks,
            messages,
            confirmed,
            refused,
        }
    }

    /// Has so many more messages sent, and waits until as many more were answered with success.
    pub(crate) async fn goes_on(&mut self, more: usize) {
        let target = *self.confirmed.borrow() + more;
        self.rushes(more);
        reaches(&mut self.confirmed, target).await;
    }

    /// Has so many more messages sent.
    pub(crate) fn rushes(&self, more: usize) {
        self.messages.add_permits(more);
    }

    /// Waits until at least so many more were confirmed.
    pub(crate) async fn is_confirmed(&mut self, more: usize) {
        let target = *self.confirmed.borrow() + more;
        reaches(&mut self.confirmed, target).await;
    }

    /// Waits until some were refused.
    pub(crate) async fn is_refused(&mut self) {
        reaches(&mut self.refused, 1).await;
    }

    /// Lets all be answered that was sent.
    pub(crate) async fn end(self) -> Vec<Sent> {
        self.messages.close();
        self.ended().await
    }

    /// Waits for the senders, whom something else has ended.
    pub(crate) async fn ended(self) -> Vec<Sent> {
        let ended = timeout(TIMEOUT, join_all(self.tasks)).await;
        let ended = ended.expect("an answer to all that was sent");
        ended.into_iter().map(Result::unwrap).collect()
    }
}

async fn reaches(count: &mut watch::Receiver<usize>, target: usize) {
    let reached = timeout(TIMEOUT, count.wait_for(|count| *count >= target)).await;
    reached.expect("answers in time").expect("senders at work");
}

struct Counters {
    confirmed: watch::Sender<usize>,
    refused: watch::Sender<usize>,
}

/// What a sender has sent and was not answered: when.
type Asked = VecDeque<Instant>;

async fn send(client: Client, messages: Arc<Semaphore>, received: Counters) -> Sent {
    let Client {
        user,
        writer,
        mut reader,
    } = client;
    let recipient = format!("nobody-{user}");
    let mut sent = Sent {
        user,
        count: 0,
        confirmed: Vec::new(),
        refused: Vec::new(),
        slowest: Duration::ZERO,
    };
    let mut asked = Asked::new();
    loop {
        let may_send = asked.len() < WINDOW && !messages.is_closed();
        tokio::select! {
            biased;
            message = messages.acquire(), if may_send => if let Ok(message) = message {
                message.forget();
                asked.push_back(Instant::now());
                if write(&writer, &recipient, sent.count).await.is_err() {
                    return sent;
                }
                sent.count += 1;
            },
            packet = reader.packet_whenever() => match packet {
                Ok(packet) => answered(&mut sent, &mut asked, &packet, &received),
                Err(Closed) => return sent,
            },
        }
        if asked.is_empty() && messages.is_closed() {
            return sent;
        }
    }
}

async fn write(writer: &Writer, recipient: &str, number: u64) -> Result<(), Closed> {
    let text = scene::message(recipient, number);
    writer
        .text(format!("42{number}[\"send_message\",{text}]"))
        .await
}

fn answered(sent: &mut Sent, asked: &mut Asked, packet: &Packet, received: &Counters) {
    let Some((number, ack)) = acknowledged(packet) else {
        return;
    };
    assert_eq!(number, sent.count - asked.len() as u64, "in order");
    let waited = asked.pop_front().map_or(Duration::ZERO, |at| at.elapsed());
    sent.slowest = sent.slowest.max(waited);
    if ack.get("success") == true {
        sent.confirmed.push(number);
        received.confirmed.send_modify(|count| *count += 1);
    } else {
        assert!(ack.text.contains("SERVER_BUSY"), "{}", ack.text);
        sent.refused.push(number);
        received.refused.send_modify(|count| *count += 1);
    }
}
