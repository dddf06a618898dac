//! The queue in which spans wait for the collector: what has no room in it is lost, counted, and said once a minute. It must
//! not make anybody wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

use super::lost::Lost;

/// How many spans wait. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    /// So many are being sent, and wait no more.
    pub(super) fn left(&self, spans: usize) {
        self.0.fetch_sub(spans, Ordering::Relaxed);
    }

    /// One more waits, unless so many do. Returns whether it does.
    fn enters(&self, most: usize) -> bool {
        let next = |waiting| (waiting < most).then_some(waiting + 1);
        let entered = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        entered.is_ok()
    }
}

/// The library's own queue, and what it has no room for.
#[derive(Debug)]
pub(super) struct Queue<P> {
    next: P,
    waiting: Waiting,
    most: usize,
    lost: Lost,
}

impl Queue<BatchSpanProcessor> {
    /// Has at most so many spans wait for what sends them, which says when they do no more.
    pub(super) fn new(sends: impl SpanExporter + 'static, waiting: Waiting, most: usize) -> Self {
        let config = BatchConfigBuilder::default().with_max_queue_size(most);
        let next = BatchSpanProcessor::builder(sends).with_batch_config(config.build());
        Self::before(next.build(), waiting, most)
    }
}

impl<P: SpanProcessor> Queue<P> {
    fn before(next: P, waiting: Waiting, most: usize) -> Self {
        let lost = Lost::default();
        Self {
            next,
            waiting,
            most,
            lost,
        }
    }
}

fn say(spans: u64) {
    tracing::warn!(
        spans,
        "spans were lost: the collector takes them more slowly than they are recorded"
    );
}

impl<P: SpanProcessor> SpanProcessor for Queue<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.next.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        match self.waiting.enters(self.most) {
            true => self.next.on_end(span),
            false => self.lost.add(1, say),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.lost.end(say);
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// Takes nothing out of the queue.
    #[derive(Debug, Default, Clone)]
    struct Stuck(Arc<AtomicUsize>);

    impl SpanProcessor for Stuck {
        fn on_start(&self, _: &mut Span, _: &Context) {}

        fn on_end(&self, _: SpanData) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }

        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }
    }

    #[test]
    fn what_has_no_room_is_lost_and_there_is_room_again_for_as_much_as_is_sent() {
        let (stuck, waiting) = (Stuck::default(), Waiting::default());
        let queue = Queue::before(stuck.clone(), waiting.clone(), 3);
        let provider = SdkTracerProvider::builder();
        let provider = provider.with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        let record = |count| (0..count).for_each(|_| drop(tracer.start("one")));
        record(5);
        assert_eq!(stuck.0.load(Ordering::Relaxed), 3);
        waiting.left(2);
        record(9);
        assert_eq!(stuck.0.load(Ordering::Relaxed), 5);
    }
}
