//! What is for operators does not pass the proxies of `config/`, and all else does.

use super::balancer::{Balancer, Kind};
use crate::clients::ADMIN_TOKEN;
use crate::program;
use test_support::raw::http;

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_admin_routes_are_not_passed_on() {
    let relay = program::server(&[("METRICS_PUBLIC", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN)]);
    let token = format!("Bearer {ADMIN_TOKEN}");
    let headers = [("Authorization", &*token)];
    let ask = async |address: &str, path: &str| {
        let answer = http::request_at(address, "GET", path, &headers, b"").await;
        answer.status
    };
    let kinds = [Kind::Nginx, Kind::HaProxy].into_iter();
    for kind in kinds.filter(|kind| kind.is_ready()) {
        let balancer = Balancer::start(kind, &[&relay]);
        let (relay, proxy) = (
            relay.url().trim_start_matches("http://"),
            balancer.address(),
        );
        for path in [
            "/metrics",
            "/metrics/",
            "/api/admin/audit",
            "/api/admin/audit/",
        ] {
            assert_eq!(ask(relay, path).await, 200, "{path}");
            assert_eq!(ask(&proxy.to_string(), path).await, 404, "{path}");
        }
        assert_eq!(ask(&proxy.to_string(), "/ready").await, 200);
        let conversation = "/api/users/me/blocked/metrics";
        assert_eq!(ask(&proxy.to_string(), conversation).await, 403);
    }
}
