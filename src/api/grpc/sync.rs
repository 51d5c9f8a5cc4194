//! `SyncService`: sources and their runs.

mod history;
mod previews;
mod quality;
mod sources;
mod watching;

use std::time::Duration;

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::{self, runs};
use super::request::{Pages, actor, check_name, cut, known_id, page_size};
use super::settings::{asked_in, kept_when_disabled, removed_sources};
use super::{Door, status};
use crate::api::proto::v1;
use crate::api::proto::v1::sync_service_server::SyncService;
use crate::engine::{Edited, Editor, Engine, EngineError, StartedRun};
use crate::source;
use crate::sync::{RunId, RunKind};

/// How long a source may take for a test.
const TEST_TIME: Duration = Duration::from_secs(60);

#[tonic::async_trait]
impl SyncService for Door {
    async fn start_sync(
        &self,
        request: Request<v1::StartSyncRequest>,
    ) -> Result<Response<v1::StartSyncResponse>, Status> {
        let started_by = actor(&request);
        let v1::StartSyncRequest { source, allow_preview } = request.into_inner();
        check_name("source", &source).map_err(status::of)?;
        let allowed = allow_preview.map(run_id).transpose()?;
        let StartedRun { run, already_running } =
            self.engine.start_sync(&source, RunKind::Sync, started_by, allowed).await.map_err(status::of)?;
        Ok(Response::new(v1::StartSyncResponse { run: Some(runs::run(run)), already_running }))
    }

    async fn cancel_sync(
        &self,
        request: Request<v1::CancelSyncRequest>,
    ) -> Result<Response<v1::CancelSyncResponse>, Status> {
        let id = run_id(request.get_ref().run_id)?;
        // Known before it is asked to end: afterwards it may be under way no longer.
        let active = self.engine.active_run(id);
        let _ = self.engine.cancel_sync_by(id, actor(&request));
        if let Some(active) = active {
            self.wait(watching::end_of(&active)).await?;
        }
        let run = self.engine.run(id).await.map_err(status::of)?;
        Ok(Response::new(v1::CancelSyncResponse { run: Some(runs::run(run)) }))
    }

    type WatchSyncStream = ReceiverStream<Result<v1::WatchSyncResponse, Status>>;

    async fn watch_sync(
        &self,
        request: Request<v1::WatchSyncRequest>,
    ) -> Result<Response<Self::WatchSyncStream>, Status> {
        let id = run_id(request.get_ref().run_id)?;
        // In this order: a run that ends in between is found ended by its record.
        let active = self.engine.active_run(id);
        let record = self.engine.run(id).await.map_err(status::of)?;
        Ok(Response::new(watching::watch(active.as_deref(), record, self.stop.clone())))
    }

    async fn preview_sync(
        &self,
        request: Request<v1::PreviewSyncRequest>,
    ) -> Result<Response<v1::PreviewSyncResponse>, Status> {
        let started_by = actor(&request);
        let v1::PreviewSyncRequest { source, attestation, at } = request.into_inner();
        check_name("source", &source).map_err(status::of)?;
        let assumed = convert::previews::assumed_calls(attestation, at.as_ref()).map_err(status::of)?;
        let StartedRun { run, already_running } =
            self.engine.start_preview(&source, started_by, assumed).await.map_err(status::of)?;
        let _abandoned = (!already_running).then(|| watching::CancelWhenDropped::new(&self.engine, run.id));
        if let Some(active) = self.engine.active_run(run.id) {
            self.wait(watching::end_of(&active)).await?;
        }
        let id = run.id;
        let said = move |engine: &Engine| {
            engine.read(|reading| {
                let run = reading.sync_run(id)?;
                let run =
                    run.ok_or_else(|| EngineError::NotFound { what: "sync run", name: id.to_string() })?;
                let preview = reading.preview(id)?.map(convert::previews::preview);
                Ok(v1::PreviewSyncResponse { run: Some(runs::run(run)), preview })
            })
        };
        self.read(said).await.map(Response::new)
    }

    async fn get_sync_preview(
        &self,
        request: Request<v1::GetSyncPreviewRequest>,
    ) -> Result<Response<v1::GetSyncPreviewResponse>, Status> {
        let request = request.into_inner();
        self.read(move |engine| previews::get(engine, &request)).await.map(Response::new)
    }

    async fn list_sync_preview_changes(
        &self,
        request: Request<v1::ListSyncPreviewChangesRequest>,
    ) -> Result<Response<v1::ListSyncPreviewChangesResponse>, Status> {
        let request = request.into_inner();
        self.read(move |engine| previews::changes(engine, &request)).await.map(Response::new)
    }

