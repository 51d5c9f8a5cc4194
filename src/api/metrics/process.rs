//! What the process itself takes, under the names that Prometheus's own libraries have for it. From `/proc`, so on
//! Linux only; elsewhere there are no such metrics.

use std::fs;

use super::text::{Family, Samples};

/// Of `/proc/self/stat`: on every architecture that this runs on, whatever the kernel counts in itself.
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) fn families() -> Vec<Family> {
    let gauge = |name, help, value: Option<f64>| {
        Some(Family { name, help, samples: Samples::Gauges(vec![(Vec::new(), value?)]) })
    };
    let cpu = cpu_seconds().map(|seconds| Family {
        name: "process_cpu_seconds",
        help: "Time spent on processors, by all threads, for this program and for it in the kernel",
        samples: Samples::Seconds(vec![(Vec::new(), seconds)]),
    });
    let all = [
        cpu,
        gauge("process_resident_memory_bytes", "Memory in use", bytes_of_status("VmRSS:")),
        gauge("process_virtual_memory_bytes", "Address space in use", bytes_of_status("VmSize:")),
        gauge("process_open_fds", "Open files and connections", open_files()),
        gauge("process_max_fds", "How many files and connections may be open", most_files()),
    ];
    all.into_iter().flatten().collect()
}

fn bytes_of_status(field: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0)
}

fn open_files() -> Option<f64> {
    // The folder itself is open while it is read.
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64)
}

fn most_files() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    // The fields are counted from 1, two of them before the bracket closes: 14 is user, 15 is system.
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}
