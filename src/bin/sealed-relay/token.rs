//! `token`: mints a token that the server accepts, for tests by hand.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use sealed_relay::{Config, existing_jwt_secret, parse_duration};
use serde::Serialize;

/// The user of the token, and how long it is valid.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The user's id
    #[arg(long, value_name = "ID")]
    user_id: String,

    /// The name others see; the id when not given
    #[arg(long, value_name = "NAME")]
    username: Option<String>,

    /// The address of the user's picture
    #[arg(long, value_name = "URL")]
    avatar_url: Option<String>,

    /// How long the token is valid, such as 15m, 24h or 7d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_duration)]
    expires_in: Duration,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Claims<'a> {
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    iat: u64,
    exp: u64,
}

/// Mints a token signed with the server's secret.
///
/// # Errors
/// When the server would not accept such a token, or its secret cannot be read, or there is none yet.
pub(crate) fn mint(args: &Args, config: &Config) -> anyhow::Result<String> {
    ensure!(
        config.needs_jwt_secret(),
        "the server accepts no tokens signed with a shared secret (jwt_algorithms lists no HS256)"
    );
    check_name("--user-id", &args.user_id, config)?;
    if let Some(username) = &args.username {
        check_name("--username", username, config)?;
    }
    ensure!(
        args.expires_in >= Duration::from_secs(1),
        "--expires-in must be at least 1s"
    );
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.context("the clock is before 1970")?.as_secs();
    let claims = Claims {
        user_id: &args.user_id,
        username: args.username.as_deref(),
        avatar_url: args.avatar_url.as_deref(),
        iss: config.jwt_issuer.as_deref(),
        aud: config.jwt_audience.as_deref(),
        iat: now,
        exp: now.saturating_add(args.expires_in.as_secs()),
    };
    let (secret, _) = existing_jwt_secret(config)?;
    let key = EncodingKey::from_secret(secret.expose().as_bytes());
    let token = encode(&Header::new(Algorithm::HS256), &claims, &key);
    token.context("cannot sign the token")
}

fn check_name(option: &str, name: &str, config: &Config) -> anyhow::Result<()> {
    let max = config.max_id_bytes;
    ensure!(
        (1..=max).contains(&name.len()) && !name.contains(char::is_control),
        "{option} must have 1 to {max} bytes and no control characters"
    );
    Ok(())
}
