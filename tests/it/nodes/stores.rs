//! The Redis that tests start behaves as they need it to.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::redis::{Keeps, Server, is_ready};

/// Sends one command and reads an answer of this length.
fn ask(server: &Server, command: &str, length: usize) -> String {
    let mut tcp = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    tcp.write_all(format!("{command}\r\n").as_bytes()).unwrap();
    let mut answer = vec![0; length];
    tcp.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn keeps(keeps: Keeps, end: impl Fn(&mut Server)) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), keeps);
    assert_eq!(ask(&server, "SET key value", 5), "+OK\r\n");
    end(&mut server);
    server.restart();
    server.pause();
    server.resume();
    ask(&server, "EXISTS key", 4) == ":1\r\n"
}

#[test]
fn a_redis_keeps_over_a_restart_what_it_was_told_to() {
    if is_ready() {
        assert!(keeps(Keeps::Everything, Server::kill));
        assert!(keeps(Keeps::Everything, Server::stop));
        assert!(!keeps(Keeps::Nothing, Server::stop));
    }
}
