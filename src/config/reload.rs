//! Which settings a reload changes, and what becomes of those that it cannot: they keep their value until a restart.
//!
//! Owns the closed list of both. What follows from a change is known where the setting is used.

use super::consistency;
use super::problems::Problems;
use super::settings::Config;
use super::sources::Sources;

/// Settings that keep their value until a restart.
const RESTART: &[&str] = &[
    "host",
    "port",
    "base_path",
    "data_dir",
    "dialects",
    "node_name",
    "log_format",
    "auth_cookie",
    "auth_expiring_notice",
    "expired_tokens",
    "expired_token_status",
    "internal_listen",
    "admin_public",
    "transports",
    "allow_eio3",
    "ping_interval",
    "ping_timeout",
    "connect_timeout",
    "upgrade_timeout",
    "max_event_bytes",
    "max_attachments",
    "handshake_max_bytes",
    "request_timeout",
    "tls_cert_file",
    "tls_key_file",
    "proxy_protocol",
    "public_hosts",
    "who_may_add",
    "audit_max_bytes",
    "audit_refusals_per_ip",
    "audit_events_per_ip",
    "audit_refusals_per_user",
    "audit_events_per_user",
    "audit_file_parts_per_user",
    "audit_queue",
    "audit_spool_max_bytes",
    "audit_spool_full",
    "message_retention",
    "changes_retention",
    "mongodb_uri",
    "mongodb_prefix",
    "users_collection",
    "users_id_field",
    "users_name_field",
    "redis_url",
    "redis_prefix",
];

/// Settings that a reload changes.
const RELOADED: &[&str] = &[
    "drain_timeout",
    "debug",
    "log_level",
    "access_log",
    "access_log_users",
    "jwt_secret",
    "jwt_algorithms",
    "jwt_public_key_file",
    "jwks_url",
    "jwt_issuer",
    "jwt_audience",
    "jwt_user_id_claims",
    "jwt_required_claims",
    "jwt_session_claim",
    "revocation_ttl",
    "max_revocations",
    "jwt_leeway",
    "auth_error_style",
    "guest_timeout",
    "guest_max_bytes",
    "admin_token",
    "admin_tokens",
    "api_docs",
    "client_files",
    "admin_ui",
    "admin_ui_max_sockets",
    "admin_ui_readonly",
    "admin_ui_users",
    "metrics_token",
    "metrics_public",
    "publish_events",
    "publish_max_bytes",
    "publish_rate",
    "publish_burst",
    "webhook_url",
    "webhook_secrets",
    "webhook_events",
    "webhooks",
    "webhook_coalesce",
    "webhook_max_age",
    "webhook_timeout",
    "webhook_private_networks",
    "max_depth",
    "max_head_bytes",
    "min_request_rate",
    "trusted_proxies",
    "allowed_origins",
    "memory_budget",
    "receiver_budget",
    "sender_budget",
    "write_deadline",
    "min_drain_rate",
    "pair_min_rate",
    "room_min_rate",
    "rate_limits",
    "message_rate",
    "message_burst",
    "signal_rate",
    "signal_burst",
    "handshake_rate",
    "handshake_burst",
    "join_rate",
    "join_burst",
    "subscription_rate",
    "subscription_burst",
    "file_rate",
    "file_burst",
    "conversations_per_day",
    "participants_per_day",
    "max_participants",
    "stored_bytes_per_day",
    "offset_rate",
    "offset_burst",
    "output_rate",
    "output_burst",
    "refusal_rate",
    "refusal_burst",
    "failed_auth_rate",
    "max_connections_per_ip",
    "max_unadmitted",
    "max_connections_per_user",
    "max_id_bytes",
    "max_key_bytes",
    "max_session_keys_bytes",
    "max_content_chars",
    "max_content_bytes",
    "max_file_name_bytes",
    "max_sessions",
    "max_sessions_per_ip",
    "session_max_members",
    "max_sessions_per_connection",
    "session_history_messages",
    "session_history_bytes",
    "sessions_memory",
    "session_reserved_timeout",
    "session_idle_timeout",
    "session_max_idle",
    "session_rejoin_grace",
    "session_join_wait",
    "presence_audience",
    "presence_everyone_limit",
    "presence_peers_limit",
    "offline_grace",
    "audit_retention_days",
];

