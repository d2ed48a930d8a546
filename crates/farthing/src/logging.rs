//! Structured logs on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::environment;

/// The library of the Model Context Protocol, whatever is asked for.
const QUIET: &str = "rmcp=warn";

/// What an operator must know. A server's notices are none of it: the outage that follows one is told by ourselves.
const USUAL: &str = "info,tokio_postgres=warn";

/// Starts logging: what `RUST_LOG` asks for, otherwise what an operator must know. Text on a
/// terminal, JSON lines elsewhere.
pub(crate) fn start() {
    let asked = environment::variable("RUST_LOG").unwrap_or_else(|| USUAL.to_owned());
    let filter = EnvFilter::try_new(asked).unwrap_or_else(|_| EnvFilter::new(USUAL));
    // Its lower levels write whole messages down, payments among them.
    let filter = match QUIET.parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    // A log that takes nothing more, such as one on a full disk, must not end whoever has something to say: complaining
    // about it on standard error would be a panic.
    let logs =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    // A second start, in a test, keeps the first one's.
    let _ = if std::io::stderr().is_terminal() { logs.try_init() } else { logs.json().try_init() };
}
