//! `compose.yaml` names only what there is: services, files, addresses, settings. No container engine is needed to know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sealed_relay::{Config, Sources, reference_env};
use serde_yaml_ng::Value;

const SECRET: &str = "a secret for tests, longer than thirty-two bytes";

fn compose() -> Value {
    let mut compose = serde_yaml_ng::from_str::<Value>(&read("compose.yaml")).unwrap();
    compose.apply_merge().unwrap();
    compose
}

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn keys(mapping: &Value) -> BTreeSet<&str> {
    let mapping = mapping.as_mapping().unwrap();
    mapping.keys().map(|key| key.as_str().unwrap()).collect()
}

fn texts(sequence: &Value) -> Vec<&str> {
    let sequence = sequence.as_sequence().unwrap();
    sequence.iter().map(|text| text.as_str().unwrap()).collect()
}

/// The relays, by their names.
fn relays(compose: &Value) -> Vec<(&str, &Value)> {
    let services = &compose["services"];
    let names = keys(services).into_iter();
    let relays = names.filter(|name| name.starts_with("relay-"));
    relays.map(|name| (name, &services[name])).collect()
}

/// What a relay sees of the environment when nothing is set but the secret.
fn environment(relay: &Value) -> BTreeMap<String, String> {
    let environment = relay["environment"].as_mapping().unwrap();
    let pairs = environment.iter().map(|(name, value)| {
        let (name, value) = (name.as_str().unwrap(), value.as_str().unwrap());
        let value = match value.strip_prefix("${") {
            Some(needed) if needed.starts_with("JWT_SECRET:?") => SECRET,
            Some(optional) => optional.split_once(":-").unwrap().1.trim_end_matches('}'),
            None => value,
        };
        (name.to_owned(), value.to_owned())
    });
    pairs.collect()
}

#[test]
fn relays_have_names_settings_and_folders_of_their_own() {
    let compose = compose();
    let reference = reference_env();
    let mut folders = BTreeSet::new();
    for (name, relay) in relays(&compose) {
        let environment = environment(relay);
        assert_eq!(environment["NODE_NAME"], name);
        assert_eq!(environment["JWT_SECRET"], SECRET, "it has a default");
        for variable in environment.keys() {
            let is_known = reference.contains(&format!("\n#{variable}="));
            assert!(is_known, "{variable} sets nothing");
        }
        let [folder] = texts(&relay["volumes"])[..] else {
            panic!("{name} has one folder");
        };
        let (volume, folder) = folder.split_once(':').unwrap();
        assert!(read("Dockerfile").contains(&format!("DATA_DIR={folder}\n")));
        assert!(folders.insert(volume), "{volume} is shared");
        assert!(keys(&compose["volumes"]).contains(volume));
    }
    assert_eq!(folders.len(), 2);
}

#[test]
fn relays_start_with_their_settings_and_have_time_to_stop() {
    let compose = compose();
    for (name, relay) in relays(&compose) {
        let sources = Sources {
            env: environment(relay).into_iter().collect(),
            ..Sources::default()
        };
        let config = Config::load(&sources).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        let grace = relay["stop_grace_period"].as_str().unwrap();
        assert!(humantime::parse_duration(grace).unwrap() > config.drain_timeout);
    }
}

#[test]
fn nginx_and_the_relays_know_each_other() {
    let compose = compose();
    let nginx = &compose["services"]["nginx"];
    let address = |service: &Value| {
        let address = &service["networks"]["clients"]["ipv4_address"];
        address.as_str().unwrap().to_owned()
    };
    let hosts = texts(&nginx["extra_hosts"]);
    let (nginx_conf, haproxy_cfg) = (read("config/nginx.conf"), read("config/haproxy.cfg"));
    for (name, relay) in relays(&compose) {
        assert_eq!(environment(relay)["TRUSTED_PROXIES"], address(nginx));
        assert!(hosts.contains(&&*format!("{name}:{}", address(relay))));
        assert!(nginx_conf.contains(&format!("\"~^{name}\\.\" {name};")));
        assert!(nginx_conf.contains(&format!("server {name}:3000")));
        assert!(haproxy_cfg.contains(&format!("-m beg {name}. ")));
    }
    let port = texts(&nginx["ports"])[0].rsplit_once(':').unwrap().1;
    assert!(nginx_conf.contains(&format!("listen {port} ")));
    let mounted = texts(&nginx["volumes"])[0].split_once(':').unwrap().0;
    assert_eq!(mounted, "./config/nginx.conf");
}

#[test]
fn what_services_depend_on_is_there() {
    let compose = compose();
    let services = keys(&compose["services"]);
    for name in &services {
        let service = &compose["services"][*name];
        assert!(service["healthcheck"]["test"].is_sequence(), "{name}");
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        let needed = match &service["depends_on"] {
            Value::Null => BTreeSet::new(),
            needed if needed.is_mapping() => keys(needed),
            needed => texts(needed).into_iter().collect(),
        };
        assert!(needed.is_subset(&services), "{name} needs {needed:?}");
        let networks = match &service["networks"] {
            networks if networks.is_mapping() => keys(networks),
            networks => texts(networks).into_iter().collect(),
        };
        assert!(networks.is_subset(&keys(&compose["networks"])), "{name}");
    }
}

#[test]
fn services_have_no_more_privileges_than_they_need() {
    let compose = compose();
    for name in keys(&compose["services"]) {
        let service = &compose["services"][name];
        assert_eq!(service["read_only"], true, "{name}");
        let options = texts(&service["security_opt"]);
        assert_eq!(options, ["no-new-privileges:true"], "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
    }
    for (name, relay) in relays(&compose) {
        assert_eq!(relay["cap_add"], Value::Null, "{name}");
    }
}
