//! How many connections there may be, and what the clients of one address have under way. A network of IPv6 (/64) is one
//! address ([`one_address`]).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::{Peer, one_address};
use crate::config::BoundsConfig;

/// Counts connections. A lock is held for moments, when a connection begins and when it ends; never by a request.
#[derive(Debug)]
pub(super) struct Places {
    bounds: BoundsConfig,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, OfAddress>,
}

#[derive(Debug, Default)]
struct OfAddress {
    connections: usize,
    under_way: Arc<UnderWay>,
}

/// What the clients of one address have under way, over all their connections, as whoever answers them counts it.
#[derive(Debug, Default)]
pub struct UnderWay {
    /// Calls, and open streams of calls.
    pub calls: AtomicUsize,
    /// Requests of all other kinds.
    pub administrative: AtomicUsize,
    /// Questions about health.
    pub health: AtomicUsize,
}

/// A connection's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: Option<IpAddr>,
    /// `None` where clients are not told apart by address.
    pub(super) under_way: Option<Arc<UnderWay>>,
}

/// Which bound leaves no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    All,
    Address,
}

impl Places {
    pub(super) fn new(bounds: BoundsConfig) -> Arc<Self> {
        Arc::new(Places { bounds, taken: Mutex::default() })
    }

    pub(super) fn take(self: &Arc<Self>, peer: Peer) -> Result<Place, Full> {
        let address = match peer {
            Peer::Network(address) => Some(one_address(address.ip())),
            // All of one machine, which has its bound in the whole.
            Peer::Local(_) | Peer::Unknown => None,
        };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.bounds.connections {
            return Err(Full::All);
        }
        let mut under_way = None;
        if let Some(address) = address {
            let of_address = taken.by_address.entry(address).or_default();
            if of_address.connections >= self.bounds.connections_per_address {
                return Err(Full::Address);
            }
            of_address.connections += 1;
            under_way = Some(Arc::clone(&of_address.under_way));
        }
        taken.all += 1;
        drop(taken);
        Ok(Place { places: Arc::clone(self), address, under_way })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(address) = self.address
            && let Some(of_address) = taken.by_address.get_mut(&address)
        {
            of_address.connections -= 1;
            // Else every address that ever connected would be remembered.
            if of_address.connections == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Peer {
        Peer::Network(format!("{address}:1").parse().unwrap())
    }

    #[test]
    fn places_are_bounded_as_a_whole_and_by_address_and_come_back() {
        let bounds = BoundsConfig { connections: 3, connections_per_address: 2, ..BoundsConfig::default() };
        let places = Places::new(bounds);
        let first = places.take(from("192.0.2.1")).unwrap();
        let second = places.take(from("[::ffff:192.0.2.1]")).unwrap();
        let [Some(one), Some(same)] = [&first, &second].map(|place| place.under_way.as_ref()) else {
            panic!("addresses are told apart");
        };
        assert!(Arc::ptr_eq(one, same), "what is under way is counted together");
        assert_eq!(places.take(from("192.0.2.1")).unwrap_err(), Full::Address);
        let other = places.take(from("192.0.2.2")).unwrap();
        assert_eq!(places.take(Peer::Local(None)).unwrap_err(), Full::All);
        drop(other);
        assert_eq!(places.taken.lock().unwrap().by_address.len(), 1);
        assert_eq!(places.take(from("192.0.2.1")).unwrap_err(), Full::Address);
        drop(first);
        let _again = places.take(from("192.0.2.1")).unwrap();
        let local = places.take(Peer::Local(Some(0))).unwrap();
        assert!(local.under_way.is_none());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let bounds = BoundsConfig { connections_per_address: 2, ..BoundsConfig::default() };
        let places = Places::new(bounds);
        let [one, same] =
            ["[2001:db8::1]", "[2001:db8::2:0:0:1]"].map(|address| places.take(from(address)).unwrap());
        let under_way = [&one, &same].map(|place| Arc::clone(place.under_way.as_ref().unwrap()));
        assert!(Arc::ptr_eq(&under_way[0], &under_way[1]), "what is under way is counted together");
        assert_eq!(places.take(from("[2001:db8::ffff]")).unwrap_err(), Full::Address);
        let _next = places.take(from("[2001:db8:0:1::1]")).unwrap();
        drop(one);
        let _again = places.take(from("[2001:db8::ffff]")).unwrap();
    }
}
