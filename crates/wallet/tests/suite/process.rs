//! This program once more, as a process of its own that pays: what it is to do stands in its environment.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use farthing_wallet::{Outcome, PayingClient};

const HOME: &str = "FARTHING_TEST_HOME";
const URL: &str = "FARTHING_TEST_URL";
const CALLS: &str = "FARTHING_TEST_CALLS";

/// What a process is told by the test that started it.
pub(crate) struct Told {
    pub(crate) home: PathBuf,
    pub(crate) url: String,
    calls: usize,
}

/// Nothing where no test started this process: what looks like a test is none then.
pub(crate) fn told() -> Option<Told> {
    let text = |name| std::env::var_os(name).map(|text| text.into_string().unwrap());
    let calls = text(CALLS).map_or(1, |calls| calls.parse().unwrap());
    Some(Told { home: text(HOME)?.into(), url: text(URL)?, calls })
}

/// Tells a process what to pay, and of whose money.
pub(crate) fn tell<'a>(command: &'a mut Command, home: &Path, url: &str) -> &'a mut Command {
    command.env(HOME, home).env(URL, url).env("RUST_BACKTRACE", "0")
}

/// This program, to be started as one of its functions.
pub(crate) fn itself(function: &str, home: &Path, url: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    tell(command.args(["--exact", function, "--nocapture"]), home, url).stdout(Stdio::null());
    command
}

/// Starts it; it makes so many calls, or dies at this step.
pub(crate) fn start(function: &str, home: &Path, url: &str, calls: usize, failpoint: Option<&str>) -> Child {
    let mut command = itself(function, home, url);
    command.env(CALLS, calls.to_string()).envs(failpoint.map(|step| ("FARTHING_FAILPOINT", step)));
    command.spawn().unwrap()
}

pub(crate) async fn end(mut child: Child) -> ExitStatus {
    tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap()
}

/// All calls that this process was told to make, at once: each is paid or refused.
pub(crate) async fn pay(client: PayingClient, told: &Told) {
    let calls = (0..told.calls).map(|_| {
        let request = reqwest::Request::new(reqwest::Method::GET, told.url.parse().unwrap());
        let client = client.clone();
        tokio::spawn(async move { client.pay(request, None).await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        let outcome = call.await.unwrap();
        assert!(matches!(outcome, Outcome::Paid { .. } | Outcome::Refused { .. }), "{outcome:?}");
    }
}
