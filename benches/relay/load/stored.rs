//! Conversations whose messages are stored: some of the participants send, all of them receive. A sender has one message
//! under way: it sends the next when its callback was called and it received the receipt of the message, which is the last
//! that a server does for it. A round in which a server lost or doubled anything is no measurement.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::sync::Notify;

use super::client::{self, Introduction, Listener, Speaker};
use super::incoming::Incoming;
use super::measure::{Tasks, cpu_per_event, work_for};
use super::payload::{self, Template};
use super::{Moment, Order, Sample, rest};
use crate::work::Conversations;

/// How long what is under way may take once the senders have stopped.
const SETTLE_DEADLINE: Duration = Duration::from_secs(10);
/// The same under a program that makes the server many times slower.
const COUNT_DEADLINE: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What is known of one conversation's messages.
struct Conversation {
    id: String,
    participants: u64,
    body: u64,
    /// The least that the ids of those take whom one report names: of all participants but one, if the server has
    /// one process.
    named: u64,
    /// How many reports there are of a message at least: each process has one, and of several, one more about who has
    /// joined last.
    reports: u64,
    sent: Cell<u64>,
    delivered: Cell<u64>,
    /// So many messages are sent, and no more.
    allowed: Cell<u64>,
    /// Of all conversations: messages that everybody has.
    messages: Rc<Cell<u64>>,
}

impl Conversation {
    fn new(work: &Conversations, number: u32, reports: u64, messages: &Rc<Cell<u64>>) -> Self {
        // It outlives its round in the server.
        let id = format!("conversation-{}-{number}", std::process::id());
        Self {
            participants: u64::from(work.participants),
            body: work.body as u64,
            named: match reports {
                1 => user(&id, 0).len() as u64 * u64::from(work.participants - 1),
                _ => 0,
            },
            reports,
            sent: Cell::new(0),
            delivered: Cell::new(0),
            allowed: Cell::new(0),
            messages: Rc::clone(messages),
            id,
        }
    }

    /// A delivery counts only when the whole content can be in it.
    fn receive(&self, incoming: Incoming) {
        if matches!(incoming, Incoming::Delivered(len) if len > self.body) {
            self.delivered.update(|delivered| delivered + 1);
            if self.delivered.get().is_multiple_of(self.participants) {
                self.messages.update(|messages| messages + 1);
            }
        }
    }
}

/// What is known of one sender's messages.
struct Sender {
    conversation: Rc<Conversation>,
    sent: Cell<u64>,
    confirmed: Cell<u64>,
    reached: Cell<u64>,
    pinged: Cell<bool>,
    /// Something above has changed.
    changed: Notify,
}

impl Sender {
    fn new(conversation: &Rc<Conversation>) -> Rc<Self> {
        Rc::new(Self {
            conversation: Rc::clone(conversation),
            sent: Cell::new(0),
            confirmed: Cell::new(0),
            reached: Cell::new(0),
            pinged: Cell::new(false),
            changed: Notify::new(),
        })
    }

    fn may_send(&self) -> bool {
        let Conversation { sent, allowed, .. } = &*self.conversation;
        sent.get() < allowed.get() && self.is_done()
    }

    fn is_done(&self) -> bool {
        let (sent, reached) = (self.sent.get(), self.reached.get());
        let are_reported = match self.conversation.reports {
            1 => reached == sent,
            several => reached >= sent * several,
        };
        self.confirmed.get() == sent && are_reported
    }

    fn is_settled(&self) -> bool {
        let Conversation {
            participants,
            sent,
            delivered,
            allowed,
            ..
        } = &*self.conversation;
        let has_sent = sent.get() >= allowed.get();
        has_sent && self.is_done() && delivered.get() == sent.get() * participants
    }

    fn tally(&self) -> String {
        let all = &self.conversation;
        format!(
            "of a sender's {} messages, {} were confirmed, with {} reports of whom they reached; of their conversation's {}, {} \
             were delivered to {} participants",
            self.sent.get(),
            self.confirmed.get(),
            self.reached.get(),
            all.sent.get(),
            all.delivered.get(),
            all.participants,
        )
    }
}

pub(super) async fn run(order: &Order, work: Conversations) -> Result<Sample> {
    let messages = Rc::new(Cell::new(0));
    let mut tasks = Tasks::new();
    let senders = start(order, &work, &messages, &mut tasks).await?;
    allow(&senders, u64::MAX);
    let sample = cpu_per_event(order, &messages, &mut tasks).await?;
    allow(&senders, 0);
    settle(&senders, SETTLE_DEADLINE, &mut tasks).await?;
    Ok(sample)
}

/// In each conversation `warm_up` messages are sent, and when everybody has them, `counted` more. `at` is called before and
/// after the latter.
pub(super) async fn count(
    order: &Order,
    work: Conversations,
    [warm_up, counted]: [u64; 2],
    mut at: impl FnMut(Moment) -> Result<()>,
) -> Result<()> {
    let mut tasks = Tasks::new();
    let senders = start(order, &work, &Rc::default(), &mut tasks).await?;
    allow(&senders, warm_up);
    settle(&senders, COUNT_DEADLINE, &mut tasks).await?;
    at(Moment::Begin)?;
    allow(&senders, counted);
    settle(&senders, COUNT_DEADLINE, &mut tasks).await?;
    at(Moment::End)
}

