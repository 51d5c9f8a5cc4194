//! What a test of a source found.

use maud::{Markup, html};

use super::settings_form::CONTACT_FIELDS;
use crate::console::show;
use crate::console::visit::Tone;
use crate::console::widgets::{banner, table};
use crate::settings::Encryption;
use crate::source::rows::Field;
use crate::source::{QueryReport, SourceError, SourceReport};

/// Most columns that are offered.
const MAX_COLUMNS: usize = 2000;

/// What a test found.
#[derive(Debug, Clone)]
pub(super) enum Tested {
    /// The source was reached.
    Reached(SourceReport),
    /// It was not.
    Failed(String),
}

impl Tested {
    /// The columns found, each with the first table that has it.
    pub(super) fn columns(&self) -> Vec<(&str, String)> {
        let Tested::Reached(report) = self else { return Vec::new() };
        let mut columns: Vec<(&str, String)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for found in &report.tables {
            for column in &found.columns {
                if columns.len() < MAX_COLUMNS && seen.insert(column.name.as_str()) {
                    columns.push((&column.name, format!("{}.{}", found.schema, found.name)));
                }
            }
        }
        columns
    }

    pub(super) fn show(&self) -> Markup {
        html! { div id="tested" role="status" { @match self {
            Tested::Failed(problem) => (banner(Tone::Bad, problem)),
            Tested::Reached(report) => (reached(report)),
        } } }
    }
}

fn reached(report: &SourceReport) -> Markup {
    let server = report.server.as_ref().map(|server| {
        let encryption = match server.encryption {
            Encryption::Required | Encryption::Strict => "everything is encrypted",
            Encryption::LoginOnly => "only the login is encrypted",
            Encryption::None => "nothing is encrypted",
        };
        let version = if server.version.is_empty() { "the server" } else { &server.version };
        format!("{version}; {encryption}")
    });
    let tables = show::count(report.tables.len() as u64, "table", "tables");
    let said = match &server {
        Some(server) => format!("Reached: {server}. {tables} found."),
        None => format!("Reached. {tables} found."),
    };
    html! {
        div.stack {
            (banner(Tone::Good, &said))
            @if report.unreadable_rows > 0 {
                (banner(Tone::Warning, &format!("{} cannot be read at all.", show::count(report.unreadable_rows, "row", "rows"))))
            }
            @match &report.query {
                Ok(query) => (rows(query)),
                // It stands at its field, too.
                Err(SourceError::Settings { .. } | SourceError::SyncFilter(_)) => {
                    (banner(Tone::Plain, "Map and Sync Contact Filter are not yet as they have to be; see below."))
                }
                Err(error) => (banner(Tone::Warning, &error.to_string())),
            }
            details.more {
                summary { "Tables and columns found on the server" }
                (table("Tables and columns", html! { th { "Table" } th { "Columns" } }, html! {
                    @for found in &report.tables {
                        tr {
                            th.nowrap scope="row" { (found.schema) "." (found.name) }
                            td.text { @for (place, column) in found.columns.iter().enumerate() {
                                @if place > 0 { ", " }
                                (column.name) @if !column.declared_type.is_empty() { " " span.faint { (column.declared_type) } }
                            } }
                        }
                    }
                }))
            }
        }
    }
}

fn rows(query: &QueryReport) -> Markup {
    html! {
        p { strong { (show::count(query.row_count, "row", "rows")) } " would be read. The first are:" }
        (table("The first rows", html! {
            @for (field, column) in query.projection.columns() {
                th { (field_name(*field)) " " span.faint { (column) } }
            }
        }, html! {
            @for row in &query.rows {
                tr { @for value in row { td {
                    @if let Some(text) = value { (text) } @else { span.faint { "NULL" } }
                } } }
            }
        }))
    }
}

fn field_name(field: Field) -> &'static str {
    // What tells the phonebook is no field of the contact.
    CONTACT_FIELDS.iter().find(|(known, _)| *known == field.name()).map_or("Property", |(_, name)| name)
}
