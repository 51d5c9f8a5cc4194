//! The set-up of a source, in the order and the words of the reference document.

use maud::{Markup, html};

use super::schedule_form::{DAYS, FREQUENCIES};
use super::settings_form::CONTACT_FIELDS;
use super::tested::Tested;
use crate::console::control::Control;
use crate::console::form::Form;

/// Where some of the fields stand.
const MAP: &str = "Map";
const WEBHOOK: &str = "Feedback to a web server";

/// What the form is shown with.
pub(super) struct Shown<'a> {
    /// Local phonebooks without contacts, and the one that is chosen already.
    pub(super) empty_phonebooks: &'a [String],
    /// What a test found, if there was one.
    pub(super) tested: Option<&'a Tested>,
    /// How secrets that are known are shown: of the password, of the connection string.
    pub(super) secrets: (Option<String>, Option<String>),
}

pub(super) fn fields(form: &Form, shown: &Shown<'_>) -> Markup {
    html! {
        section.card {
            h2 { "Source" }
            div.fields.two {
                (Control::text("name", "Name").hint("What this database is called here, such as crm.").required().show(form))
            }
        }
        (connection(form, shown))
        (map(form, shown))
        (synchronization(form, shown))
        (safeguards(form))
    }
}

fn connection(form: &Form, shown: &Shown<'_>) -> Markup {
    let kinds = [
        ("sql_server", "Microsoft SQL Server", ""),
        ("sqlite", "SQLite database file", ""),
        ("csv", "CSV file", ""),
    ];
    html! {
        section.card {
            h2 { "Connection" }
            div.fields {
                (Control::text("connection", "Kind").within("Connection").choices(form, "radio", &kinds))
                div.when.is-sql-server { (sql_server(form, shown)) }
                div.when.is-sqlite.fields {
                    (Control::text("connection.sqlite.path", "File").hint("As this server sees it. Its tables are main.{table}.").code()
                        .placeholder("/srv/crm/company.db").show(form))
                }
                div.when.is-csv.fields.two {
                    (Control::text("connection.csv.path", "File").hint("As this server sees it, in UTF-8, with a header line. Its table is csv.contacts.")
                        .code().placeholder("/srv/crm/contacts.csv").show(form))
                    (Control::text("connection.csv.delimiter", "Between two values").hint("One character, or tab.").short().show(form))
                }
                div.actions {
                    button type="submit" name="do" value="test" { "Test" }
                    span.hint { "Reaches the server and looks for tables and columns. Nothing is saved or changed." }
                }
                @if let Some(tested) = shown.tested { (tested.show()) }
            }
        }
    }
}

fn secret_hint(known: Option<&String>) -> String {
    let forms = "The secret itself, or where this server finds it: env:NAME or file:PATH.";
    match known.map(String::as_str) {
        None => forms.to_owned(),
        Some("stored:") => format!("Stored. Leave it empty to keep it. {forms}"),
        Some(reference) => format!("Now {reference}. Leave it empty to keep it. {forms}"),
    }
}

