//! `ringroute check`: is a configuration, and a settings document, right? Without a server.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::apply;
use super::exit::{Exit, Failure, Result};
use super::screen::Screen;
use super::serve::ProcessArguments;
use super::words;
use crate::generation::Generation;
use crate::index::ContactIndexBuilder;
use crate::listening::Tls;
use crate::notifier::Ways;
use crate::routing::{self, RouteWarning};
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::source;

/// Check the configuration, and a settings document, without a server
///
/// Everything is checked that can be without reaching a source: keys and values, sync filters and field
/// maps, patterns, times and destinations of inbound routes, and whether a route can ever be reached.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute check                                  ringroute.toml and the environment
  ringroute check --config /etc/ringroute.toml -f settings.toml
  ringroute export | ringroute check -f -

Exit codes: 0 all is fine, 1 something is not")]
pub(super) struct CheckArguments {
    #[command(flatten)]
    process: ProcessArguments,
    /// A settings document, in TOML; - is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// What was found about one thing.
#[derive(Debug, Serialize)]
struct Finding {
    subject: String,
    /// What it means when it is fine.
    #[serde(skip_serializing_if = "Option::is_none")]
    fine: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl Finding {
    fn new(subject: impl Into<String>, result: std::result::Result<String, String>) -> Self {
        let (fine, problem) = match result {
            Ok(fine) => (Some(fine), None),
            Err(problem) => (None, Some(problem)),
        };
        Finding {
            subject: subject.into(),
            fine,
            problems: problem.into_iter().collect(),
            warnings: Vec::new(),
        }
    }
}

impl CheckArguments {
    pub(super) fn run(self, screen: &mut Screen) -> Result<()> {
        let (configuration, has_mail_server) = self.configuration();
        let mut findings = vec![configuration];
        if let Some(file) = &self.file {
            findings.extend(settings(&apply::read_document(file)?, has_mail_server));
        }
        let problems = findings.iter().map(|finding| finding.problems.len() as u64).sum();
        if self.json {
            let json = serde_json::json!({ "ok": problems == 0, "findings": findings });
            screen.line(format!("{json:#}"))?;
        } else {
            tell(screen, &findings)?;
        }
        match problems {
            0 => Ok(()),
            _ => Err(Failure::new(Exit::Failed, format!("{} found", words::counted(problems, "problem")))),
        }
    }

    /// What there is to say, and whether mails can be sent, if that is known.
    fn configuration(&self) -> (Finding, Option<bool>) {
        match self.process.config() {
            Ok(config) => {
                let has_mail_server = config.mail.is_some();
                let fine =
                    format!("listens on {}, data folder {}", config.listen, config.data_folder.display());
                let certificates = config.tls.as_ref().map(Tls::load).transpose();
                let certificates = certificates.map_err(|error| error.to_string());
                let ways = Ways { mail: config.mail, webhook: config.webhook };
                let certificates = certificates.and_then(|_| ways.check_certificates());
                let finding = Finding::new("configuration", certificates.map(|()| fine));
                let finding = Finding { warnings: config.warnings, ..finding };
                (finding, Some(has_mail_server))
            }
            Err(error) => (Finding::new("configuration", Err(error.to_string())), None),
        }
    }
}

fn tell(screen: &mut Screen, findings: &[Finding]) -> Result<()> {
    for Finding { subject, fine, problems, warnings } in findings {
        let subject = words::on_one_line(subject);
        if let Some(fine) = fine {
            screen.line(format!("{} {subject}: {}", screen.good("fine   "), words::on_one_line(fine)))?;
        }
        for warning in warnings {
            screen.line(format!("warning {subject}: {}", words::printable(warning)))?;
        }
        for problem in problems {
            screen.line(format!("{} {subject}: {}", screen.bad("problem"), words::printable(problem)))?;
        }
    }
    Ok(())
}

/// What there is to say of a document, each part by itself as far as that goes.
fn settings(document: &str, has_mail_server: Option<bool>) -> Vec<Finding> {
    let settings = match Settings::from_toml(document) {
        Ok(settings) => settings,
        Err(error) => return vec![Finding::new("settings", Err(error.to_string()))],
    };
    let overview = || {
        Ok(format!(
            "{}, {}, {}, {}",
            words::counted(settings.sources.len() as u64, "source"),
            words::counted(settings.phonebooks.len() as u64, "local phonebook"),
            words::counted(settings.trunks.len() as u64, "trunk"),
            words::counted(settings.inbound_routes.len() as u64, "inbound route"),
        ))
    };
    let valid = settings.validate().map_err(|error| error.to_string()).and_then(|()| overview());
    let mut findings = vec![Finding::new("settings", valid)];
    for source in &settings.sources {
        let opened = source::open(source).map_err(|error| error.to_string());
        let fine = || format!("{}, sync filter and field map fit", source.connection.kind());
        let mut finding = Finding::new(format!("source {:?}", source.name), opened.map(|_| fine()));
        if has_mail_server == Some(false) && !source.notify.email.is_empty() {
            let warning = "notify.email names addresses, but ringroute.toml has no [mail]: no mail is sent";
            finding.warnings.push(warning.to_owned());
        }
        findings.push(finding);
    }
    match compiled(&settings) {
        Ok(snapshot) => {
            let on = snapshot.routes().routes().iter().filter(|route| route.settings().enabled).count();
            let warning = |RouteWarning { route, kind: _, message }| match route.as_str() {
                "" => message,
                _ => format!("{}: {message}", subject(&route)),
            };
            let warnings = routing::check_without_contacts(&snapshot, Timestamp::now());
            findings.push(Finding {
                warnings: warnings.into_iter().map(warning).collect(),
                ..Finding::new("inbound routes", Ok(format!("{} on", words::count(on as u64))))
            });
        }
        Err(problem) => findings.push(Finding::new("inbound routes", Err(problem))),
    }
    findings
}

/// What a warning is about.
pub(super) fn subject(route: &str) -> String {
    if route.is_empty() { "inbound routes".into() } else { format!("inbound route {route:?}") }
}

/// Compiles the inbound routes as a server does, there being no contacts yet.
fn compiled(settings: &Settings) -> std::result::Result<Snapshot, String> {
    let contacts = ContactIndexBuilder::new(Vec::new())
        .and_then(|builder| builder.finish(settings.numbers.last_digits > 0))
        .map_err(|error| error.to_string())?;
    Snapshot::new(Generation::NONE, Arc::new(contacts), settings).map_err(|error| error.to_string())
}
