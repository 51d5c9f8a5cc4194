#![no_main]

#[path = "../checks/sync_filter.rs"]
mod sync_filter;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sync_filter::check(data));
