//! `ringroute match` and `ringroute route`: what a call handler asks, asked by a person.

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::connection::ServerArguments;
use super::exit::Result;
use super::screen::{Screen, Table};
use super::words;
use crate::api::proto::v1::{self, MatchKind, MatchStatus};

/// Say who is calling, and which phonebooks they are in
///
/// A caller that is unknown, withheld or nonsense is an answer: the exit code is 0.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute match '030 1234567'                    national, in the default region
  ringroute match '020 7946 0123' --trunk london   national, in the trunk's region
  ringroute match 'sip:+49301234567@example.net'
  ringroute match anonymous
  ringroute match +49301234567 --json | jq -r '.contacts[].displayName'")]
pub(super) struct MatchArguments {
    /// The caller's number as the network gives it: any format, a SIP or tel URI, `anonymous`, ''
    #[arg(allow_hyphen_values = true)]
    caller: String,
    /// Name of the trunk where the call comes in
    #[arg(long, default_value = "", hide_default_value = true)]
    trunk: String,
    #[command(flatten)]
    server: ServerArguments,
}

/// Say where a call goes, and with --explain why
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute route '030 1234567' --did +493023125000
  ringroute route '030 1234567' --did +493023125000 --trunk berlin --explain
  ringroute route +49301234567 --did 5000 --at 2026-12-24T20:00:00+01:00 --explain
  ringroute route +49301234567 --did 5000 --json | jq .destination")]
pub(super) struct RouteArguments {
    /// The caller's number as the network gives it: any format, a SIP or tel URI, `anonymous`, ''
    #[arg(allow_hyphen_values = true)]
    caller: String,
    /// The dialled number
    #[arg(long)]
    did: String,
    /// Name of the trunk where the call comes in
    #[arg(long, default_value = "", hide_default_value = true)]
    trunk: String,
    /// The time to decide for, as RFC 3339 has it: 2026-12-24T20:00:00+01:00; now unless given
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// How far the network vouches for the caller's number (STIR)
    #[arg(long, value_name = "LEVEL", ignore_case = true)]
    attestation: Option<AttestationLevel>,
    /// Tell what became of each route that was tried
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "UPPER")]
enum AttestationLevel {
    /// Full: the network knows the caller, and that the number is theirs
    A,
    /// Partial: it knows the caller
    B,
    /// Gateway: it knows where the call came in
    C,
}

impl From<AttestationLevel> for v1::Attestation {
    fn from(level: AttestationLevel) -> Self {
        match level {
            AttestationLevel::A => v1::Attestation::A,
            AttestationLevel::B => v1::Attestation::B,
            AttestationLevel::C => v1::Attestation::C,
        }
    }
}

impl MatchArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let connection = self.server.connect().await?;
        let request = v1::MatchCallerRequest { caller: self.caller.clone(), trunk: self.trunk };
        let answer = connection.calls().match_caller(request).await?.into_inner();
        if self.server.json {
            return screen.json(&answer);
        }
        let v1::MatchCallerResponse { status, e164, contacts, phonebooks, invalid_reason, .. } = answer;
        let found = v1::CallerMatch { status, e164, contacts, phonebooks, invalid_reason };
        let sentence = sentence(&found, &self.caller);
        screen.line(match found.status() {
            MatchStatus::Matched => screen.good(sentence),
            _ => words::on_one_line(&sentence),
        })?;
        if found.contacts.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(["contact", "company", "number", "phonebooks", "source", "key", "match"]);
        for contact in &found.contacts {
            table.row([
                &contact.display_name,
                &contact.company,
                &words::of_enum(contact.number_label().as_str_name(), "NUMBER_LABEL_"),
                &contact.phonebooks.join(", "),
                source(&contact.source),
                &contact.source_key,
                &words::of_enum(contact.match_kind().as_str_name(), "MATCH_KIND_"),
            ]);
        }
        screen.table(&table)
    }
}

/// The name of a source, or what contacts without one are called.
pub(super) fn source(name: &str) -> &str {
    if name.is_empty() { "(local)" } else { name }
}

impl RouteArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let connection = self.server.connect().await?;
        let request = v1::RouteCallRequest {
            caller: self.caller.clone(),
            did: self.did,
            trunk: self.trunk,
            at: self.at.map(words::timestamp),
            explain: self.explain,
            attestation: self.attestation.map_or(v1::Attestation::Unspecified, Into::into).into(),
        };
        let answer = connection.calls().route_call(request).await?.into_inner();
        if self.server.json {
            return screen.json(&answer);
        }
        screen
            .line(sentence(answer.r#match.as_ref().unwrap_or(&v1::CallerMatch::default()), &self.caller))?;
        screen.line(screen.bold(decision(&answer)))?;
        if !answer.alert_info.is_empty() {
            screen.line(format!("Alert-Info: {}", words::on_one_line(&answer.alert_info)))?;
        }
        if !answer.caller_name_prefix.is_empty() {
            screen.line(format!("Caller's name: {}…", words::on_one_line(&answer.caller_name_prefix)))?;
        }
        if let Some(dial_string) = dial_string(&answer) {
            screen.line(format!("Dialled as {}", words::on_one_line(dial_string)))?;
        }
        if let Some(reading) = &answer.reading {
            tell_reading(screen, reading, answer.generation)?;
        }
        explain(screen, &answer.explanation)
    }
}

