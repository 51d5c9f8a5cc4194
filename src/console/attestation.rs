//! How far the network vouches for a caller's number, as a field of a form.

use maud::Markup;

use super::control::Control;
use super::form::Form;
use crate::settings::Attestation;

const FIELD: &str = "attestation";

const LEVELS: [(&str, Attestation, &str); 3] = [
    ("A", Attestation::A, "knows caller and number"),
    ("B", Attestation::B, "knows the caller"),
    ("C", Attestation::C, "knows where it came in"),
];

/// What a form says; what is wrong stands at its field.
pub(super) fn read(form: &mut Form) -> Option<Attestation> {
    let wanted = form.optional(FIELD)?;
    let found = LEVELS.iter().find(|(name, ..)| *name == wanted);
    if found.is_none() {
        form.fail(FIELD, format!("{wanted:?} is no attestation; A, B or C is expected"));
    }
    found.map(|(_, level, _)| *level)
}

/// The field of what a call has.
pub(super) fn of_call(form: &Form) -> Markup {
    select(form, "not at all: the call is not signed", "")
}

/// The field of what a call has to have at least.
pub(super) fn at_least(form: &Form) -> Markup {
    select(form, "does not matter", " or better")
}

fn select(form: &Form, none: &str, or_better: &str) -> Markup {
    let options = LEVELS.map(|(name, level, knows)| {
        // Nothing is better than the best.
        let or_better = if level == Attestation::A { "" } else { or_better };
        (name, format!("{name}{or_better}: {knows}"))
    });
    let options: Vec<(&str, &str)> = std::iter::once(("", none))
        .chain(options.iter().map(|(name, text)| (*name, text.as_str())))
        .collect();
    Control::text(FIELD, "The network vouches for the number").select(form, &options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_not_signed_has_none_and_what_is_no_level_is_refused_at_the_field() {
        for (typed, expected) in
            [("", None), (" ", None), ("A", Some(Attestation::A)), ("C", Some(Attestation::C))]
        {
            let mut form = Form::of([(FIELD, typed)]);
            assert_eq!((read(&mut form), form.is_fine()), (expected, true), "{typed:?}");
        }
        let mut form = Form::of([(FIELD, "D")]);
        assert_eq!(read(&mut form), None);
        assert_eq!(form.error(FIELD), Some("\"D\" is no attestation; A, B or C is expected"));
    }
}
