//! A stand-in for the endpoint of a backend: it keeps what it is told, and answers as a test says.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::wait::until;

/// A request that was made to it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as it came.
    pub body: String,
    /// Whether it was answered 2xx.
    pub taken: bool,
}

impl Told {
    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Its type and subject.
    pub fn what(&self) -> (String, String) {
        let json = self.json();
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        (text("type"), text("subject"))
    }

    /// Its `webhook-id`.
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }
}

/// What it does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// This status, with these lines of the head.
    Status(u16, String),
    /// It begins an answer, and closes the connection.
    HalfWay,
    /// It never answers.
    Nothing,
}

impl Answer {
    /// A bare status.
    pub fn status(status: u16) -> Self {
        Self::Status(status, String::new())
    }
}

/// The endpoint; it is gone when dropped.
pub struct Endpoint {
    port: u16,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    told: Mutex<Vec<Told>>,
    answer: Mutex<Option<Answer>>,
    connections: AtomicUsize,
}

impl Endpoint {
    /// One that answers 204.
    pub async fn start() -> Self {
        Self::start_at(0).await
    }

    /// The same on this port.
    pub async fn start_at(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let state: Arc<State> = Arc::default();
        let shared = state.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                connections.spawn(serve(stream, shared.clone()));
            }
        });
        Self { port, state, task }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on it answers like this.
    pub fn answer(&self, answer: Answer) {
        *self.state.answer.lock().unwrap() = Some(answer);
    }

    /// How often it was connected to.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// All requests so far.
    pub fn told(&self) -> Vec<Told> {
        self.state.told.lock().unwrap().clone()
    }

    /// Those that it took, without repetitions.
    pub fn taken(&self) -> Vec<Told> {
        let mut taken: Vec<Told> = Vec::new();
        for told in self.told() {
            if told.taken && !taken.iter().any(|one| one.id() == told.id()) {
                taken.push(told);
            }
        }
        taken
    }

    /// Waits until it has taken so many different facts of this type.
    pub async fn took(&self, kind: &str, count: usize) -> Vec<Told> {
        let of_kind = || {
            let mut taken = self.taken();
            taken.retain(|told| told.what().0 == kind);
            taken
        };
        until(kind, async || of_kind().len() >= count).await;
        of_kind()
    }

    /// Waits until so many requests have come.
    pub async fn asked(&self, count: usize) {
        until("requests", async || self.told().len() >= count).await;
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let mut bytes = Vec::new();
    while let Some((head, body)) = read(&mut stream, &mut bytes).await {
        let answer = state.answer.lock().unwrap().clone();
        let answer = answer.unwrap_or(Answer::status(204));
        let taken = matches!(answer, Answer::Status(200..300, _));
        let headers = head.lines().skip(1).filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        let told = Told {
            headers: headers.collect(),
            body,
            taken,
        };
        state.told.lock().unwrap().push(told);
        match answer {
            Answer::Status(status, lines) => {
                let length = if status == 204 {
                    ""
                } else {
                    "Content-Length: 2\r\n"
                };
                let body = if status == 204 { "" } else { "{}" };
                let answer = format!("HTTP/1.1 {status} X\r\n{length}{lines}\r\n{body}");
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Answer::HalfWay => {
                // Whether that is still read is the other side's.
                let _ = stream.write_all(b"HTTP/1.1 20").await;
                return;
            }
            Answer::Nothing => {
                let mut rest = [0; 1];
                // Until the other side gives up.
                let _ = stream.read(&mut rest).await;
                return;
            }
        }
    }
}

/// The next request: its head and its body.
async fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(String, String)> {
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>())
            });
            let length = length.map_or(0, Result::unwrap);
            if bytes.len() >= end + 4 + length {
                let body = bytes[end + 4..end + 4 + length].to_vec();
                bytes.drain(..end + 4 + length);
                return Some((head, String::from_utf8(body).unwrap()));
            }
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}
