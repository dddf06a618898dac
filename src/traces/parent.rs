//! The context of a span as text: `traceparent` of W3C Trace Context, from a request or a message of another node. Who may
//! be believed is decided elsewhere; `tracestate` is neither read nor sent, since anybody may write anything into it.

use axum::http::HeaderMap;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// By which others say to which trace a request belongs.
const TRACE_PARENT: &str = "traceparent";

/// The context that comes with a request; `None`: none does, or more than one.
pub(crate) fn sent(headers: &HeaderMap) -> Option<SpanContext> {
    let mut sent = headers.get_all(TRACE_PARENT).iter();
    let only = sent.next().filter(|_| sent.next().is_none());
    given(only?.to_str().ok()?)
}

/// The context that is written so; `None`: it is not one.
pub(crate) fn given(text: &str) -> Option<SpanContext> {
    let (version, rest) = text.split_once('-')?;
    let (trace, rest) = rest.split_once('-')?;
    let (span, flags) = rest.split_once('-')?;
    let flags = match hex(version, 2)? {
        0xff => return None,
        0 => hex(flags, 2)?,
        // A later version may have more behind.
        _ => hex(flags.split('-').next()?, 2)?,
    };
    let trace = TraceId::from(hex(trace, 32)?);
    let span = SpanId::from(u64::try_from(hex(span, 16)?).ok()?);
    let is_sampled = flags & 1 == 1;
    let flags = TraceFlags::default().with_sampled(is_sampled);
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

/// A number of so many digits, which are lower case.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let fits = text.len() == digits && text.bytes().all(is_hex);
    fits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// A context as others read it, if its span is recorded.
pub(super) fn written(at: &SpanContext) -> Option<String> {
    let is_recorded = at.is_valid() && at.is_sampled();
    is_recorded.then(|| format!("00-{}-{}-01", at.trace_id(), at.span_id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_read_as_it_is_standardized_and_nothing_else() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = given(good).unwrap();
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(
            context.trace_id().to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert_eq!(context.span_id().to_string(), "b7ad6b7169203331");
        assert_eq!(written(&context).as_deref(), Some(good));
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more";
        assert!(given(later).is_some_and(|context| !context.is_sampled()));
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333é-01",
        ] {
            assert!(given(bad).is_none(), "{bad}");
        }
    }
}
