//! The settings of a source, as the fields of a form and back. The fields have the names of the settings.

use std::fmt::Display;
use std::str::FromStr;

use jiff::tz::TimeZone;

use super::{connection_form, schedule_form};
use crate::console::form::Form;
use crate::phonebook::PhonebookName;
use crate::secret::Secret;
use crate::settings::{
    Connection, FieldMap, GuardSettings, Notify, Occasion, PhonebookTarget, SourceSettings,
    SqlServerTimeouts, Webhook,
};

/// Fields of a contact, in the reference system's order: the setting, its name, what it is for.
pub(super) const CONTACT_FIELDS: [(&str, &str); 21] = [
    ("key", "Key"),
    ("first_name", "First Name"),
    ("last_name", "Last Name"),
    ("company", "Company Name"),
    ("email", "Email"),
    ("remark", "Remark"),
    ("business_number", "Business Number"),
    ("business_number_2", "Business Number 2"),
    ("business_fax", "Business Fax"),
    ("mobile_number", "Mobile Number"),
    ("mobile_number_2", "Mobile Number 2"),
    ("home_number", "Home Number"),
    ("home_number_2", "Home Number 2"),
    ("home_fax", "Home Fax"),
    ("other_number", "Other Number"),
    ("zip_code", "Zip Code"),
    ("street", "Street"),
    ("city", "City"),
    ("state", "State"),
    ("country", "Country"),
    ("own_extension", "Own Extension"),
];

pub(super) const OCCASIONS: [(&str, Occasion); 4] = [
    ("always", Occasion::Always),
    ("failure", Occasion::Failure),
    ("refusal", Occasion::Refusal),
    ("recovery", Occasion::Recovery),
];

/// The columns of a field map, in the order of [`CONTACT_FIELDS`].
fn columns(map: &mut FieldMap) -> [&mut Option<String>; 21] {
    [
        &mut map.key,
        &mut map.first_name,
        &mut map.last_name,
        &mut map.company,
        &mut map.email,
        &mut map.remark,
        &mut map.business_number,
        &mut map.business_number_2,
        &mut map.business_fax,
        &mut map.mobile_number,
        &mut map.mobile_number_2,
        &mut map.home_number,
        &mut map.home_number_2,
        &mut map.home_fax,
        &mut map.other_number,
        &mut map.zip_code,
        &mut map.street,
        &mut map.city,
        &mut map.state,
        &mut map.country,
        &mut map.own_extension,
    ]
}

