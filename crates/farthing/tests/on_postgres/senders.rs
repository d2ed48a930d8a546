//! Gateways with the same signer: its transactions are numbered by one of them.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use farthing_testing_postgres::shared;
use rustix::process::Signal;

use crate::stage::Stage;
use crate::support::FARTHING;
use crate::support::seller::Seller;

const KEYS: [&str; 2] = [
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
];
/// What the first key sends from.
const ACCOUNT: &str = "eip155:8453:0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const REMEDY: &str = "give each gateway a signer of its own";

/// Gateways that take payments on a chain whose node is not needed to start.
async fn stage() -> Stage {
    let mut stage = Stage::at(shared().address()).await;
    stage.config.push_str(&of_key("SIGNER"));
    stage
}

fn of_key(variable: &str) -> String {
    format!(
        "\n[rails.base]\nmethod = \"evm\"\nchain = \"base\"\nrpc = \"http://127.0.0.1:1\"\n\
         signer = {{ key = {{ env = \"{variable}\" }} }}\n"
    )
}

fn start(stage: &Stage, name: &str, key: &str) -> Seller {
    stage.start(name, &[("SIGNER", key), ("OTHER_SIGNER", KEYS[0])])
}

/// What a gateway says that does not start.
fn refused(stage: &Stage, name: &str) -> Output {
    let folder = stage.folder(name);
    std::fs::write(folder.join("farthing.toml"), &stage.config).unwrap();
    let mut gateway = Command::new(FARTHING);
    gateway.args(["gateway", "--config", "farthing.toml"]).current_dir(&folder).env("SIGNER", KEYS[0]);
    let mut child = gateway.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() && since.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    child.wait_with_output().unwrap()
}

/// Loads the configuration of a gateway again, with the first key for its signer.
async fn reload(stage: &Stage, name: &str, seller: &Seller) -> (u16, String) {
    let config = stage.config.replace("\"SIGNER\"", "\"OTHER_SIGNER\"");
    std::fs::write(stage.folder(name).join("farthing.toml"), config).unwrap();
    let url = format!("{}/admin/reload", seller.admin);
    let answer = reqwest::Client::new().post(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn p_34_two_gateways_with_one_signer_do_not_both_send() {
    let stage = stage().await;
    let first = start(&stage, "first", KEYS[0]);
    let second = refused(&stage, "second");
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains(ACCOUNT) && said.contains(REMEDY), "{said}");

    let own = start(&stage, "own", KEYS[1]);
    let (status, said) = reload(&stage, "own", &own).await;
    assert!(status == 422 && said.contains(ACCOUNT) && said.contains(REMEDY), "{status} {said}");
    first.grant(&stage.buyer.did, "1 USD").await;
    for seller in [&first, &own] {
        let url = format!("{}/paid/x", seller.listen);
        let credential = stage.buyer.credential(&url).await;
        assert_eq!(stage.settled(&url, &credential).await, 200, "both go on");
    }

    // The next one comes before the death of the first is known.
    first.signal(Signal::KILL);
    let mut next = start(&stage, "next", KEYS[0]);
    assert!(next.log().contains("another gateway sends from it"), "{}", next.log());
    next.signal(Signal::TERM);
    assert_eq!(next.wait_for_death().code(), Some(0), "{}", next.log());
    let (status, said) = reload(&stage, "own", &own).await;
    assert_eq!(status, 200, "it said goodbye: {said}");
    stage.assert_sound(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn p_35_a_gateway_that_wakes_without_its_signer_ends() {
    let stage = stage().await;
    let mut held = start(&stage, "held", KEYS[0]);
    held.signal(Signal::STOP);
    let next = start(&stage, "next", KEYS[0]);
    held.signal(Signal::CONT);
    assert_eq!(held.wait_for_death().code(), Some(1), "{}", held.log());
    assert!(held.log().contains("another sends from its account by now"), "{}", held.log());
    next.grant(&stage.buyer.did, "1 USD").await;
    let url = format!("{}/paid/x", next.listen);
    let credential = stage.buyer.credential(&url).await;
    assert_eq!(stage.settled(&url, &credential).await, 200);
    stage.assert_sound(1);
}
