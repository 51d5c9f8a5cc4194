//! Whether a process takes what it took, or more and more.

use std::time::Duration;

use super::server::{Life, Sample};

/// How much the memory may grow from the second quarter of a life to the last: what an allocator keeps is not the same
/// from one minute to the next.
const GROWTH: f64 = 1.15;

/// And besides, in KiB: a share of a small process is nothing.
const SLACK: u64 = 8 * 1024;

/// A process that lived no longer than this still grows to its size, so that only much more is a fault, in KiB.
const YOUNG: Duration = Duration::from_secs(120);
const SLACK_OF_YOUNG: u64 = 64 * 1024;

/// How many more open files there may be: readings of the store come and go.
const MORE_FILES: u64 = 8;

/// Lives with fewer samples say nothing.
const ENOUGH_SAMPLES: usize = 24;

fn median(samples: &[Sample], of: impl Fn(&Sample) -> u64) -> u64 {
    let mut values: Vec<u64> = samples.iter().map(of).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// Looks at every life that was long enough, and tells of the longest.
pub(crate) fn check(lives: &[Life], mut fault: impl FnMut(String)) {
    let longest = lives.iter().map(|life| life.samples.len()).max().unwrap_or(0);
    assert!(longest >= ENOUGH_SAMPLES, "no process lived long enough to be looked at");
    for life in lives.iter().filter(|life| life.samples.len() >= ENOUGH_SAMPLES) {
        let quarter = life.samples.len() / 4;
        let quarters: Vec<&[Sample]> = life.samples.chunks(quarter).take(4).collect();
        let memory: Vec<u64> =
            quarters.iter().map(|samples| median(samples, |sample| sample.memory)).collect();
        let files: Vec<u64> = quarters.iter().map(|samples| median(samples, |sample| sample.files)).collect();
        let age = life.samples[life.samples.len() - 1].at - life.samples[0].at;
        if life.samples.len() == longest {
            let most = life.samples.iter().map(|sample| (sample.memory, sample.files));
            let most = most.fold((0, 0), |most, now| (most.0.max(now.0), most.1.max(now.1)));
            eprintln!(
                "the longest of {} processes lived {:.0} s; medians of its quarters: {memory:?} KiB resident, {files:?} \
                 open files; most: {} KiB, {} files",
                lives.len(),
                age.as_secs_f64(),
                most.0,
                most.1
            );
        }
        let slack = if age < YOUNG { SLACK_OF_YOUNG } else { SLACK };
        if memory[3] as f64 > memory[1] as f64 * GROWTH + slack as f64 {
            fault(format!("memory grows: {memory:?} KiB in the quarters of a life"));
        }
        if files[3] > files[1] + MORE_FILES {
            fault(format!("open files grow: {files:?} in the quarters of a life"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Of a process that lived 100 times so long.
    fn faults_of(every: Duration, value: impl Fn(u64) -> (u64, u64)) -> Vec<String> {
        let start = Instant::now();
        let sample = |number: u64| {
            let (memory, files) = value(number);
            Sample { at: start + every * number as u32, memory, files }
        };
        let life = Life { samples: (0..100).map(sample).collect(), ..Life::default() };
        let mut faults = Vec::new();
        check(&[life], |fault| faults.push(fault));
        faults
    }

    fn faults(value: impl Fn(u64) -> (u64, u64)) -> Vec<String> {
        faults_of(Duration::from_secs(10), value)
    }

    #[test]
    fn what_grows_is_seen_and_what_goes_up_and_down_is_not() {
        assert_eq!(faults(|number| (50_000 + number % 7 * 900, 40 + number % 5)), [""; 0]);
        assert_eq!(faults(|number| (50_000 + number * 500, 40)).len(), 1);
        assert_eq!(faults(|number| (50_000, 40 + number)).len(), 1);
        // A young process may grow more, and not without end.
        let young = Duration::from_millis(200);
        assert_eq!(faults_of(young, |number| (50_000 + number * 500, 40)), [""; 0]);
        assert_eq!(faults_of(young, |number| (50_000 + number * 3000, 40)).len(), 1);
        // Growing at first is starting.
        assert_eq!(faults(|number| (50_000 + number.min(25) * 3000, 40 + number.min(25))), [""; 0]);
    }
}
