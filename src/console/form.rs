//! A form: what was typed, and what is wrong with it.
//!
//! A page is shown with [`Form::of`] what there is, or with what was sent and the errors in it. The names of
//! fields are those of the settings (`connection.sql_server.host`), so that what the engine refuses finds its
//! field by itself ([`Form::refuse`]).

use std::str::FromStr;
use std::sync::OnceLock;

use super::show;
use super::visit::Fields;
use crate::engine::EngineError;
use crate::settings::DocumentError;
use crate::source::SourceError;

/// What was typed, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Form {
    values: Vec<(String, String)>,
    errors: Vec<FieldError>,
    /// What is wrong with no field in particular.
    pub(super) general: Vec<String>,
}

#[derive(Debug, Clone)]
struct FieldError {
    field: String,
    problem: String,
    /// What the page calls the field; the field tells it when it is shown. A lock, since handlers that wait with a form
    /// in hand go from thread to thread.
    label: OnceLock<String>,
}

impl From<Fields> for Form {
    fn from(Fields(values): Fields) -> Self {
        Form { values, ..Form::default() }
    }
}

impl Form {
    /// With values to begin with.
    pub(super) fn of<N: Into<String>, V: Into<String>>(values: impl IntoIterator<Item = (N, V)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Form { values, ..Form::default() }
    }

    /// What was typed, as it was typed.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.values.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// What was typed, without the space around it.
    pub(super) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The same, if there is anything.
    pub(super) fn optional(&self, name: &str) -> Option<String> {
        Some(self.text(name).to_owned()).filter(|text| !text.is_empty())
    }

    /// Whether a box is ticked.
    pub(super) fn is_ticked(&self, name: &str) -> bool {
        self.values.iter().any(|(found, _)| found == name)
    }

    /// Whether this value of several is chosen.
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        self.values.iter().any(|(found, chosen)| found == name && chosen == value)
    }

    /// Every value of a field that can have several.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let found = self.values.iter().filter(|(found, _)| found == name);
        found.map(|(_, value)| value.clone()).collect()
    }

    /// Puts another value in the place of what was sent.
    pub(super) fn put(&mut self, name: &str, value: impl Into<String>) {
        self.values.retain(|(found, _)| found != name);
        self.values.push((name.to_owned(), value.into()));
    }

    /// Reads a field; what is wrong with it stands at the field then.
    pub(super) fn parse<T: FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Option<T> {
        match self.text(name).parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let problem =
                    if self.text(name).is_empty() { "is missing".to_owned() } else { error.to_string() };
                self.fail(name, problem);
                None
            }
        }
    }

    /// Reads a whole number.
    pub(super) fn number<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let read = self.text(name).parse().ok();
        if read.is_none() {
            self.fail(name, format!("{:?} is not {expected}", self.text(name)));
        }
        read
    }

    /// Something is wrong with a field.
    pub(super) fn fail(&mut self, name: &str, problem: impl Into<String>) {
        let (field, problem) = (name.to_owned(), problem.into());
        self.errors.push(FieldError { field, problem, label: OnceLock::new() });
    }

    /// Forgets what is wrong with other fields than these.
    pub(super) fn keep_errors(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.errors.retain(|error| is_kept(&error.field));
    }

    /// Whether nothing is wrong.
    pub(super) fn is_fine(&self) -> bool {
        self.errors.is_empty() && self.general.is_empty()
    }

    /// What is wrong with a field.
    pub(super) fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == name).map(|error| error.problem.as_str())
    }

    /// The same, to be shown at the field; what the field is called there is what the list of errors calls it.
    pub(super) fn error_at(&self, name: &str, label: impl Fn() -> String) -> Option<&str> {
        for error in self.errors.iter().filter(|error| error.field == name) {
            error.label.get_or_init(&label);
        }
        self.error(name)
    }

    /// Each field that something is wrong with, and what the page calls it. To be asked when the fields are shown:
    /// one that the page does not have is called by its name.
    pub(super) fn wrong_fields(&self) -> impl ExactSizeIterator<Item = (&str, String)> {
        self.errors.iter().map(|FieldError { field, label, .. }| {
            let by_name = || show::label(field.rsplit('.').next().unwrap_or(field));
            (field.as_str(), label.get().cloned().unwrap_or_else(by_name))
        })
    }

    /// Puts what the engine refuses at the field that it is about. What is not about the form is given back.
    pub(super) fn refuse(&mut self, error: EngineError) -> Result<(), EngineError> {
        match error {
            EngineError::BadRequest { field, problem } => self.fail(&field, problem),
            EngineError::Source { error: SourceError::Settings { field, problem }, .. } => {
                self.fail(&field, problem);
            }
            EngineError::Source { error: SourceError::SyncFilter(error), .. } => {
                self.fail("sync_filter", error.to_string());
            }
            EngineError::Settings(DocumentError::Invalid { field, problem }) => {
                self.fail(within(&field), problem);
            }
            EngineError::AlreadyExists { .. } => self.fail("name", error.to_string()),
            EngineError::Source { error, .. } => self.general.push(error.to_string()),
            EngineError::Settings(_)
            | EngineError::Route(_)
            | EngineError::Sync(_)
            | EngineError::ChangedMeanwhile { .. }
            | EngineError::InUse { .. }
            | EngineError::SyncRunning { .. }
            | EngineError::SourceIsOff { .. }
            | EngineError::Store(crate::store::StoreError::Refused(_)) => {
                self.general.push(error.to_string())
            }
            // About the inside, or about what is not on the form.
            error => return Err(error),
        }
        Ok(())
    }
}

/// The field within the thing that is edited: `source[2] "crm".notify.email` -> `notify.email`. The name may
/// have anything in it, also `".`.
fn within(field: &str) -> &str {
    match (field.split_once('['), field.rsplit_once("\".")) {
        (Some((first, _)), Some((_, rest)))
            if first.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') =>
        {
            rest
        }
        _ => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_settings_refuse_is_at_the_field_within_the_thing_that_is_edited() {
        for (field, at) in [
            ("source[0] \"crm\".notify.when", "notify.when"),
            ("source[0] \"a \". b\".schedule.every.minutes", "schedule.every.minutes"),
            ("limits.contacts", "limits.contacts"),
        ] {
            assert_eq!(within(field), at);
        }
    }

    #[test]
    fn an_error_keeps_what_was_typed() {
        let mut form = Form::of([("port", " many ")]);
        assert_eq!(form.number::<u16>("port", "a port, such as 1433"), None);
        assert_eq!(form.error("port"), Some("\"many\" is not a port, such as 1433"));
        assert_eq!(form.raw("port"), " many ");
        assert!(!form.is_fine());
    }

    #[test]
    fn a_wrong_field_is_called_as_where_it_is_shown_or_by_its_name() {
        let mut form = Form::default();
        form.fail("schedule.at", "is missing");
        form.fail("guard.max_removed_percent", "is missing");
        assert_eq!(form.error_at("schedule.at", || "Time".to_owned()), Some("is missing"));
        assert_eq!(form.error_at("name", || "Name".to_owned()), None);
        let called: Vec<String> = form.wrong_fields().map(|(_, label)| label).collect();
        assert_eq!(called, ["Time", "Max removed percent"]);
    }
}