    async fn list_sync_runs(
        &self,
        request: Request<v1::ListSyncRunsRequest>,
    ) -> Result<Response<v1::ListSyncRunsResponse>, Status> {
        let request = request.into_inner();
        self.read(move |engine| list_runs(engine, &request)).await.map(Response::new)
    }

    async fn get_sync_run(
        &self,
        request: Request<v1::GetSyncRunRequest>,
    ) -> Result<Response<v1::GetSyncRunResponse>, Status> {
        let request = request.into_inner();
        self.read(move |engine| get_run(engine, &request)).await.map(Response::new)
    }

    async fn list_sync_changes(
        &self,
        request: Request<v1::ListSyncChangesRequest>,
    ) -> Result<Response<v1::ListSyncChangesResponse>, Status> {
        let request = request.into_inner();
        self.read(move |engine| history::list_changes(engine, &request)).await.map(Response::new)
    }

    async fn rollback_sync(
        &self,
        request: Request<v1::RollbackSyncRequest>,
    ) -> Result<Response<v1::RollbackSyncResponse>, Status> {
        let started_by = actor(&request);
        let v1::RollbackSyncRequest { run_id: id, dry_run } = request.into_inner();
        let id = run_id(id)?;
        if dry_run {
            let plan = self.read(move |engine| engine.plan_rollback(id)).await?;
            let plan = Some(convert::history::plan(plan));
            return Ok(Response::new(v1::RollbackSyncResponse { run: None, plan }));
        }
        let run = self.engine.start_rollback(id, started_by).await.map_err(status::of)?;
        Ok(Response::new(v1::RollbackSyncResponse { run: Some(runs::run(run)), plan: None }))
    }

    async fn list_sources(
        &self,
        request: Request<v1::ListSourcesRequest>,
    ) -> Result<Response<v1::ListSourcesResponse>, Status> {
        let request = request.into_inner();
        self.read(move |engine| sources::list(engine, &request)).await.map(Response::new)
    }

    async fn get_source(
        &self,
        request: Request<v1::GetSourceRequest>,
    ) -> Result<Response<v1::GetSourceResponse>, Status> {
        let v1::GetSourceRequest { name } = request.into_inner();
        let source = self.read(move |engine| sources::get(engine, &name)).await?;
        Ok(Response::new(v1::GetSourceResponse { source: Some(source) }))
    }

