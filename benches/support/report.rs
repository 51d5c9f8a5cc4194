//! Figures for people: markdown tables, ready for `benches/README.md`, under a line that says where and when.

use std::fmt;

use super::Scale;

/// What a ratio should come to.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    /// The goal, and whether `value` reaches it.
    pub fn told(self, value: f64) -> String {
        let is_reached = match self {
            Goal::AtMost(limit) => value <= limit,
            Goal::AtLeast(limit) => value >= limit,
        };
        format!("{self}: {}", if is_reached { "yes" } else { "**no**" })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::AtMost(limit) => write!(f, "at most {limit}"),
            Goal::AtLeast(limit) => write!(f, "at least {limit}"),
        }
    }
}

/// A markdown table that can also be read on a terminal.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(columns: &[&str]) -> Self {
        Table { rows: vec![columns.iter().map(|column| (*column).to_owned()).collect()] }
    }

    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        assert_eq!(N, self.rows[0].len(), "a cell for each column");
        self.rows.push(cells.into());
    }

    pub fn print(&self) {
        let columns = self.rows[0].len();
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> = (0..columns).filter_map(width).collect();
        for (place, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
                0 => format!(" {cell:<width$} "),
                _ => format!(" {cell:>width$} "),
            });
            println!("|{}|", cells.collect::<Vec<_>>().join("|"));
            if place == 0 {
                let lines = widths.iter().enumerate().map(|(column, width)| match column {
                    0 => "-".repeat(width + 2),
                    _ => format!("{}:", "-".repeat(width + 1)),
                });
                println!("|{}|", lines.collect::<Vec<_>>().join("|"));
            }
        }
    }
}

/// Says what is measured, where and when.
pub fn heading(bench: &str, scale: Scale) {
    heading_of(bench, &format!("cargo bench --bench {bench}"), scale);
}

/// The same for what has a command of its own.
pub fn heading_of(bench: &str, command: &str, scale: Scale) {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpu_info = read("/proc/cpuinfo");
    let model = cpu_info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("CPU unknown", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown");
    println!("\n## {bench}\n");
    println!(
        "{model}, {cores} cores, load {load} at the start; {}; `{command}`",
        jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC")
    );
    if scale == Scale::Quick {
        println!("A quick run: it shows that the bench works, and the figures mean nothing.");
    }
    println!();
}

/// Three digits that count, and no fewer than there are before the point.
pub fn figure(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A duration in nanoseconds, in the unit that fits.
pub fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        ..1e3 => format!("{} ns", figure(nanoseconds)),
        ..1e6 => format!("{} µs", figure(nanoseconds / 1e3)),
        ..1e9 => format!("{} ms", figure(nanoseconds / 1e6)),
        _ => format!("{} s", figure(nanoseconds / 1e9)),
    }
}

/// The most memory that this process had at a time, in MiB; Linux knows.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes / 1024)
}

/// Forgets how much memory this process had at its peak until now. Says whether it could; Linux can.
pub fn forget_peak_memory() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}
