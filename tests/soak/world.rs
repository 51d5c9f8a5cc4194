//! What there is to be known of a generation, and what every call must be answered from it. Written from the rules of
//! the documentation, and knows nothing of the program.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::random::Random;

pub(crate) const TEAMS: [&str; 3] = ["Sales", "Support", "Partners"];
pub(crate) const LOCAL: &str = "VIP";
pub(crate) const DIDS: [&str; 3] = ["+493050001", "+493050002", "+493050003"];

/// A row of the company's database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) name: String,
    /// In Berlin.
    pub(crate) number: u32,
    pub(crate) team: &'static str,
}

/// By their keys.
pub(crate) type People = BTreeMap<u32, Person>;

/// People with an index over their numbers.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    pub(crate) people: People,
    by_number: HashMap<u32, Vec<u32>>,
}

impl Directory {
    pub(crate) fn of(people: People) -> Arc<Self> {
        let mut by_number: HashMap<u32, Vec<u32>> = HashMap::new();
        for (key, person) in &people {
            by_number.entry(person.number).or_default().push(*key);
        }
        Arc::new(Directory { people, by_number })
    }
}

/// An inbound route: what is not said is not asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) phonebook: Option<&'static str>,
    pub(crate) did: Option<&'static str>,
    pub(crate) withheld: bool,
    /// Number of a queue.
    pub(crate) target: u32,
}

/// All that decides what is answered.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) synced: Arc<Directory>,
    /// Contacts made by hand: names by numbers, which nobody else has.
    pub(crate) local: Arc<BTreeMap<u32, String>>,
    pub(crate) routes: Arc<Vec<Route>>,
}

/// Who a caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Number(u32),
    Withheld,
    Invalid,
}

/// A call, as it is asked about.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) caller: Caller,
    pub(crate) written: String,
    pub(crate) did: &'static str,
}

/// A contact in an answer: source key, name, phonebooks.
pub(crate) type Found = (String, String, Vec<String>);

/// What must be answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    pub(crate) e164: String,
    pub(crate) contacts: BTreeSet<Found>,
    /// Name and target; only of who asked for it.
    pub(crate) route: Option<(String, String)>,
}

pub(crate) fn e164(number: u32) -> String {
    format!("+4930{number}")
}

impl World {
    /// Who calls.
    pub(crate) fn matched(&self, call: &Call) -> Answer {
        let mut contacts = BTreeSet::new();
        let (mut status, mut number_told) = ("MATCH_STATUS_NOT_MATCHED", String::new());
        match call.caller {
            Caller::Withheld => status = "MATCH_STATUS_WITHHELD",
            Caller::Invalid => status = "MATCH_STATUS_INVALID",
            Caller::Number(number) => {
                number_told = e164(number);
                for key in self.synced.by_number.get(&number).into_iter().flatten() {
                    let person = &self.synced.people[key];
                    contacts.insert((key.to_string(), person.name.clone(), vec![person.team.to_owned()]));
                }
                if let Some(name) = self.local.get(&number) {
                    contacts.insert((String::new(), name.clone(), vec![LOCAL.to_owned()]));
                }
            }
        }
        if !contacts.is_empty() {
            status = "MATCH_STATUS_MATCHED";
        }
        Answer { status, e164: number_told, contacts, route: None }
    }

    /// Who calls, and where the call goes: the first route of which everything holds.
    pub(crate) fn routed(&self, call: &Call) -> Answer {
        let answer = self.matched(call);
        let takes = |route: &&Route| {
            let is_in = |phonebook: &str| {
                answer.contacts.iter().any(|(_, _, in_these)| in_these.iter().any(|name| name == phonebook))
            };
            route.phonebook.is_none_or(is_in)
                && route.did.is_none_or(|did| did == call.did)
                && (!route.withheld || call.caller == Caller::Withheld)
        };
        let route =
            self.routes.iter().find(takes).map(|route| (route.name.clone(), route.target.to_string()));
        Answer { route: Some(route.unwrap_or_default()), ..answer }
    }

