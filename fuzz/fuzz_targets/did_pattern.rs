#![no_main]

#[path = "../checks/did_pattern.rs"]
mod did_pattern;

libfuzzer_sys::fuzz_target!(|data: &[u8]| did_pattern::check(data));
