#![no_main]

#[path = "../checks/settings_file.rs"]
mod settings_file;

libfuzzer_sys::fuzz_target!(|data: &[u8]| settings_file::check(data));