/// Brings everybody into all conversations. No sender may send yet.
async fn start(
    order: &Order,
    work: &Conversations,
    messages: &Rc<Cell<u64>>,
    tasks: &mut Tasks,
) -> Result<Vec<Rc<Sender>>> {
    let mut senders = Vec::new();
    for number in 0..work.conversations {
        let reports = order.addresses.len() as u64;
        let conversation = Rc::new(Conversation::new(work, number, reports, messages));
        senders.extend(gather(order, work, &conversation, tasks).await?);
    }
    // Not before: a server that waits for its disk would let in the last participants very slowly.
    Ok(begin(senders, work, tasks))
}

/// Lets so many more messages be sent in each conversation than until now.
fn allow(senders: &[Rc<Sender>], more: u64) {
    for sender in senders {
        let Conversation { sent, allowed, .. } = &*sender.conversation;
        allowed.set(sent.get().saturating_add(more));
        sender.changed.notify_one();
    }
}

/// Makes a conversation and brings everybody into it. Its senders are silent yet.
async fn gather(
    order: &Order,
    work: &Conversations,
    conversation: &Rc<Conversation>,
    tasks: &mut Tasks,
) -> Result<Vec<(Speaker, Rc<Sender>)>> {
    let users = (0..work.participants).map(|number| user(&conversation.id, number));
    let users: Vec<_> = users.collect();
    create(order, conversation, &users).await?;
    let join = payload::join_conversation(&conversation.id);
    let mut senders = Vec::new();
    for (user, number) in users.iter().zip(0..) {
        let introduction = Introduction::participant(order, user, &join)?;
        let (listener, speaker) = client::connect(order, &introduction).await?;
        if number < work.senders {
            let sender = Sender::new(conversation);
            tasks.spawn_local(listen(listener, Rc::clone(&sender)));
            senders.push((speaker, sender));
        } else {
            let conversation = Rc::clone(conversation);
            let on_incoming = move |incoming| conversation.receive(incoming);
            tasks.spawn_local(client::stay(listener, speaker, on_incoming));
        }
    }
    Ok(senders)
}

/// Has all senders send what they may.
fn begin(
    senders: Vec<(Speaker, Rc<Sender>)>,
    work: &Conversations,
    tasks: &mut Tasks,
) -> Vec<Rc<Sender>> {
    let begin = |(speaker, sender): (Speaker, Rc<Sender>)| {
        let template = Template::stored(&sender.conversation.id, work.body);
        tasks.spawn_local(send(speaker, template, Rc::clone(&sender)));
        sender
    };
    senders.into_iter().map(begin).collect()
}

fn user(conversation: &str, number: u32) -> String {
    format!("{conversation}-user-{number}")
}

/// The first participant makes the conversation.
async fn create(order: &Order, conversation: &Conversation, users: &[String]) -> Result<()> {
    let (creator, others) = users.split_first().context("no participants")?;
    let secret = order
        .jwt_secret
        .as_ref()
        .context("no REST without tokens")?;
    let body = json!({ "id": conversation.id, "participantIds": others });
    let token = client::token(secret, creator)?;
    rest::create(order, "/api/conversations", &token, &body).await
}

async fn listen(mut listener: Listener, sender: Rc<Sender>) -> Result<()> {
    loop {
        let mut closed = false;
        let on_incoming = |incoming| match incoming {
            Incoming::Closed => closed = true,
            Incoming::Confirmed => sender.confirmed.update(|confirmed| confirmed + 1),
            Incoming::Reached(len) if len > sender.conversation.named => {
                sender.reached.update(|reached| reached + 1)
            }
            Incoming::Ping => sender.pinged.set(true),
            incoming => sender.conversation.receive(incoming),
        };
        listener.listen(on_incoming).await?;
        ensure!(!closed, "the server closed a sending connection");
        sender.changed.notify_one();
    }
}

async fn send(mut speaker: Speaker, mut template: Template, sender: Rc<Sender>) -> Result<()> {
    loop {
        if sender.pinged.replace(false) {
            speaker.pong().await?;
        }
        if sender.may_send() {
            let number = sender.sent.replace(sender.sent.get() + 1);
            sender.conversation.sent.update(|sent| sent + 1);
            speaker.send(template.numbered(number)).await?;
        } else {
            sender.changed.notified().await;
        }
    }
}

/// Waits until everything that may be sent has arrived, exactly once.
async fn settle(senders: &[Rc<Sender>], time: Duration, tasks: &mut Tasks) -> Result<()> {
    let deadline = Instant::now() + time;
    while let Some(sender) = senders.iter().find(|sender| !sender.is_settled()) {
        ensure!(
            Instant::now() < deadline,
            "messages were lost or doubled: {}",
            sender.tally()
        );
        work_for(LOOK_EVERY, tasks).await?;
    }
    Ok(())
}
