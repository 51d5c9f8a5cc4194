//! `AuditService`: who changed what.

use tonic::{Request, Response, Status};

use super::Door;
use super::convert::audit::entry;
use super::request::{Pages, check_characters, cut, page_size, time};
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
        since: since.map(|since| time("since", &since)).transpose()?,
        until: until.map(|until| time("until", &until)).transpose()?,
        who,
        what,
        before: Pages::AUDIT_ENTRIES.number(&page_token)?,
        limit: size + 1,
    };
    let found = engine.read(|reading| Ok::<_, EngineError>(reading.audit_entries(&filter)?))?;
    let (page, next_page_token) = cut(found, size, |entry| Pages::AUDIT_ENTRIES.token(entry.id));
    Ok(v1::ListAuditEntriesResponse { entries: page.into_iter().map(entry).collect(), next_page_token })
}
