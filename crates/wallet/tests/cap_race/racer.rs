//! One of the processes: opens the wallet, and pays whenever it is told to.

use std::hash::BuildHasher as _;
use std::io::{BufRead, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use farthing_wallet::Outcome;

use crate::rails;

const RAIL: &str = "FARTHING_TEST_RAIL";
const HOME: &str = "FARTHING_TEST_HOME";

/// How many calls each makes at once.
pub(crate) const CALLS: u64 = 20;

/// A process that waits to be told.
pub(crate) struct Racer {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    is_doomed: bool,
}

/// What became of one in a round.
pub(crate) enum Fate {
    Survived(Racer),
    /// We killed it, somewhere.
    Killed,
    /// It came to its step.
    Died,
}

/// Not a test: what each of the processes does.
#[test]
fn paying_process() {
    let (Some(rail), Some(home)) = (std::env::var(RAIL).ok(), std::env::var_os(HOME)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let client = runtime.block_on(async {
        let client = rails::named(&rail).client(Path::new(&home));
        client.wallet().unlock().await.unwrap();
        client
    });
    println!("\nready");
    for url in std::io::stdin().lines().map_while(Result::ok) {
        runtime.block_on(async {
            let calls = (0..CALLS).map(|_| {
                let request = reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap());
                let client = client.clone();
                tokio::spawn(async move {
                    // What becomes of a call is not asked here: others die beside it, in the middle of anything.
                    let paid = matches!(client.pay(request, None).await, Ok(Outcome::Paid { .. }));
                    println!("called {paid}");
                })
            });
            for call in calls.collect::<Vec<_>>() {
                call.await.unwrap();
            }
        });
        println!("over");
    }
}

impl Racer {
    /// Starts one; `step` is where it dies, if it comes there.
    pub(crate) fn start(rail: &str, home: &Path, step: Option<&str>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "racer::paying_process", "--nocapture", "--test-threads=1"]);
        command.env(RAIL, rail).env(HOME, home).env("RUST_BACKTRACE", "0");
        if let Some(step) = step {
            command.env("FARTHING_FAILPOINT", step);
        }
        // Some take their time between two steps, so that others come in between.
        if random(3) == 0 {
            command.env("FARTHING_DAWDLE", "50");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, said, is_doomed: step.is_some() }
    }

    /// Whether it dies when it comes to its step.
    pub(crate) fn is_doomed(&self) -> bool {
        self.is_doomed
    }

    /// Has it make its calls, and kills it when so many have come to their end, in the middle of the others.
    pub(crate) fn race(mut self, url: &str, kill_after: Option<u64>) -> Fate {
        let told = writeln!(self.child.stdin.as_mut().unwrap(), "{url}");
        let (mut ended, mut is_over) = (0, told.is_err());
        while !is_over && kill_after.is_none_or(|after| ended < after) {
            match self.said.next() {
                Some(Ok(line)) if line.starts_with("called") => ended += 1,
                Some(Ok(line)) => is_over = line == "over",
                _ => return Fate::Died,
            }
        }
        if kill_after.is_none() {
            return Fate::Survived(self);
        }
        self.child.kill().unwrap();
        Fate::Killed
    }
}

impl Drop for Racer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Something else each time.
pub(crate) fn random(below: u64) -> u64 {
    std::collections::hash_map::RandomState::new().hash_one(0) % below
}
