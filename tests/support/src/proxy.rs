//! A line between the relay and MongoDB that can be cut, or be slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::raw::TIMEOUT;

/// Bytes that pass at once, and how many milliseconds that takes at first: some 4 MB/s.
const PORTION: usize = 4096;
const TAKES: u64 = 1;

/// Forwards connections, slowly, until it is asked to cut or refuse them.
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    refuses: Arc<AtomicBool>,
    takes: Arc<AtomicU64>,
    /// How many bytes have passed to MongoDB.
    passed: watch::Receiver<usize>,
    /// Counts the cuts.
    cut: watch::Sender<usize>,
}

impl Proxy {
    /// Listens on a free port and forwards to this port of the machine.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refuses = Arc::new(AtomicBool::new(false));
        let takes = Arc::new(AtomicU64::new(TAKES));
        let (pass, passed) = watch::channel(0);
        let (cut, cuts) = watch::channel(0);
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            refuses: refuses.clone(),
            takes: takes.clone(),
            passed,
            cut,
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if refuses.load(Ordering::Relaxed) {
                    continue;
                }
                let (pass, mut cuts, takes) = (pass.clone(), cuts.clone(), takes.clone());
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    tokio::select! {
                        () = carry(client, server, pass, &takes) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        proxy
    }

    /// Cuts all connections when so many bytes more have passed.
    pub async fn cut_after(&mut self, bytes: usize) {
        let target = *self.passed.borrow() + bytes;
        let passed = self.passed.wait_for(|passed| *passed >= target);
        timeout(TIMEOUT, passed).await.expect("traffic").unwrap();
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Each request takes so long more from now on.
    pub fn slow_down(&self, by: Duration) {
        let takes = u64::try_from(by.as_millis()).unwrap();
        self.takes.store(takes, Ordering::Relaxed);
    }

    /// Whether new connections are closed at once.
    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::Relaxed);
    }
}

async fn carry(
    client: TcpStream,
    server: TcpStream,
    pass: watch::Sender<usize>,
    takes: &AtomicU64,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = async {
        let mut portion = [0; PORTION];
        while let Ok(length @ 1..) = from_client.read(&mut portion).await {
            sleep(Duration::from_millis(takes.load(Ordering::Relaxed))).await;
            if to_server.write_all(&portion[..length]).await.is_err() {
                return;
            }
            pass.send_modify(|passed| *passed += length);
        }
    };
    let back = async { tokio::io::copy(&mut from_server, &mut to_client).await.ok() };
    tokio::select! {
        () = there => {}
        _ = back => {}
    }
}
