//! `check-token`: what the server would say to a token, and why.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};

use anyhow::Context;
use sealed_relay::{Config, TokenReport, check_token, existing_jwt_secret};
use tokio::runtime::Runtime;

/// The longest line that is read as a token.
const MAX_BYTES: u64 = 1 << 20;

/// The token, and how the answer is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The token; the first line of standard input when not given, or `-`
    token: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Checks the token with this configuration; makes no secret and changes nothing.
///
/// # Errors
/// When the keys cannot be used, or no token can be read.
pub(crate) fn check(args: &Args, config: &Config) -> anyhow::Result<TokenReport> {
    let secret = match config.needs_jwt_secret() {
        true => Some(existing_jwt_secret(config)?),
        false => None,
    };
    let token = match args.token.as_deref() {
        None | Some("-") => first_line().context("cannot read standard input")?,
        Some(token) => token.to_owned(),
    };
    let token = token.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let report = runtime.block_on(check_token(config, secret.as_ref(), token));
    runtime.shutdown_background();
    Ok(report?)
}

fn first_line() -> std::io::Result<String> {
    let mut line = Vec::new();
    let mut input = BufReader::new(std::io::stdin().lock().take(MAX_BYTES));
    input.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// The answer as it is printed.
///
/// # Errors
/// It is no JSON, which its types rule out.
pub(crate) fn printed(report: &TokenReport, args: &Args) -> anyhow::Result<String> {
    if args.json {
        return serde_json::to_string(report).context("cannot print the answer");
    }
    let mut text = match (&report.user_id, report.reason, report.client_message) {
        (_, Some(reason), Some(message)) => {
            format!("refused: {reason} (client is told: {message})")
        }
        (user, ..) => {
            let user = user.as_deref().unwrap_or_default();
            let expires = report.expires_at.as_deref().unwrap_or_default();
            format!("accepted: user {user}, expires {expires}")
        }
    };
    let mut line = |text_of: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{text_of}");
    };
    for note in &report.notes {
        line(format_args!("{note}"));
    }
    if let Some(source) = &report.key_source {
        line(format_args!("key: {source}"));
    }
    if !report.not_checked.is_empty() {
        let unasked = report.not_checked.join(", ");
        line(format_args!("not checked: {unasked}"));
    }
    Ok(text)
}
