//! `farthing run --max`: what holds for a whole run, and what is said of it however it ends.

use crate::support;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Output, Stdio};

use serde_json::Value;
use support::scene::{Scene, must, said};

/// The summary of `--json`: the last line of standard error.
fn summary(output: &Output) -> Value {
    let notes = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(notes.lines().last().unwrap()).unwrap_or_else(|_| panic!("{}", said(output)))
}

#[tokio::test(flavor = "multi_thread")]
async fn w_35_the_limit_is_for_the_whole_run_whatever_it_asks_at_once() {
    let scene = Scene::with("1 USD").await;
    let url = scene.url("/paid/x");
    let buys = format!("for i in 1 2 3 4 5 6 7 8; do curl -sS -o /dev/null -w '%{{http_code}}\\n' {url} & done; wait");
    for _ in 0..2 {
        let output = scene.run(&["--max", "0.003 USD", "--json"], &["sh", "-c", &buys]);
        let codes = String::from_utf8_lossy(&output.stdout);
        assert_eq!((codes.matches("200").count(), codes.matches("402").count()), (3, 5), "{}", said(&output));
        let summary = summary(&output);
        assert_eq!(
            (&summary["max"], &summary["spent"][0]["cost"]),
            (&"0.003 USD".into(), &"0.003 USD".into()),
            "{summary}"
        );
        assert_eq!(summary["spent"][0]["payments"], 3);
    }
    assert_eq!(scene.upstream.hits(), 6, "each run has a limit of its own");
    let other = scene.run(&["--max", "1 EUR"], &["true"]);
    assert_eq!(other.status.code(), Some(2), "{}", said(&other));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_payment_of_a_run_is_for_what_its_owner_says() {
    let scene = Scene::with("1 USD").await;
    let policy = scene.home.path().join("tagged.toml");
    std::fs::write(&policy, "total = \"1 USD\"\nrequired_tags = [\"project\"]\n").unwrap();
    must(scene.farthing(&["policy", "set", "--file", policy.to_str().unwrap()]));
    let url = scene.url("/paid/x");
    let code = |tags: &[&str]| {
        let output = scene.run(tags, &["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", &url]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!((code(&[]), code(&["--tag", "project=atlas"])), ("402".to_owned(), "200".to_owned()));
    let log = must(scene.farthing(&["audit", "list", "--json"]));
    assert!(log.lines().any(|line| line.contains("\"allowed\"") && line.contains("\"project\":\"atlas\"")), "{log}");
    must(scene.farthing(&["audit", "verify"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_spent_is_said_when_the_command_fails_and_when_it_is_interrupted() {
    let scene = Scene::with("1 USD").await;
    let url = scene.url("/paid/x");
    let buy = format!("curl -sS -o /dev/null {url}");
    let failed = scene.run(&["--max", "0.01 USD"], &["sh", "-c", &format!("{buy}; exit 9")]);
    assert_eq!(failed.status.code(), Some(9), "{}", said(&failed));
    assert!(said(&failed).contains("farthing: spent 0.001 USD at "), "{}", said(&failed));

    let waits = format!("{buy}; echo bought; exec sleep 600");
    let mut command = scene.running(&["--max", "0.01 USD"], &["sh", "-c", &waits]);
    let mut run = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(run.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "bought");
    let process = rustix::process::Pid::from_raw(i32::try_from(run.id()).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    let mut notes = String::new();
    run.stderr.take().unwrap().read_to_string(&mut notes).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130), "{notes}");
    assert!(notes.contains("farthing: spent 0.001 USD at "), "{notes}");
}
