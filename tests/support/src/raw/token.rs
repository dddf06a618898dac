//! Tokens, good and bad, made by hand: a bad one must be bad in exactly one way.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use crate::harness::JWT_SECRET;

/// A token for this user, good for an hour. The name is `Name of <user>`.
pub fn for_user(user: &str) -> String {
    let claims =
        json!({"userId": user, "username": format!("Name of {user}"), "exp": now() + 3600});
    sign(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string())
}

/// Signs these texts as they are with the server's secret.
pub fn sign(header: &str, claims: &str) -> String {
    sign_with(header, claims, JWT_SECRET.as_bytes())
}

/// Signs with another secret.
pub fn sign_with(header: &str, claims: &str, secret: &[u8]) -> String {
    let body = unsigned(header, claims);
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(body.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{body}.{signature}")
}

/// The first two parts of a token.
pub fn unsigned(header: &str, claims: &str) -> String {
    format!(
        "{}.{}",
        base64url(header.as_bytes()),
        base64url(claims.as_bytes())
    )
}

/// Seconds since the epoch.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = group
            .iter()
            .fold(0_u32, |word, &byte| word << 8 | u32::from(byte))
            << (8 * (3 - group.len()));
        for digit in 0..=group.len() {
            text.push(DIGITS[(word >> (18 - 6 * digit) & 63) as usize] as char);
        }
    }
    text
}