    /// Settings that make a server this world, but for contacts.
    pub(crate) fn settings(&self, company: &Path) -> String {
        let mut text = format!(
            r#"
            [numbers]
            default_region = "DE"

            [[phonebook]]
            name = "{LOCAL}"

            [[source]]
            name = "crm"
            connection = {{ sqlite = {{ path = {company:?} }} }}
            sync_filter = "select ${{MAP}} from main.people order by id"
            field_map = {{ key = "id", last_name = "name", business_number = "tel" }}
            phonebook = {{ by_property = {{ column = "team" }} }}
            guard = {{ max_removed_percent = 0 }}
            "#
        );
        for route in self.routes.iter() {
            text += &format!("\n[[inbound_route]]\nname = {:?}\n", route.name);
            if let Some(phonebook) = route.phonebook {
                text += &format!("phonebooks = [{phonebook:?}]\n");
            }
            if let Some(did) = route.did {
                text += &format!("dids = [{did:?}]\n");
            }
            if route.withheld {
                text += "withheld = true\n";
            }
            text += &format!("destination = {{ type = \"queue\", target = \"{}\" }}\n", route.target);
        }
        text
    }

    /// Somebody calls: mostly who is known, some who are not, written as networks write.
    pub(crate) fn call(&self, random: &mut Random) -> Call {
        let did = *random.of(&DIDS);
        let (caller, written) = match random.below(20) {
            0 => (
                Caller::Withheld,
                (*random.of(&["anonymous", "", "sip:anonymous@anonymous.invalid"])).to_owned(),
            ),
            1 => (Caller::Invalid, "nobody's number".to_owned()),
            kind => {
                let number = match kind {
                    2..=4 => 9_000_000 + random.below(1000) as u32,
                    5..=7 => 7_000_000 + random.below(20) as u32,
                    _ => FIRST_NUMBER + random.below(self.synced.people.len() + 50) as u32,
                };
                let written = match random.below(5) {
                    0 => format!("0049 30 {number}"),
                    1 => format!("030 / {number}"),
                    2 => format!("sip:+4930{number}@pbx.example.com"),
                    3 => format!("tel:+49-30-{number}"),
                    _ => e164(number),
                };
                (Caller::Number(number), written)
            }
        };
        Call { caller, written, did }
    }
}

pub(crate) const FIRST_NUMBER: u32 = 2_000_000;

pub(crate) fn first_world(people: u32) -> World {
    let person = |key: u32| Person {
        name: format!("Person {key}"),
        number: FIRST_NUMBER + key,
        team: TEAMS[key as usize % TEAMS.len()],
    };
    let route = |number: u32, phonebook, did, withheld| Route {
        name: format!("route {number}"),
        phonebook,
        did,
        withheld,
        target: 6000 + number,
    };
    let routes = vec![
        route(1, None, None, true),
        route(2, Some("Sales"), Some(DIDS[0]), false),
        route(3, Some("Support"), None, false),
        route(4, Some(LOCAL), None, false),
        route(5, Some("Partners"), Some(DIDS[1]), false),
        route(6, None, Some(DIDS[2]), false),
        route(7, Some("Sales"), None, false),
        route(8, None, None, false),
    ];
    let people = (0..people).map(|key| (key, person(key))).collect();
    World { synced: Directory::of(people), local: Arc::default(), routes: Arc::new(routes) }
}

/// The company changes: names, numbers, teams; some leave, some come. Never nobody.
pub(crate) fn changed(people: &People, random: &mut Random) -> People {
    let mut people = people.clone();
    let keys: Vec<u32> = people.keys().copied().collect();
    let changes = 1 + random.below(keys.len() / 20);
    for _ in 0..changes {
        let key = *random.of(&keys);
        match random.below(5) {
            0 => drop(people.remove(&key)),
            1 => {
                let key = keys.last().copied().unwrap_or(0) + 1 + random.below(1000) as u32;
                let number = FIRST_NUMBER + random.below(keys.len() + 50) as u32;
                let team = *random.of(&TEAMS);
                people.insert(key, Person { name: format!("Person {key}"), number, team });
            }
            kind => {
                let Some(person) = people.get_mut(&key) else { continue };
                match kind {
                    2 => person.name = format!("Person {key}, {}", random.below(1_000_000)),
                    3 => person.number = FIRST_NUMBER + random.below(keys.len() + 50) as u32,
                    _ => person.team = TEAMS[random.below(TEAMS.len())],
                }
            }
        }
    }
    people
}
