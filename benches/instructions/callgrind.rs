//! This program under valgrind's callgrind, which counts every instruction of a simulated processor.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::cases::Case;

/// What this program is told when it is the one that valgrind looks at.
pub(crate) const COUNTED: &str = "--counted";

/// Which valgrind is installed, if any is.
pub(crate) fn version() -> Option<String> {
    let said =
        Command::new("valgrind").arg("--version").output().ok().filter(|said| said.status.success())?;
    Some(String::from_utf8(said.stdout).unwrap().trim().to_owned())
}

/// For each case, instructions an operation. The profiles remain, see [`profile`].
pub(crate) fn count(cases: &[Case<'_>]) -> Vec<u64> {
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--callgrind-out-file={}", profiles().display()))
        .args([
            "--toggle-collect=instructions::cases::counted*",
            "--dump-before=instructions::cases::end_of_case*",
        ])
        .arg(std::env::current_exe().unwrap())
        .arg(COUNTED)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "valgrind ended with {status}");
    let all = cases.iter().enumerate().map(|(place, case)| {
        let profile = std::fs::read_to_string(profile(place)).unwrap();
        let total = profile.lines().find_map(|line| line.strip_prefix("summary: ")).unwrap();
        let total: u64 = total.trim().parse().unwrap();
        assert!(total > 0, "nothing was counted of {}", case.name);
        total / case.operations as u64
    });
    all.collect()
}

fn profiles() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("instructions")
}

/// What callgrind wrote of the case at this place, for `callgrind_annotate`.
pub(crate) fn profile(place: usize) -> PathBuf {
    profiles().with_extension((place + 1).to_string())
}
