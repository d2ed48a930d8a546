use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::surroundings::Surroundings;
use crate::failure::{Failure, OrFail};

/// What a shell adds to the number of the signal that ended a command.
const BY_SIGNAL: i32 = 128;

/// Runs a command to its end, passing signals on, and says how it ended.
pub(super) async fn run(command: &[OsString], surroundings: &Surroundings) -> Result<u8, Failure> {
    let (program, arguments) = command.split_first().ok_or_else(|| Failure::wrong_use("give a command after --"))?;
    let mut command = Command::new(program);
    command.args(arguments);
    surroundings.set(&mut command);
    let waiting = "cannot wait for signals";
    let mut interrupt = signal(SignalKind::interrupt()).or_fail(waiting)?;
    let mut terminate = signal(SignalKind::terminate()).or_fail(waiting)?;
    let mut hang_up = signal(SignalKind::hangup()).or_fail(waiting)?;
    let mut quit = signal(SignalKind::quit()).or_fail(waiting)?;
    let mut child = command.spawn().or_fail(&format!("cannot run {}", program.display()))?;
    // A terminal sends what is typed to the command as well.
    let is_typed = std::io::stdin().is_terminal();
    loop {
        let passed_on = tokio::select! {
            ended = child.wait() => return ended.or_fail("cannot wait for the command").map(code),
            _ = interrupt.recv() => (!is_typed).then_some(Signal::INT),
            _ = quit.recv() => (!is_typed).then_some(Signal::QUIT),
            _ = terminate.recv() => Some(Signal::TERM),
            _ = hang_up.recv() => Some(Signal::HUP),
        };
        if let (Some(signal), Some(process)) = (passed_on, process(&child)) {
            // It may have ended by itself just now.
            let _ = kill_process(process, signal);
        }
    }
}

fn process(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()?).ok()?)
}

fn code(ended: ExitStatus) -> u8 {
    let code = ended.code().or_else(|| ended.signal().map(|signal| BY_SIGNAL + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}
