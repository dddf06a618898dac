//! The Redis that tests start behaves as they need it to.

use test_support::redis::{Durability, Server, is_ready};

fn survives(durability: Durability, end: impl Fn(&mut Server)) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), durability);
    assert_eq!(server.ask("SET key value"), "+OK\r\n");
    end(&mut server);
    server.restart();
    server.pause();
    server.resume();
    server.ask("EXISTS key") == ":1\r\n"
}

#[test]
fn redis_keeps_over_a_restart_what_it_is_configured_to() {
    if is_ready() {
        assert!(survives(Durability::EachWrite, Server::kill));
        assert!(survives(Durability::EachWrite, Server::stop));
        assert!(!survives(Durability::InMemory, Server::stop));
    }
}
