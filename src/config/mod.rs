//! What can be set, from where, and what a right value is. Owns every setting and its default
//! (`settings` is the one table); must not open sockets or stores, and does nothing with a value
//! but check it.
//!
//! A setting comes from, in order of precedence: its environment variable, the same variable in
//! `.env`, the file named by `--config` or `RELAY_CONFIG`, the default.

mod check;
mod choices;
mod layers;
mod origins;
mod problems;
mod rate;
mod reference;
mod secret;
mod secret_file;
mod settings;
mod sources;
mod types;
mod url;

pub use choices::{
    AuthErrorStyle, JwtAlgorithm, LogFormat, LogLevel, PresenceAudience, SpoolFull, Transport,
};
pub use origins::{AllowedOrigins, Origin};
pub use problems::{Problem, Problems};
pub use rate::{Period, Rate};
pub use reference::{Entry, reference_env, reference_toml};
pub use secret::Secret;
pub use secret_file::{SecretFileError, SecretOrigin, jwt_secret};
pub use settings::Config;
pub use sources::Sources;
pub use url::HttpUrl;

impl Config {
    /// Reads and checks every setting.
    ///
    /// # Errors
    /// All problems found, each naming its setting and where the value came from. The values of
    /// secrets are never in them.
    pub fn load(sources: &Sources) -> Result<Self, Problems> {
        let (mut values, mut problems) = layers::gather(sources);
        let config = Self::from_values(&mut values, &mut problems);
        check::across(&config, &mut problems);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(problems)
        }
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
