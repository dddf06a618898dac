//! What comes before HTTP on connections: TLS, and what load balancers say in front.

use std::sync::atomic::{AtomicU64, Ordering};

use super::counter::Counter;
use super::families::Families;

static HANDSHAKES_FAILED: Counter = Counter::new();
static WITHOUT_PROXY_HEADER: Counter = Counter::new();
/// In seconds since 1970; 0: there is no certificate.
static EXPIRES_AT: AtomicU64 = AtomicU64::new(0);

/// A handshake has failed, or did not come to its end in time.
pub(crate) fn handshake_failed() {
    HANDSHAKES_FAILED.inc();
}

/// A connection did not begin as it has to from a load balancer, or came from somebody else.
pub(crate) fn without_proxy_header() {
    WITHOUT_PROXY_HEADER.inc();
}

/// The certificate in use expires then, in seconds since 1970.
pub(crate) fn certificate_expires(at: u64) {
    EXPIRES_AT.store(at, Ordering::Relaxed);
}

/// Adds what is known here.
pub(super) fn describe(families: &mut Families) {
    let help = "TLS handshakes that failed";
    let family = families.counter("relay_tls_handshake_failures_total", help);
    family.count([], HANDSHAKES_FAILED.get());
    let help = "Connections that were closed since they did not begin with a PROXY header of a trusted proxy";
    let family = families.counter("relay_proxy_protocol_refused_total", help);
    family.count([], WITHOUT_PROXY_HEADER.get());
    let expires_at = EXPIRES_AT.load(Ordering::Relaxed);
    if expires_at > 0 {
        let help = "When the certificate in use expires";
        families
            .gauge("relay_tls_certificate_expiry_timestamp_seconds", help)
            .set([], expires_at as f64);
    }
}
