//! `AuditService`: who changed what.

use jiff::Timestamp;
use tonic::{Request, Response, Status};

use super::Door;
use super::convert::audit::entry;
use super::request::{bad, check_characters, cut, number_token, page_size};
use crate::api::proto::v1;
use crate::api::proto::v1::audit_service_server::AuditService;
use crate::engine::{Engine, EngineError};
use crate::store::AuditFilter;

/// Longest text that entries are searched for, in characters.
const MAX_SEARCHED: usize = 200;

#[tonic::async_trait]
impl AuditService for Door {
    async fn list_audit_entries(
        &self,
        request: Request<v1::ListAuditEntriesRequest>,
    ) -> Result<Response<v1::ListAuditEntriesResponse>, Status> {
        let request = request.into_inner();
        self.read(move |engine| list(engine, request)).await.map(Response::new)
    }
}

fn list(
    engine: &Engine,
    request: v1::ListAuditEntriesRequest,
) -> Result<v1::ListAuditEntriesResponse, EngineError> {
    let v1::ListAuditEntriesRequest { since, until, who, what, page_size: size, page_token } = request;
    check_characters("who", &who, MAX_SEARCHED)?;
    check_characters("what", &what, MAX_SEARCHED)?;
    let size = page_size(size)?;
    let filter = AuditFilter {
        since: time("since", since)?,
        until: time("until", until)?,
        who,
        what,
        before: number_token(&page_token)?,
        limit: size + 1,
    };
    let found = engine.read(|reading| Ok::<_, EngineError>(reading.audit_entries(&filter)?))?;
    let (page, next_page_token) = cut(found, size, |entry| entry.id.to_string());
    Ok(v1::ListAuditEntriesResponse { entries: page.into_iter().map(entry).collect(), next_page_token })
}

fn time(field: &str, time: Option<prost_types::Timestamp>) -> Result<Option<Timestamp>, EngineError> {
    let Some(prost_types::Timestamp { seconds, nanos }) = time else { return Ok(None) };
    let time = Timestamp::new(seconds, nanos);
    time.map(Some).map_err(|error| bad(field, format!("is no time: {error}")))
}
