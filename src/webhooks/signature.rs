//! The signature of a request, by Standard Webhooks.

use std::sync::Arc;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The value of `webhook-signature`: one for each key.
pub(super) fn sign(keys: &[Arc<[u8]>], id: &str, timestamp: u64, body: &[u8]) -> String {
    let signature = |key: &Arc<[u8]>| {
        let mut context = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, key));
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    };
    keys.iter().map(signature).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference implementations.
    #[test]
    fn signatures_are_those_of_standard_webhooks_one_for_each_key() {
        let key: Arc<[u8]> = STANDARD
            .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .unwrap()
            .into();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = br#"{"test": 2432232314}"#;
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(
            sign(std::slice::from_ref(&key), id, 1_614_265_330, body),
            expected
        );
        let two = sign(&[Arc::from([7; 24]), key], id, 1_614_265_330, body);
        let (first, second) = two.split_once(' ').unwrap();
        assert!(first.starts_with("v1,") && first != expected);
        assert_eq!(second, expected);
    }
}
