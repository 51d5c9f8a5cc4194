//! Who sees which phonebooks: extensions and visibility grants, checked, and resolved against the phonebooks.
//!
//! An extension is there when it is one of the settings' extensions or is listed as a destination, alone or in a
//! range: there is one list of extensions, and names and groups are added to it. What no grant shows is hidden.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use super::destinations::Destinations;
use super::number_range::NumberRange;
use super::route_table::RouteError;
use crate::index::{ContactIndex, PhonebookOrdinal};
use crate::phonebook::MAX_NAME_CHARACTERS;
use crate::settings::{DestinationType, Extension, VisibilityGrant, folded_name};

/// Most groups that an extension is in.
pub const MAX_GROUPS: usize = 100;
/// Most phonebooks, extensions or groups of a grant.
pub const MAX_GRANT_VALUES: usize = 10_000;

/// Who sees which phonebooks.
#[derive(Debug, Default)]
pub struct Visibility {
    extensions: HashMap<String, KnownExtension>,
    grants: Box<[CompiledGrant]>,
}

/// What the settings say of an extension.
#[derive(Debug, Default)]
struct KnownExtension {
    is_off: bool,
    groups: HashSet<String>,
}

#[derive(Debug)]
struct CompiledGrant {
    /// `None`: every phonebook.
    phonebooks: Option<Box<[PhonebookOrdinal]>>,
    /// `None`: every extension.
    to: Option<Grantees>,
}

#[derive(Debug)]
struct Grantees {
    extensions: HashSet<String>,
    ranges: Box<[NumberRange]>,
    groups: HashSet<String>,
}

impl Grantees {
    fn have(&self, number: &str, groups: &HashSet<String>) -> bool {
        self.extensions.contains(number)
            || self.ranges.iter().any(|range| range.contains(number.as_bytes()))
            || !self.groups.is_disjoint(groups)
    }
}

/// Why somebody sees nothing at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoViewer {
    /// There is no such extension.
    Unknown,
    /// The extension is off.
    IsOff,
}

impl Visibility {
    /// Checks extensions and grants, and resolves the names of phonebooks. The numbers of extensions are checked by
    /// `destinations` already, which they are part of. Where something cannot work, less is seen.
    pub(super) fn compile(
        extensions: &[Extension],
        grants: &[VisibilityGrant],
        contacts: &ContactIndex,
        destinations: &Destinations,
        left_out: &mut Vec<RouteError>,
    ) -> Self {
        let mut known = HashMap::with_capacity(extensions.len());
        let mut all_groups = HashSet::new();
        for extension in extensions {
            let groups = groups_of(extension, |field, problem| {
                let subject = format!("extension {:?}", extension.number);
                left_out.push(RouteError { subject, field, problem });
            });
            all_groups.extend(groups.iter().cloned());
            known.insert(extension.number.clone(), KnownExtension { is_off: !extension.enabled, groups });
        }
        let mut compiled = Vec::with_capacity(grants.len());
        for grant in grants {
            match compile_grant(grant, contacts, destinations, &all_groups) {
                Ok(grant) => compiled.push(grant),
                Err((field, problem)) => {
                    let subject = format!("visibility grant {:?}", grant.name);
                    left_out.push(RouteError { subject, field, problem });
                }
            }
        }
        Visibility { grants: compiled.into(), extensions: known }
    }

    /// For each phonebook, by its place, whether that extension sees it.
    pub(super) fn of(
        &self,
        number: &str,
        contacts: &ContactIndex,
        destinations: &Destinations,
    ) -> Result<Box<[bool]>, NoViewer> {
        let nothing = KnownExtension::default();
        let known = match self.extensions.get(number) {
            Some(known) => known,
            None if destinations.lists(DestinationType::Extension, number) => &nothing,
            None => return Err(NoViewer::Unknown),
        };
        if known.is_off {
            return Err(NoViewer::IsOff);
        }
        let mut visible = vec![false; contacts.phonebooks().len()].into_boxed_slice();
        let is_meant = |grant: &&CompiledGrant| match &grant.to {
            None => true,
            Some(grantees) => grantees.have(number, &known.groups),
        };
        for grant in self.grants.iter().filter(is_meant) {
            match &grant.phonebooks {
                None => visible.fill(true),
                Some(some) => some.iter().for_each(|phonebook| visible[phonebook.place()] = true),
            }
        }
        Ok(visible)
    }
}

