//! What past runs changed.

use crate::api::grpc::convert;
use crate::api::grpc::request::{Pages, cut, known_id, page_size};
use crate::api::proto::v1;
use crate::contact::ContactId;
use crate::engine::{Engine, EngineError};
use crate::sync::RunId;

pub(super) fn list_changes(
    engine: &Engine,
    request: &v1::ListSyncChangesRequest,
) -> Result<v1::ListSyncChangesResponse, EngineError> {
    let v1::ListSyncChangesRequest { run_id, page_size: size, page_token } = request;
    let id = RunId(known_id("sync run", *run_id)?);
    let size = page_size(*size)?;
    // Contacts are numbered from 1; a page begins after one.
    let after = Pages::SYNC_CHANGES.number(page_token)?;
    engine.read(|reading| {
        let run = reading.sync_run(id)?;
        let run = run.ok_or_else(|| EngineError::NotFound { what: "sync run", name: id.to_string() })?;
        let found = reading.sync_changes(&run, ContactId(after.unwrap_or(0)), size + 1)?;
        let (page, next_page_token) = cut(found, size, |change| Pages::SYNC_CHANGES.token(change.id));
        let phonebooks = if after.is_none() { reading.phonebook_changes(&run)? } else { Vec::new() };
        Ok(v1::ListSyncChangesResponse {
            changes: page.into_iter().map(convert::history::change).collect(),
            phonebooks: phonebooks.into_iter().map(convert::history::phonebook).collect(),
            next_page_token,
        })
    })
}