/// Who is calling, in one sentence.
fn sentence(found: &v1::CallerMatch, caller: &str) -> String {
    let caller = words::on_one_line(caller);
    match found.status() {
        MatchStatus::Matched => {
            let others = match found.contacts.len() {
                0 | 1 => String::new(),
                contacts => format!(" and {} more", contacts - 1),
            };
            let similar = found.contacts.iter().all(|contact| contact.match_kind() == MatchKind::LastDigits);
            let how = if similar { ", by the last digits of the number" } else { "" };
            format!("{} is {}{others}, {}{how}.", found.e164, names(found, 1), membership(found))
        }
        MatchStatus::NotMatched => format!("{} is no contact's number.", found.e164),
        MatchStatus::Withheld => "The caller's number is withheld.".into(),
        // The reason may be a question.
        MatchStatus::Invalid => format!("{caller:?} is not a phone number: {}", found.invalid_reason),
        MatchStatus::Unspecified => format!("The server did not say who {caller:?} is."),
    }
}

fn membership(found: &v1::CallerMatch) -> String {
    match found.phonebooks.as_slice() {
        [] => "in no phonebook".into(),
        [phonebook] => format!("in phonebook {phonebook}"),
        phonebooks => format!("in phonebooks {}", words::list(phonebooks)),
    }
}

/// The first few contacts.
pub(super) fn names(found: &v1::CallerMatch, most: usize) -> String {
    let names: Vec<&str> =
        found.contacts.iter().take(most).map(|contact| contact.display_name.as_str()).collect();
    words::on_one_line(&words::list(&names))
}

/// Where the call goes, in one sentence.
fn decision(answer: &v1::RouteCallResponse) -> String {
    let destination = words::destination(answer.destination.as_ref());
    if answer.route.is_empty() {
        return "No inbound route takes the call: the call handler's own default applies.".into();
    }
    format!("The call goes to {destination}, by inbound route {:?}.", answer.route)
}

fn dial_string(answer: &v1::RouteCallResponse) -> Option<&str> {
    let dial_string = answer.destination.as_ref()?.dial_string.as_str();
    (!dial_string.is_empty()).then_some(dial_string)
}

/// Tells what routes were compared with, and when.
fn tell_reading(screen: &mut Screen, reading: &v1::CallReading, generation: u64) -> Result<()> {
    let forms = |subject: &str, forms: &[String], rewritten: &str| {
        let tried = match forms {
            [] => "is no number".to_owned(),
            forms => format!("is tried as {}", words::list(forms)),
        };
        match rewritten {
            "" => format!("{subject} {tried}"),
            rewritten => format!("{subject} becomes {rewritten} by the rules of the trunk and {tried}"),
        }
    };
    let caller = forms("The caller", &reading.caller_forms, &reading.rewritten_caller);
    let did = forms("the dialled number", &reading.did_forms, &reading.rewritten_did);
    screen.line(words::on_one_line(&format!("{caller}; {did}.")))?;
    let region = match reading.region.as_str() {
        "" => String::new(),
        region => format!(", numbers read as in {region}"),
    };
    let at = words::time(reading.at.as_ref());
    screen.line(format!("Decided for {at}{region}, from generation {generation}:"))
}

/// Tells what became of each route that was tried.
fn explain(screen: &mut Screen, steps: &[v1::ExplanationStep]) -> Result<()> {
    for (place, step) in steps.iter().enumerate() {
        let line = format!(
            "{:>3}. {:?} {}",
            place + 1,
            step.route,
            if step.taken { "takes it" } else { "does not take it" }
        );
        let why = [why(step), words::on_one_line(&step.destination_why)].join(" ").trim().to_owned();
        let line = if step.taken { screen.good(line) } else { words::on_one_line(&line) };
        screen.line(if why.is_empty() { line } else { format!("{line}: {why}") })?;
    }
    Ok(())
}

/// Why a route took a call, or did not: what decided, in a line.
pub(super) fn why(step: &v1::ExplanationStep) -> String {
    let decided = step.criteria.iter().filter(|criterion| criterion.held == step.taken);
    let mut reasons: Vec<&str> = Vec::new();
    for criterion in decided {
        // Ways to ask for the same thing have the same reason.
        if !reasons.contains(&criterion.why.as_str()) {
            reasons.push(&criterion.why);
        }
    }
    words::on_one_line(&reasons.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(names: &[&str], phonebooks: &[&str], kind: MatchKind) -> v1::CallerMatch {
        let contact = |name: &&str| v1::MatchedContact {
            display_name: (*name).to_owned(),
            match_kind: kind.into(),
            ..Default::default()
        };
        v1::CallerMatch {
            status: MatchStatus::Matched.into(),
            e164: "+4930".into(),
            contacts: names.iter().map(contact).collect(),
            phonebooks: phonebooks.iter().map(|name| (*name).to_owned()).collect(),
            invalid_reason: String::new(),
        }
    }

    #[test]
    fn one_sentence_says_who_is_calling() {
        let one = matched(&["Ada"], &["Sales"], MatchKind::Exact);
        assert_eq!(sentence(&one, "x"), "+4930 is Ada, in phonebook Sales.");
        let three = matched(&["Ada", "Bo", "Cy"], &["Sales", "VIP"], MatchKind::LastDigits);
        assert_eq!(
            sentence(&three, "x"),
            "+4930 is Ada and 2 more, in phonebooks Sales and VIP, by the last digits of the number."
        );
    }

    #[test]
    fn only_what_decided_is_a_reason() {
        let criterion = |held, why: &str| v1::CriterionResult { held, why: why.into(), ..Default::default() };
        let criteria = vec![criterion(true, "Yes."), criterion(false, "No."), criterion(false, "No.")];
        let mut step = v1::ExplanationStep { route: "r".into(), criteria, taken: true, ..Default::default() };
        assert_eq!(why(&step), "Yes.");
        step.taken = false;
        assert_eq!(why(&step), "No.");
    }
}
