//! The end of a server that nobody asked for.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::Trouble;

/// Kills the server of this folder and every process that it started, and waits until there is none.
pub(crate) fn kill(folder: &Path) -> Result<(), Trouble> {
    let note = folder.join("data/postmaster.pid");
    let text = fs::read_to_string(&note)?;
    let server = text.lines().next().and_then(|line| line.trim().parse().ok()).and_then(Pid::from_raw);
    let server =
        server.ok_or_else(|| Trouble::Failed { program: "postgres", said: format!("is not running: {text}") })?;
    let started = fs::read_to_string(format!("/proc/{0}/task/{0}/children", server.as_raw_nonzero()))?;
    let started = started.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?));
    let all: Vec<Pid> = std::iter::once(server).chain(started).collect();
    for process in &all {
        // One that has ended by itself meanwhile is as good.
        let _ = kill_process(*process, Signal::KILL);
    }
    while !all.iter().all(|process| has_ended(*process)) {
        std::thread::sleep(Duration::from_millis(1));
    }
    // Where nobody takes note of the end of orphans, the next start would take it for alive.
    for note in [note, folder.join(".s.PGSQL.5432.lock")] {
        match fs::remove_file(note) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

fn has_ended(process: Pid) -> bool {
    let state = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    // The name of a program stands in parentheses, and may hold anything.
    state.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with('Z'))
}
