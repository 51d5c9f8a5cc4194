//! What was found in the data of sources -> the contract's.

use crate::api::proto::v1;
use crate::engine::{QualityContact, QualityFinding, QualityReport};
use crate::sync::quality::QualityKind;

pub(in crate::api::grpc) fn report(report: QualityReport) -> v1::QualityReport {
    let QualityReport { source, contacts, counts } = report;
    let counts =
        counts.into_iter().map(|(found, count)| v1::QualityCount { kind: kind(found).into(), count });
    v1::QualityReport { source, contact_count: contacts, counts: counts.collect() }
}

pub(in crate::api::grpc) fn finding(finding: QualityFinding) -> v1::QualityFinding {
    let QualityFinding { kind: found, number, written, contacts, contact_count, reason } = finding;
    let contact = |QualityContact { id, source, source_key, display_name, phonebooks }| v1::QualityContact {
        contact_id: id.0,
        source,
        source_key,
        display_name,
        phonebooks,
    };
    v1::QualityFinding {
        kind: kind(found).into(),
        number: number.map(|number| number.to_string()).unwrap_or_default(),
        written,
        contacts: contacts.into_iter().map(contact).collect(),
        contact_count,
        reason,
    }
}

fn kind(kind: QualityKind) -> v1::QualityFindingKind {
    match kind {
        QualityKind::NoKey => v1::QualityFindingKind::NoKey,
        QualityKind::SharedNumber => v1::QualityFindingKind::SharedNumber,
        QualityKind::DuplicateContact => v1::QualityFindingKind::DuplicateContact,
        QualityKind::RepeatedNumber => v1::QualityFindingKind::RepeatedNumber,
        QualityKind::NoRegion => v1::QualityFindingKind::NoRegion,
        QualityKind::NotInRegion => v1::QualityFindingKind::NotInRegion,
        QualityKind::OtherCountry => v1::QualityFindingKind::OtherCountry,
        QualityKind::NotReceived => v1::QualityFindingKind::NotReceived,
    }
}

/// The kind that a request asks for: `Ok(None)` is any, an error is a number that is no kind.
pub(in crate::api::grpc) fn asked_kind(asked: i32) -> Result<Option<QualityKind>, i32> {
    let wanted = v1::QualityFindingKind::try_from(asked).map_err(|_| asked)?;
    Ok(QualityKind::ALL.into_iter().find(|found| kind(*found) == wanted))
}
