//! Whether spans are recorded, and where they go: to a collector, by OTLP, as OpenTelemetry's own variables say. A
//! collector must not make anything wait: what it does not take is lost, beyond a queue.

mod collector;
mod lost;
mod queue;
mod variables;

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::traces;
use collector::Collector;
use queue::{Queue, Waiting};
use variables::Variables;

/// What the service is called when nobody says otherwise.
const SERVICE: &str = "sealed-relay";

/// How long the end may wait for a collector.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The spans that are recorded, if any are.
#[derive(Debug)]
pub(super) struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Begins to record, if the variables name a collector. What is wrong with them is logged, and then nothing is
    /// recorded: a relay without traces is better than none.
    pub(super) fn start(node: &str) -> Self {
        let variables = Variables::of_environment();
        if !variables.want_traces() {
            return Self(None);
        }
        let waiting = Waiting::default();
        let collector = variables.check();
        let collector = collector.and_then(|()| Collector::new(&variables, waiting.clone()));
        let collector = match collector {
            Ok(collector) => collector,
            Err(problem) => {
                tracing::error!(%problem, "no traces are recorded");
                return Self(None);
            }
        };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource())
            .with_sampler(variables.sampler())
            .with_span_processor(Queue::new(collector, waiting, variables.queue_size()))
            .build();
        traces::start(provider.tracer(SERVICE), node);
        tracing::info!("traces are recorded");
        Self(Some(provider))
    }

    /// Sends what is recorded, within so long.
    pub(super) async fn stop(self, limit: Duration) {
        let Some(provider) = self.0 else {
            return;
        };
        let limit = limit.min(STOP_TIMEOUT);
        let stopped = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(limit));
        if !matches!(stopped.await, Ok(Ok(()))) {
            tracing::warn!("stopped before all spans were sent");
        }
    }
}

/// Who records, with what the variables say of it.
fn resource() -> Resource {
    let named = Resource::builder().build();
    let name = named.get(&"service.name".into());
    // So it is called by the library where no variable has a name.
    let is_unknown = name.is_none_or(|name| name.as_str().starts_with("unknown_service"));
    match is_unknown {
        true => Resource::builder().with_service_name(SERVICE).build(),
        false => named,
    }
}