/// A new source.
pub(super) fn blank() -> Form {
    let zone = TimeZone::system();
    let timeouts = SqlServerTimeouts::default();
    let guard = GuardSettings::default();
    let mut values: Vec<(String, String)> = [
        ("enabled", "on"),
        ("remove_missing", "on"),
        ("connection", "sql_server"),
        ("connection.sql_server.by", "fields"),
        ("connection.sql_server.encryption", "required"),
        ("connection.csv.delimiter", ","),
        ("phonebook", "new"),
        ("schedule", "none"),
        ("schedule.at", "03:00"),
        ("schedule.time_zone", zone.iana_name().unwrap_or("UTC")),
        ("notify.when", "failure"),
        ("notify.when", "refusal"),
        ("notify.when", "recovery"),
        ("sync_filter", "select ${MAP} from "),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    values.extend(connection_form::timeout_values(&timeouts));
    values.extend(guard_values(&guard));
    Form::of(values)
}

fn guard_values(guard: &GuardSettings) -> [(String, String); 3] {
    let GuardSettings { max_removed_percent, max_removed_contacts, max_rejected_percent } = *guard;
    [
        ("guard.max_removed_percent".into(), max_removed_percent.to_string()),
        ("guard.max_removed_contacts".into(), max_removed_contacts.to_string()),
        ("guard.max_rejected_percent".into(), max_rejected_percent.to_string()),
    ]
}

/// A source as it is. Secrets are not among it.
pub(super) fn of(settings: &SourceSettings) -> Form {
    let mut settings = settings.clone();
    let mut values: Vec<(String, String)> = Vec::new();
    {
        let mut add = |name: &str, value: String| values.push((name.to_owned(), value));
        add("name", settings.name.clone());
        for (name, is_on) in [("enabled", settings.enabled), ("remove_missing", settings.remove_missing)] {
            if is_on {
                add(name, "on".to_owned());
            }
        }
        add("default_region", settings.default_region.map(|region| region.to_string()).unwrap_or_default());
        add("sync_filter", settings.sync_filter.clone());
        connection_form::add(&mut add, &settings.connection);
        for ((field, _), column) in CONTACT_FIELDS.iter().zip(columns(&mut settings.field_map)) {
            add(&format!("field_map.{field}"), column.take().unwrap_or_default());
        }
        match &settings.phonebook {
            PhonebookTarget::New { name } => {
                add("phonebook", "new".into());
                add("phonebook.new.name", name.as_str().to_owned());
            }
            PhonebookTarget::ByProperty { column, blank } => {
                add("phonebook", "by_property".into());
                add("phonebook.by_property.column", column.clone());
                let blank = blank.as_ref().map_or("", PhonebookName::as_str);
                add("phonebook.by_property.blank", blank.to_owned());
            }
            PhonebookTarget::Existing { name } => {
                add("phonebook", "existing".into());
                add("phonebook.existing.name", name.as_str().to_owned());
            }
        }
        schedule_form::add(&mut add, settings.schedule.as_ref());
        add("notify.email", settings.notify.email.to_string());
        for (name, occasion) in OCCASIONS {
            if settings.notify.when.contains(&occasion) {
                add("notify.when", name.to_owned());
            }
        }
        if let Some(Webhook { url, secret }) = &settings.notify.webhook {
            add("notify.webhook.url", url.to_string());
            add("notify.webhook.secret", secret.shown().to_owned());
        }
    }
    values.extend(guard_values(&settings.guard));
    Form::of(values)
}

/// Reads what was typed; what is wrong stands at its field, and there are no settings then. `known` has the
/// secrets that a field left empty stands for.
pub(super) fn read(form: &mut Form, known: Option<&Connection>) -> Option<SourceSettings> {
    let connection = connection_form::read(form, known);
    let mut field_map = FieldMap::default();
    for ((field, _), column) in CONTACT_FIELDS.iter().zip(columns(&mut field_map)) {
        *column = form.optional(&format!("field_map.{field}"));
    }
    let default_region = match form.text("default_region") {
        "" => None,
        _ => form.parse("default_region"),
    };
    let phonebook = phonebook(form);
    let schedule = schedule_form::read(form);
    let notify = notify(form);
    let guard = GuardSettings {
        max_removed_percent: form.number("guard.max_removed_percent", "0 to 100").unwrap_or_default(),
        max_removed_contacts: form
            .number("guard.max_removed_contacts", "a number of contacts")
            .unwrap_or_default(),
        max_rejected_percent: form.number("guard.max_rejected_percent", "0 to 100").unwrap_or_default(),
    };
    let name = form.text("name").to_owned();
    if name.is_empty() {
        form.fail("name", "is missing; a name such as \"crm\" is expected");
    }
    let settings = SourceSettings {
        name,
        enabled: form.is_ticked("enabled"),
        default_region,
        sync_filter: form.text("sync_filter").replace("\r\n", "\n"),
        remove_missing: form.is_ticked("remove_missing"),
        schedule,
        notify,
        connection,
        field_map,
        phonebook: phonebook?,
        guard,
    };
    form.is_fine().then_some(settings)
}

/// Settings of which only the connection counts.
pub(super) fn around(connection: Connection) -> SourceSettings {
    SourceSettings {
        name: String::new(),
        enabled: true,
        default_region: None,
        sync_filter: String::new(),
        remove_missing: true,
        schedule: None,
        notify: Notify::default(),
        connection,
        field_map: FieldMap::default(),
        phonebook: PhonebookTarget::ByProperty { column: String::new(), blank: None },
        guard: GuardSettings::default(),
    }
}

fn phonebook(form: &mut Form) -> Option<PhonebookTarget> {
    match form.text("phonebook") {
        "by_property" => {
            let column = form.text("phonebook.by_property.column").to_owned();
            if column.is_empty() {
                form.fail("phonebook.by_property.column", "is missing; name the column, such as belongto");
            }
            let blank = match form.text("phonebook.by_property.blank") {
                "" => None,
                _ => Some(name(form, "phonebook.by_property.blank")?),
            };
            Some(PhonebookTarget::ByProperty { column, blank })
        }
        "existing" => Some(PhonebookTarget::Existing { name: name(form, "phonebook.existing.name")? }),
        _ => Some(PhonebookTarget::New { name: name(form, "phonebook.new.name")? }),
    }
}

fn name(form: &mut Form, field: &str) -> Option<PhonebookName> {
    match PhonebookName::parse(form.text(field)) {
        Ok(name) => Some(name),
        Err(error) => {
            form.fail(field, error.to_string());
            None
        }
    }
}

fn notify(form: &mut Form) -> Notify {
    let mut notify = Notify {
        email: read_or_default(form, "notify.email"),
        when: OCCASIONS
            .iter()
            .filter(|(name, _)| form.has("notify.when", name))
            .map(|(_, when)| *when)
            .collect(),
        webhook: None,
    };
    let secret = form.text("notify.webhook.secret").to_owned();
    if form.text("notify.webhook.url").is_empty() {
        if !secret.is_empty() {
            form.fail("notify.webhook.secret", "has no effect without a URL: give one, or leave this empty");
        }
    } else {
        let secret = Secret::new(secret);
        notify.webhook = form.parse("notify.webhook.url").map(|url| Webhook { url, secret });
    }
    notify
}

fn read_or_default<T: FromStr<Err: Display> + Default>(form: &mut Form, field: &str) -> T {
    if form.text(field).is_empty() { T::default() } else { form.parse(field).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_a_webhook_without_its_url_is_refused_at_its_field() {
        let mut form = Form::of([("notify.webhook.secret", "env:HOOK")]);
        assert_eq!(notify(&mut form).webhook, None);
        assert!(form.error("notify.webhook.secret").unwrap().contains("without a URL"));
        let mut form = Form::of([
            ("notify.webhook.secret", "env:HOOK"),
            ("notify.webhook.url", "https://example.com/hook"),
        ]);
        assert!(notify(&mut form).webhook.is_some() && form.is_fine());
    }
}
