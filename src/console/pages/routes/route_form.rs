//! An inbound route as a form, and back.

use maud::{Markup, html};

use crate::console::attestation;
use crate::console::control::Control;
use crate::console::form::Form;
use crate::console::show::label;
use crate::phonebook::PhonebookName;
use crate::settings::{
    ALWAYS, Destination, DestinationType, Freshness, InboundRoute, OlderData, RouteTime, Settings,
};

/// What a route can refer to.
pub(super) struct Known {
    trunks: Vec<String>,
    phonebooks: Vec<String>,
    conditions: Vec<String>,
    /// What destinations are listed, and for what.
    targets: Vec<(String, String)>,
}

impl Known {
    pub(super) fn of(settings: &Settings, phonebooks: Vec<String>) -> Self {
        Known {
            trunks: settings.trunks.iter().map(|trunk| trunk.name.clone()).collect(),
            phonebooks,
            conditions: settings.time_conditions.iter().map(|one| one.name.clone()).collect(),
            targets: settings
                .destinations
                .iter()
                .map(|listed| {
                    let about = format!("{} {}", label(listed.destination_type.name()), listed.name);
                    (listed.target.clone(), about)
                })
                .collect(),
        }
    }
}

/// Where the fields of a destination stand.
const GOES_TO: &str = "Goes to";

/// Between a destination and the one that stands in for it.
const OR_ELSE: &str = " or else ";

fn destination_text(destination: &Destination) -> String {
    let text = format!("{} {}", destination.destination_type.name(), destination.target).trim().to_owned();
    match &destination.fallback {
        Some(fallback) => format!("{text}{OR_ELSE}{}", destination_text(fallback)),
        None => text,
    }
}

/// The fields of a route.
pub(super) fn of(route: &InboundRoute, etag: &str) -> Form {
    let mut values: Vec<(&str, String)> = vec![
        ("etag", etag.to_owned()),
        ("name", route.name.clone()),
        ("note", route.note.clone()),
        ("dids", route.dids.join("\n")),
        ("callers", route.callers.join("\n")),
        ("attestation", route.attestation.map(|level| format!("{level:?}")).unwrap_or_default()),
        ("alert_info", route.alert_info.clone()),
        ("caller_name_prefix", route.caller_name_prefix.clone()),
        ("destination.type", route.destination.destination_type.name().to_owned()),
        ("destination.target", route.destination.target.clone()),
    ];
    for (name, is_on) in
        [("enabled", route.enabled), ("withheld", route.withheld), ("in_no_phonebook", route.in_no_phonebook)]
    {
        values.extend(is_on.then(|| (name, "on".to_owned())));
    }
    values.extend(route.trunks.iter().map(|name| ("trunks", name.clone())));
    values.extend(route.phonebooks.iter().map(|name| ("phonebooks", name.as_str().to_owned())));
    let times = route.times.iter().map(|time| match &time.destination {
        Some(destination) => format!("{} = {}", time.condition, destination_text(destination)),
        None => time.condition.clone(),
    });
    values.push(("times", times.collect::<Vec<_>>().join("\n")));
    if let Some(freshness) = route.freshness {
        let older = if freshness.older == OlderData::Skip { "skip" } else { "use" };
        values.push(("freshness.max_age_hours", freshness.max_age_hours.to_string()));
        values.push(("freshness.older", older.to_owned()));
    }
    if let Some(fallback) = &route.destination.fallback {
        values.push(("destination.fallback", destination_text(fallback)));
    }
    Form::of(values)
}

