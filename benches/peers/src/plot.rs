//! Latency against load, as an SVG that can be read on a light and on a dark page.

use std::fmt::Write as _;

/// What one peer did, from one question in flight to many.
pub struct Curve {
    pub name: String,
    pub points: Vec<Point>,
}

/// In answers a second and microseconds.
#[derive(Clone, Copy)]
pub struct Point {
    pub load: f64,
    pub median: f64,
    pub p99: f64,
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 520.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 56.0;

/// Of middling lightness, and told apart by those who see no red or no green (Okabe and Ito).
const COLOURS: [&str; 6] = ["#d55e00", "#0090d0", "#009e73", "#cc79a7", "#b08a00", "#808080"];

const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #222 }
  .grid { stroke: #8884; stroke-width: 1 }
  .median, .p99 { fill: none; stroke-width: 2.2; stroke-linejoin: round }
  .p99 { stroke-dasharray: 6 5; stroke-width: 1.4 }
  @media (prefers-color-scheme: dark) { text { fill: #ddd } }
";

/// A logarithmic axis: its ends, and where they are.
struct Axis {
    ends: (f64, f64),
    places: (f64, f64),
}

impl Axis {
    /// From the power of ten below the least value to the one above the greatest.
    fn over(values: impl Iterator<Item = f64> + Clone, places: (f64, f64)) -> Axis {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let greatest = values.fold(0.0, f64::max);
        Axis { ends: (least.log10().floor(), greatest.log10().ceil()), places }
    }

    fn place(&self, value: f64) -> f64 {
        let share = (value.log10() - self.ends.0) / (self.ends.1 - self.ends.0);
        self.places.0 + share * (self.places.1 - self.places.0)
    }

    fn powers_of_ten(&self) -> impl Iterator<Item = f64> {
        (self.ends.0 as i32..=self.ends.1 as i32).map(|power| 10_f64.powi(power))
    }
}

pub fn svg(title: &str, curves: &[Curve]) -> String {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let x = Axis::over(points().map(|point| point.load), (LEFT, WIDTH - RIGHT));
    let latencies = points().flat_map(|point| [point.median, point.p99]);
    let y = Axis::over(latencies, (HEIGHT - BOTTOM, TOP));
    let mut svg = String::new();
    let mut draw = |line: std::fmt::Arguments<'_>| writeln!(svg, "{line}").unwrap_or_default();
    draw(format_args!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{title}</title>"#
    ));
    draw(format_args!("<style>{STYLE}</style>"));
    for power in x.powers_of_ten() {
        let at = x.place(power);
        draw(format_args!(
            r#"<line class="grid" x1="{at:.1}" x2="{at:.1}" y1="{TOP}" y2="{}"/>"#,
            HEIGHT - BOTTOM
        ));
        draw(format_args!(
            r#"<text x="{at:.1}" y="{}" text-anchor="middle">{power}</text>"#,
            HEIGHT - BOTTOM + 18.0
        ));
    }
    for power in y.powers_of_ten() {
        let at = y.place(power);
        draw(format_args!(
            r#"<line class="grid" x1="{LEFT}" x2="{}" y1="{at:.1}" y2="{at:.1}"/>"#,
            WIDTH - RIGHT
        ));
        draw(format_args!(
            r#"<text x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 8.0,
            at + 4.0,
            time(power)
        ));
    }
    draw(format_args!(
        r#"<text x="{}" y="{}" text-anchor="middle">answers a second</text>"#,
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 14.0
    ));
    draw(format_args!(
        r#"<text x="{LEFT}" y="{}">latency: median solid, 99th percentile dashed</text>"#,
        TOP - 12.0
    ));
    for ((place, curve), colour) in curves.iter().enumerate().zip(COLOURS.into_iter().cycle()) {
        let across = LEFT + (WIDTH - LEFT - RIGHT) * place as f64 / curves.len() as f64;
        draw(format_args!(r#"<rect x="{across:.1}" y="16" width="14" height="14" rx="3" fill="{colour}"/>"#));
        draw(format_args!(r#"<text x="{:.1}" y="28">{}</text>"#, across + 20.0, curve.name));
        let latencies: [(&str, fn(&Point) -> f64); 2] = [("median", |p| p.median), ("p99", |p| p.p99)];
        for (class, latency) in latencies {
            let line =
                curve.points.iter().map(|p| format!("{:.1},{:.1}", x.place(p.load), y.place(latency(p))));
            let line = line.collect::<Vec<_>>().join(" ");
            draw(format_args!(r#"<polyline class="{class}" stroke="{colour}" points="{line}"/>"#));
        }
        for p in &curve.points {
            let (x, y) = (x.place(p.load), y.place(p.median));
            draw(format_args!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#));
        }
    }
    draw(format_args!("</svg>"));
    svg
}

/// Microseconds, in the unit that fits.
fn time(microseconds: f64) -> String {
    match microseconds {
        ..1e3 => format!("{microseconds} µs"),
        ..1e6 => format!("{} ms", microseconds / 1e3),
        _ => format!("{} s", microseconds / 1e6),
    }
}
