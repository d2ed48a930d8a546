//! The one place where this program reads its environment.

/// A variable, when it is set and is text.
#[expect(clippy::disallowed_methods, reason = "this is the program's one reader of the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
