//! What previews said, as the store has it.

use crate::api::grpc::convert::{previews, runs};
use crate::api::grpc::request::{Pages, bad, cut, known_id, page_size};
use crate::api::proto::v1;
use crate::engine::{Engine, EngineError};
use crate::sync::RunId;

pub(super) fn get(
    engine: &Engine,
    request: &v1::GetSyncPreviewRequest,
) -> Result<v1::GetSyncPreviewResponse, EngineError> {
    let id = RunId(known_id("sync run", request.run_id)?);
    engine.read(|reading| {
        let run = reading.sync_run(id)?.ok_or_else(|| no_preview(id))?;
        let preview = reading.preview(id)?.ok_or_else(|| no_preview(id))?;
        let (run, preview) = (runs::run(run), previews::preview(preview));
        Ok(v1::GetSyncPreviewResponse { run: Some(run), preview: Some(preview) })
    })
}

pub(super) fn changes(
    engine: &Engine,
    request: &v1::ListSyncPreviewChangesRequest,
) -> Result<v1::ListSyncPreviewChangesResponse, EngineError> {
    let v1::ListSyncPreviewChangesRequest { run_id, kind, page_size: size, page_token } = request;
    let id = RunId(known_id("sync run", *run_id)?);
    let kind = previews::change_kind(*kind)
        .map_err(|kind| bad("kind", format!("is {kind}; a value of ContactChangeKind is expected")))?;
    let size = page_size(*size)?;
    let first = Pages::PREVIEW_CHANGES.number(page_token)?.unwrap_or(0);
    engine.read(|reading| {
        reading.preview(id)?.ok_or_else(|| no_preview(id))?;
        let found = reading.preview_changes(id, kind, first, size + 1)?;
        let token = |(number, _): &(u64, _)| Pages::PREVIEW_CHANGES.token(number + 1);
        let (page, next_page_token) = cut(found, size, token);
        let changes = page.into_iter().map(|(_, change)| previews::contact_change(change)).collect();
        Ok(v1::ListSyncPreviewChangesResponse { changes, next_page_token })
    })
}

fn no_preview(id: RunId) -> EngineError {
    EngineError::NotFound { what: "preview", name: id.to_string() }
}
