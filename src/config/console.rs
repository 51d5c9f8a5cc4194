//! `[console]`: where people look at it in a browser.

use std::net::SocketAddr;

use serde::Deserialize;

/// Where the console is served.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsoleConfig {
    /// Whether it is served at all. `RINGROUTE_CONSOLE`.
    pub enabled: bool,
    /// Where; 127.0.0.1:8080 unless given. `RINGROUTE_CONSOLE_ADDRESS`.
    #[serde(deserialize_with = "super::some_socket_address")]
    pub address: Option<SocketAddr>,
    /// Names by which browsers may reach it, beside addresses and `localhost`; such as that of a server before it.
    pub hosts: Vec<String>,
}

/// Unless the configuration says another.
const DEFAULT_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

impl Default for ConsoleConfig {
    fn default() -> Self {
        ConsoleConfig { enabled: true, address: None, hosts: Vec::new() }
    }
}

impl ConsoleConfig {
    /// Where it is to be served.
    #[must_use]
    pub fn wanted_address(&self) -> SocketAddr {
        self.address.unwrap_or(DEFAULT_ADDRESS)
    }

    /// What cannot be, if anything.
    pub(super) fn problem(&self) -> Option<(&'static str, String)> {
        let is_name = |name: &String| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
        };
        let wrong = self.hosts.iter().find(|name| !is_name(name))?;
        Some((
            "console.hosts",
            format!("{wrong:?} is not the name of a host; write it alone, such as ringroute.example.com"),
        ))
    }
}
