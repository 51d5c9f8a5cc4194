//! Which generation is which world. Changes come one after the other; while one is under way, answers may come from
//! before or after it, and never from anything else.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::world::World;

/// So many generations may still be answered from when later ones are there: none that a call began after.
const KEPT: usize = 64;

pub(crate) struct History(Mutex<Inner>);

struct Inner {
    known: BTreeMap<u64, World>,
    current: u64,
    pending: Option<Pending>,
}

struct Pending {
    world: World,
    /// As soon as somebody was answered from it.
    generation: Option<u64>,
}

impl History {
    pub(crate) fn begin(generation: u64, world: World) -> Self {
        let known = BTreeMap::from([(generation, world)]);
        History(Mutex::new(Inner { known, current: generation, pending: None }))
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The generation that no answer to a call that is asked from now on may be older than.
    pub(crate) fn current(&self) -> u64 {
        self.inner().current
    }

    pub(crate) fn world(&self) -> World {
        let inner = self.inner();
        inner.known[&inner.current].clone()
    }

    /// What an answer must be that names this generation.
    pub(crate) fn world_of(&self, generation: u64, not_before: u64) -> Result<World, String> {
        let mut inner = self.inner();
        if generation < not_before {
            return Err(format!("answered from generation {generation}, asked when {not_before} was served"));
        }
        if let Some(world) = inner.known.get(&generation) {
            return Ok(world.clone());
        }
        let current = inner.current;
        match &mut inner.pending {
            Some(pending)
                if generation > current && pending.generation.is_none_or(|seen| seen == generation) =>
            {
                pending.generation = Some(generation);
                Ok(pending.world.clone())
            }
            _ => Err(format!("answered from generation {generation}, which there is not (now: {current})")),
        }
    }

    /// A change begins that would make this world.
    pub(crate) fn change_begins(&self, world: World) {
        self.inner().pending = Some(Pending { world, generation: None });
    }

    /// It has ended, and this generation is served: the one of before when it changed nothing.
    pub(crate) fn change_ended(&self, generation: u64) -> Result<bool, String> {
        let mut inner = self.inner();
        let pending = inner.pending.take();
        let seen = pending.as_ref().and_then(|pending| pending.generation);
        if generation == inner.current {
            return match seen {
                None => Ok(false),
                Some(seen) => {
                    Err(format!("answered from generation {seen}, and now it is {generation} again"))
                }
            };
        }
        let (Some(pending), true) = (pending, generation > inner.current) else {
            return Err(format!("generation {} has become {generation}", inner.current));
        };
        if seen.is_some_and(|seen| seen != generation) {
            return Err(format!("one change is the generations {seen:?} and {generation}"));
        }
        inner.known.insert(generation, pending.world);
        inner.current = generation;
        while inner.known.len() > KEPT {
            inner.known.pop_first();
        }
        Ok(true)
    }
}