/// By their folded names.
fn groups_of(extension: &Extension, mut leave_out: impl FnMut(String, String)) -> HashSet<String> {
    if let Err(problem) = check_count(&extension.groups, MAX_GROUPS) {
        leave_out("groups".to_owned(), problem);
        return HashSet::new();
    }
    let mut groups = HashSet::with_capacity(extension.groups.len());
    for (place, group) in extension.groups.iter().enumerate() {
        match check_name(group) {
            Ok(()) => drop(groups.insert(folded_name(group))),
            Err(problem) => leave_out(format!("groups[{place}]"), problem),
        }
    }
    groups
}

fn compile_grant(
    grant: &VisibilityGrant,
    contacts: &ContactIndex,
    destinations: &Destinations,
    all_groups: &HashSet<String>,
) -> Result<CompiledGrant, (String, String)> {
    let VisibilityGrant { name: _, phonebooks, all_phonebooks, extensions, extension_groups, all_extensions } =
        grant;
    let refused = |field: &str, problem: &str| Err((field.to_owned(), problem.to_owned()));
    match (phonebooks.is_empty(), all_phonebooks) {
        (true, false) => {
            return refused(
                "phonebooks",
                "is empty: say which phonebooks are shown, or show all of them (all_phonebooks)",
            );
        }
        (false, true) => return refused("all_phonebooks", "is set, so leave phonebooks out"),
        _ => {}
    }
    match (extensions.is_empty() && extension_groups.is_empty(), all_extensions) {
        (true, false) => {
            return refused(
                "extensions",
                "is empty: say which extensions or groups see them, or let all of them (all_extensions)",
            );
        }
        (false, true) => {
            return refused("all_extensions", "is set, so leave extensions and extension_groups out");
        }
        _ => {}
    }
    check_count(phonebooks, MAX_GRANT_VALUES).map_err(|problem| ("phonebooks".to_owned(), problem))?;
    check_count(extensions, MAX_GRANT_VALUES).map_err(|problem| ("extensions".to_owned(), problem))?;
    check_count(extension_groups, MAX_GRANT_VALUES)
        .map_err(|problem| ("extension_groups".to_owned(), problem))?;
    let (mut numbers, mut ranges) = (HashSet::new(), Vec::new());
    for (place, text) in extensions.iter().enumerate() {
        let error = |problem: String| (format!("extensions[{place}]"), problem);
        check_name(text).map_err(error)?;
        match NumberRange::parse(text) {
            Some(range) => {
                ranges.push(range.map_err(|problem| error(format!("{text:?} is not a range: {problem}")))?);
            }
            None if destinations.lists(DestinationType::Extension, text) => {
                numbers.insert(text.clone());
            }
            None => {
                return Err(error(format!(
                    "there is no extension {text:?}: add it as an extension, or list it as a destination"
                )));
            }
        }
    }
    for (place, group) in extension_groups.iter().enumerate() {
        if !all_groups.contains(&folded_name(group)) {
            let shown: String = group.chars().take(MAX_NAME_CHARACTERS).collect();
            let problem = format!("no extension is in a group {shown:?}: put one there, or leave it out");
            return Err((format!("extension_groups[{place}]"), problem));
        }
    }
    let found = || phonebooks.iter().filter_map(|name| contacts.find_phonebook(name)).collect();
    let grantees = || Grantees {
        extensions: numbers,
        ranges: ranges.into(),
        groups: extension_groups.iter().map(|group| folded_name(group)).collect(),
    };
    Ok(CompiledGrant { phonebooks: (!all_phonebooks).then(found), to: (!all_extensions).then(grantees) })
}

fn check_count<T>(values: &[T], most: usize) -> Result<(), String> {
    match values.len() {
        found if found > most => Err(format!("there are {found}; at most {most} are allowed")),
        _ => Ok(()),
    }
}

/// A text on one line, not blank, of at most [`MAX_NAME_CHARACTERS`].
fn check_name(name: &str) -> Result<(), String> {
    if name.trim().is_empty() {
        return Err("must not be blank".into());
    }
    if name.chars().any(char::is_control) {
        return Err("has a control character, which is not allowed here".into());
    }
    match name.chars().count() {
        found if found > MAX_NAME_CHARACTERS => {
            Err(format!("has {found} characters; at most {MAX_NAME_CHARACTERS} are allowed"))
        }
        _ => Ok(()),
    }
}
