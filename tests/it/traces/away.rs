//! Without a collector nothing is recorded; one that is away, or does not answer, costs a line of the log and no more.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use super::ALL;
use super::collector::Collector;
use crate::program;
use test_support::ports::free_port;
use test_support::scene::{Bystanders, all_is_well, stop};

const LINE: &str = "spans could not be sent to the collector";
const FULL: &str = "spans were lost: the collector takes them more slowly";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_turned_off_sends_nothing() {
    let collector = Collector::http().await;
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_SDK_DISABLED", "true"),
    ];
    let mut relay = program::server(&[&settings[..], &ALL].concat());
    let mut bystanders = Bystanders::connect(&relay).await;
    all_is_well(&mut relay, &mut bystanders).await;
    // At the end all would be sent.
    stop(&mut relay);
    assert!(collector.spans().is_empty());
    assert!(!relay.log().contains("traces are recorded"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_is_well_while_a_collector_is_away() {
    let url = format!("http://127.0.0.1:{}", free_port());
    for protocol in ["http/protobuf", "grpc"] {
        let settings = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8"),
        ];
        let mut relay = program::server(&[&settings[..], &ALL].concat());
        let mut bystanders = Bystanders::connect(&relay).await;
        relay.logs(LINE, 1);
        for _ in 0..100 {
            bystanders.exchange().await;
        }
        all_is_well(&mut relay, &mut bystanders).await;
        stop(&mut relay);
        assert_eq!(relay.log_lines(LINE), 1, "{}", relay.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_does_not_answer_holds_up_neither_clients_nor_the_end() {
    // It takes connections, and no request.
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", tcp.local_addr().unwrap());
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8"),
    ];
    let mut relay = program::server(&[&settings[..], &ALL].concat());
    let mut bystanders = Bystanders::connect(&relay).await;
    for _ in 0..100 {
        bystanders.exchange().await;
    }
    all_is_well(&mut relay, &mut bystanders).await;
    relay.logs(FULL, 1);
    let begun = Instant::now();
    assert!(relay.terminate().success());
    assert!(
        begun.elapsed() < Duration::from_secs(12),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(relay.log_lines("stopped before all spans were sent"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_variables_is_said_and_prevents_no_start() {
    for (name, value, said) in [
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "http/json",
            "must be grpc or http/protobuf",
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://canary:canary@127.0.0.1",
            "must have no credentials",
        ),
        (
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            "/nonexistent",
            "cannot be read",
        ),
    ] {
        let settings = [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1"),
            (name, value),
        ];
        let settings = match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => &settings[1..],
            _ => &settings[..],
        };
        let mut relay = program::server(settings);
        relay.logs("no traces are recorded", 1);
        stop(&mut relay);
        let log = relay.log();
        assert!(log.contains(said) && !log.contains("canary"), "{log}");
    }
}
