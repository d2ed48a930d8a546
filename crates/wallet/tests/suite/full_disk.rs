//! A disk that is full while a wallet pays: nothing is signed that could not be written down, it says what to do, and
//! it goes on when there is room.
//!
//! A process of its own, in which no file may grow: the system then refuses each write as a full disk does.

#![cfg(target_os = "linux")]

use crate::double;
use crate::process::{Told, tell, told};
use crate::session_double;

use std::path::Path;
use std::process::{Command, Stdio};

use double::{Seller, client, counted, create};
use farthing_wallet::{Outcome, PayingClient};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Which file finds no room, when the wallet pays out of a session; else it pays by charges.
const SESSION: &str = "FARTHING_TEST_SESSION";

/// Files of this process may grow to this size, or as far as they like.
fn let_files_grow_to(current: Option<u64>) {
    setrlimit(Resource::Fsize, Rlimit { current, ..getrlimit(Resource::Fsize) }).unwrap();
}

async fn pay(client: &PayingClient, url: &str) -> Result<bool, String> {
    let request = reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap());
    let outcome = client.pay(request, None).await.map_err(|error| error.to_string())?;
    Ok(matches!(outcome, Outcome::Paid { .. }))
}

/// Not a test: what the process started by the test below does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paying_process() {
    let Some(Told { home, url, .. }) = told() else { return };
    let by_session = std::env::var_os(SESSION).is_some();
    let client = if by_session { session_double::client(&home) } else { client(&home) };
    assert_eq!(pay(&client, &url).await, Ok(true));
    let before = counted(client.wallet()).await;
    let log = if by_session { "sessions.db-wal" } else { "budgets.db-wal" };
    let_files_grow_to(Some(std::fs::metadata(home.join(log)).unwrap().len()));
    for _ in 0..3 {
        let sentence = pay(&client, &url).await.unwrap_err();
        let (what, remedy) = match by_session {
            true => ("sessions cannot be read or written", "check the disk"),
            false => ("the budgets cannot be reached", "check that the disk, or the database server, has room"),
        };
        assert!(sentence.contains(what) && sentence.contains(remedy), "{sentence}");
    }
    assert_eq!(counted(client.wallet()).await, before, "what could not be written down counts nothing");
    let_files_grow_to(None);
    assert_eq!(pay(&client, &url).await, Ok(true), "with room, the same process goes on");
    println!("it went on");
}

/// Runs the body above where a file that is too large is an error and not a signal that ends the process.
async fn run(home: &Path, url: &str, by_session: bool) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    tell(command.args(["--exact", "full_disk::paying_process", "--nocapture"]), home, url);
    if by_session {
        command.env(SESSION, "1");
    }
    let output = command.stdin(Stdio::null()).output();
    let output = tokio::task::spawn_blocking(|| output).await.unwrap().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
    assert!(output.status.success(), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l_05_on_a_full_disk_a_wallet_signs_nothing_says_so_and_goes_on_when_there_is_room() {
    let (seller, directory) = (Seller::start().await, tempfile::tempdir().unwrap());
    let home = directory.path().join("home");
    create(&home, Some("total = \"0.1 USD\""));
    let said = run(&home, seller.url("/v1").as_str(), false).await;
    assert!(said.contains("it went on"), "{said}");
    assert_eq!((seller.credentials(), seller.charges()), (2, 2), "one before, one afterwards");
    assert_eq!(counted(&double::open(&home)).await, (2_000, 0));
    let found = double::wallets(&home).verify_audit(None).await.unwrap();
    assert_eq!(found.findings, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l_05_on_a_full_disk_a_wallet_signs_no_voucher_and_goes_on_when_there_is_room() {
    let (shop, directory) = (session_double::Shop::start().await, tempfile::tempdir().unwrap());
    let home = directory.path().join("home");
    create(&home, Some("total = \"0.1 USD\"\nsession_deposit = \"0.02 USD\""));
    let said = run(&home, &format!("{}/v1", shop.origin), true).await;
    assert!(said.contains("it went on"), "{said}");
    assert_eq!(shop.shown(), ["open 1000", "voucher 2000"]);
}
