//! How often somebody may try to sign in.
//!
//! Counted before a password is looked at, for names that there are and for others alike. A name is tried only
//! so often from one address, and less strictly from all of them, so that who wants to keep an administrator
//! out needs many addresses; an address tries only so often altogether.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::access::one_address;
use crate::account::MAX_USER_NAME;
use crate::settings::folded_name;

/// Tries are forgotten after so many minutes.
const WINDOW_MINUTES: i64 = 15;
/// Of one name from one address.
const OF_NAME_FROM_ADDRESS: usize = 5;
/// Of one name from anywhere.
const OF_NAME: usize = 50;
/// From one address, which may be that of a whole office.
const FROM_ADDRESS: usize = 30;
/// How many names and addresses are remembered.
const MAX_REMEMBERED: usize = 20_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum What {
    NameFromAddress(String, IpAddr),
    Name(String),
    Address(IpAddr),
}

impl What {
    fn most(&self) -> usize {
        match self {
            What::NameFromAddress(..) => OF_NAME_FROM_ADDRESS,
            What::Name(_) => OF_NAME,
            What::Address(_) => FROM_ADDRESS,
        }
    }
}

fn all(name: &str, address: IpAddr) -> [What; 3] {
    let name: String = folded_name(name).chars().take(MAX_USER_NAME).collect();
    let address = one_address(address);
    [What::NameFromAddress(name.clone(), address), What::Name(name), What::Address(address)]
}

#[derive(Debug, Default)]
pub(super) struct Tries(Mutex<HashMap<What, Vec<Timestamp>>>);

impl Tries {
    fn lock(&self) -> MutexGuard<'_, HashMap<What, Vec<Timestamp>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a try; or says for how many minutes no more are taken.
    pub(super) fn take(&self, name: &str, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        let window = SignedDuration::from_mins(WINDOW_MINUTES);
        let mut known = self.lock();
        let all = all(name, address);
        for what in &all {
            let Some(tries) = known.get_mut(what) else { continue };
            tries.retain(|then| *then + window > now);
            if let (true, Some(first)) = (tries.len() >= what.most(), tries.first()) {
                let left = (*first + window).duration_since(now);
                return Err(u64::try_from(left.as_secs()).unwrap_or(0) / 60 + 1);
            }
        }
        if known.len() >= MAX_REMEMBERED {
            known.retain(|_, tries| tries.last().is_some_and(|last| *last + window > now));
        }
        if known.len() >= MAX_REMEMBERED {
            tracing::warn!(
                "so many names and addresses try to sign in to the console that all were forgotten"
            );
            known.clear();
        }
        for what in all {
            known.entry(what).or_default().push(now);
        }
        Ok(())
    }

    /// Somebody was signed in, so this was none of those who guess.
    pub(super) fn forget(&self, name: &str, address: IpAddr) {
        let mut known = self.lock();
        let [both, name, address] = all(name, address);
        known.remove(&both);
        for what in [name, address] {
            known.entry(what).and_modify(|tries| tries.truncate(tries.len().saturating_sub(1)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_name_is_tried_five_times_from_an_address_and_again_when_the_first_is_forgotten() {
        let tries = Tries::default();
        let minute = |minute| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
        for number in 0..5 {
            assert_eq!(tries.take("Ada", address(1), minute(number)), Ok(()));
        }
        assert_eq!(tries.take("ada", address(1), minute(5)), Err(11));
        assert_eq!(tries.take("ada", address(2), minute(5)), Ok(()), "from elsewhere");
        assert_eq!(tries.take("grace", address(1), minute(5)), Ok(()), "another name");
        assert_eq!(tries.take("ada", address(1), minute(15)), Ok(()));
        assert!(tries.take("ada", address(1), minute(15)).is_err());
    }

    #[test]
    fn an_address_is_bounded_whatever_names_it_tries_and_so_is_a_network_of_addresses() {
        let now = Timestamp::UNIX_EPOCH;
        let tries = Tries::default();
        for number in 0..FROM_ADDRESS {
            assert_eq!(tries.take(&number.to_string(), address(1), now), Ok(()));
        }
        assert!(tries.take("another", address(1), now).is_err());
        let tries = Tries::default();
        for number in 0..FROM_ADDRESS {
            let address = format!("2001:db8::{number:x}").parse().unwrap();
            assert_eq!(tries.take(&number.to_string(), address, now), Ok(()));
        }
        assert!(tries.take("another", "2001:db8::ffff".parse().unwrap(), now).is_err());
        assert!(tries.take("another", "2001:db8:0:1::1".parse().unwrap(), now).is_ok());
    }

    #[test]
    fn who_was_signed_in_has_not_guessed() {
        let (tries, now) = (Tries::default(), Timestamp::UNIX_EPOCH);
        for _ in 0..3 * FROM_ADDRESS {
            assert_eq!(tries.take("ada", address(1), now), Ok(()));
            tries.forget("ada", address(1));
        }
    }
}
