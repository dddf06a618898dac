//! A crowd: as many connections as are wanted, held in one process. It does one step after the other, as it is told on its
//! standard input, and answers each with a line; it measures nothing of the server. When it is killed, all leave at once.

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use tokio::task::{JoinSet, LocalSet, yield_now};

use super::Order;
use super::client::{self, Introduction, Listener, Speaker};
use super::incoming::Incoming;
use super::payload::Template;
use crate::work::{Event, Exchange};

/// Clients that connect at a time.
const AT_A_TIME: u32 = 64;
/// Connections from one address. It has 28 000 ports, and the relay lets none have more than a quarter of all connections.
const PER_ADDRESS: u32 = 1_000;
/// Messages of one who greets all that may be unconfirmed.
const IN_FLIGHT: u64 = 64;
/// How long a step may take beyond its own time.
const DEADLINE: Duration = Duration::from_secs(300);
const TICK: Duration = Duration::from_millis(2);
/// Who is known to all.
const HERALD: &str = "herald";

/// What a crowd can be told to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Step {
    /// So many more come, each another user.
    Gather { name: String, connections: u32 },
    /// Everybody sends somebody else a message a minute, for so long.
    Talk { time: Duration },
    /// Somebody sends everybody a message and leaves again.
    Greet,
    /// The same comes back, which everybody is told.
    Return,
}

/// What became of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) seconds: f64,
    /// Connections, or deliveries.
    pub(crate) events: u64,
}

#[derive(Default)]
struct Counters {
    delivered: Cell<u64>,
    confirmed: Cell<u64>,
    online: Cell<u64>,
    offline: Cell<u64>,
    closed: Cell<u64>,
}

impl Counters {
    fn count(&self, incoming: Incoming) {
        let counter = match incoming {
            Incoming::Delivered(_) => &self.delivered,
            Incoming::Confirmed => &self.confirmed,
            Incoming::Online => &self.online,
            Incoming::Offline => &self.offline,
            Incoming::Closed => &self.closed,
            _ => return,
        };
        counter.update(|count| count + 1);
    }
}

struct Member {
    user: String,
    speaker: Rc<Speaker>,
}

struct Crowd {
    order: Order,
    members: RefCell<Vec<Member>>,
    counters: Rc<Counters>,
    herald: RefCell<Option<Rc<Speaker>>>,
}

/// Does what it is told until its input ends.
pub(crate) fn run(order: &str) -> Result<()> {
    let crowd = Rc::new(Crowd {
        order: serde_json::from_str(order)?,
        members: RefCell::default(),
        counters: Rc::default(),
        herald: RefCell::default(),
    });
    let (told, mut steps) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if told.send(line).is_err() {
                return;
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        while let Some(line) = steps.recv().await {
            let step: Step = serde_json::from_str(&line)?;
            let done = crowd.take(&step).await;
            let done = done.with_context(|| format!("{step:?}"))?;
            println!("{}", serde_json::to_string(&done)?);
        }
        Ok(())
    })
}

impl Crowd {
    async fn take(self: &Rc<Self>, step: &Step) -> Result<Done> {
        let start = Instant::now();
        let events = match step {
            Step::Gather { name, connections } => self.gather(name, *connections).await?,
            Step::Talk { time } => self.talk(*time).await?,
            Step::Greet => self.greet().await?,
            Step::Return => self.come_back().await?,
        };
        Ok(Done {
            seconds: start.elapsed().as_secs_f64(),
            events,
        })
    }

    fn size(&self) -> u64 {
        self.members.borrow().len() as u64
    }

