use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use farthing_protocol::json::parse_object;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

/// What a program may answer at most.
const MOST_BYTES: u64 = 64 * 1024;
/// How often it is looked whether a program that has said everything has ended.
const LOOK: Duration = Duration::from_millis(2);
/// A program that judges must not learn what opens a wallet.
const SECRETS: &[&str] = &[
    "FARTHING_PASSPHRASE",
    "FARTHING_OWNER_PASSPHRASE",
    "FARTHING_CARD",
    "OWS_PASSPHRASE",
    "OWS_MNEMONIC",
    "OWS_PRIVATE_KEY",
    "OWS_SECP256K1_KEY",
    "OWS_ED25519_KEY",
];

/// How programs are asked that judge for a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executables {
    /// How long one may take; then it is killed, with what it started, and the answer is no.
    pub limit: Duration,
}

impl Default for Executables {
    /// What the standard gives them: five seconds.
    fn default() -> Self {
        Self { limit: Duration::from_secs(5) }
    }
}

impl Executables {
    /// Asks a program. Whatever goes wrong is a no, with the reason.
    pub(crate) fn ask(&self, path: &Path, context: &[u8]) -> Result<(), String> {
        let deadline = Instant::now() + self.limit;
        check(path)?;
        let mut command = Command::new(path);
        for name in SECRETS {
            command.env_remove(name);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn().map_err(|error| format!("its executable cannot be started: {error}"))?;
        let answered = answer(&mut child, context, deadline);
        // Whoever it started ends with it, in any case: they hold its output open.
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = child.wait();
        read(&answered?)
    }
}

/// An absolute path, to a program that nobody else can change.
fn check(path: &Path) -> Result<(), String> {
    if !path.is_absolute() {
        return Err("its executable is not an absolute path".into());
    }
    let metadata = std::fs::metadata(path).map_err(|error| format!("its executable cannot be found: {error}"))?;
    let mode = metadata.permissions().mode();
    if !metadata.is_file() || mode & 0o111 == 0 {
        return Err("its executable is no program".into());
    }
    if mode & 0o022 != 0 {
        return Err(format!("its executable can be changed by others; run: chmod go-w {}", path.display()));
    }
    Ok(())
}

fn answer(child: &mut Child, context: &[u8], deadline: Instant) -> Result<Vec<u8>, String> {
    let late = || "its executable took too long".to_owned();
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("its executable has no standard input or output".into());
    };
    let context = context.to_vec();
    // A program that does not read, or does not end its output, must not hold us up.
    std::thread::spawn(move || drop(stdin.write_all(&context)));
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let read = stdout.take(MOST_BYTES + 1).read_to_end(&mut said);
        let _ = sender.send(read.map(|_| said));
    });
    let said = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).map_err(|_| late())?;
    let said = said.map_err(|error| format!("what its executable says cannot be read: {error}"))?;
    if said.len() as u64 > MOST_BYTES {
        return Err("its executable says too much".into());
    }
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(said),
            Ok(Some(status)) => return Err(format!("its executable failed: {status}")),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(LOOK),
            Ok(None) => return Err(late()),
            Err(error) => return Err(format!("its executable is lost: {error}")),
        }
    }
}

/// `{"allow": bool, "reason": text}`.
fn read(said: &[u8]) -> Result<(), String> {
    let unreadable = || "its executable did not answer {\"allow\": ...}".to_owned();
    let answer = parse_object(said).map_err(|_| unreadable())?;
    match answer.get("allow") {
        Some(Value::Bool(true)) => Ok(()),
        Some(Value::Bool(false)) => {
            let reason = answer.get("reason").and_then(Value::as_str).unwrap_or("its executable says no");
            Err(reason.chars().filter(|letter| !letter.is_control()).take(200).collect())
        }
        _ => Err(unreadable()),
    }
}
