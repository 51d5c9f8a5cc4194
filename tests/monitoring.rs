//! Running it, through real processes, signals and sockets: metrics, log, traces, status, start and stop.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]
#![allow(unreachable_pub, reason = "what tests share is public for some of them")]

#[cfg(unix)]
#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/clock.rs"]
mod clock;
#[path = "support/program.rs"]
mod program;

#[path = "monitoring/company.rs"]
mod company;
#[path = "monitoring/http.rs"]
mod http;

#[path = "monitoring/examples.rs"]
mod examples;
#[path = "monitoring/history.rs"]
mod history;
#[path = "monitoring/log.rs"]
mod log;
#[path = "monitoring/metrics.rs"]
mod metrics;
#[cfg(unix)]
#[path = "monitoring/receiver.rs"]
mod receiver;
#[cfg(unix)]
#[path = "monitoring/service.rs"]
mod service;
#[path = "monitoring/staleness.rs"]
mod staleness;
#[path = "monitoring/status.rs"]
mod status;
#[cfg(unix)]
#[path = "monitoring/traces.rs"]
mod traces;
