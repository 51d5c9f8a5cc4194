#![no_main]

#[path = "../checks/snapshot_file.rs"]
mod snapshot_file;

use ringroute::background::on_all_cores;

// On the threads that would otherwise be handed the work and waited for, many times for each input.
libfuzzer_sys::fuzz_target!(|data: &[u8]| on_all_cores(|| snapshot_file::check(data)));
