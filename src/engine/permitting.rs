//! Whether a plan may still be carried out: made with the settings there are now, within the limits, and, when a
//! preview allows it, doing what that preview said.

use std::sync::Arc;

use super::syncing::region_of;
use super::{Engine, EngineError, blocking, etag};
use crate::phone_number::Region;
use crate::settings::Settings;
use crate::store::{Reading, StoredSource};
use crate::sync::{Plan, RunId, RunKind, RunState, SyncError};

/// What an administrator saw in a preview, and allowed.
pub(super) struct Allowance {
    /// Of the plan that the guard lets through.
    pub(super) plan_digest: String,
    /// Of the rules by which its effect on calls was told.
    pub(super) rules_digest: String,
}

/// Tells whether calls are decided by the same rules: everything but the contacts that a decision depends on.
pub(super) fn rules_digest(settings: &Settings) -> String {
    etag(&(
        &settings.numbers,
        &settings.trunks,
        &settings.inbound_routes,
        &settings.routing,
        &settings.destinations,
        &settings.extensions,
        &settings.time_conditions,
    ))
}

impl Engine {
    /// What a preview allows, once: a run that does what it said.
    pub(super) async fn allowance(
        self: &Arc<Self>,
        id: RunId,
        source: &str,
    ) -> Result<Allowance, EngineError> {
        let preview = self.run(id).await?;
        let (engine, name) = (Arc::clone(self), source.to_owned());
        let read = move |reading: &Reading<'_>| {
            let of = reading.source_of_run(id)?;
            Ok::<_, EngineError>((of, reading.is_preview_used(&name, id)?))
        };
        let (of, is_used) = blocking(move || engine.read(read)).await?;
        // One that was refused or cancelled has a plan, and nobody saw what it would do.
        let fits = preview.kind == RunKind::Preview
            && preview.state == RunState::Succeeded
            && of.is_some_and(|of| of.settings.name == source);
        let refuse = |problem| Err(EngineError::BadRequest { field: "allow_preview".into(), problem });
        if !fits {
            return refuse(format!("run {id} is not a finished preview of source {source:?}"));
        }
        if is_used {
            return refuse(format!("preview {id} allowed one run, and that run was made: preview again"));
        }
        Ok(Allowance { plan_digest: preview.plan_digest, rules_digest: preview.rules_digest })
    }
}

/// Refuses a plan that was made with other settings than there are now.
pub(super) fn check_as_planned(
    reading: &Reading<'_>,
    settings: &Settings,
    source: &StoredSource,
    region: Option<Region>,
) -> Result<(), EngineError> {
    let is_as_planned = reading.source(&source.settings.name)?.is_some_and(|now| {
        now.id == source.id && now.settings == source.settings && region_of(&now.settings, settings) == region
    });
    if is_as_planned {
        return Ok(());
    }
    let why = "the source's settings, or the general region, were changed while it was being read; nothing was \
               changed. Start it again";
    Err(SyncError::Refused(why.to_owned()).into())
}

/// Refuses a plan after which there would be more contacts or phonebooks than there may be: those of all sources
/// and local ones, as they are now.
pub(super) fn check_limits(
    reading: &Reading<'_>,
    settings: &Settings,
    plan: &Plan,
) -> Result<(), EngineError> {
    let contacts = (reading.contact_count()? + plan.counts.added).saturating_sub(plan.counts.removed);
    let new = plan.phonebooks.iter().filter(|phonebook| phonebook.id.is_none()).count();
    let phonebooks = reading.phonebooks()?.len() + new;
    // What takes nothing more is never refused: limits may have been lowered since.
    let takes_contacts = plan.counts.added > plan.counts.removed;
    let objection = settings
        .limits
        .objection(if takes_contacts { contacts } else { 0 }, if new > 0 { phonebooks as u64 } else { 0 });
    match objection {
        Some(why) => Err(SyncError::Refused(format!("{why}; nothing was changed")).into()),
        None => Ok(()),
    }
}
