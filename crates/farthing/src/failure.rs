//! What a command ends with when it cannot do its work.

use std::fmt::Display;
use std::process::ExitCode;

/// One sentence with the remedy, and the exit code that scripts rely on.
#[derive(Debug)]
pub(crate) struct Failure {
    sentence: String,
    exit: u8,
}

/// The command could not do its work.
const FAILED: u8 = 1;
/// The command was used wrongly.
const WRONG_USE: u8 = 2;

impl Failure {
    /// The work failed.
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), exit: FAILED }
    }

    /// The command was used wrongly.
    pub(crate) fn wrong_use(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), exit: WRONG_USE }
    }

    /// Says it on standard error.
    pub(crate) fn report(self) -> ExitCode {
        crate::terminal::complain(&self.sentence);
        ExitCode::from(self.exit)
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

/// Turns any error into a failure that says what was being done.
pub(crate) trait OrFail<T> {
    /// `doing: error`.
    fn or_fail(self, doing: &str) -> Result<T, Failure>;
}

impl<T, E: Display> OrFail<T> for Result<T, E> {
    fn or_fail(self, doing: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("{doing}: {error}")))
    }
}