    async fn gather(self: &Rc<Self>, name: &str, connections: u32) -> Result<u64> {
        let next = Rc::new(Cell::new(0));
        let mut doors = JoinSet::new();
        for _ in 0..AT_A_TIME {
            let (crowd, next, name) = (Rc::clone(self), Rc::clone(&next), name.to_owned());
            doors.spawn_local(async move {
                while next.get() < connections {
                    let number = next.replace(next.get() + 1);
                    crowd.admit(format!("{name}-{number:07}"), number).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(end) = doors.join_next().await {
            end??;
        }
        Ok(u64::from(connections))
    }

    async fn admit(&self, user: String, number: u32) -> Result<()> {
        let introduction = Introduction::new(&self.order, &user)?;
        let from = address(number / PER_ADDRESS)?;
        let (listener, speaker) = client::connect_from(&self.order, &introduction, from).await?;
        let speaker = Rc::new(speaker);
        let stay = stay(listener, Rc::clone(&speaker), Rc::clone(&self.counters));
        tokio::task::spawn_local(stay);
        self.members.borrow_mut().push(Member { user, speaker });
        Ok(())
    }

    async fn talk(&self, time: Duration) -> Result<u64> {
        let (start, end) = (Instant::now(), Instant::now() + time);
        let per_second = self.size() as f64 / 60.0;
        let delivered = self.counters.delivered.get();
        let mut sent = 0;
        while Instant::now() < end {
            let due = (start.elapsed().as_secs_f64() * per_second) as u64;
            while sent < due {
                let place = usize::try_from(sent)? % self.members.borrow().len();
                self.speak(place)?;
                sent += 1;
            }
            tokio::time::sleep(TICK).await;
        }
        self.wait_for(|counters| counters.delivered.get() - delivered, sent)
            .await?;
        Ok(sent)
    }

    /// One of the crowd sends a message to the one beside it.
    fn speak(&self, place: usize) -> Result<()> {
        let members = self.members.borrow();
        let beside = members.get(place ^ 1).or_else(|| members.first());
        let (sender, receiver) = members.get(place).zip(beside).context("nobody")?;
        let mut message = message(&sender.user, &receiver.user);
        sender.speaker.send_now(message.numbered(0))
    }

    async fn greet(&self) -> Result<u64> {
        let own = self.herald_enters().await?;
        let herald = self.herald.borrow().clone().context("no herald")?;
        let all = self.size();
        let delivered = self.counters.delivered.get();
        for sent in 0..all {
            while sent - own.confirmed.get() >= IN_FLIGHT {
                yield_now().await;
            }
            let receiver = {
                let members = self.members.borrow();
                let member = members.get(usize::try_from(sent)?).context("nobody")?;
                member.user.clone()
            };
            herald.send_now(message(HERALD, &receiver).numbered(0))?;
        }
        self.wait_for(|counters| counters.delivered.get() - delivered, all)
            .await?;
        self.counters.offline.set(0);
        herald.leave_now()?;
        self.wait_for(|counters| counters.offline.get(), all)
            .await?;
        Ok(all)
    }

    async fn come_back(&self) -> Result<u64> {
        self.counters.online.set(0);
        self.herald_enters().await?;
        self.wait_for(|counters| counters.online.get(), self.size())
            .await?;
        Ok(self.size())
    }

    /// The herald's own counters.
    async fn herald_enters(&self) -> Result<Rc<Counters>> {
        let introduction = Introduction::new(&self.order, HERALD)?;
        let (listener, speaker) = client::connect(&self.order, &introduction).await?;
        let (speaker, own) = (Rc::new(speaker), Rc::<Counters>::default());
        let stay = stay(listener, Rc::clone(&speaker), Rc::clone(&own));
        tokio::task::spawn_local(stay);
        self.herald.replace(Some(speaker));
        Ok(own)
    }

    async fn wait_for(&self, count: impl Fn(&Counters) -> u64, wanted: u64) -> Result<()> {
        let deadline = Instant::now() + DEADLINE;
        while count(&self.counters) < wanted {
            if self.counters.closed.get() > 0 {
                bail!(
                    "the server closed {} connections",
                    self.counters.closed.get()
                );
            }
            ensure!(
                Instant::now() < deadline,
                "{} of {wanted} came",
                count(&self.counters)
            );
            yield_now().await;
        }
        Ok(())
    }
}

/// Answers pings until the server or the network ends it.
async fn stay(mut listener: Listener, speaker: Rc<Speaker>, counters: Rc<Counters>) {
    let (mut pinged, mut closed) = (false, false);
    while !closed {
        let listened = listener
            .listen(|incoming| {
                pinged |= incoming == Incoming::Ping;
                closed |= incoming == Incoming::Closed;
                counters.count(incoming);
            })
            .await;
        let answered = match std::mem::take(&mut pinged) {
            true => speaker.pong_now(),
            false => Ok(()),
        };
        if listened.and(answered).is_err() && !closed {
            closed = true;
            counters.count(Incoming::Closed);
        }
    }
}

fn message(sender: &str, receiver: &str) -> Template {
    let exchange = Exchange {
        event: Event::Message,
        pairs: 1,
        receivers: 1,
        in_flight: 1,
        body: 256,
    };
    Template::new(&exchange, sender, receiver)
}

/// One of 127.1.0.0/16.
fn address(number: u32) -> Result<Ipv4Addr> {
    let [_, _, third, fourth] = (number + 1).to_be_bytes();
    ensure!(number < u32::from(u16::MAX), "too many connections");
    Ok(Ipv4Addr::new(127, 1, third, fourth))
}
