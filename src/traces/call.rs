//! A request over gRPC as a span, by the semantic conventions for [RPC] and [gRPC], version 1.45.
//!
//! [RPC]: https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/
//! [gRPC]: https://opentelemetry.io/docs/specs/semconv/rpc/grpc/

use hyper::HeaderMap;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId,
    TraceState,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    IdGenerator as _, RandomIdGenerator, SamplingDecision, ShouldSample as _, Span,
};
use tonic::Code;

use super::Traces;

/// The header with the trace that a request is part of, [W3C Trace Context](https://www.w3.org/TR/trace-context/).
const TRACEPARENT: &str = "traceparent";

/// A request that is followed. The span ends with it, and is then sent. Without a status when nobody waited for the
/// answer to its end.
#[derive(Debug)]
pub struct CallSpan {
    span: Span,
}

impl Traces {
    /// Begins the span of a request, if it is followed. `path` is that of the RPC, `/package.Service/Method`, and has to
    /// be of one that there is, not what somebody made up. Allocates nothing for one that is not followed.
    #[must_use]
    pub fn begin_call(&self, path: &str, headers: &HeaderMap) -> Option<Box<CallSpan>> {
        let parent = match headers.get(TRACEPARENT).and_then(|value| Parent::read(value.as_bytes())) {
            Some(parent) if parent.is_followed => parent.context(),
            Some(_) => return None,
            None if self.is_followed_by_chance() => Context::new(),
            None => return None,
        };
        let method = path.trim_start_matches('/').to_owned();
        let builder = SpanBuilder::from_name(method.clone())
            .with_kind(SpanKind::Server)
            .with_attributes([KeyValue::new("rpc.system.name", "grpc"), KeyValue::new("rpc.method", method)]);
        Some(Box::new(CallSpan { span: self.begin(builder, &parent) }))
    }

    fn is_followed_by_chance(&self) -> bool {
        let trace_id = RandomIdGenerator::default().new_trace_id();
        let drawn = self.by_chance.should_sample(None, trace_id, "", &SpanKind::Server, &[], &[]);
        drawn.decision == SamplingDecision::RecordAndSample
    }
}

impl CallSpan {
    /// Notes what the request was answered with. Not the message: it may hold what was asked.
    pub fn answered(&mut self, code: Code) {
        let name = name(code);
        self.span.set_attribute(KeyValue::new("rpc.response.status_code", name));
        if is_error_of_server(code) {
            self.span.set_attribute(KeyValue::new("error.type", name));
            self.span.set_status(Status::error(""));
        }
    }
}

/// What a request is part of: the beginning of `traceparent`, which every version has.
///
/// `tracestate` is not read: nothing is passed on to anybody, and what is in it would be sent as it came.
#[derive(Debug, PartialEq)]
struct Parent {
    trace_id: TraceId,
    span_id: SpanId,
    is_followed: bool,
}

impl Parent {
    /// Reads the header. What is not as it has to be counts as none, as the recommendation wants it.
    fn read(value: &[u8]) -> Option<Self> {
        let mut parts = value.splitn(5, |byte| *byte == b'-');
        let version = hexadecimal(parts.next()?, 2)?;
        let trace_id = TraceId::from(hexadecimal(parts.next()?, 32)?);
        let span_id = SpanId::from(u64::try_from(hexadecimal(parts.next()?, 16)?).ok()?);
        let flags = u8::try_from(hexadecimal(parts.next()?, 2)?).ok()?;
        let has_more = parts.next().is_some();
        let is_readable = version != 0xff && !(version == 0 && has_more);
        let is_valid = is_readable && trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
        is_valid.then(|| Parent { trace_id, span_id, is_followed: TraceFlags::new(flags).is_sampled() })
    }

    fn context(self) -> Context {
        let Parent { trace_id, span_id, .. } = self;
        let parent = SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, true, TraceState::default());
        Context::new().with_remote_span_context(parent)
    }
}

/// So many digits, the letters among them small.
fn hexadecimal(text: &[u8], digits: usize) -> Option<u128> {
    let is_written_so =
        text.len() == digits && text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let text = std::str::from_utf8(text).ok().filter(|_| is_written_so)?;
    u128::from_str_radix(text, 16).ok()
}

/// Whether the server is at fault, and not whoever asked: the conventions' list for servers.
fn is_error_of_server(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// As gRPC writes it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn read(value: &str) -> Option<(String, String, bool)> {
        let Parent { trace_id, span_id, is_followed } = Parent::read(value.as_bytes())?;
        Some((trace_id.to_string(), span_id.to_string(), is_followed))
    }

    #[test]
    fn the_trace_that_a_request_comes_with_is_read_as_it_is_written() {
        for (flags, is_followed) in [("00", false), ("01", true), ("02", false), ("03", true), ("ff", true)] {
            let found = read(&format!("00-{TRACE}-00f067aa0ba902b7-{flags}"));
            assert_eq!(
                found,
                Some((TRACE.to_owned(), "00f067aa0ba902b7".to_owned(), is_followed)),
                "{flags}"
            );
        }
        assert!(read(&format!("01-{TRACE}-00f067aa0ba902b7-01-more-of-it")).is_some(), "a version to come");
    }

    #[test]
    fn what_is_no_trace_counts_as_none() {
        let none = "0".repeat(32);
        for wrong in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("0-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-1"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{}-00f067aa0ba902b7-01", &TRACE[1..]),
            format!("00-{none}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}-+0f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902bé-01"),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn statuses_are_written_as_grpc_writes_them_and_only_some_are_errors_of_the_server() {
        let all: Vec<Code> = (0..17).map(Code::from_i32).collect();
        for code in &all {
            // INVALID_ARGUMENT, InvalidArgument
            let letters = name(*code).replace('_', "");
            assert!(letters.eq_ignore_ascii_case(&format!("{code:?}")), "{letters}");
        }
        let errors: Vec<&str> = all.into_iter().filter(|code| is_error_of_server(*code)).map(name).collect();
        assert_eq!(
            errors,
            ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"]
        );
    }
}
