#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| farthing_fuzz::x402::payment(data));
