//! `admin-token`: makes a token of an administrator, which only its hash is kept of.

use anyhow::anyhow;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealed_relay::{AdminToken, Scope, Scopes};

/// The name of the token, and what it opens.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How the audit and the log name who uses it: 1 to 32 characters of a to z, 0 to 9 and -
    name: String,

    /// What it opens
    #[arg(required = true, value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<Scope>,
}

fn scope(word: &str) -> Result<Scope, String> {
    let words = || Scope::ALL.map(Scope::as_str).join(", ");
    Scope::parse(word).ok_or_else(|| format!("must be one of {}", words()))
}

/// A random token, and the line for it in `admin_tokens`. The token is shown this once.
///
/// # Errors
/// The name is none.
pub(crate) fn made(args: &Args) -> anyhow::Result<String> {
    let bytes: [u8; 32] = rand::random();
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let scopes = Scopes::of(&args.scopes).ok_or_else(|| anyhow!("it would open nothing"))?;
    let made = AdminToken::new(&args.name, scopes, &token).map_err(|wrong| anyhow!(wrong))?;
    Ok(format!("{token}\n{}", made.line()))
}
