//! OpenTelemetry's own variables, as far as the library does not read them itself, or would do something else with what is
//! wrong in one. They are none of the settings, and are read from the environment only.

use std::time::Duration;

use opentelemetry_sdk::trace::Sampler;

/// The part of traces that is recorded when nobody says otherwise: a relay has too many events for all of them.
const RATIO: f64 = 0.01;
/// How long a collector may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How many spans wait for it when nobody says otherwise, as in OpenTelemetry's libraries.
const QUEUE_SIZE: usize = 2_048;

/// By which a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Grpc,
    Http,
}

/// How a variable is found.
type Find = dyn Fn(&str) -> Option<String>;

/// The variables.
pub(super) struct Variables(Box<Find>);

impl Variables {
    pub(super) fn of_environment() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    fn new(find: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self(Box::new(find))
    }

    /// A variable that says something.
    fn get(&self, name: &str) -> Option<String> {
        let value = (self.0)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// One of the exporter: that of traces, or else that of everything.
    pub(super) fn of_exporter(&self, what: &str) -> Option<String> {
        let of_traces = self.get(&format!("OTEL_EXPORTER_OTLP_TRACES_{what}"));
        of_traces.or_else(|| self.get(&format!("OTEL_EXPORTER_OTLP_{what}")))
    }

    /// How many spans wait for the collector at most.
    pub(super) fn queue_size(&self) -> usize {
        let size = self.get("OTEL_BSP_MAX_QUEUE_SIZE");
        let size = size.and_then(|size| size.parse().ok());
        size.filter(|size| *size > 0).unwrap_or(QUEUE_SIZE)
    }

    /// Whether a collector is named, and not everything is turned off.
    pub(super) fn want_traces(&self) -> bool {
        let is_off = self.get("OTEL_SDK_DISABLED");
        let is_off = is_off.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        !is_off && self.of_exporter("ENDPOINT").is_some()
    }

    /// Refuses what the library would accept.
    pub(super) fn check(&self) -> Result<(), String> {
        let endpoint = self.of_exporter("ENDPOINT").unwrap_or_default();
        let authority = endpoint
            .split_once("://")
            .map_or(&*endpoint, |(_, rest)| rest);
        if authority
            .split('/')
            .next()
            .unwrap_or_default()
            .contains('@')
        {
            return Err("OTEL_EXPORTER_OTLP_ENDPOINT must have no credentials".to_owned());
        }
        Ok(())
    }

    /// # Errors
    /// It is none that is spoken.
    pub(super) fn protocol(&self) -> Result<Protocol, String> {
        match self.of_exporter("PROTOCOL").as_deref() {
            None | Some("http/protobuf") => Ok(Protocol::Http),
            Some("grpc") => Ok(Protocol::Grpc),
            Some(_) => Err("OTEL_EXPORTER_OTLP_PROTOCOL must be grpc or http/protobuf".to_owned()),
        }
    }

    /// How long a collector may take.
    pub(super) fn timeout(&self) -> Duration {
        let given = self.of_exporter("TIMEOUT");
        let given = given.and_then(|value| value.parse().ok());
        given.map_or(TIMEOUT, Duration::from_millis)
    }

    /// Which traces are recorded. What is not known is logged, and counts as not set.
    pub(super) fn sampler(&self) -> Sampler {
        let (name, ratio) = (self.get("OTEL_TRACES_SAMPLER"), self.ratio());
        let parent_based = |sampler| Sampler::ParentBased(Box::new(sampler));
        match name.as_deref() {
            Some("always_on") => Sampler::AlwaysOn,
            Some("always_off") => Sampler::AlwaysOff,
            Some("traceidratio") => Sampler::TraceIdRatioBased(ratio.unwrap_or(1.0)),
            Some("parentbased_always_on") => parent_based(Sampler::AlwaysOn),
            Some("parentbased_always_off") => parent_based(Sampler::AlwaysOff),
            Some("parentbased_traceidratio") => {
                parent_based(Sampler::TraceIdRatioBased(ratio.unwrap_or(1.0)))
            }
            name => {
                if name.is_some() {
                    tracing::warn!("OTEL_TRACES_SAMPLER is none that is known, and is ignored");
                }
                parent_based(Sampler::TraceIdRatioBased(ratio.unwrap_or(RATIO)))
            }
        }
    }

    fn ratio(&self) -> Option<f64> {
        let ratio = self.get("OTEL_TRACES_SAMPLER_ARG")?.parse().ok();
        let ratio = ratio.filter(|ratio| (0.0..=1.0).contains(ratio));
        if ratio.is_none() {
            tracing::warn!("OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1, and is ignored");
        }
        ratio
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &'static [(&str, &str)]) -> Variables {
        Variables::new(|name| {
            let found = set.iter().find(|(one, _)| *one == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    #[test]
    fn traces_are_wanted_where_a_collector_is_named_and_nothing_turns_them_off() {
        assert!(!of(&[]).want_traces());
        assert!(!of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).want_traces());
        assert!(!of(&[("OTEL_SERVICE_NAME", "relay")]).want_traces());
        assert!(of(&[ENDPOINT]).want_traces());
        assert!(of(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c")]).want_traces());
        assert!(!of(&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]).want_traces());
        assert!(of(&[ENDPOINT, ("OTEL_SDK_DISABLED", "1")]).want_traces());
    }

    #[test]
    fn the_variable_of_traces_counts_before_that_of_everything() {
        let both = of(&[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
        ]);
        assert_eq!(both.protocol(), Ok(Protocol::Grpc));
        assert_eq!(both.timeout(), Duration::from_millis(1500));
        assert_eq!(of(&[]).protocol(), Ok(Protocol::Http));
        assert!(
            of(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")])
                .protocol()
                .is_err()
        );
    }

    #[test]
    fn one_trace_of_a_hundred_is_recorded_unless_something_else_is_said() {
        let sampler = |set| format!("{:?}", of(set).sampler());
        let hundredth = "ParentBased(TraceIdRatioBased(0.01))";
        assert_eq!(sampler(&[]), hundredth);
        for unknown in ["jaeger_remote", "xray", "always"] {
            let set: &'static [(&str, &str)] =
                Box::leak(Box::new([("OTEL_TRACES_SAMPLER", unknown)]));
            assert_eq!(sampler(set), hundredth, "{unknown}");
        }
        assert_eq!(sampler(&[("OTEL_TRACES_SAMPLER_ARG", "2")]), hundredth);
        assert_eq!(
            sampler(&[
                ("OTEL_TRACES_SAMPLER", "traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
            ]),
            "TraceIdRatioBased(0.5)"
        );
        assert_eq!(sampler(&[("OTEL_TRACES_SAMPLER", "always_on")]), "AlwaysOn");
    }

    #[test]
    fn an_endpoint_has_no_credentials() {
        assert_eq!(of(&[ENDPOINT]).check(), Ok(()));
        let with = of(&[(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://canary:canary@collector",
        )]);
        assert!(
            with.check()
                .is_err_and(|problem| !problem.contains("canary"))
        );
    }
}
