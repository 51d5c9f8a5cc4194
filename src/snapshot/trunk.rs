//! Trunks, ready to read the numbers of calls.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::RouteError;
use super::number_range::NumberRange;
use super::pattern::NumberPattern;
use crate::phone_number::{Caller, MAX_CALLER_BYTES, Region, dialled, is_dialled, withheld_word};
use crate::settings::{NumberRule, Trunk};

/// Most rules for one kind of number of one trunk.
pub const MAX_RULES: usize = 100;
/// Most ways in which one trunk writes that a number is withheld.
pub const MAX_WITHHELD: usize = 100;
/// Longest of them, in characters.
const MAX_WITHHELD_CHARACTERS: usize = 64;

/// So many are compared one after another, which takes less time than the hash of a name.
const FEW_TRUNKS: usize = 8;

/// The trunks there are, looked up for every call.
#[derive(Debug)]
pub(super) struct Trunks {
    all: Vec<CompiledTrunk>,
    /// Where each is, by its name, which nobody outside can choose; empty when there are few.
    places: FxHashMap<String, usize>,
    /// Whether any of them [affects callers](CompiledTrunk::affects_callers).
    any_affects_callers: bool,
}

impl Trunks {
    /// [Compiles](CompiledTrunk::compile) all of them.
    pub(super) fn compile(
        trunks: &[Trunk],
        default_region: Option<Region>,
        left_out: &mut Vec<RouteError>,
    ) -> Self {
        let all: Vec<CompiledTrunk> =
            trunks.iter().map(|trunk| CompiledTrunk::compile(trunk, default_region, left_out)).collect();
        let places = match all.len() > FEW_TRUNKS {
            true => all.iter().map(|trunk| trunk.name.clone()).zip(0..).collect(),
            false => FxHashMap::default(),
        };
        let any_affects_callers = all.iter().any(CompiledTrunk::affects_callers);
        Trunks { all, places, any_affects_callers }
    }

    /// The regions of their numbers.
    pub(super) fn regions(&self) -> impl Iterator<Item = Option<Region>> {
        self.all.iter().map(CompiledTrunk::region)
    }

    /// The one with this name.
    #[inline]
    pub(super) fn get(&self, name: &str) -> Option<&CompiledTrunk> {
        match self.places.is_empty() {
            true => self.all.iter().find(|trunk| trunk.name == name),
            false => self.all.get(*self.places.get(name)?),
        }
    }

    /// Whether the one with this name takes a caller for who the number says, neither rewritten nor withheld.
    #[inline]
    pub(super) fn takes_as_given(&self, name: &str, caller: &str) -> bool {
        // Where none of them does anything else, none is looked up.
        !self.any_affects_callers || self.one_takes_as_given(name, caller)
    }

    // Apart, so that a match without it keeps all in registers.
    #[inline(never)]
    fn one_takes_as_given(&self, name: &str, caller: &str) -> bool {
        self.get(name).is_none_or(|trunk| !trunk.has_caller_rules() && !trunk.is_withheld(caller))
    }
}

/// A trunk, ready.
#[derive(Debug)]
pub struct CompiledTrunk {
    name: String,
    region: Option<Region>,
    caller_rules: Box<[CompiledRule]>,
    did_rules: Box<[CompiledRule]>,
    /// In small letters.
    withheld: Box<[String]>,
}

#[derive(Debug)]
struct CompiledRule {
    pattern: NumberPattern,
    strip: usize,
    add: String,
}

impl CompiledTrunk {
    /// Checks and parses a trunk; `default_region` is that of trunks without one. What of it cannot work is left out.
    pub(super) fn compile(
        trunk: &Trunk,
        default_region: Option<Region>,
        left_out: &mut Vec<RouteError>,
    ) -> Self {
        let mut leave_out = |field: String, problem: String| {
            left_out.push(RouteError { subject: format!("trunk {:?}", trunk.name), field, problem });
        };
        let withheld = compile_withheld(&trunk.withheld, &mut leave_out);
        CompiledTrunk {
            name: trunk.name.clone(),
            region: trunk.default_region.or(default_region),
            caller_rules: compile_rules("caller_rules", &trunk.caller_rules, &mut leave_out),
            did_rules: compile_rules("did_rules", &trunk.did_rules, &mut leave_out),
            withheld,
        }
    }

