//! Look-ups by the minute, by a clock that is handed in.

use std::sync::Arc;
use std::time::Duration;

use ringroute::engine::{CallMinute, Engine, LookUpKind, LookUpOutcome, keep_call_history};
use tokio_util::sync::CancellationToken;

use crate::clock::MovableClock;

const PATIENCE: Duration = Duration::from_secs(60);

/// The history once it has so many minutes, the one under way among them.
async fn minutes(engine: &Engine, count: usize) -> Vec<CallMinute> {
    let reached = async {
        loop {
            let history = engine.call_history();
            if history.len() >= count {
                return history;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("no minute ended")
}

#[tokio::test]
async fn every_minute_has_the_look_ups_that_came_while_it_went_on() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path()).unwrap();
    let clock = Arc::new(MovableClock::default());
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(keep_call_history(Arc::clone(&engine), Arc::clone(&clock) as _, stop.clone()));
    minutes(&engine, 1).await;
    let mut expected = Vec::new();
    for (round, look_ups) in [3, 0, 2].into_iter().enumerate() {
        for _ in 0..look_ups {
            engine.look_ups().count(LookUpKind::Route, LookUpOutcome::Matched, Duration::ZERO);
        }
        engine.look_ups().count(LookUpKind::Match, LookUpOutcome::Refused, Duration::ZERO);
        assert_eq!(engine.call_history().last().unwrap().counts.answered, look_ups, "the one under way");
        clock.put_forward(Duration::from_secs(60));
        minutes(&engine, round + 2).await;
        expected.push((look_ups, look_ups, 1));
    }
    let history = engine.call_history();
    let counts = history.iter().map(|minute| minute.counts);
    let counts: Vec<_> =
        counts.map(|counts| (counts.answered, counts.matched, counts.failed)).take(3).collect();
    assert_eq!(counts, expected);
    assert!(history.iter().all(|minute| minute.begins.as_second() % 60 == 0));
    stop.cancel();
    keeping.await.unwrap();
}
