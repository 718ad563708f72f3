//! The fuzz target `filter` of `thymbra_tests::fuzz_targets`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thymbra_tests::fuzz_targets::run("filter", bytes));