    /// Whether it rewrites callers' numbers.
    #[must_use]
    pub fn has_caller_rules(&self) -> bool {
        !self.caller_rules.is_empty()
    }

    /// Whether it rewrites callers' numbers, or has its own words for those that are withheld.
    fn affects_callers(&self) -> bool {
        self.has_caller_rules() || !self.withheld.is_empty()
    }

    /// Whether it rewrites any numbers.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        self.has_caller_rules() || !self.did_rules.is_empty()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region of numbers that are not written internationally.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        self.region
    }

    /// Whether this is what the trunk sends in place of a withheld number.
    #[must_use]
    #[inline]
    pub fn is_withheld(&self, caller: &str) -> bool {
        !self.withheld.is_empty() && self.is_one_of_withheld(caller)
    }

    fn is_one_of_withheld(&self, caller: &str) -> bool {
        if is_dialled(caller) {
            return self.withheld.iter().any(|withheld| withheld == caller);
        }
        let word = withheld_word(caller).to_lowercase();
        let digits = dialled(caller).ok();
        self.withheld.iter().any(|withheld| *withheld == word || digits.as_deref() == Some(withheld))
    }

    /// The caller's number after the rules. Who is withheld stays so.
    #[must_use]
    #[inline]
    pub fn rewrite_caller<'a>(&self, raw: &'a str) -> Cow<'a, str> {
        if self.caller_rules.is_empty() { Cow::Borrowed(raw) } else { self.rewrite_shown(raw) }
    }

    /// Zeros, and the digits of somebody who asked for privacy, would be a number after the rules.
    fn rewrite_shown<'a>(&self, raw: &'a str) -> Cow<'a, str> {
        match rewrite_by(&self.caller_rules, raw) {
            Cow::Owned(_) if Caller::parse(raw, self.region) == Caller::Withheld => Cow::Borrowed(raw),
            rewritten => rewritten,
        }
    }

    /// The dialled number after the rules.
    #[must_use]
    pub fn rewrite_did<'a>(&self, raw: &'a str) -> Cow<'a, str> {
        rewrite(&self.did_rules, raw)
    }
}

fn compile_withheld(words: &[String], leave_out: &mut impl FnMut(String, String)) -> Box<[String]> {
    if words.len() > MAX_WITHHELD {
        let problem = format!("it has {} values, {MAX_WITHHELD} at most are possible", words.len());
        leave_out("withheld".to_owned(), problem);
        return Box::default();
    }
    let mut compiled = Vec::with_capacity(words.len());
    for (place, word) in words.iter().enumerate() {
        let problem = match word.chars().count() {
            _ if word.trim().is_empty() => "it is blank, which is withheld anyway".to_owned(),
            found if found > MAX_WITHHELD_CHARACTERS => {
                format!("it has {found} characters, {MAX_WITHHELD_CHARACTERS} at most are possible")
            }
            _ => {
                compiled.push(word.trim().to_lowercase());
                continue;
            }
        };
        leave_out(format!("withheld[{place}]"), problem);
    }
    compiled.into()
}

fn compile_rules(
    field: &str,
    rules: &[NumberRule],
    leave_out: &mut impl FnMut(String, String),
) -> Box<[CompiledRule]> {
    if rules.len() > MAX_RULES {
        let problem = format!("it has {} rules, {MAX_RULES} at most are possible", rules.len());
        leave_out(field.to_owned(), problem);
        return Box::default();
    }
    let mut compiled = Vec::with_capacity(rules.len());
    for (place, rule) in rules.iter().enumerate() {
        match CompiledRule::compile(rule) {
            Ok(rule) => compiled.push(rule),
            Err((key, problem)) => leave_out(format!("{field}[{place}].{key}"), problem),
        }
    }
    compiled.into()
}

