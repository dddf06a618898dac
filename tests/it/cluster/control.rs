//! Lets a suite of `tests/js` control the processes that its test owns: it connects, sends one line with a command, and is
//! answered when that is done.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::balancer::Balancer;
use super::deployment::Deployment;
use test_support::harness::JWT_SECRET;
use test_support::{javascript, mongo, redis};

/// The processes of a deployment.
pub(super) struct Processes {
    pub nodes: Deployment,
    pub redis: Option<redis::Server>,
    pub mongodb: Option<mongo::Server>,
    pub balancer: Option<Balancer>,
    /// What is to be done so that everything runs again.
    remedies: Vec<String>,
}

impl Processes {
    pub(super) fn new(
        nodes: Deployment,
        redis: Option<redis::Server>,
        mongodb: Option<mongo::Server>,
    ) -> Self {
        Self {
            nodes,
            redis,
            mongodb,
            balancer: None,
            remedies: Vec::new(),
        }
    }

    /// Runs a suite that controls them.
    pub(super) fn run(self, suite: &str, url: &str, env: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let port = address.port().to_string();
        let (this, is_over) = (Mutex::new(self), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for connection in listener.incoming() {
                    if is_over.load(Ordering::Acquire) {
                        return;
                    }
                    this.lock().unwrap().serve(connection.unwrap());
                }
            });
            let env = [env, &[("CONTROL_PORT", port.as_str())]].concat();
            let run = || javascript::run(suite, url, JWT_SECRET, &env);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
            is_over.store(true, Ordering::Release);
            drop(TcpStream::connect(address));
            if let Err(panic) = outcome {
                for relay in this.lock().unwrap().nodes.running() {
                    println!("{}", relay.log());
                }
                std::panic::resume_unwind(panic);
            }
        });
        this.into_inner().unwrap()
    }

    fn serve(&mut self, mut connection: TcpStream) {
        let mut line = String::new();
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        reader.read_line(&mut line).unwrap();
        self.obey(line.trim());
        // Who asked may have given up.
        let _ = connection.write_all(b"done\n");
    }

    fn obey(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        let number = || words[1].parse().expect("the number of a node");
        match words[..] {
            ["kill", _] => self.nodes.kill(number()),
            ["terminate", _] => {
                let (status, log) = self.nodes.terminate(number());
                assert!(
                    status.success() && !log.contains("panicked"),
                    "{status}: {log}"
                );
            }
            ["restart", "balancer"] => self.balancer.as_mut().unwrap().restart(),
            ["restart", _] => self.nodes.restart(number()),
            ["stop", "redis"] => self.redis.as_mut().unwrap().stop(),
            ["start", "redis"] => self.redis.as_mut().unwrap().restart(),
            ["pause", "0" | "1" | "2"] => self.nodes.relay(number()).pause(),
            ["resume", "0" | "1" | "2"] => self.nodes.relay(number()).resume(),
            ["pause", "redis"] => self.redis.as_mut().unwrap().pause(),
            ["resume", "redis"] => self.redis.as_mut().unwrap().resume(),
            ["stop", "mongodb"] => self.mongodb.as_mut().unwrap().stop(),
            ["start", "mongodb"] => self.mongodb.as_mut().unwrap().restart(),
            ["heal"] => {
                for remedy in std::mem::take(&mut self.remedies) {
                    self.obey(&remedy);
                }
                return;
            }
            _ => panic!("not understood: {line}"),
        }
        self.note(&words);
    }

    /// Notes what undoes it, or that it was undone.
    fn note(&mut self, words: &[&str]) {
        let (undo, what) = match words[..] {
            ["kill" | "terminate", node] => ("restart", node),
            ["stop", server] => ("start", server),
            ["pause", server] => ("resume", server),
            _ => return self.remedies.retain(|remedy| *remedy != words.join(" ")),
        };
        self.remedies.push(format!("{undo} {what}"));
    }
}
