//! Every published vector of the payment scheme, each as a test of its own name.
//!
//! The files beside this one are data from the official conformance suite, the drafts, and the
//! SDKs; each says where it comes from.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bindings;
mod encodings;
mod headers;
mod messages;
mod objects;
mod subscriptions;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

fn main() {
    let arguments = Arguments::from_args();
    let trials = [
        bindings::trials(),
        encodings::trials(),
        headers::trials(),
        messages::trials(),
        objects::trials(),
        subscriptions::trials(),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit();
}

/// A vector file, read when the tests are listed.
fn file(text: &str) -> Value {
    serde_json::from_str(text).expect("a vector file is JSON")
}

/// One test of its own name.
fn trial(file: &str, name: impl std::fmt::Display, run: impl FnOnce() + Send + 'static) -> Trial {
    let name = name.to_string().replace(|letter: char| letter.is_whitespace(), "_");
    Trial::test(format!("{file}::{name}"), move || {
        run();
        Ok::<(), Failed>(())
    })
}

/// The cases of a list, each numbered for files whose cases have no names.
fn list(value: &Value) -> Vec<(usize, Value)> {
    value.as_array().expect("a list of cases").iter().cloned().enumerate().collect()
}

/// A text member.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is text"))
}