#[inline]
fn rewrite<'a>(rules: &[CompiledRule], raw: &'a str) -> Cow<'a, str> {
    if rules.is_empty() { Cow::Borrowed(raw) } else { rewrite_by(rules, raw) }
}

/// What is no number, or too long to be read as one, stays as it is.
fn rewrite_by<'a>(rules: &[CompiledRule], raw: &'a str) -> Cow<'a, str> {
    if raw.len() > MAX_CALLER_BYTES {
        return Cow::Borrowed(raw);
    }
    let Ok(number) = dialled(raw) else { return Cow::Borrowed(raw) };
    match rules.iter().find(|rule| rule.fits(&number)) {
        // A rule fits only numbers that are longer than what it takes away, all of them ASCII.
        Some(rule) => Cow::Owned(format!("{}{}", rule.add, number.get(rule.strip..).unwrap_or_default())),
        None => Cow::Borrowed(raw),
    }
}

impl CompiledRule {
    fn compile(rule: &NumberRule) -> Result<Self, (&'static str, String)> {
        let NumberRule { pattern: text, strip, add } = rule;
        // As a pattern it would be one number, its dash a separator.
        if NumberRange::parse(text).is_some() {
            let problem = format!("{text:?} is a range; a rule takes a pattern, such as 1XX");
            return Err(("pattern", problem));
        }
        let pattern = NumberPattern::parse(text)
            .map_err(|error| ("pattern", format!("{text:?} is not a pattern of numbers: {error}")))?;
        if pattern.has_extension() {
            return Err((
                "pattern",
                format!("{text:?}: {{{{.Ext}}}} is for the dids of inbound routes only"),
            ));
        }
        let fewest = pattern.fewest_digits() + usize::from(pattern.is_international());
        if usize::from(*strip) > fewest {
            let problem =
                format!("{strip} characters cannot be taken from numbers that may have only {fewest}");
            return Err(("strip", problem));
        }
        let digits = add.strip_prefix('+').unwrap_or(add);
        if let Some(other) = digits.chars().find(|character| !character.is_ascii_digit()) {
            return Err(("add", format!("{add:?} is not digits, or + and digits: found {other:?}")));
        }
        if add.len() > crate::phone_number::MAX_DIGITS + 1 {
            return Err(("add", format!("{add:?} is longer than a number can be")));
        }
        if *strip == 0 && pattern.is_international() && !add.is_empty() {
            return Err(("add", "nothing can stand before the + of a number: strip it first".into()));
        }
        Ok(CompiledRule { pattern, strip: usize::from(*strip), add: add.clone() })
    }

