//! What the fuzz targets drive. The protocol's own test `parsers_hold` drives the same functions
//! with mutated seeds, so that every test run exercises them without a fuzzer.

pub mod entry_points;
