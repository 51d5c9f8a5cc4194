//! Following a run under way.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::api::grpc::convert::runs;
use crate::api::grpc::status;
use crate::api::proto::v1;
use crate::engine::{ActiveRun, Engine};
use crate::sync::{Progress, RunId, SyncRun};

/// Time between two messages, at least: five a second are a moving progress bar. The last one does not wait.
const BETWEEN_MESSAGES: Duration = Duration::from_millis(200);

/// Ends when the run has ended and is recorded.
pub(super) async fn end_of(run: &ActiveRun) {
    // An error means that the run is gone, which is its end too.
    let _ = run.progress().wait_for(|progress| progress.finished.is_some()).await;
}

/// Where the run is, again and again, until it has ended. `active` is `None` when it has ended already.
pub(super) fn watch(
    active: Option<&ActiveRun>,
    record: SyncRun,
    stop: CancellationToken,
) -> ReceiverStream<Result<v1::WatchSyncResponse, Status>> {
    let (news, stream) = mpsc::channel(1);
    match active.map(ActiveRun::progress) {
        None => {
            let last = Ok(v1::WatchSyncResponse { progress: Some(runs::ended_progress(&record)) });
            // There is room for one, and the receiver is here.
            let _ = news.try_send(last);
        }
        Some(progress) => {
            tokio::spawn(async move {
                tokio::select! {
                    () = tell(progress, &record, &news) => {}
                    // The watcher left.
                    () = news.closed() => {}
                    () = stop.cancelled() => {
                        let _ = news.send(Err(status::shutting_down())).await;
                    }
                }
            });
        }
    }
    ReceiverStream::new(stream)
}

async fn tell(
    mut progress: watch::Receiver<Progress>,
    record: &SyncRun,
    news: &mpsc::Sender<Result<v1::WatchSyncResponse, Status>>,
) {
    let mut end = progress.clone();
    loop {
        let now = progress.borrow_and_update().clone();
        let message = v1::WatchSyncResponse { progress: Some(runs::progress(record, &now)) };
        if news.send(Ok(message)).await.is_err() || now.finished.is_some() {
            return;
        }
        let changed = async {
            tokio::time::sleep(BETWEEN_MESSAGES).await;
            progress.changed().await
        };
        let is_there = tokio::select! {
            changed = changed => changed.is_ok(),
            ended = end.wait_for(|progress| progress.finished.is_some()) => ended.is_ok(),
        };
        if !is_there {
            let _ =
                news.send(Err(Status::internal("the run ended without a result; please report this"))).await;
            return;
        }
    }
}

/// Cancels a run that nobody waits for any more; one that has ended is not touched.
pub(super) struct CancelWhenDropped {
    engine: Arc<Engine>,
    run: RunId,
}

impl CancelWhenDropped {
    pub(super) fn new(engine: &Arc<Engine>, run: RunId) -> Self {
        CancelWhenDropped { engine: Arc::clone(engine), run }
    }
}

impl Drop for CancelWhenDropped {
    fn drop(&mut self) {
        let _ = self.engine.cancel_sync(self.run);
    }
}
