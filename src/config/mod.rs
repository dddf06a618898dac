//! The settings: their sources, their types and their checks.
//!
//! Owns every setting and its default, in the one table of `settings`. It must not open sockets or
//! stores, and only checks a value.
//!
//! A setting is read from, in order of precedence: its environment variable, the same variable in
//! `.env`, the file named by `--config` or `RELAY_CONFIG`, the default.

mod admin_tokens;
mod base_path;
mod check;
mod choices;
mod claims;
pub(crate) mod client_files;
mod consistency;
mod cookie;
mod data_dir;
mod dotenv;
mod endpoint_url;
mod host;
mod layers;
mod listen_address;
mod live;
mod mongo_uri;
mod near_misses;
mod networks;
mod origin;
mod origins;
mod path;
mod problems;
mod publish_events;
mod rate;
mod raw;
mod redis_url;
mod reference;
pub(crate) mod reload;
mod secret;
mod secret_file;
mod setting;
mod settings;
mod sources;
mod tls;
mod types;
mod url;
mod values;
pub(crate) mod webhook_address;
mod webhook_endpoints;
mod webhook_secrets;
mod webhooks;

pub use admin_tokens::{AdminToken, AdminTokens};
pub(crate) use admin_tokens::{TokenHash, token_hash};
pub use base_path::BasePath;
pub use choices::{
    AccessLogForm, AuthErrorStyle, ExpiredTokens, JwtAlgorithm, LogFormat, LogLevel,
    PresenceAudience, ProxyProtocol, SpoolFull, Transport, WhoMayAdd,
};
pub use claims::{ClaimPath, RequiredClaim};
pub use cookie::CookieNames;
pub use endpoint_url::EndpointUrl;
pub use host::Host;
pub use listen_address::ListenAddress;
pub(crate) use live::{Live, LiveConfig, Taken};
pub use mongo_uri::{MongoPrefix, MongoUri};
pub use origin::Origin;
pub use origins::{AllowedOrigin, AllowedOrigins, PublicHosts};
pub use problems::{Problem, Problems};
pub use publish_events::PublishEvents;
pub use rate::{Period, Rate};
pub use redis_url::RedisUrl;
pub(crate) use redis_url::{RedisNodes, RedisServers};
pub use reference::{reference_env, reference_toml};
pub use reload::reloaded_settings;
pub use secret::Secret;
pub use secret_file::{SecretFileError, SecretOrigin, existing_jwt_secret, jwt_secret};
pub use setting::Entry;
pub use settings::Config;
pub(crate) use settings::MIN_MESSAGE_RETENTION;
pub use sources::Sources;
pub(crate) use tls::{TlsError, TlsIdentity};
pub(crate) use types::MAX_DURATION;
pub use types::parse_duration;
pub use url::HttpUrl;
pub use webhook_endpoints::{Endpoint, Endpoints};
pub use webhook_secrets::SigningSecrets;

impl Config {
    /// Reads and checks every setting.
    ///
    /// # Errors
    /// All problems, each with its setting and the source of the value. They never contain the value
    /// of a secret.
    pub fn load(sources: &Sources) -> Result<Self, Problems> {
        let (mut values, mut problems) = layers::gather(sources);
        let config = Self::from_values(&mut values, &mut problems);
        consistency::check(&config, &mut problems);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(problems)
        }
    }

    /// The same, with a look at the data folder and the certificate: nothing is made or changed.
    ///
    /// # Errors
    /// All problems, those that a start would have with these included.
    pub fn check(sources: &Sources) -> Result<Self, Problems> {
        let config = Self::load(sources)?;
        let mut problems = Problems::default();
        data_dir::check(&config, &mut problems);
        if let Err(error) = TlsIdentity::of(&config) {
            problems.add(error.setting(), error.to_string(), None);
        }
        match problems.is_empty() {
            true => Ok(config),
            false => Err(problems),
        }
    }

    /// The settings as far as they are right, where the others have their defaults: to say in the form of the log
    /// what is wrong with them.
    #[must_use]
    pub fn usable(sources: &Sources) -> Self {
        let (mut values, mut problems) = layers::gather(sources);
        Self::from_values(&mut values, &mut problems)
    }

    /// What is to be said of the variables that are set, though it prevents no start: those that are named like a
    /// setting, but are meant for other software; those whose value may not be what was meant; and those that were
    /// probably meant to be a setting.
    #[must_use]
    pub fn warnings(sources: &Sources) -> Vec<Problem> {
        let mut warnings = layers::ignored(sources);
        warnings.extend(layers::doubtful(sources));
        warnings.extend(near_misses::near_misses(sources));
        warnings
    }

    /// Whether tokens signed with the shared secret are accepted, so that one is needed.
    #[must_use]
    pub fn needs_jwt_secret(&self) -> bool {
        self.jwt_algorithms.contains(&JwtAlgorithm::Hs256)
    }

    /// `log_level`, raised to `debug` when `debug` is on.
    #[must_use]
    pub fn log_level_in_effect(&self) -> LogLevel {
        match self.log_level {
            LogLevel::Error | LogLevel::Warn | LogLevel::Info if self.debug => LogLevel::Debug,
            level => level,
        }
    }
}
