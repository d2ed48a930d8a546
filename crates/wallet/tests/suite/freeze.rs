//! A freeze stops processes that hold their keys open and are paying.

use crate::double;
use crate::process::{Told, itself, told};

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use double::{Seller, client, create, wallets};
use farthing_rail::Signer as _;
use farthing_wallet::{Outcome, VaultSigner};

const SIGNED: &str = "signed at ";
const PROCESSES: usize = 4;

/// Not a test: signs and pays as fast as it can until it is refused, and says when the last signature that it
/// got was begun.
#[tokio::test]
async fn process_that_signs_until_it_is_stopped() {
    let Some(Told { home, url, .. }) = told() else { return };
    let client = client(&home);
    client.wallet().unlock().await.unwrap();
    let signer = client.wallet().signer();
    let mut last = signed_at(&signer).expect("it signs before it is stopped");
    println!("\n{SIGNED}{last}");
    std::io::stdout().flush().unwrap();
    while let Some(at) = signed_at(&signer) {
        last = at;
        let before = now();
        let request = reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap());
        match client.pay(request, None).await.unwrap() {
            Outcome::Paid { .. } => last = last.max(before),
            Outcome::Refused { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    println!("{SIGNED}{last}");
}

/// When a signature was begun that was made.
fn signed_at(signer: &VaultSigner) -> Option<u128> {
    let begun = now();
    signer.sign(b"message").ok().map(|_| begun)
}

#[expect(clippy::disallowed_methods, reason = "it compares instants of several processes")]
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()
}

fn start(home: &Path, url: &str) -> (Child, impl Iterator<Item = u128>) {
    let mut command = itself("freeze::process_that_signs_until_it_is_stopped", home, url);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    (child, lines.filter_map(|line| line.strip_prefix(SIGNED)?.parse().ok()))
}

/// No process begins a signature that it gets once the freeze is on disk, so how long they take to stop is how
/// long a signature takes that was begun before; a second is allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_paying_stop_signing_within_a_second_of_a_freeze_of_everything() {
    let (seller, directory) = (Seller::start().await, tempfile::tempdir().unwrap());
    let home = directory.path().join("home");
    create(&home, Some("total = \"1000 USD\""));
    let url = seller.url("/same").to_string();
    let (last, frozen_at) = tokio::task::spawn_blocking(move || {
        let mut processes: Vec<_> = (0..PROCESSES).map(|_| start(&home, &url)).collect();
        for (_, signatures) in &mut processes {
            signatures.next().expect("it has begun to sign");
        }
        wallets(&home).freeze_all().unwrap();
        let frozen_at = now();
        let last = processes.into_iter().map(|(mut child, signatures)| {
            let last = signatures.last().expect("it says when it last signed");
            assert!(child.wait().unwrap().success());
            last
        });
        (last.max().unwrap(), frozen_at)
    })
    .await
    .unwrap();
    let after = Duration::from_micros(u64::try_from(last.saturating_sub(frozen_at)).unwrap());
    println!("the last signature was begun {after:?} after the freeze was on disk");
    assert!(after < Duration::from_secs(1), "{after:?}");
}
