//! Who is asking.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::{Role, Token};

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Over the network, be it only this machine's own.
    Network(SocketAddr),
    /// Over a Unix domain socket, from a process of this user (a number), where the system says which.
    Local(Option<u32>),
    /// It could not be told.
    Unknown,
}

/// What counts as one address: whoever has one of IPv6 has 2^64 of them. One of IPv4 is the same in both ways of writing
/// it.
#[must_use]
pub fn one_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

/// Who asks for something: a door puts it into the extensions of each request that it lets in, except for calls.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The token that was sent; `None` where the server asks for none.
    pub token: Option<Arc<Token>>,
    /// Where the request comes from.
    pub peer: Peer,
}

impl Caller {
    /// The role of the token. Where no token is asked for, everybody who can connect may do everything.
    #[must_use]
    pub fn role(&self) -> Role {
        self.token.as_ref().map_or(Role::Admin, |token| token.role())
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Network(address) => address.fmt(f),
            Peer::Local(Some(user)) => write!(f, "user {user} of this machine"),
            Peer::Local(None) => f.write_str("this machine"),
            Peer::Unknown => f.write_str("unknown"),
        }
    }
}

impl fmt::Display for Caller {
    /// For records: `192.0.2.7:40112, token "Kamailio"`, or only where from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.token {
            Some(token) => write!(f, "{}, token {:?}", self.peer, token.name()),
            None => self.peer.fmt(f),
        }
    }
}
