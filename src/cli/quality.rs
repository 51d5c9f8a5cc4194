//! `ringroute sources quality`: what should be put right in a source.

use clap::{Args, ValueEnum};

use super::connection::{Connection, ServerArguments};
use super::exit::Result;
use super::screen::{Screen, Table};
use super::spreadsheet::Csv;
use super::words::{self, count, counted};
use crate::api::proto::v1::{self, QualityFindingKind};

/// Most findings that are asked for at once.
const PAGE: u32 = 1000;

/// So many contacts of a finding are named in a table.
const NAMED_CONTACTS: usize = 3;

/// Say what should be put right in a source: shared numbers, numbers that look like another country's, …
///
/// Looks at the contacts as they were synchronised last; the source is not read. Rows that are no usable contact are
/// in the run: `ringroute sync show RUN --problems`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute sources quality crm                    how often each thing was found
  ringroute sources quality crm --list --kind other-country
  ringroute sources quality crm --csv > crm.csv    everything, a line for each contact of each finding
  ringroute sources quality crm --json | jq '.report.counts[]'")]
pub(super) struct QualityArguments {
    /// Name of the source
    source: String,
    /// List what was found, one by one
    #[arg(long)]
    list: bool,
    /// Everything as CSV, safe to open with a spreadsheet
    #[arg(long, conflicts_with_all = ["list", "json"])]
    csv: bool,
    /// Only this kind, in a list or as CSV
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Most findings in a list
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    NoKey,
    SharedNumber,
    DuplicateContact,
    RepeatedNumber,
    NoRegion,
    NotInRegion,
    OtherCountry,
    NotReceived,
}

impl Kind {
    fn to_proto(self) -> QualityFindingKind {
        match self {
            Kind::NoKey => QualityFindingKind::NoKey,
            Kind::SharedNumber => QualityFindingKind::SharedNumber,
            Kind::DuplicateContact => QualityFindingKind::DuplicateContact,
            Kind::RepeatedNumber => QualityFindingKind::RepeatedNumber,
            Kind::NoRegion => QualityFindingKind::NoRegion,
            Kind::NotInRegion => QualityFindingKind::NotInRegion,
            Kind::OtherCountry => QualityFindingKind::OtherCountry,
            Kind::NotReceived => QualityFindingKind::NotReceived,
        }
    }
}

fn name_of(kind: QualityFindingKind) -> String {
    words::of_enum(kind.as_str_name(), "QUALITY_FINDING_KIND_")
}

impl QualityArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let connection = self.server.connect().await?;
        if self.csv {
            return self.csv(&connection, screen).await;
        }
        if self.list || self.kind.is_some() {
            let found = self.page(&connection, self.limit, String::new()).await?;
            return if self.server.json { screen.json(&found) } else { list(screen, &found) };
        }
        let request = v1::GetQualityReportRequest { source: self.source.clone() };
        let answer = connection.sync().get_quality_report(request).await?.into_inner();
        if self.server.json {
            return screen.json(&answer);
        }
        let report = answer.report.unwrap_or_default();
        let contacts = counted(report.contact_count, "contact");
        screen.line(format!("{} {contacts}", screen.bold(format!("{}:", report.source))))?;
        let mut table = Table::new(["found", "how often"]);
        for found in &report.counts {
            table.row([&name_of(found.kind()), &count(found.count)]);
        }
        screen.table(&table)?;
        if report.counts.iter().any(|found| found.count > 0) {
            let source = words::argument(&report.source);
            screen.line(format!(
                "One by one: ringroute sources quality {source} --list, or --csv for all of it"
            ))?;
        }
        Ok(())
    }

    async fn page(
        &self,
        connection: &Connection,
        page_size: u32,
        page_token: String,
    ) -> Result<v1::ListQualityFindingsResponse> {
        let kind = self.kind.map_or(QualityFindingKind::Unspecified, Kind::to_proto).into();
        let request =
            v1::ListQualityFindingsRequest { source: self.source.clone(), kind, page_size, page_token };
        Ok(connection.sync().list_quality_findings(request).await?.into_inner())
    }

    async fn csv(&self, connection: &Connection, screen: &mut Screen) -> Result<()> {
        let mut token = String::new();
        let header = [
            "found",
            "number",
            "written",
            "contacts",
            "contact",
            "source",
            "key",
            "name",
            "phonebooks",
            "reason",
        ];
        let mut csv = Csv::begin(screen, header)?;
        loop {
            let page = self.page(connection, PAGE, token).await?;
            for finding in &page.findings {
                let nobody = [v1::QualityContact::default()];
                let contacts =
                    if finding.contacts.is_empty() { &nobody } else { finding.contacts.as_slice() };
                for contact in contacts {
                    let id =
                        if contact.contact_id > 0 { contact.contact_id.to_string() } else { String::new() };
                    csv.row([
                        &name_of(finding.kind()),
                        &finding.number,
                        &finding.written,
                        &finding.contact_count.to_string(),
                        &id,
                        &contact.source,
                        &contact.source_key,
                        &contact.display_name,
                        &contact.phonebooks.join("; "),
                        &finding.reason,
                    ])?;
                }
            }
            if page.next_page_token.is_empty() {
                return Ok(());
            }
            token = page.next_page_token;
        }
    }
}

fn list(screen: &mut Screen, found: &v1::ListQualityFindingsResponse) -> Result<()> {
    let mut table = Table::new(["found", "number", "written", "contacts"]);
    for finding in &found.findings {
        let named = finding.contacts.iter().take(NAMED_CONTACTS);
        let mut contacts: Vec<String> = named
            .map(|contact| format!("{} ({})", contact.display_name, words::shortened(&contact.source_key)))
            .collect();
        if finding.contact_count > contacts.len() as u64 {
            contacts.push(format!("{} in all", count(finding.contact_count)));
        }
        table.row([&name_of(finding.kind()), &finding.number, &finding.written, &contacts.join(", ")]);
        table.note(&finding.reason);
    }
    screen.table(&table)?;
    if !found.next_page_token.is_empty() {
        screen.line("… and more: raise --limit, or take --csv for all of it")?;
    }
    Ok(())
}