fn sql_server(form: &Form, shown: &Shown<'_>) -> Markup {
    let field = |name: &'static str, label: &'static str| Control::text(name, label);
    let ways = [("fields", "Fields", ""), ("string", "A connection string", "")];
    let encryptions = [
        ("required", "Everything (recommended)"),
        ("strict", "Everything, strict (TDS 8, SQL Server 2022)"),
        ("login_only", "Only the login"),
        ("none", "Nothing"),
    ];
    let (password, string) = (secret_hint(shown.secrets.0.as_ref()), secret_hint(shown.secrets.1.as_ref()));
    html! {
        div.fields {
            (field("connection.sql_server.by", "Given by").choices(form, "radio", &ways))
            div.when.by-fields.fields.two {
                (field("connection.sql_server.host", "Server").placeholder("sql.example.com").required().show(form))
                (Control::number("connection.sql_server.port", "Port").placeholder("1433").show(form))
                (field("connection.sql_server.database", "Database").required().show(form))
                (field("connection.sql_server.instance", "Named instance").hint("Only without a port.").show(form))
                (field("connection.sql_server.user", "User").hint("A SQL login that may read the tables, and nothing else.").required().show(form))
                (Control::password("connection.sql_server.password", "Password", "new-password").hint(&password).show(form))
            }
            div.when.by-string.fields {
                (Control::password("connection.sql_server.connection_string", "Connection string", "new-password").hint(&string).show(form))
            }
            (field("connection.sql_server.encryption", "Encryption").select(form, &encryptions))
            details.more {
                summary { "Certificates and time-outs" }
                div.fields {
                    div.fields.two {
                        (field("connection.sql_server.ca_file", "Certificate authority").code()
                            .hint("A file of PEM certificates, when the system does not know who signed the server's.").show(form))
                        (field("connection.sql_server.certificate_host", "Name in the certificate")
                            .hint("When it is not that of the server above.").show(form))
                        (Control::number("connection.sql_server.timeouts.connect_seconds", "Seconds to connect").show(form))
                        (Control::number("connection.sql_server.timeouts.login_seconds", "Seconds to log in").show(form))
                        (Control::number("connection.sql_server.timeouts.command_seconds", "Seconds for an answer").show(form))
                        (Control::number("connection.sql_server.timeouts.run_seconds", "Seconds for a whole run").show(form))
                    }
                    (field("connection.sql_server.read_only_intent", "Read from a secondary of an availability group").switch(form))
                    (field("connection.sql_server.dangerously_trust_any_certificate", "Trust any certificate (dangerous)")
                        .hint("Whoever is on the way can read and change everything, the password too.").switch(form))
                }
            }
        }
    }
}

fn map(form: &Form, shown: &Shown<'_>) -> Markup {
    let columns = shown.tested.map(Tested::columns).unwrap_or_default();
    html! {
        section.card id="field_map" {
            h2 { (MAP) }
            p.lead {
                "Which column of the database each field of a contact comes from. At least one name and one number. "
                @if columns.is_empty() { "After a " strong { "Test" } ", the columns found on the server can be chosen." }
                @else { "The " (columns.len()) " columns found on the server can be chosen." }
            }
            @if let Some(error) = form.error_at("field_map", || MAP.to_owned()) { p.error id="field_map-error" { (error) } }
            datalist id="columns" { @for (column, table) in &columns { option value=(column) { (table) } } }
            div.fields.map {
                @for (field, name) in CONTACT_FIELDS {
                    @let setting = format!("field_map.{field}");
                    @let hint = match field {
                        "key" => "Tells which contact a row is; strongly recommended.",
                        "own_extension" => "Of the person in the company who looks after the contact.",
                        _ => "",
                    };
                    (Control::text(&setting, name).within(MAP).list("columns").hint(hint).placeholder("not used").code().show(form))
                }
            }
        }
    }
}

