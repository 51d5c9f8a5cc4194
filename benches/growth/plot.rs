//! Growth as a picture, `benches/plots/growth.svg`: a panel for each figure, contacts from left to right.

use std::fmt::Write;
use std::path::Path;

use crate::grown::Grown;
use crate::support::report::figure;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/plots");

const PANEL: f64 = 240.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 24.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 160.0;

/// What a panel shows: its name, its unit, and a value for each size.
type Panel<'a> = (&'a str, &'a str, Vec<f64>);

/// `exact`: nanoseconds of a look-up.
pub(crate) fn write(all: &[Grown], exact: &[f64]) {
    let contacts: Vec<f64> = all.iter().map(|grown| grown.contacts as f64).collect();
    let panels: [Panel<'_>; 3] = [
        ("Number index", "bytes a number", all.iter().map(Grown::bytes_a_number).collect()),
        ("Exact look-up", "ns", exact.to_vec()),
        ("Build", "ns a number", all.iter().map(Grown::build_by_number).collect()),
    ];
    let folder = Path::new(FOLDER);
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("growth.svg"), picture(&contacts, &panels)).unwrap();
}

/// Contacts by their logarithm, values from zero up.
fn picture(contacts: &[f64], panels: &[Panel<'_>]) -> String {
    let width = PANEL * panels.len() as f64;
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {HEIGHT}' font-family='sans-serif' \
         font-size='11'>\n<rect width='{width}' height='{HEIGHT}' fill='white'/>\n"
    );
    let (first, last) = (contacts[0].ln(), contacts[contacts.len() - 1].ln());
    for (place, (name, unit, values)) in panels.iter().enumerate() {
        let left = PANEL * place as f64 + LEFT;
        let right = left + PANEL - 2.0 * LEFT;
        let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max) * 1.15;
        let x = |contacts: f64| match last - first {
            // One size only.
            0.0 => left,
            reach => left + (contacts.ln() - first) / reach * (right - left - 16.0) + 8.0,
        };
        let y = |value: f64| BOTTOM - value / most * (BOTTOM - TOP);
        let points: Vec<(f64, f64)> =
            contacts.iter().zip(values).map(|(contacts, value)| (x(*contacts), y(*value))).collect();
        let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        writeln!(
            svg,
            "<text x='{left}' y='20' font-weight='bold'>{name}, {unit}</text>\n\
             <path d='M{left},{BOTTOM}H{right}' stroke='#888'/>\n\
             <polyline points='{}' fill='none' stroke='#06c' stroke-width='2'/>",
            line.join(" ")
        )
        .unwrap();
        for (((x, y), value), contacts) in points.iter().zip(values).zip(contacts) {
            writeln!(
                svg,
                "<circle cx='{x:.1}' cy='{y:.1}' r='3' fill='#06c'/>\n\
                 <text x='{x:.1}' y='{:.1}' text-anchor='middle'>{}</text>\n\
                 <text x='{x:.1}' y='{:.1}' text-anchor='middle' fill='#555'>{} M</text>",
                y - 8.0,
                figure(*value),
                BOTTOM + 16.0,
                figure(contacts / 1e6),
            )
            .unwrap();
        }
    }
    let middle = width / 2.0;
    writeln!(svg, "<text x='{middle}' y='194' text-anchor='middle' fill='#555'>contacts</text>\n</svg>")
        .unwrap();
    svg
}
