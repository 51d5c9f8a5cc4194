//! `[traces]`: where spans of calls and runs are sent, for those who follow them from program to program.

use hyper::Uri;
use serde::Deserialize;

use crate::settings::is_this_machine;

/// Where spans are sent, and of which calls.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TracesConfig {
    /// The URL of what receives them, by OTLP over gRPC; nothing is sent without one. `RINGROUTE_TRACES_ENDPOINT`.
    pub endpoint: Option<String>,
    /// Of the requests that come without a trace of their own, the fraction that is followed, 0 to 1.
    pub sample: f64,
}

const EXPECTED_ENDPOINT: &str = "http://127.0.0.1:4317 or https://collector.example.com:4317 is expected";

impl TracesConfig {
    /// What cannot be, if anything: the field, and what is wrong. Beyond this machine spans are sent in clear only where
    /// the network is trusted.
    pub(super) fn problem(&self, network_is_trusted: bool) -> Option<(&'static str, String)> {
        let problem =
            self.endpoint.as_deref().and_then(|endpoint| wrong_endpoint(endpoint, network_is_trusted));
        if let Some(problem) = problem {
            return Some(("traces.endpoint", problem));
        }
        let sample = self.sample;
        (!(0.0..=1.0).contains(&sample))
            .then(|| ("traces.sample", format!("{sample} is not 0 to 1, such as 0.01 for one in a hundred")))
    }
}

/// What is wrong with it. A URL with a user in it is not repeated: it holds a secret.
fn wrong_endpoint(endpoint: &str, network_is_trusted: bool) -> Option<String> {
    let Ok(uri) = endpoint.parse::<Uri>() else {
        return Some(format!("is not a URL; {EXPECTED_ENDPOINT}"));
    };
    let host = uri.host().filter(|host| !host.is_empty());
    let (Some(scheme), Some(host)) = (uri.scheme_str(), host) else {
        return Some(format!("{endpoint:?} is not a whole URL; {EXPECTED_ENDPOINT}"));
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Some(
            "there is a user in the URL; a key goes into the environment, as OTEL_EXPORTER_OTLP_HEADERS"
                .to_owned(),
        );
    }
    if uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
        return Some(format!("{endpoint:?} has a path, and gRPC has none; {EXPECTED_ENDPOINT}"));
    }
    match scheme {
        "https" => None,
        "http" if is_this_machine(host) || network_is_trusted => None,
        "http" => Some(format!(
            "{endpoint:?} can be read on the way; write https://, or say `insecure = true` (RINGROUTE_INSECURE=true) \
             if the network is trusted"
        )),
        _ => Some(format!("{scheme:?} is no scheme of a receiver; {EXPECTED_ENDPOINT}")),
    }
}