fn synchronization(form: &Form, shown: &Shown<'_>) -> Markup {
    let targets = [
        ("new", "Create New", "All contacts in one phonebook, made from scratch."),
        (
            "by_property",
            "Read Specific Property Value and Create New",
            "A phonebook for each value of a column, such as one for each team. Inbound routes can then ask for them.",
        ),
        ("existing", "An existing phonebook", "A local phonebook that is empty."),
    ];
    let existing: Vec<(&str, &str)> = match shown.empty_phonebooks {
        [] => vec![("", "There is no empty local phonebook")],
        names => names.iter().map(|name| (name.as_str(), name.as_str())).collect(),
    };
    let occasions = [
        ("always", "After every run", ""),
        ("failure", "When a run fails", ""),
        ("refusal", "When a run is refused, because it would remove too much", ""),
        ("recovery", "When it works again", ""),
    ];
    html! {
        section.card {
            h2 { "Contacts Synchronization" }
            div.fields {
                (Control::text("enabled", "Contacts Synchronization")
                    .hint("A source that is off keeps its contacts and is not synchronised.").switch(form))
                (Control::text("phonebook", "Synchronize to Phonebook").choices(form, "radio", &targets))
                div.when.into-new.fields.two {
                    (Control::text("phonebook.new.name", "Phonebook Name").required().show(form))
                }
                div.when.into-property.fields.two {
                    (Control::text("phonebook.by_property.column", "Property Name").list("columns").code().required()
                        .hint("A column of the contact table, such as belongto.").show(form))
                    (Control::text("phonebook.by_property.blank", "Phonebook of those without")
                        .hint("Where contacts go whose property is blank. Without it, they are rejected and reported.").show(form))
                }
                div.when.into-existing.fields.two {
                    (Control::text("phonebook.existing.name", "Phonebook").select(form, &existing))
                }
                (schedule(form))
                (Control::text("notify.email", "Feedback Email").placeholder("it@example.com; help@example.com")
                    .hint("Optional. Who is told what a run came to: up to 5 addresses, separated by a semicolon.").show(form))
                (Control::text("notify.when", "Feedback is sent").choices(form, "checkbox", &occasions))
                details.more open[["notify.webhook.url", "notify.webhook.secret"].iter().any(|field| !form.text(field).is_empty())] {
                    summary { (WEBHOOK) }
                    div.fields.two {
                        (Control::text("notify.webhook.url", "URL").within(WEBHOOK).placeholder("https://example.com/hook").show(form))
                        (Control::text("notify.webhook.secret", "Signed with").within(WEBHOOK).hint("Where the secret is: env:NAME or file:PATH.").code().show(form))
                    }
                }
                (Control::text("sync_filter", "Sync Contact Filter").code().required()
                    .hint("A SELECT statement: select ${MAP} from {schema_name}.{table_name}. ${MAP} stands for the columns \
                           of the map. TOP is not supported. Example: select ${MAP} from testpbx.contacts order by id desc")
                    .area(form, 4))
                (Control::text("remove_missing", "Remove existing contacts which are not received from the server")
                    .hint("Contacts that an earlier run brought and this one does not are removed. Otherwise they are kept, and marked.")
                    .switch(form))
            }
        }
    }
}

fn schedule(form: &Form) -> Markup {
    let days = DAYS.map(|(value, name, _)| (value, name, ""));
    html! {
        (Control::text("schedule", "Data Synchronization Frequency").short()
            .hint("To synchronise many contacts is best done at a quiet hour.").select(form, &FREQUENCIES))
        div.when.each-minutes { (Control::number("schedule.every.minutes", "Minutes from one run to the next").placeholder("15").show(form)) }
        div.when.each-hours { (Control::number("schedule.every.hours", "Hours from one run to the next").placeholder("2").show(form)) }
        div.when.on-days { (Control::text("schedule.weekly.days", "Days").choices(form, "checkbox", &days)) }
        div.fields.two {
            div.when.on-month-day { (Control::text("schedule.monthly.day", "Day of the month").short().hint("1 to 31, or last.").show(form)) }
            div.when.at-time { (Control::time("schedule.at", "Time").show(form)) }
            div.when.by-cron { (Control::text("schedule.cron.expression", "Cron expression").code().placeholder("0 3 * * mon-fri").show(form)) }
            div.when.in-zone { (Control::text("schedule.time_zone", "Time zone").placeholder("Europe/Berlin").show(form)) }
        }
        div.when.scheduled {
            details.more {
                summary { "Missed runs, and many sources at once" }
                div.fields {
                    (Control::text("schedule.run_missed", "Make up for a run that was missed while the server was down").switch(form))
                    (Control::number("schedule.jitter_minutes", "Put off by up to so many minutes")
                        .hint("Each source always by the same time, so that not all are read at once.").placeholder("0").show(form))
                }
            }
        }
    }
}

fn safeguards(form: &Form) -> Markup {
    html! {
        section.card {
            h2 { "Safeguards" }
            p.lead { "When a run is refused rather than believed. 0 turns one off." }
            div.fields.two {
                (Control::number("guard.max_removed_percent", "Most contacts removed, in percent").show(form))
                (Control::number("guard.max_removed_contacts", "Removing so many is always allowed").show(form))
                (Control::number("guard.max_rejected_percent", "Most rows rejected, in percent").show(form))
                (Control::text("default_region", "Region of its numbers").short().placeholder("DE")
                    .hint("Of numbers that are not written internationally; the general one unless given.").show(form))
            }
        }
    }
}
