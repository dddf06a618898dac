//! What stands in front of HTTP: TLS with a certificate that is renewed, and what load balancers say.

mod certificates;
mod proxy_protocol;
mod tls;

pub(crate) use certificates::{Certificates, are_ready as can_speak_tls};

/// A certificate that is good for a month.
pub(crate) fn certificate() -> Certificates {
    let mut made = Certificates::new();
    made.renew(30);
    made
}

/// The suites of `tests/js` that are run here.
pub(crate) const SUITES: [&str; 2] = ["transport/tls", "transport/tls-slow"];
