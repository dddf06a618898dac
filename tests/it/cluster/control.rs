//! Lets a suite of `tests/js` control the processes that its test owns: it connects, sends one line with a command, and is
//! answered when that is done.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::application;
use super::balancer::Balancer;
use super::deployment::Deployment;
use test_support::harness::JWT_SECRET;
use test_support::redis_proxy::RedisProxy;
use test_support::{javascript, mongo, redis};

/// The processes of a deployment.
pub(super) struct Processes {
    pub nodes: Deployment,
    pub redis: Option<redis::Server>,
    pub mongodb: Option<mongo::Server>,
    pub balancer: Option<Balancer>,
    /// Between the nodes and Redis, where a test wants messages to be lost.
    pub redis_proxy: Option<RedisProxy>,
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
            redis_proxy: None,
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
        let answer = match line.trim().split_once(' ') {
            Some(("log", conversation)) => {
                application::log(self.mongodb.as_ref().unwrap(), conversation)
            }
            _ => {
                self.obey(line.trim());
                String::new()
            }
        };
        // Who asked may have given up.
        let _ = connection.write_all(format!("{answer}done\n").as_bytes());
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
            ["pause", "mongodb"] => self.mongodb.as_ref().unwrap().pause(),
            ["resume", "mongodb"] => self.mongodb.as_ref().unwrap().resume(),
            ["redis", how, percent] => self.mistreat(how, percent.parse().unwrap()),
            ["application", status, conversation, user] => {
                let mongodb = self.mongodb.as_ref().unwrap();
                application::set_participant(mongodb, conversation, user, status);
                return;
            }
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

    /// Lets so many of a hundred messages that Redis publishes suffer this.
    fn mistreat(&self, how: &str, percent: u64) {
        let proxy = self.redis_proxy.as_ref().unwrap();
        let mut mistreatment = proxy.mistreatment();
        match how {
            "drop" => mistreatment.dropped = percent,
            "double" => mistreatment.doubled = percent,
            "delay" => mistreatment.delayed = percent,
            _ => panic!("not understood: {how}"),
        }
        proxy.mistreat(mistreatment);
    }

    /// Notes what undoes it, or that it was undone.
    fn note(&mut self, words: &[&str]) {
        let undo = match words[..] {
            ["redis", how, percent] if percent != "0" => format!("redis {how} 0"),
            ["kill" | "terminate", node] => format!("restart {node}"),
            ["stop", server] => format!("start {server}"),
            ["pause", server] => format!("resume {server}"),
            _ => return self.remedies.retain(|remedy| *remedy != words.join(" ")),
        };
        self.remedies.push(undo);
    }
}
