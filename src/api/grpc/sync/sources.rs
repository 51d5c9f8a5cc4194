//! Sources, as the store has them.

use jiff::Timestamp;

use crate::api::grpc::convert;
use crate::api::grpc::request::{Pages, bad, check_name, page_size};
use crate::api::proto::v1;
use crate::engine::{Engine, EngineError, take_secrets};
use crate::settings::SourceSettings;
use crate::store::{Reading, StoreError, StoredSource};
use crate::sync::next_run;

pub(super) fn list(
    engine: &Engine,
    request: &v1::ListSourcesRequest,
) -> Result<v1::ListSourcesResponse, EngineError> {
    let size = page_size(request.page_size)?;
    engine.read(|reading| {
        let all = reading.sources()?;
        let (page, next_page_token) =
            Pages::SOURCES.by_name(all, |source| &source.settings.name, size, &request.page_token)?;
        let sources = page.into_iter().map(|source| to_proto(reading, source)).collect::<Result<_, _>>()?;
        Ok(v1::ListSourcesResponse { sources, next_page_token })
    })
}

pub(super) fn get(engine: &Engine, name: &str) -> Result<v1::Source, EngineError> {
    check_name("name", name)?;
    engine.read(|reading| Ok(to_proto(reading, find(reading, name)?)?))
}

/// The settings that a test is about.
pub(super) fn to_test(
    engine: &Engine,
    subject: Option<v1::test_source_request::Subject>,
) -> Result<SourceSettings, EngineError> {
    use v1::test_source_request::Subject;
    match subject {
        None => Err(bad("subject", "is missing; the name of a source, or a source to try out, is expected")),
        Some(Subject::Source(source)) => {
            let (mut settings, _) = convert::sources::from_proto(Some(source))?;
            let stored = engine.read(|reading| reading.source(&settings.name))?;
            take_secrets(&mut settings, stored.as_ref().map(|stored| &stored.settings))?;
            Ok(settings)
        }
        Some(Subject::Name(name)) => {
            check_name("name", &name)?;
            engine.read(|reading| Ok(find(reading, &name)?.settings))
        }
    }
}

fn find(reading: &Reading<'_>, name: &str) -> Result<StoredSource, EngineError> {
    let found = reading.source(name)?;
    found.ok_or_else(|| EngineError::NotFound { what: "source", name: name.to_owned() })
}

fn to_proto(reading: &Reading<'_>, source: StoredSource) -> Result<v1::Source, StoreError> {
    let contact_count = reading.contact_count_of(source.id)?;
    let last_run = reading.last_sync_run(&source.settings.name)?;
    let settings = source.settings;
    let next_run = match settings.schedule.as_ref().filter(|_| settings.enabled) {
        Some(schedule) => next_run(schedule, &settings.name, reading.jitter_seed()?, Timestamp::now()),
        None => None,
    };
    Ok(convert::sources::to_proto(settings, contact_count, last_run, next_run))
}
