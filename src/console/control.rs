//! Fields of a form as they are shown: label, what it is for, the control, and what is wrong, joined so that
//! those who hear a page hear all four.

use maud::{Markup, html};

use super::form::Form;
use super::widgets;

/// A field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Control<'a> {
    name: &'a str,
    label: &'a str,
    section: &'a str,
    hint: &'a str,
    placeholder: &'a str,
    kind: &'a str,
    list: Option<&'a str>,
    autocomplete: &'a str,
    is_required: bool,
    is_short: bool,
    is_code: bool,
    autofocus: bool,
}

impl<'a> Control<'a> {
    /// A line of text.
    pub(super) fn text(name: &'a str, label: &'a str) -> Self {
        Control {
            name,
            label,
            section: "",
            hint: "",
            placeholder: "",
            kind: "text",
            list: None,
            autocomplete: "off",
            is_required: false,
            is_short: false,
            is_code: false,
            autofocus: false,
        }
    }

    /// A secret; what was typed is never sent back.
    pub(super) fn password(name: &'a str, label: &'a str, autocomplete: &'a str) -> Self {
        Control { kind: "password", autocomplete, ..Control::text(name, label) }
    }

    /// A whole number.
    pub(super) fn number(name: &'a str, label: &'a str) -> Self {
        Control { kind: "number", is_short: true, ..Control::text(name, label) }
    }

    /// A time of day.
    pub(super) fn time(name: &'a str, label: &'a str) -> Self {
        Control { kind: "time", is_short: true, ..Control::text(name, label) }
    }

    /// A day.
    pub(super) fn date(name: &'a str, label: &'a str) -> Self {
        Control { kind: "date", is_short: true, ..Control::text(name, label) }
    }

    /// What it is a part of: said before its label in the list of errors, where its label alone would not tell.
    pub(super) fn within(self, section: &'a str) -> Self {
        Control { section, ..self }
    }

    /// What it is for.
    pub(super) fn hint(self, hint: &'a str) -> Self {
        Control { hint, ..self }
    }

    /// What could be in it.
    pub(super) fn placeholder(self, placeholder: &'a str) -> Self {
        Control { placeholder, ..self }
    }

    /// The id of a list of what could be in it.
    pub(super) fn list(self, list: &'a str) -> Self {
        Control { list: Some(list), ..self }
    }

    /// What a browser may fill in.
    pub(super) fn autocomplete(self, autocomplete: &'a str) -> Self {
        Control { autocomplete, ..self }
    }

    /// It must not be empty. Said, not enforced by the browser: a form can be tested half filled in.
    pub(super) fn required(self) -> Self {
        Control { is_required: true, ..self }
    }

    /// Little fits in.
    pub(super) fn short(self) -> Self {
        Control { is_short: true, ..self }
    }

    /// Every character counts.
    pub(super) fn code(self) -> Self {
        Control { is_code: true, ..self }
    }

    /// Where typing begins.
    pub(super) fn first(self) -> Self {
        Control { autofocus: true, ..self }
    }

    fn class(&self, form: &Form) -> String {
        let mut class = "field".to_owned();
        for (is_so, name) in
            [(self.is_short, " short"), (self.is_code, " code"), (form.error(self.name).is_some(), " wrong")]
        {
            class.push_str(if is_so { name } else { "" });
        }
        class
    }

    fn label(&self) -> Markup {
        html! {
            label for=(self.name) { (self.label) @if self.is_required { span.required { " (required)" } } }
        }
    }

    /// What it is called where it stands alone.
    fn full_label(&self) -> String {
        match self.section {
            "" => self.label.to_owned(),
            section => format!("{section}: {}", self.label),
        }
    }

    /// What is written about it, below.
    fn notes(&self, form: &Form) -> Markup {
        html! {
            @if let Some(error) = form.error_at(self.name, || self.full_label()) {
                // Code is not wrapped, so that the mark stands under the word; keys can move it sideways.
                p.error tabindex=[self.is_code.then_some("0")] id=(format!("{}-error", self.name)) { (error) }
            }
            @if !self.hint.is_empty() { p.hint id=(format!("{}-hint", self.name)) { (self.hint) } }
        }
    }

