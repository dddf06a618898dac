//! A relay behind proxies that are set up otherwise than `config/` has it: as they come, or for something else. Clients
//! are served by each transport that such a proxy lets through, and are told at once where it lets none.

use super::balancer::{Balancer, Kind};
use super::control::Processes;
use super::deployment::Deployment;
use test_support::javascript;

const SETTINGS: &[(&str, &str)] = &[("DIALECTS", "direct"), ("RATE_LIMITS", "off")];
/// What the suite is told of a proxy: whether WebSockets pass, and the path that it has in front.
const PASSES: (&str, &str) = ("WEBSOCKET", "passes");
const REFUSED: (&str, &str) = ("WEBSOCKET", "refused");
const BELOW: (&str, &str) = ("PREFIX", "/relay");

/// Without the lines by which nginx passes an upgrade on.
const WITHOUT_UPGRADE: [(&str, &str); 2] = [
    ("proxy_set_header Upgrade $http_upgrade;", ""),
    ("proxy_set_header Connection $connection_header;", ""),
];

fn clients_are_served(kind: Kind, changes: &[(&str, &str)], told: &[(&str, &str)]) {
    const SUITE: &str = "cluster/proxies";
    if !kind.is_ready() || !javascript::is_ready(SUITE) {
        return;
    }
    let deployment = Deployment::alone(1, SETTINGS);
    let balancer = Balancer::start_with(kind, &deployment.relays(), changes);
    let url = balancer.url();
    let mut processes = Processes::new(deployment, None, None);
    processes.balancer = Some(balancer);
    processes.run(SUITE, &url, told).nodes.stop();
}

/// nginx speaks it where nothing else is said. The lines of an upgrade are of no use then.
#[test]
fn behind_nginx_that_speaks_http_1_0() {
    let changes = [("proxy_http_version 1.1", "proxy_http_version 1.0")];
    clients_are_served(Kind::Nginx, &changes, &[REFUSED]);
}

#[test]
fn behind_nginx_without_the_lines_of_an_upgrade() {
    clients_are_served(Kind::Nginx, &WITHOUT_UPGRADE, &[REFUSED]);
}

/// As it is where nobody thought of a relay: neither of the two, and everything is buffered.
#[test]
fn behind_nginx_as_it_comes() {
    let more = [
        ("proxy_http_version 1.1;", ""),
        ("proxy_buffering off;", ""),
        ("proxy_request_buffering off;", ""),
    ];
    let changes = [&WITHOUT_UPGRADE[..], &more].concat();
    clients_are_served(Kind::Nginx, &changes, &[REFUSED]);
}

#[test]
fn behind_nginx_with_a_path_in_front() {
    let changes = [
        (
            "location /socket.io {",
            "location /relay/socket.io {\nrewrite ^/relay(/.*)$ $1 break;",
        ),
        (
            "location / {",
            "location /relay/ {\nrewrite ^/relay(/.*)$ $1 break;",
        ),
    ];
    clients_are_served(Kind::Nginx, &changes, &[PASSES, BELOW]);
}

#[test]
fn behind_haproxy_that_closes_each_connection() {
    let changes = [("option forwardfor", "option forwardfor\noption httpclose")];
    clients_are_served(Kind::HaProxy, &changes, &[PASSES]);
}

#[test]
fn behind_haproxy_that_closes_each_connection_to_the_relay() {
    let changes = [(
        "option forwardfor",
        "option forwardfor\noption http-server-close",
    )];
    clients_are_served(Kind::HaProxy, &changes, &[PASSES]);
}

#[test]
fn behind_haproxy_with_a_path_in_front() {
    let changes = [(
        "acl in_session",
        "http-request deny unless { path_beg /relay/ }\n\
         http-request replace-path /relay(/.*) \\1\nacl in_session",
    )];
    clients_are_served(Kind::HaProxy, &changes, &[PASSES, BELOW]);
}
