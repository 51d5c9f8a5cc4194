//! `SettingsService`: everything that the business decides, as one document.

use tonic::{Request, Response, Status};

use super::convert::routes;
use super::request::{Pages, actor, bad, page_size};
use super::{Door, status};
use crate::api::proto::v1;
use crate::api::proto::v1::settings_service_server::SettingsService;
use crate::engine::{Applied, Editor, Engine, EngineError, LastDigitsCollision};
use crate::settings::{Change, ChangeKind};
use crate::store::{LeftContacts, RemovedSources, StoreError, SwitchedOff};

#[tonic::async_trait]
impl SettingsService for Door {
    async fn apply_settings(
        &self,
        request: Request<v1::ApplySettingsRequest>,
    ) -> Result<Response<v1::ApplySettingsResponse>, Status> {
        let actor = actor(&request);
        let v1::ApplySettingsRequest { document, dry_run, removed_source_contacts, disabled_source_contacts } =
            request.into_inner();
        let checked = self.wait(self.engine.check_document_at_servers(&document)).await?;
        let source_warnings = checked.map_err(status::of)?;
        let apply = move |engine: &Editor<'_>| {
            let removed = removed_sources("removed_source_contacts", removed_source_contacts)?;
            let keep = kept_when_disabled("disabled_source_contacts", disabled_source_contacts)?;
            let switched_off = keep.map(|keep| SwitchedOff { keep, source: None });
            let applied = engine.apply(&document, LeftContacts { removed, switched_off }, dry_run);
            applied.map_err(|error| asked_in("removed_source_contacts", error))
        };
        let Applied { changes, generation, warnings } = self.edit(actor, apply).await?;
        Ok(Response::new(v1::ApplySettingsResponse {
            applied: !dry_run && !changes.is_empty(),
            changes: changes.into_iter().map(change).collect(),
            generation: generation.0,
            source_warnings,
            warnings: routes::warnings(warnings),
        }))
    }

    async fn export_settings(
        &self,
        _: Request<v1::ExportSettingsRequest>,
    ) -> Result<Response<v1::ExportSettingsResponse>, Status> {
        let export = |engine: &Engine| {
            let (settings, generation) =
                engine.read(|reading| Ok::<_, EngineError>((reading.settings()?, reading.generation()?)))?;
            let document = settings.to_toml()?;
            Ok(v1::ExportSettingsResponse { document, generation: generation.0 })
        };
        self.read(export).await.map(Response::new)
    }

    async fn check_last_digits(
        &self,
        request: Request<v1::CheckLastDigitsRequest>,
    ) -> Result<Response<v1::CheckLastDigitsResponse>, Status> {
        let request = request.into_inner();
        self.read(move |engine| check_last_digits(engine, &request)).await.map(Response::new)
    }
}

fn check_last_digits(
    engine: &Engine,
    request: &v1::CheckLastDigitsRequest,
) -> Result<v1::CheckLastDigitsResponse, EngineError> {
    let v1::CheckLastDigitsRequest { last_digits, page_size: size, page_token } = request;
    let size = page_size(*size)? as usize;
    let skipped = Pages::LAST_DIGITS.number(page_token)?.unwrap_or_default();
    let counts = if skipped == 0 { engine.last_digits_counts() } else { Vec::new() };
    let counts = counts.into_iter().map(|count| v1::LastDigitsCount {
        last_digits: count.digits.into(),
        collision_count: count.collisions,
        contact_count: count.contacts,
    });
    let mut answer = v1::CheckLastDigitsResponse { counts: counts.collect(), ..Default::default() };
    if *last_digits > 0 {
        // More than any number has are refused by the engine, as are too few.
        let digits = u8::try_from(*last_digits).unwrap_or(u8::MAX);
        let (skip, next) =
            (usize::try_from(skipped).unwrap_or(usize::MAX), skipped.saturating_add(size as u64));
        let (collisions, has_more) = engine.last_digits_collisions(digits, skip, size)?;
        answer.collisions = collisions.into_iter().map(collision).collect();
        answer.next_page_token = if has_more { Pages::LAST_DIGITS.token(next) } else { String::new() };
    }
    Ok(answer)
}

fn collision(found: LastDigitsCollision) -> v1::LastDigitsCollision {
    let contacts = found.contacts.into_iter().map(|contact| v1::LastDigitsContact {
        contact_id: contact.id.0,
        source: contact.source,
        display_name: contact.display_name,
        company: contact.company,
        number: contact.number.to_string(),
    });
    v1::LastDigitsCollision {
        ending: found.ending,
        country_code: found.country_code.unwrap_or_default().into(),
        contact_count: found.contact_count,
        contacts: contacts.collect(),
    }
}

/// What becomes of the contacts of sources that are deleted.
pub(super) fn removed_sources(field: &str, contacts: i32) -> Result<RemovedSources, EngineError> {
    match v1::SourceContacts::try_from(contacts) {
        Ok(v1::SourceContacts::Unspecified) => Ok(RemovedSources::Refuse),
        Ok(v1::SourceContacts::KeepAsLocal) => Ok(RemovedSources::KeepContacts),
        Ok(v1::SourceContacts::Remove) => Ok(RemovedSources::RemoveContacts),
        Err(_) => Err(bad(field, format!("is {contacts}; a value of SourceContacts is expected"))),
    }
}

/// A refusal that asks what is to become of contacts names the field where that is said.
pub(super) fn asked_in(field: &str, error: EngineError) -> EngineError {
    match error {
        EngineError::Store(StoreError::Refused(why)) if why.contains("say whether to keep them") => {
            StoreError::Refused(format!("{why} ({field})")).into()
        }
        other => other,
    }
}

/// Whether contacts of sources that are switched off are kept as local ones; `None` leaves them as they are.
pub(super) fn kept_when_disabled(field: &str, contacts: i32) -> Result<Option<bool>, EngineError> {
    Ok(match removed_sources(field, contacts)? {
        RemovedSources::Refuse => None,
        RemovedSources::KeepContacts => Some(true),
        RemovedSources::RemoveContacts => Some(false),
    })
}

fn change(Change { kind, subject, details }: Change) -> v1::SettingsChange {
    let kind = match kind {
        ChangeKind::Added => v1::SettingsChangeKind::Added,
        ChangeKind::Changed => v1::SettingsChangeKind::Changed,
        ChangeKind::Removed => v1::SettingsChangeKind::Removed,
    };
    v1::SettingsChange { kind: kind.into(), subject, details }
}