    async fn create_source(
        &self,
        request: Request<v1::CreateSourceRequest>,
    ) -> Result<Response<v1::CreateSourceResponse>, Status> {
        let actor = actor(&request);
        let v1::CreateSourceRequest { source } = request.into_inner();
        let (settings, _) = convert::sources::from_proto(source).map_err(status::of)?;
        let name = settings.name.clone();
        let checked = self.wait(self.engine.check_at_server(&name, &settings)).await?;
        let warnings = checked.map_err(status::of)?;
        let create = move |engine: &Editor<'_>| {
            engine.create_source(settings)?;
            sources::get(engine, &name)
        };
        let source = self.edit(actor, create).await?;
        Ok(Response::new(v1::CreateSourceResponse { source: Some(source), warnings }))
    }

    async fn update_source(
        &self,
        request: Request<v1::UpdateSourceRequest>,
    ) -> Result<Response<v1::UpdateSourceResponse>, Status> {
        let actor = actor(&request);
        let v1::UpdateSourceRequest { source, name, contacts } = request.into_inner();
        let (settings, etag) = convert::sources::from_proto(source).map_err(status::of)?;
        let keep = kept_when_disabled("contacts", contacts).map_err(status::of)?;
        let new_name = settings.name.clone();
        let present_name = if name.is_empty() { new_name.clone() } else { name };
        check_name("name", &present_name).map_err(status::of)?;
        let checked = self.wait(self.engine.check_at_server(&present_name, &settings)).await?;
        let warnings = checked.map_err(status::of)?;
        let update = move |engine: &Editor<'_>| {
            engine.update_source_and(&present_name, settings, &etag, keep)?;
            sources::get(engine, &new_name)
        };
        let source = self.edit(actor, update).await?;
        Ok(Response::new(v1::UpdateSourceResponse { source: Some(source), warnings }))
    }

    async fn delete_source(
        &self,
        request: Request<v1::DeleteSourceRequest>,
    ) -> Result<Response<v1::DeleteSourceResponse>, Status> {
        let actor = actor(&request);
        let v1::DeleteSourceRequest { name, contacts, etag } = request.into_inner();
        let delete = move |engine: &Editor<'_>| {
            check_name("name", &name)?;
            let deleted = engine.delete_source(&name, removed_sources("contacts", contacts)?, &etag);
            deleted.map_err(|error| asked_in("contacts", error))
        };
        let Edited { value: contact_count, generation } = self.edit(actor, delete).await?;
        Ok(Response::new(v1::DeleteSourceResponse { contact_count, generation: generation.0 }))
    }

    async fn test_source(
        &self,
        request: Request<v1::TestSourceRequest>,
    ) -> Result<Response<v1::TestSourceResponse>, Status> {
        let v1::TestSourceRequest { subject } = request.into_inner();
        let settings = self.read(move |engine| sources::to_test(engine, subject)).await?;
        let test = async {
            match source::open(&settings) {
                Ok(source) => convert::sources::tested(source.test().await),
                Err(error) => convert::sources::failed_test(error.to_string()),
            }
        };
        let tested = self.wait(tokio::time::timeout(TEST_TIME, test)).await?;
        Ok(Response::new(tested.unwrap_or_else(|_| {
            let problem =
                format!("the source did not answer within {TEST_TIME:?}; is it reachable, is it very large?");
            convert::sources::failed_test(problem)
        })))
    }

    async fn get_quality_report(
        &self,
        request: Request<v1::GetQualityReportRequest>,
    ) -> Result<Response<v1::GetQualityReportResponse>, Status> {
        let v1::GetQualityReportRequest { source } = request.into_inner();
        self.read(move |engine| quality::report(engine, &source)).await.map(Response::new)
    }

    async fn list_quality_findings(
        &self,
        request: Request<v1::ListQualityFindingsRequest>,
    ) -> Result<Response<v1::ListQualityFindingsResponse>, Status> {
        let request = request.into_inner();
        self.read(move |engine| quality::findings(engine, &request)).await.map(Response::new)
    }
}

fn run_id(id: u64) -> Result<RunId, Status> {
    known_id("sync run", id).map(RunId).map_err(status::of)
}

fn list_runs(
    engine: &Engine,
    request: &v1::ListSyncRunsRequest,
) -> Result<v1::ListSyncRunsResponse, EngineError> {
    let v1::ListSyncRunsRequest { source, page_size: size, page_token } = request;
    let size = page_size(*size)?;
    let before = Pages::SYNC_RUNS.number(page_token)?.map(RunId);
    if !source.is_empty() {
        check_name("source", source)?;
    }
    engine.read(|reading| {
        let known = if source.is_empty() { None } else { reading.source(source)? };
        // The runs of a source that was deleted are there under the name that it had.
        let name = known.as_ref().map_or(source.as_str(), |known| known.settings.name.as_str());
        let found = reading.sync_runs(Some(name).filter(|name| !name.is_empty()), before, size + 1)?;
        if !source.is_empty() && known.is_none() && found.is_empty() && before.is_none() {
            return Err(EngineError::NotFound { what: "source", name: source.clone() });
        }
        let (page, next_page_token) = cut(found, size, |run| Pages::SYNC_RUNS.token(run.id));
        let runs = page.into_iter().map(|run| runs::run_now(run, engine)).collect();
        Ok(v1::ListSyncRunsResponse { runs, next_page_token })
    })
}

fn get_run(engine: &Engine, request: &v1::GetSyncRunRequest) -> Result<v1::GetSyncRunResponse, EngineError> {
    let v1::GetSyncRunRequest { run_id, page_size: size, page_token } = request;
    let id = RunId(known_id("sync run", *run_id)?);
    let size = page_size(*size)?;
    // Problems are numbered from 0; a page begins with one.
    let first = Pages::SYNC_PROBLEMS.number(page_token)?.unwrap_or(0);
    engine.read(|reading| {
        let run = reading.sync_run(id)?;
        let run = run.ok_or_else(|| EngineError::NotFound { what: "sync run", name: id.to_string() })?;
        let found = reading.sync_problems(id, first, size + 1)?;
        let next = first.saturating_add(u64::from(size));
        let (page, next_page_token) = cut(found, size, |_| Pages::SYNC_PROBLEMS.token(next));
        Ok(v1::GetSyncRunResponse {
            run: Some(runs::run_now(run, engine)),
            problems: page.into_iter().map(runs::problem).collect(),
            next_page_token,
        })
    })
}
