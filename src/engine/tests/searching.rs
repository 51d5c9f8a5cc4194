//! When what is searched is made.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::*;

async fn ready(engine: &Engine) {
    while !engine.is_ready_to_be_searched() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_searched_is_made_for_whoever_may_search_and_again_after_a_run() {
    let fixture = Fixture::new();
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(Arc::clone(&fixture.engine).keep_search_ready(stop.clone()));
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    tokio::task::yield_now().await;
    assert!(!fixture.engine.is_ready_to_be_searched(), "nobody is there");
    fixture.engine.expect_search();
    ready(&fixture.engine).await;
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "+44 20 7946 0123", "Support")]);
    fixture.sync().await;
    ready(&fixture.engine).await;
    stop.cancel();
    keeping.await.unwrap();
}