/// What a reload would change.
#[derive(Debug)]
pub(crate) struct Change {
    /// All settings as they are in effect afterwards.
    pub(crate) config: Config,
    /// Settings whose value changes.
    pub(crate) changed: Vec<&'static str>,
    /// Settings that have another value now, and keep theirs until a restart.
    pub(crate) need_restart: Vec<&'static str>,
}

/// Reads the settings anew and checks them as at a start. `now` are those in effect.
///
/// # Errors
/// All problems, also of what would be in effect with the settings that keep their value.
pub(crate) fn read(sources: &Sources, now: &Config) -> Result<Change, Problems> {
    let (config, changed, need_restart) = now.with(Config::load(sources)?, is_reloaded);
    let mut problems = Problems::default();
    consistency::check(&config, &mut problems);
    match problems.is_empty() {
        true => Ok(Change {
            config,
            changed,
            need_restart,
        }),
        false => Err(problems.each(|problem| {
            problem.message += BEFORE_A_RESTART;
        })),
    }
}

/// Both settings were read, but one of them is not in effect yet.
const BEFORE_A_RESTART: &str = ", before a restart, for which other settings wait";

fn is_reloaded(setting: &str) -> bool {
    RELOADED.contains(&setting)
}

/// The settings that a reload changes, and those that keep their value until a restart.
#[must_use]
pub fn reloaded_settings() -> (&'static [&'static str], &'static [&'static str]) {
    (RELOADED, RESTART)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(set: &[(&str, &str)]) -> Sources {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Sources {
            env: set.iter().map(owned).collect(),
            ..Sources::default()
        }
    }

    #[test]
    fn every_setting_is_either_reloaded_or_needs_a_restart() {
        let mut listed: Vec<_> = RELOADED.iter().chain(RESTART).copied().collect();
        listed.sort_unstable();
        let mut all: Vec<_> = Config::default()
            .entries()
            .iter()
            .map(|entry| entry.name)
            .collect();
        all.sort_unstable();
        assert_eq!(listed, all);
    }

    #[test]
    fn what_is_reloaded_changes_and_the_rest_keeps_its_value() {
        let now = Config::load(&env(&[("PORT", "1"), ("JWT_ISSUER", "a")])).unwrap();
        let other = env(&[("PORT", "2"), ("JWT_ISSUER", "b"), ("DEBUG", "on")]);
        let change = read(&other, &now).unwrap();
        assert_eq!(change.changed, ["debug", "jwt_issuer"]);
        assert_eq!(change.need_restart, ["port"]);
        assert_eq!((change.config.port, change.config.debug), (1, true));
        let same = read(&env(&[("PORT", "1"), ("JWT_ISSUER", "a")]), &now).unwrap();
        assert!(same.changed.is_empty() && same.need_restart.is_empty());
    }

    #[test]
    fn a_secret_that_differs_is_found_to_differ() {
        const ONE: &str = "canary-canary-canary-canary-canary-one";
        const TWO: &str = "canary-canary-canary-canary-canary-two";
        let set = |secret, redis| {
            env(&[
                ("ADMIN_TOKEN", secret),
                ("MONGODB_URI", "mongodb://127.0.0.1/x"),
                ("REDIS_URL", redis),
            ])
        };
        let now = Config::load(&set(ONE, "redis://:one@localhost")).unwrap();
        let change = read(&set(TWO, "redis://:two@localhost"), &now).unwrap();
        assert_eq!(
            (change.changed, change.need_restart),
            (vec!["admin_token"], vec!["redis_url"])
        );
    }

    #[test]
    fn nothing_is_put_into_effect_that_contradicts_what_waits_for_a_restart() {
        let now = Config::default();
        let both = [
            ("PUBLISH_MAX_BYTES", "12000000"),
            ("MAX_EVENT_BYTES", "12000000"),
        ];
        assert!(Config::load(&env(&both)).is_ok());
        let refused = read(&env(&both), &now).unwrap_err().to_string();
        assert_eq!(
            refused,
            "publish_max_bytes: must not be more than max_event_bytes, before a restart, for which other settings wait"
        );
    }
}
