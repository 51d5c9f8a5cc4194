//! A value that many read and one replaces: reading never waits, and never frees what was replaced.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};

use crate::background;

/// How often the freeing thread looks whether readers have let go of a value.
const LET_GO_CHECK: Duration = Duration::from_millis(10);

/// A value, or none yet, in memory that takes a while to be freed. Whatever was replaced goes to a thread of its own,
/// which holds it until nobody else does: so it is that thread that frees it, whoever lets go last.
#[derive(Debug)]
pub(super) struct Replaceable<T> {
    current: ArcSwapOption<T>,
    replaced: mpsc::Sender<Arc<T>>,
}

impl<T: Send + Sync + 'static> Replaceable<T> {
    /// Without a value. The thread that frees has this name, and ends when this and all values are gone.
    pub(super) fn new(thread: &str) -> io::Result<Self> {
        let (replaced, to_free) = mpsc::channel();
        thread::Builder::new().name(thread.to_owned()).spawn(move || {
            background::give_way();
            free_when_let_go(&to_free);
        })?;
        Ok(Replaceable { current: ArcSwapOption::empty(), replaced })
    }

    /// The value to read now.
    pub(super) fn load(&self) -> Guard<Option<Arc<T>>> {
        self.current.load()
    }

    /// From now on, this is what is read.
    pub(super) fn replace(&self, value: T) {
        if let Some(replaced) = self.current.swap(Some(Arc::new(value))) {
            // The thread lives as long as this; were it gone, the value would be freed here.
            drop(self.replaced.send(replaced));
        }
    }
}

/// Takes what was replaced, and frees each value once nobody else has it. One that is used for long keeps no other.
fn free_when_let_go<T>(replaced: &mpsc::Receiver<Arc<T>>) {
    let mut used: Vec<Arc<T>> = Vec::new();
    loop {
        let next = if used.is_empty() {
            replaced.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            replaced.recv_timeout(LET_GO_CHECK)
        };
        match next {
            Ok(value) => used.push(value),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) if used.is_empty() => return,
            Err(RecvTimeoutError::Disconnected) => thread::sleep(LET_GO_CHECK),
        }
        // Nobody can come to it any more who has not got it: with one holder left, that is this thread.
        used.retain(|value| Arc::strong_count(value) > 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender};

    use super::*;

    const FREEING: &str = "free-probes";

    /// Says, when it is freed, which it was and on which thread that happened.
    #[derive(Debug)]
    struct Probe {
        number: usize,
        freed: Sender<(usize, String)>,
    }

    impl Drop for Probe {
        fn drop(&mut self) {
            let thread = thread::current().name().unwrap_or_default().to_owned();
            // Nobody listens at the end of a test.
            let _ = self.freed.send((self.number, thread));
        }
    }

    struct Probes {
        held: Replaceable<Probe>,
        freed: Sender<(usize, String)>,
        told: Receiver<(usize, String)>,
    }

    impl Probes {
        fn new() -> Self {
            let (freed, told) = mpsc::channel();
            Probes { held: Replaceable::new(FREEING).unwrap(), freed, told }
        }

        fn replace(&self, number: usize) {
            self.held.replace(Probe { number, freed: self.freed.clone() });
        }

        fn freed(&self) -> (usize, String) {
            self.told.recv().unwrap()
        }
    }

    fn freed(number: usize) -> (usize, String) {
        (number, FREEING.to_owned())
    }

    #[test]
    fn who_lets_go_last_does_not_free() {
        let probes = Probes::new();
        probes.replace(1);
        // More than a thread can hold without counting.
        let guards: Vec<_> = (0..20).map(|_| probes.held.load()).collect();
        let counted = probes.held.load().as_ref().map(Arc::clone);
        probes.replace(2);
        drop(guards);
        assert!(probes.told.try_recv().is_err(), "one is still used");
        drop(counted);
        assert_eq!(probes.freed(), freed(1));
    }

    #[test]
    fn one_that_is_used_for_long_keeps_no_other() {
        let probes = Probes::new();
        probes.replace(1);
        let first = probes.held.load();
        probes.replace(2);
        let second = probes.held.load();
        probes.replace(3);
        drop(second);
        assert_eq!(probes.freed(), freed(2));
        drop(first);
        assert_eq!(probes.freed(), freed(1));
    }

    #[test]
    fn whatever_readers_do_none_of_them_frees() {
        const VALUES: usize = 3_000;
        let probes = Probes::new();
        probes.replace(0);
        thread::scope(|scope| {
            for reader in 0..4 {
                let held = &probes.held;
                scope.spawn(move || {
                    let mut last = 0;
                    let mut kept = Vec::new();
                    while last < VALUES {
                        let guard = held.load();
                        let value = guard.as_ref().unwrap();
                        assert!(value.number >= last, "a reader went back from {last} to {}", value.number);
                        last = value.number;
                        // Some keep what they read for a while, counted or not.
                        match (last + reader) % 4 {
                            0 => kept.push((Some(Arc::clone(value)), None)),
                            1 => kept.push((None, Some(guard))),
                            2 => kept.clear(),
                            _ => {}
                        }
                        if kept.len() > 30 {
                            kept.clear();
                        }
                    }
                });
            }
            (1..=VALUES).for_each(|number| probes.replace(number));
        });
        let mut all: Vec<_> = (0..VALUES).map(|_| probes.freed()).collect();
        all.sort();
        assert_eq!(all, (0..VALUES).map(freed).collect::<Vec<_>>());
    }

    #[test]
    fn values_in_use_outlive_what_they_came_from() {
        let probes = Probes::new();
        probes.replace(1);
        let first = probes.held.load().as_ref().map(Arc::clone);
        probes.replace(2);
        let Probes { held, freed: sender, told } = probes;
        drop(held);
        drop(sender);
        assert_eq!(told.recv().unwrap().0, 2);
        assert!(told.try_recv().is_err(), "one is still used");
        drop(first);
        assert_eq!(told.recv().unwrap(), freed(1));
    }
}
