//! The service manager is told that the relay serves, is alive, reloads and stops; and the files for such managers name only what
//! there is.

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use sealed_relay::{Config, reference_env};
use serde::Deserialize as _;
use serde_yaml_ng::Value;

use crate::program;

/// What is said on this socket next.
fn next(socket: &UnixDatagram) -> String {
    let mut said = [0; 64];
    let bytes = socket.recv(&mut said).expect("something is said");
    String::from_utf8(said[..bytes].to_vec()).unwrap()
}

#[test]
fn it_is_told_of_the_start_the_life_and_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let env = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "200000"),
    ];
    let mut relay = program::server(&env);
    assert_eq!(next(&socket), "READY=1");
    for _ in 0..3 {
        assert_eq!(next(&socket), "WATCHDOG=1");
    }
    let other = |socket| {
        let mut said = next(socket);
        while said == "WATCHDOG=1" {
            said = next(socket);
        }
        said
    };
    relay.signal("-HUP");
    let said = other(&socket);
    let (reloading, at) = said.split_once("\nMONOTONIC_USEC=").expect(&said);
    assert_eq!(
        (reloading, other(&socket)),
        ("RELOADING=1", "READY=1".into())
    );
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let (at, now) = (at.parse::<i64>().unwrap() / 1_000_000, now.tv_sec);
    assert!((now - 20..=now).contains(&at), "{at} {now}");
    relay.signal("-TERM");
    assert_eq!(other(&socket), "STOPPING=1");
    assert!(relay.wait().success());
}

#[test]
fn a_manager_that_is_not_there_or_asks_for_nothing_is_no_reason_to_fail() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let mut relay = program::server(&[("NOTIFY_SOCKET", gone.to_str().unwrap())]);
    relay.logs("the service manager was not told", 1);
    assert!(relay.terminate().success());
    // Another process is meant.
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let env = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "1000"),
        ("WATCHDOG_PID", "1"),
    ];
    let mut relay = program::server(&env);
    assert!(relay.terminate().success());
    assert_eq!(
        (next(&socket), next(&socket)),
        ("READY=1".into(), "STOPPING=1".into())
    );
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn is_setting(name: &str) -> bool {
    reference_env().contains(&format!("#{name}="))
}

#[test]
fn the_service_of_systemd_leaves_time_for_a_drain() {
    let unit = read("config/sealed-relay.service");
    let value = |name: &str| {
        let start = format!("{name}=");
        unit.lines()
            .find_map(|line| line.strip_prefix(&start))
            .unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(
        (value("Type"), value("DynamicUser"), value("ProtectSystem")),
        ("notify-reload", "yes", "strict")
    );
    let folder = format!("/var/lib/{}", value("StateDirectory"));
    let (name, set) = value("Environment").split_once('=').unwrap();
    assert!(is_setting(name) && set == folder);
    let stop = value("TimeoutStopSec")
        .trim_end_matches('s')
        .parse()
        .unwrap();
    assert!(Duration::from_secs(stop) > Config::default().drain_timeout);
    assert!(!value("WatchdogSec").is_empty());
}

#[test]
fn the_pods_of_kubernetes_are_probed_and_drained() {
    let text = read("config/kubernetes/relay.yaml");
    let documents = serde_yaml_ng::Deserializer::from_str(&text);
    let documents: Vec<Value> = documents
        .map(|one| Value::deserialize(one).unwrap())
        .collect();
    let kinds: BTreeSet<_> = documents
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    let expected = [
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "Service",
        "StatefulSet",
    ];
    assert_eq!(kinds, BTreeSet::from(expected));
    let set = documents
        .iter()
        .find(|one| one["kind"] == "StatefulSet")
        .unwrap();
    let pod = &set["spec"]["template"]["spec"];
    let relay = &pod["containers"][0];
    let ports = relay["ports"].as_sequence().unwrap();
    let port =
        |name| ports.iter().find(|port| port["name"] == name).unwrap()["containerPort"].clone();
    for (probe, path) in [
        ("startupProbe", "/health"),
        ("livenessProbe", "/health"),
        ("readinessProbe", "/ready"),
    ] {
        let asked = &relay[probe]["httpGet"];
        assert_eq!(
            (asked["path"].as_str(), asked["port"].as_str()),
            (Some(path), Some("internal"))
        );
    }
    let variables = relay["env"].as_sequence().unwrap();
    for variable in variables {
        assert!(
            is_setting(variable["name"].as_str().unwrap()),
            "{variable:?}"
        );
    }
    let variable = |name| variables.iter().find(|one| one["name"] == name).unwrap();
    let internal = variable("INTERNAL_LISTEN")["value"].as_str().unwrap();
    assert_eq!(
        internal,
        format!("0.0.0.0:{}", port("internal").as_u64().unwrap())
    );
    assert_eq!(
        port("clients").as_u64(),
        Some(Config::default().port.into())
    );
    assert_eq!(
        relay["volumeMounts"][0]["mountPath"],
        variable("DATA_DIR")["value"]
    );
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    let before = relay["lifecycle"]["preStop"]["sleep"]["seconds"]
        .as_u64()
        .unwrap();
    assert!(grace >= before + Config::default().drain_timeout.as_secs());
    let scaler = documents
        .iter()
        .find(|one| one["kind"] == "HorizontalPodAutoscaler");
    let metric = &scaler.unwrap()["spec"]["metrics"][0]["pods"]["metric"]["name"];
    assert_eq!(metric, "relay_connections");
}

#[test]
fn the_files_of_kubernetes_fit_its_schemas() {
    let text = read("config/kubernetes/relay.yaml");
    // The oldest that has what they need, and a new one.
    for version in ["1.30", "1.37"] {
        let Some(wrong) = test_support::python::run("kubernetes.py", version, &text) else {
            return;
        };
        assert_eq!(wrong, "[]", "Kubernetes {version}");
    }
}
