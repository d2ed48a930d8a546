//! An agent: a home of its own, and the program at work in it.

use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::FARTHING;

/// A home with nothing in it yet.
pub struct Agent(TempDir);

/// What the program said, and how it ended: -1 where it was killed.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub error: String,
}

/// A command: its words, or a line of them with quotes as for a shell.
pub trait Words {
    fn words(&self) -> Vec<String>;
}

impl Agent {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Runs a command until it ends, or dies at this step.
    pub async fn run_until(&self, command: &(impl Words + ?Sized), failpoint: Option<&str>) -> Said {
        let mut program = Command::new(FARTHING);
        program.args(command.words()).env("FARTHING_HOME", self.0.path().join("home"));
        program.env("FARTHING_PASSPHRASE", "open sesame").stdin(Stdio::null());
        program.envs(failpoint.map(|step| ("FARTHING_FAILPOINT", step)));
        let output = program.output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), error: text(output.stderr) }
    }

    pub async fn run(&self, command: &(impl Words + ?Sized)) -> Said {
        self.run_until(command, None).await
    }

    /// What it printed; it must not fail.
    pub async fn must(&self, command: &(impl Words + ?Sized)) -> String {
        let Said { code, out, error } = self.run(command).await;
        assert_eq!(code, 0, "{:?}: {out}{error}", command.words());
        out
    }

    pub async fn json(&self, command: &(impl Words + ?Sized)) -> Value {
        serde_json::from_str(&self.must(command).await).unwrap()
    }
}

impl Words for str {
    fn words(&self) -> Vec<String> {
        let parts = self.split(['"', '\'']).enumerate();
        let words = parts.flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        words.collect()
    }
}

impl Words for String {
    fn words(&self) -> Vec<String> {
        self.as_str().words()
    }
}

impl<const COUNT: usize> Words for [&str; COUNT] {
    fn words(&self) -> Vec<String> {
        self.iter().map(|word| (*word).to_owned()).collect()
    }
}

impl Words for Vec<&str> {
    fn words(&self) -> Vec<String> {
        self.iter().map(|word| (*word).to_owned()).collect()
    }
}
