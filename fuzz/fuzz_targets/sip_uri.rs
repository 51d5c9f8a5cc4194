#![no_main]

#[path = "../checks/sip_uri.rs"]
mod sip_uri;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sip_uri::check(data));
