//! The relay as a library, for its own program.
//!
//! [`Config::load`] reads the settings, [`init_logging`] starts the log, [`run`] serves until a signal
//! stops it, and [`AuditRecords`] reads the audit. Everything else is private.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )
)]

mod access_log;
mod admin_ui;
mod app;
mod audit;
mod auth;
mod backend;
mod cluster;
mod config;
mod connection;
mod conversations;
mod dialects;
mod engine_io;
mod http;
mod json;
mod limits;
mod metrics;
mod model;
mod payload;
mod reloads;
mod revocations;
mod schema;
mod server;
mod sessions;
mod stores;
mod surroundings;
mod traces;
mod transport;
mod users;
mod webhooks;

pub use audit::StoredRecord;
pub use config::{
    AccessLogForm, AdminToken, AdminTokens, AllowedOrigin, AllowedOrigins, AuthErrorStyle,
    BasePath, ClaimPath, Config, CookieNames, Endpoint, EndpointUrl, Endpoints, Entry,
    ExpiredTokens, Host, HttpUrl, JwtAlgorithm, ListenAddress, LogFormat, LogLevel, MongoPrefix,
    MongoUri, Origin, Period, PresenceAudience, Problem, Problems, ProxyProtocol, PublicHosts,
    PublishEvents, Rate, RedisUrl, RequiredClaim, Secret, SecretFileError, SecretOrigin,
    SigningSecrets, Sources, SpoolFull, Transport, WhoMayAdd, existing_jwt_secret, jwt_secret,
    parse_duration, reference_env, reference_toml, reloaded_settings,
};
pub use model::{Dialect, FactType, FactTypes, Scope, Scopes, parse_time};
pub use server::{
    AuditRecords, Error, Log, ReadSources, TokenReport, check_token, init_logging, run,
};

/// The description of all routes, as OpenAPI.
#[must_use]
pub fn openapi() -> String {
    http::openapi_text()
}

/// The description of the events of the dialects that are served, as AsyncAPI.
#[must_use]
pub fn asyncapi(config: &Config) -> String {
    http::asyncapi_text(&config.dialects)
}
