//! How good the data of sources are.

use crate::api::grpc::convert::quality;
use crate::api::grpc::request::{Pages, bad, check_name, foreign_token, page_size};
use crate::api::proto::v1;
use crate::engine::{Engine, EngineError, QualityPosition};

pub(super) fn report(engine: &Engine, source: &str) -> Result<v1::GetQualityReportResponse, EngineError> {
    check_name("source", source)?;
    let report = engine.quality_report(source)?;
    Ok(v1::GetQualityReportResponse { report: Some(quality::report(report)) })
}

pub(super) fn findings(
    engine: &Engine,
    request: &v1::ListQualityFindingsRequest,
) -> Result<v1::ListQualityFindingsResponse, EngineError> {
    let v1::ListQualityFindingsRequest { source, kind, page_size: size, page_token } = request;
    check_name("source", source)?;
    let kind = quality::asked_kind(*kind)
        .map_err(|kind| bad("kind", format!("is {kind}; a value of QualityFindingKind is expected")))?;
    let size = page_size(*size)?;
    let from = match Pages::QUALITY_FINDINGS.place(page_token)? {
        None => QualityPosition::Start,
        Some(place) => place.parse().map_err(|_| foreign_token())?,
    };
    let (findings, next) = engine.quality_findings(source, kind, from, size as usize)?;
    Ok(v1::ListQualityFindingsResponse {
        findings: findings.into_iter().map(quality::finding).collect(),
        next_page_token: next.map(|next| Pages::QUALITY_FINDINGS.token(next)).unwrap_or_default(),
    })
}
