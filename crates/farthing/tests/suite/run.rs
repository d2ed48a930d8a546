//! `farthing run -- COMMAND` and `farthing proxy`, over real processes: curl buys, as it is.

use crate::support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use support::scene::{PASSPHRASE, Scene, farthing, must, said};

#[tokio::test(flavor = "multi_thread")]
async fn curl_buys_until_its_limit_and_what_it_spent_is_said() {
    let scene = Scene::with("0.002 USD").await;
    let url = scene.url("/paid/x");
    let buys = format!("for i in 1 2 3; do curl -sS -o /dev/null -w '%{{http_code}} ' {url}; done");
    let output = scene.run(&["--json"], &["sh", "-c", &buys]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "200 200 402 ", "{}", said(&output));
    let notes = String::from_utf8(output.stderr).unwrap();
    let summary: serde_json::Value = serde_json::from_str(notes.lines().last().unwrap()).unwrap();
    assert_eq!((&summary["exit"], &summary["spent"][0]["payments"]), (&0.into(), &2.into()), "{summary}");
    assert_eq!(summary["spent"][0]["cost"], "0.002 USD");
    assert_eq!(scene.upstream.hits(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_ends_as_it_ended_and_finds_nothing_that_opens_the_wallet() {
    let scene = Scene::with("0.002 USD").await;
    for (script, code) in [("exit 7", 7), ("kill -TERM $$", 143), ("true", 0)] {
        let output = scene.run(&[], &["sh", "-c", script]);
        assert_eq!(output.status.code(), Some(code), "{script}: {}", said(&output));
        assert!(said(&output).contains("farthing: spent nothing"), "{}", said(&output));
    }
    let output = scene.run(&[], &["env"]);
    let environment = String::from_utf8(output.stdout).unwrap();
    assert!(environment.contains("HTTPS_PROXY=http://agent:farthing_proxy_"), "{environment}");
    assert!(!environment.contains(PASSPHRASE), "{environment}");
    let bundle = environment.lines().find_map(|line| line.strip_prefix("SSL_CERT_FILE=")).unwrap();
    assert!(!Path::new(bundle).exists(), "{bundle} is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_serves_agents_with_tokens_and_says_no_token() {
    let scene = Scene::with("0.002 USD").await;
    let listed = &scene.seller.listen["http://".len()..];
    let mut command = scene.farthing(&["proxy", "--json", "--listen", "127.0.0.1:0", "--allow-private", listed]);
    let mut proxy = command.env("RUST_LOG", "trace").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(proxy.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let mut log = proxy.stderr.take().unwrap();
    let log = std::thread::spawn(move || std::io::read_to_string(&mut log).unwrap());
    let token = must(scene.farthing(&["proxy", "token", "--wallet", "agent"]));
    let token = token.trim();
    let buy = |credential: &str| {
        let address = format!("http://{credential}{}", ready["listen"].as_str().unwrap());
        let agent = reqwest::Client::builder().proxy(reqwest::Proxy::all(address).unwrap()).build().unwrap();
        agent.get(scene.url("/paid/x")).send()
    };
    assert_eq!(buy("").await.unwrap().status(), 407);
    assert_eq!(buy("agent:guessed@").await.unwrap().status(), 407);
    assert_eq!(buy(&format!("agent:{token}@")).await.unwrap().status(), 200);
    must(scene.farthing(&["proxy", "token", "--wallet", "agent", "--revoke"]));
    let revoked = async {
        while buy(&format!("agent:{token}@")).await.unwrap().status() != 407 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), revoked).await.unwrap();
    let _ = proxy.kill();
    let _ = proxy.wait();
    let log = log.join().unwrap();
    assert!(!log.contains(token) && !log.contains("farthing_proxy_"), "the log holds a token");
}

#[test]
fn the_authority_is_printed_and_installed_by_one_command() {
    let home = tempfile::tempdir().unwrap();
    let print = || must(farthing(home.path(), &["proxy", "ca", "--print"]));
    let printed = print();
    assert!(printed.starts_with("-----BEGIN CERTIFICATE-----") && printed == print(), "{printed}");
    let told = must(farthing(home.path(), &["proxy", "ca"]));
    for name in ["REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "ca.pem"] {
        assert!(told.contains(name), "{told}");
    }
    let other = farthing(home.path(), &["proxy", "ca", "--only", "a.example"]).output().unwrap();
    assert_eq!(other.status.code(), Some(2), "{}", said(&other));
}