    fn fits(&self, number: &str) -> bool {
        let digits = number.strip_prefix('+');
        digits.is_some() == self.pattern.is_international()
            && self.pattern.matches(digits.unwrap_or(number).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(text: &str) -> Result<CompiledTrunk, RouteError> {
        let mut left_out = Vec::new();
        let trunk = toml::from_str(&format!("name = 'berlin'\n{text}")).unwrap();
        let compiled = CompiledTrunk::compile(&trunk, None, &mut left_out);
        left_out.into_iter().next().map_or(Ok(compiled), Err)
    }

    #[test]
    fn few_and_many_are_found_by_their_names() {
        for count in [0, 1, FEW_TRUNKS, FEW_TRUNKS + 1, 100] {
            let named = |place: usize| Trunk { name: format!("trunk {place}"), ..Trunk::default() };
            let trunks = Trunks::compile(&(0..count).map(named).collect::<Vec<_>>(), None, &mut Vec::new());
            for place in 0..count + 2 {
                let name = format!("trunk {place}");
                let found = trunks.get(&name).map(CompiledTrunk::name);
                assert_eq!(found, (place < count).then_some(name.as_str()), "of {count}");
            }
            assert!(trunks.get("").is_none() && trunks.get("Trunk 0").is_none());
        }
    }

    #[test]
    fn the_first_rule_that_fits_rewrites_a_number() {
        let trunk = trunk(
            "caller_rules = [{ pattern = '9.', strip = 1 }, { pattern = '+.', strip = 1, add = '00' },
                             { pattern = 'ZXXXX.', add = '+49' }]",
        )
        .unwrap();
        for (raw, rewritten) in [
            ("90301234", "0301234"),
            ("sip:90301234@carrier.example", "0301234"),
            ("+49301234", "0049301234"),
            ("301234", "+49301234"),
            ("0301234", "0301234"),
            ("anonymous", "anonymous"),
            ("9", "9"),
        ] {
            assert_eq!(trunk.rewrite_caller(raw), rewritten, "{raw}");
            assert_eq!(trunk.rewrite_did(raw), raw, "{raw}");
        }
    }

    #[test]
    fn rules_make_no_number_of_a_withheld_caller() {
        let trunk = trunk(
            "caller_rules = [{ pattern = '0.', strip = 1, add = '+49' }, { pattern = '+.', strip = 1, add = '00' }]
             did_rules = [{ pattern = '0!', add = '+4930' }]",
        )
        .unwrap();
        for withheld in ["0000000000", "sip:00000@carrier.example", "<sip:+4930123@anonymous.invalid>"] {
            assert_eq!(trunk.rewrite_caller(withheld), withheld);
        }
        assert_eq!(trunk.rewrite_caller("<sip:+4930123@carrier.example>"), "004930123");
        // Zeros can be dialled.
        assert_eq!(trunk.rewrite_did("0"), "+49300");
    }

    #[test]
    fn what_is_too_long_to_be_read_is_not_rewritten() {
        let rules = "[{ pattern = '0.', strip = 1, add = '+49' }]";
        let trunk = trunk(&format!("caller_rules = {rules}\ndid_rules = {rules}")).unwrap();
        let longest = format!("sip:0301234567@{}", "h".repeat(MAX_CALLER_BYTES - 15));
        assert_eq!(longest.len(), MAX_CALLER_BYTES);
        assert_eq!(trunk.rewrite_caller(&longest), "+49301234567");
        assert_eq!(trunk.rewrite_did(&longest), "+49301234567");
        let longer = longest + "h";
        assert_eq!(trunk.rewrite_caller(&longer), longer);
        assert_eq!(trunk.rewrite_did(&longer), longer);
    }

    #[test]
    fn what_stands_for_a_withheld_number_is_known_in_any_form() {
        let trunk = trunk("withheld = ['0000123', 'No Number']").unwrap();
        for caller in ["0000123", "sip:0000123@x", " no number ", "\"no number\"", "<sip:No%20Number@x>"] {
            assert!(trunk.is_withheld(caller), "{caller}");
        }
        for caller in ["00001234", "0301234", ""] {
            assert!(!trunk.is_withheld(caller), "{caller}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_place() {
        for (text, expected) in [
            (
                "caller_rules = [{ pattern = '0X' }, { pattern = '0A' }]",
                "caller_rules[1].pattern: \"0A\" is not",
            ),
            ("did_rules = [{ pattern = '0.', strip = 3 }]", "did_rules[0].strip: 3 characters"),
            ("did_rules = [{ pattern = '0.', add = '4x' }]", "did_rules[0].add: \"4x\" is not"),
            ("did_rules = [{ pattern = '+.', add = '0' }]", "did_rules[0].add: nothing can stand"),
            ("did_rules = [{ pattern = '5{{.Ext}}' }]", "did_rules[0].pattern: \"5{{.Ext}}\""),
            ("did_rules = [{ pattern = '100-199' }]", "did_rules[0].pattern: \"100-199\" is a range; a rule"),
            ("did_rules = [{ pattern = '199-100' }]", "did_rules[0].pattern: \"199-100\" is a range; a rule"),
            ("withheld = ['000', ' ']", "withheld[1]: it is blank"),
        ] {
            let error = trunk(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("trunk \"berlin\", {expected}")), "{error}");
        }
    }
}