    fn described_by(&self, form: &Form) -> Option<String> {
        let error = form.error(self.name).map(|_| format!("{}-error", self.name));
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.name));
        let all: Vec<String> = error.into_iter().chain(hint).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    /// On one line.
    pub(super) fn show(&self, form: &Form) -> Markup {
        let value = if self.kind == "password" { "" } else { form.raw(self.name) };
        html! {
            div class=(self.class(form)) {
                (self.label())
                input id=(self.name) name=(self.name) type=(if self.kind == "number" { "text" } else { self.kind })
                    inputmode=[(self.kind == "number").then_some("numeric")]
                    value=[(self.kind != "password").then_some(value)]
                    placeholder=[Some(self.placeholder).filter(|text| !text.is_empty())]
                    list=[self.list] autocomplete=(self.autocomplete) spellcheck="false"
                    autofocus[self.autofocus]
                    aria-required=[self.is_required.then_some("true")]
                    aria-invalid=[form.error(self.name).map(|_| "true")]
                    aria-describedby=[self.described_by(form)];
                (self.notes(form))
            }
        }
    }

    /// A file; `accept` is what browsers offer to choose.
    pub(super) fn file(&self, form: &Form, accept: &str) -> Markup {
        html! {
            div class=(self.class(form)) {
                (self.label())
                input id=(self.name) name=(self.name) type="file" accept=(accept)
                    aria-invalid=[form.error(self.name).map(|_| "true")]
                    aria-describedby=[self.described_by(form)];
                (self.notes(form))
            }
        }
    }

    /// On several lines.
    pub(super) fn area(&self, form: &Form, rows: u8) -> Markup {
        html! {
            div class=(self.class(form)) {
                (self.label())
                textarea id=(self.name) name=(self.name) rows=(rows) autocomplete="off" spellcheck="false"
                    placeholder=[Some(self.placeholder).filter(|text| !text.is_empty())]
                    aria-required=[self.is_required.then_some("true")]
                    aria-invalid=[form.error(self.name).map(|_| "true")]
                    aria-describedby=[self.described_by(form)] {
                    // The first line break behind the tag is not part of the text.
                    "\n" (form.raw(self.name))
                }
                (self.notes(form))
            }
        }
    }

    /// One of several, by value and name.
    pub(super) fn select(&self, form: &Form, options: &[(&str, &str)]) -> Markup {
        html! {
            div class=(self.class(form)) {
                (self.label())
                select id=(self.name) name=(self.name)
                    aria-invalid=[form.error(self.name).map(|_| "true")]
                    aria-describedby=[self.described_by(form)] {
                    @for (value, name) in options {
                        option value=(value) selected[form.text(self.name) == *value] { (name) }
                    }
                }
                (self.notes(form))
            }
        }
    }

    /// A switch.
    pub(super) fn switch(&self, form: &Form) -> Markup {
        html! {
            div.switch.wrong[form.error(self.name).is_some()] {
                input id=(self.name) name=(self.name) type="checkbox" value="on"
                    checked[form.is_ticked(self.name)]
                    aria-invalid=[form.error(self.name).map(|_| "true")]
                    aria-describedby=[self.described_by(form)];
                div { label for=(self.name) { (self.label) } (self.notes(form)) }
            }
        }
    }

    /// One or more of several, each with a value, a name and what it means. `kind`: `radio` or `checkbox`.
    pub(super) fn choices(&self, form: &Form, kind: &str, options: &[(&str, &str, &str)]) -> Markup {
        html! {
            fieldset.choices.wrong[form.error(self.name).is_some()] id=(self.name) tabindex="-1" aria-describedby=[self.described_by(form)] {
                legend { (self.label) }
                @for (value, name, about) in options {
                    @let id = format!("{}-{value}", self.name);
                    div.choice {
                        input id=(id) name=(self.name) type=(kind) value=(value) checked[form.has(self.name, value)]
                            aria-describedby=[(!about.is_empty()).then(|| format!("{id}-about"))];
                        label for=(id) { (name) }
                        @if !about.is_empty() { p.hint id=(format!("{id}-about")) { (about) } }
                    }
                }
                (self.notes(form))
            }
        }
    }

    /// Any of what there is to choose, and what is chosen though it is not there any more.
    pub(super) fn ticks(&self, form: &Form, known: &[String]) -> Markup {
        let chosen = form.all(self.name);
        let gone = chosen.iter().filter(|value| !known.contains(value));
        let options: Vec<(&str, &str, &str)> =
            known.iter().chain(gone).map(|value| (value.as_str(), value.as_str(), "")).collect();
        html! {
            @if options.is_empty() && form.error(self.name).is_none() { p.hint { (self.label) ": there are none yet." } }
            @else { (self.choices(form, "checkbox", &options)) }
        }
    }
}

/// The fields of a form; if it was refused, below how much is wrong, with a way to each field. The fields are made
/// first, since they tell what they are called.
pub(super) fn below_errors(form: &Form, fields: Markup) -> Markup {
    html! { (error_summary(form, "Nothing was saved. ")) (fields) }
}

/// The same for a form that asks, and never saves anything.
pub(super) fn below_errors_of_question(form: &Form, fields: Markup) -> Markup {
    html! { (error_summary(form, "")) (fields) }
}

fn error_summary(form: &Form, consequence: &str) -> Markup {
    let wrong = form.wrong_fields();
    html! {
        @if !form.is_fine() {
            div.banner.bad role="alert" {
                (widgets::icon("bad"))
                div {
                    @for problem in &form.general { p { (problem) } }
                    @if wrong.len() > 0 {
                        p { (consequence) (if wrong.len() == 1 { "One field has" } else { "Some fields have" }) " to be changed:" }
                        ul { @for (name, label) in wrong { li { a href=(format!("#{name}")) { (label) } } } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_errors_stands_above_the_fields_in_their_words_and_leads_to_them() {
        let mut form = Form::default();
        for name in ["rules.0.add", "file", "not_shown"] {
            form.fail(name, "is missing");
        }
        let fields = html! {
            (Control::text("rules.0.add", "Put in front").within("Callers, rule 1").show(&form))
            (Control::text("file", "Document").file(&form, ".toml"))
        };
        let page = below_errors(&form, fields.clone()).into_string();
        let (summary, rest) = page.split_once("</ul>").unwrap();
        for (name, label) in [
            ("rules.0.add", "Callers, rule 1: Put in front"),
            ("file", "Document"),
            ("not_shown", "Not shown"),
        ] {
            let link = format!("<a href=\"#{name}\">{label}</a>");
            assert!(summary.contains(&link), "{link}: {summary}");
        }
        assert!(summary.contains("Nothing was saved. Some fields have to be changed:"), "{summary}");
        assert!(rest.contains("id=\"rules.0.add\"") && rest.contains("id=\"file\""), "{rest}");
        assert!(!below_errors_of_question(&form, fields).into_string().contains("saved"));
    }

    #[test]
    fn nothing_stands_above_a_form_that_was_not_refused() {
        let fields = Control::text("name", "Name").show(&Form::default());
        assert_eq!(below_errors(&Form::default(), fields.clone()).into_string(), fields.into_string());
    }
}
