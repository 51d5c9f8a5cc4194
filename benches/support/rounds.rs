//! Contenders measured in turn, round after round: what the machine does besides hits all of them alike, so
//! the ratio within a round holds when the times do not.

use std::time::Instant;

/// A piece of work to be timed. Returns how many things it did, and must use what it found out.
pub struct Contender<'a> {
    pub name: String,
    work: Box<dyn FnMut() -> usize + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new(name: impl Into<String>, work: impl FnMut() -> usize + 'a) -> Self {
        Contender { name: name.into(), work: Box::new(work) }
    }
}

/// Times each contender once in every round, after a round that does not count. For each contender, the
/// nanoseconds per thing, by round.
pub fn interleaved(rounds: usize, contenders: &mut [Contender<'_>]) -> Vec<Vec<f64>> {
    let mut times = vec![Vec::with_capacity(rounds); contenders.len()];
    for round in 0..=rounds {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let start = Instant::now();
            let things = (contender.work)();
            let nanoseconds = start.elapsed().as_secs_f64() * 1e9;
            if round > 0 {
                times.push(nanoseconds / things as f64);
            }
        }
    }
    times
}

/// The median of what `ours` is to `base`, round by round.
pub fn ratio(ours: &[f64], base: &[f64]) -> f64 {
    median(ours.iter().zip(base).map(|(ours, base)| ours / base))
}

/// The middle value; of an even number of them, the higher of the two.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