fn lines(form: &Form, name: &str) -> Vec<String> {
    let lines = form.raw(name).lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// `ring_group 6300`, `contact_extension or else queue 6400`
fn destination(text: &str) -> Result<Destination, String> {
    let (text, fallback) = match text.split_once(OR_ELSE) {
        Some((text, fallback)) => (text, Some(Box::new(destination(fallback)?))),
        None => (text, None),
    };
    let (kind, target) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let known = DestinationType::ALL.into_iter().find(|known| known.name() == kind);
    let destination_type = known.ok_or_else(|| {
        let names = DestinationType::ALL.map(DestinationType::name).join(", ");
        format!("{kind:?} is no kind of destination; there are {names}")
    })?;
    Ok(Destination { destination_type, target: target.trim().to_owned(), fallback })
}

/// The route that a form says; what is wrong stands at its field.
pub(super) fn read(form: &mut Form) -> Option<InboundRoute> {
    let mut names = Vec::new();
    for text in form.all("phonebooks") {
        match PhonebookName::parse(&text) {
            Ok(name) => names.push(name),
            Err(error) => form.fail("phonebooks", error.to_string()),
        }
    }
    let trunks = form.all("trunks");
    let mut times = Vec::new();
    for line in lines(form, "times") {
        let (condition, to) = match line.split_once('=') {
            Some((condition, to)) => (condition.trim().to_owned(), Some(destination(to))),
            None => (line.clone(), None),
        };
        match to.transpose() {
            Ok(destination) => times.push(RouteTime { condition, destination }),
            Err(problem) => form.fail("times", problem),
        }
    }
    let attestation = attestation::read(form);
    let freshness = match form.optional("freshness.max_age_hours") {
        None => None,
        Some(_) => form.number("freshness.max_age_hours", "a whole number of hours").map(|max_age_hours| {
            let older = if form.text("freshness.older") == "skip" { OlderData::Skip } else { OlderData::Use };
            Freshness { max_age_hours, older }
        }),
    };
    let to = destination(form.text("destination.type"));
    let mut to = to.map_err(|problem| form.fail("destination.type", problem)).ok();
    if let Some(to) = &mut to {
        form.text("destination.target").clone_into(&mut to.target);
    }
    if let Some(text) = form.optional("destination.fallback") {
        match destination(&text) {
            Ok(fallback) => {
                if let Some(to) = &mut to {
                    to.fallback = Some(Box::new(fallback));
                }
            }
            Err(problem) => form.fail("destination.fallback", problem),
        }
    }
    let destination = to.filter(|_| form.is_fine())?;
    Some(InboundRoute {
        name: form.text("name").to_owned(),
        enabled: form.is_ticked("enabled"),
        note: form.text("note").to_owned(),
        trunks,
        dids: lines(form, "dids"),
        callers: lines(form, "callers"),
        phonebooks: names,
        withheld: form.is_ticked("withheld"),
        in_no_phonebook: form.is_ticked("in_no_phonebook"),
        attestation,
        times,
        freshness,
        alert_info: form.text("alert_info").to_owned(),
        // With the space that sets it off from the name.
        caller_name_prefix: form.raw("caller_name_prefix").to_owned(),
        destination,
    })
}

/// The inside of the form.
pub(super) fn show(form: &Form, known: &Known) -> Markup {
    let kinds: Vec<(&str, String)> =
        DestinationType::ALL.into_iter().map(|kind| (kind.name(), label(kind.name()))).collect();
    let kinds: Vec<(&str, &str)> = kinds.iter().map(|(value, name)| (*value, name.as_str())).collect();
    let times_hint = format!(
        "One a line, tried in this order: a time condition ({ALWAYS}{}), and if calls go elsewhere while it holds, = and \
         where, such as: holidays = announcement closed, or: holidays = contact_extension or else queue 6400",
        known.conditions.iter().map(|name| format!(", {name}")).collect::<String>()
    );
    html! {
        section.card.stack {
            (Control::text("name", "Name").required().show(form))
            (Control::text("enabled", "On").hint("A route that is off is passed over.").switch(form))
            (Control::text("note", "Note").show(form))
        }
        section.card.stack {
            h2 { "Which calls" }
            p.lead { "All that is filled in has to hold; of several values, one is enough. Nothing filled in is every call." }
            (Control::text("trunks", "Came in on one of these trunks").ticks(form, &known.trunks))
            (Control::text("dids", "Dialled numbers (DID)")
                .hint("One a line: a number, a range such as +493023125000-+493023125099, a pattern such as _5XXX.").area(form, 3))
        }
        section.card.stack {
            h2 { "Who calls" }
            p.lead { "These are alternatives: one of them is enough." }
            (Control::text("phonebooks", "A contact in one of these phonebooks").ticks(form, &known.phonebooks))
            (Control::text("callers", "Caller numbers").hint("One a line: a number, a range or a pattern.").area(form, 3))
            (Control::text("withheld", "The number is withheld").switch(form))
            (Control::text("in_no_phonebook", "The caller is in no phonebook").switch(form))
        }
        section.card.stack {
            h2 { (GOES_TO) }
            div.fields.two {
                (Control::text("destination.type", "Kind").within(GOES_TO).select(form, &kinds))
                (Control::text("destination.target", "Which").within(GOES_TO).list("targets").hint("Such as an extension, or the number of a queue.").show(form))
            }
            datalist id="targets" { @for (target, about) in &known.targets { option value=(target) { (about) } } }
            (Control::text("destination.fallback", "Or else")
                .hint("For a contact extension, when the contact has none: such as queue 6400.").show(form))
        }
        section.card.stack {
            h2 { "When, and more" }
            (Control::text("times", "Times").hint(&times_hint).area(form, 3))
            (attestation::at_least(form))
            div.fields.two {
                (Control::number("freshness.max_age_hours", "Data are old after, in hours").hint("Empty: never.").show(form))
                (Control::text("freshness.older", "Old data").select(form, &[
                    ("use", "are used, and the explanation says so"), ("skip", "are passed over"),
                ]))
                (Control::text("alert_info", "Alert-Info").hint("For a ring tone of its own.").show(form))
                (Control::text("caller_name_prefix", "In front of the caller's name").show(form))
            }
        }
    }
}
