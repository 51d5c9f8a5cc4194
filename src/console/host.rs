//! By which name a request was sent, and from which page.
//!
//! A page of somebody else can have a name of its own resolved to this server's address (DNS rebinding), and
//! would then be of the same origin. Such a request has that name in `Host`: only addresses, `localhost` and
//! the names in the configuration are answered.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};

/// The host that a request was sent to, with the port if there is one.
pub(super) fn authority(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    // HTTP/2 has it in the URI.
    uri.authority().cloned().or_else(|| headers.get(header::HOST)?.to_str().ok()?.parse().ok())
}

/// Whether a name is one of this server's.
pub(super) fn is_ours(authority: &Authority, names: &[String]) -> bool {
    let host = authority.host().trim_end_matches('.');
    let is_address = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => host.parse::<IpAddr>().is_ok(),
    };
    is_address
        || host.eq_ignore_ascii_case("localhost")
        || names.iter().any(|name| name.eq_ignore_ascii_case(host))
}

/// Whether a request that changes something comes from a page of ours. Programs that are no browsers say
/// nothing of where it comes from; they need the token nevertheless.
pub(super) fn is_from_our_page(authority: &Authority, headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return false;
    }
    match headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => {
            let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
            origin.is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(authority.as_str()))
        }
    }
}

/// Whether the browser reached this server over TLS, perhaps through another server before it.
pub(super) fn is_encrypted(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_localhost_and_configured_names_are_ours_and_no_others() {
        let names = ["ringroute.example.com".to_owned()];
        let is_ours = |host: &str| is_ours(&host.parse().unwrap(), &names);
        for host in ["127.0.0.1:8080", "[::1]:8080", "localhost", "LOCALHOST:1", "Ringroute.example.com:443"]
        {
            assert!(is_ours(host), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example:8080", "localhost.evil.example", "example.com"] {
            assert!(!is_ours(host), "{host}");
        }
    }

    #[test]
    fn what_comes_from_another_page_is_not_from_ours() {
        let ours = "127.0.0.1:8080".parse().unwrap();
        let from = |headers: &[(&str, &str)]| {
            let mut all = HeaderMap::new();
            for (name, value) in headers {
                all.insert(header::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
            }
            is_from_our_page(&ours, &all)
        };
        assert!(from(&[]));
        assert!(from(&[("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")]));
        for header in [
            ("origin", "null"),
            ("origin", "http://127.0.0.1:8081"),
            ("origin", "http://evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(!from(&[header]), "{header:?}");
        }
    }
}
