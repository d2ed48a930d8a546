//! The binary, asked the way the suite asks it.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// How long the suite gives an adapter for an operation that uses the network.
pub(crate) const TIMEOUT_MILLIS: u64 = 30_000;

/// Asks one operation. Whatever it is, the process ends well and writes one line of JSON.
pub(crate) async fn ask(operation: &str, input: &Value) -> Value {
    run(operation, input, TIMEOUT_MILLIS, false).await
}

/// The same with a time limit of its own.
pub(crate) async fn ask_within(operation: &str, input: &Value, timeout_millis: u64) -> Value {
    run(operation, input, timeout_millis, false).await
}

/// The same where secrets may be as short as the suite's.
pub(crate) async fn ask_with_weak_secrets(operation: &str, input: &Value) -> Value {
    run(operation, input, TIMEOUT_MILLIS, true).await
}

/// The value of an operation that must succeed.
pub(crate) async fn value(operation: &str, input: &Value) -> Value {
    let mut answer = ask(operation, input).await;
    assert_eq!(answer["ok"], true, "{operation} {input}: {answer}");
    answer["value"].take()
}

async fn run(operation: &str, input: &Value, timeout_millis: u64, weak_secrets: bool) -> Value {
    let request = json!({"schema": 1, "op": operation, "input": input, "context": {"timeoutMs": timeout_millis}});
    let mut process = Command::new(env!("CARGO_BIN_EXE_farthing"))
        .arg("conformance")
        .env("FARTHING_CONFORMANCE_WEAK_SECRETS", if weak_secrets { "1" } else { "0" })
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(request.to_string().as_bytes()).await.unwrap();
    drop(stdin);
    let output = process.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{request}: {:?}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.strip_suffix('\n').unwrap_or_else(|| panic!("{request}: no line end in {text:?}"));
    assert!(!line.contains('\n'), "{request}: more than one line in {text:?}");
    let answer: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{request}: {error} in {text:?}"));
    let member = if answer["ok"] == true { "value" } else { "error" };
    assert!(answer.get(member).is_some(), "{request}: {answer}");
    answer
}
