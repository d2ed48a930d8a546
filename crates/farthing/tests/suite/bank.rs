//! Top-ups by bank transfer, from the order to the refund, as a payer, an operator and a bank meet them.

use crate::support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail_bank::BankAccount;
use farthing_rail_bank::generated::{GeneratedEntry, GeneratedStatement};
use serde_json::Value;
use support::FARTHING;
use support::buyer::Buyer;
use support::seller::{Seller, config};
use support::upstream::Upstream;

const TABLE: &str = "holder = \"Example Inc\"\naccount = \"021000021-1\"\nasset = \"USD\"\n";

fn account() -> BankAccount {
    BankAccount::from_table(&TABLE.parse().unwrap()).unwrap()
}

fn rail() -> String {
    format!("[rails.simulated]\nscript = [\"settle\"]\n\n[rails.bank]\n{TABLE}statements = \"statements\"\n")
}

struct Bank {
    directory: tempfile::TempDir,
    balance: i128,
    statements: i64,
}

impl Bank {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("statements")).unwrap();
        Self { directory, balance: 100_000, statements: 0 }
    }

    /// Writes the next day's statement.
    fn statement(&mut self, entries: Vec<GeneratedEntry>) -> PathBuf {
        self.statements += 1;
        let signed = |entry: &GeneratedEntry| {
            let units = i128::try_from(entry.amount.units()).unwrap();
            if entry.credit { units } else { -units }
        };
        let added = entries.iter().map(signed).sum();
        let id = format!("{}", self.statements);
        let day = Timestamp::from_unix_millis(1_800_000_000_000 + self.statements * 86_400_000);
        let (account, number) = (account(), u64::try_from(self.statements).unwrap());
        let statement = GeneratedStatement { account: &account, id: &id, number, day, opening: self.balance, added };
        let path = self.directory.path().join(format!("{id}.xml"));
        statement.write(&mut std::fs::File::create(&path).unwrap(), entries.into_iter()).unwrap();
        self.balance += added;
        path
    }
}

fn came(name: &str, cents: u128, reference: Option<&str>) -> GeneratedEntry {
    GeneratedEntry {
        bank_reference: name.to_owned(),
        amount: Amount::new(cents),
        credit: true,
        reference: reference.map(|reference| reference.replace(' ', "")),
        text: Some(format!("transfer {name}")),
        ..GeneratedEntry::default()
    }
}

/// Runs a command: its exit code and what it says.
fn farthing(arguments: &[&str], more: &[&Path]) -> (Option<i32>, String) {
    let output = Command::new(FARTHING).args(arguments).args(more).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn json(arguments: &[&str], more: &[&Path]) -> Value {
    let (code, said) = farthing(arguments, more);
    assert_eq!(code, Some(0), "{said}");
    serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"))
}

fn order(seller: &Seller, payer: &str, amount: &str) -> Value {
    json(&["balance", "topup", "--gateway", &seller.listen, "--payer", payer, "--amount", amount, "--json"], &[])
}

fn balance(seller: &Seller, payer: &str) -> String {
    let shown = json(&["balance", "show", "--admin", &seller.admin, "--payer", payer, "--json"], &[]);
    shown["accounts"][0]["balance"].as_str().unwrap_or("none").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_becomes_a_balance_that_pays_and_the_rest_goes_back() {
    let mut bank = Bank::new();
    let upstream = Upstream::start().await;
    let seller = Seller::start(bank.directory.path(), &config(&upstream.url(), &rail()), &[]);
    let buyer = Buyer::new();
    let payer = buyer.did.clone();
    let ordered = order(&seller, &payer, "5 USD");
    assert_eq!((ordered["state"].as_str(), ordered["account"].as_str()), (Some("open"), Some("021000021-1")));
    let reference = ordered["reference"].as_str().unwrap();
    assert_eq!(order(&seller, &payer, "5 USD")["id"], ordered["id"], "the same order is one");

    let file = bank.statement(vec![came("A1", 500, Some(reference)), came("A2", 700, None)]);
    let import = ["books", "import", "--admin", &seller.admin, "--json"];
    let done = json(&import, &[&file]);
    assert_eq!((&done["credited"], &done["suspended"]), (&1.into(), &1.into()), "{done}");
    assert_eq!(json(&import, &[&file])["known"], true);
    assert_eq!(balance(&seller, &payer), "5 USD");

    let url = format!("{}/paid/a", seller.listen);
    let credential = buyer.credential(&url).await;
    assert_eq!(buyer.get(&url, &credential).send().await.unwrap().status(), 200);

    let reconcile = ["books", "reconcile", "--admin", &seller.admin, "--json"];
    let (code, said) = farthing(&reconcile, &[]);
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["banks"][0]["agrees"]), (Some(1), &true.into()), "{report}");
    let entry = report["unexplained"][0]["id"].as_str().unwrap().to_owned();
    let assign = ["books", "suspense", "assign", &entry, "--payer", &payer, "--reason", "they called", "--admin"];
    assert_eq!(farthing(&[assign.as_slice(), &[&seller.admin]].concat(), &[]).0, Some(0));
    assert_eq!(balance(&seller, &payer), "11.999 USD");
    let release = ["books", "suspense", "release", &entry, "--reason", "it was another", "--admin", &seller.admin];
    assert_eq!(farthing(&release, &[]).0, Some(0));
    assert_eq!(farthing(&[assign.as_slice(), &[&seller.admin]].concat(), &[]).0, Some(0));

    let to = ["--to", "021000021-2", "--name", "Pat & Co", "--currency", "USD", "--json"];
    let withdraw = ["balance", "withdraw", "--admin", &seller.admin, "--payer", &payer];
    let payout = json(&[withdraw.as_slice(), &to].concat(), &[]);
    assert_eq!(payout["display"], "11.99 USD", "whole cents");
    assert_eq!(balance(&seller, &payer), "0.009 USD");
    let written = json(&["books", "payout", "--admin", &seller.admin, "--json", "--out"], &[bank.directory.path()]);
    let path = written["path"].as_str().unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let end_to_end = payout["end_to_end"].as_str().unwrap().to_owned();
    assert!(
        text.contains(&format!("<EndToEndId>{end_to_end}</EndToEndId>")) && text.contains("Pat &amp; Co"),
        "{text}"
    );
    let again = written["answer"]["file"].as_str().unwrap();
    let again = ["books", "payout", "--admin", &seller.admin, "--again", again, "--json", "--out"];
    std::fs::remove_file(path).unwrap();
    json(&again, &[bank.directory.path()]);
    assert_eq!(std::fs::read_to_string(path).unwrap(), text, "the same to the byte");
    assert_eq!(farthing(&["books", "payout", "--admin", &seller.admin, "--out"], &[bank.directory.path()]).0, Some(1));

    let left = GeneratedEntry { credit: false, end_to_end: Some(end_to_end), ..came("A3", 1_199, None) };
    let file = bank.statement(vec![left]);
    // A folder that the gateway watches, this time.
    std::fs::rename(&file, bank.directory.path().join("statements/2.xml")).unwrap();
    let since = Instant::now();
    loop {
        let (code, said) = farthing(&reconcile, &[]);
        let report: Value = serde_json::from_str(&said).unwrap();
        if report["banks"][0]["statement"] == "GENERATED-2" {
            assert_eq!((code, &report["banks"][0]["clearing"]), (Some(0), &"0".into()), "{report}");
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "nobody looked into the folder: {}", seller.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    let verified = json(&["books", "verify", "--json", "--data"], &[bank.directory.path()]);
    assert_eq!(verified["clean"], true, "{verified}");
}

#[tokio::test(flavor = "multi_thread")]
async fn u_05_a_file_that_is_refused_changes_nothing_whichever_way_it_comes() {
    let mut bank = Bank::new();
    let upstream = Upstream::start().await;
    let written = config(&upstream.url(), &rail());
    let seller = Seller::start(bank.directory.path(), &written, &[]);
    let payer = Buyer::new().did;
    let reference = order(&seller, &payer, "5 USD")["reference"].as_str().unwrap().to_owned();
    let file = bank.statement(vec![came("A1", 500, Some(&reference))]);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("<Amt Ccy=\"USD\">5<", "<Amt Ccy=\"USD\">6<", 1)).unwrap();
    let (code, said) = farthing(&["books", "import", "--admin", &seller.admin], &[&file]);
    assert!(code == Some(1) && said.contains("does not add up") && said.contains("line "), "{said}");
    assert_eq!(balance(&seller, &payer), "none");
    let leftovers = std::fs::read_dir(bank.directory.path()).unwrap();
    assert!(!leftovers.flatten().any(|file| file.path().extension().is_some_and(|name| name == "part")));

    // Without a gateway, out of the same configuration.
    let toml = bank.directory.path().join("farthing.toml");
    let offline = ["books", "import", "--config", toml.to_str().unwrap(), "--json"];
    assert_eq!(farthing(&offline, &[&file]).0, Some(1), "the gateway has the books");
    drop(seller);
    assert!(farthing(&offline, &[&file]).1.contains("does not add up"));
    std::fs::write(&file, text).unwrap();
    assert_eq!(json(&offline, &[&file])["credited"], 1);
    assert_eq!(json(&offline, &[&file])["known"], true);
    let verified = json(&["books", "verify", "--json", "--data"], &[bank.directory.path()]);
    assert_eq!(verified["clean"], true, "{verified}");
}

#[tokio::test(flavor = "multi_thread")]
async fn u_15_orders_that_mean_nothing_are_refused() {
    let bank = Bank::new();
    let upstream = Upstream::start().await;
    let seller = Seller::start(bank.directory.path(), &config(&upstream.url(), &rail()), &[]);
    let payer = Buyer::new().did;
    let url = format!("{}/balance/topups", seller.listen);
    let post = |body: String| reqwest::Client::new().post(&url).body(body).send();
    for (body, status) in [
        (String::new(), 400),
        ("{}".to_owned(), 400),
        ("[".repeat(4_000), 400),
        ("x".repeat(100_000), 400),
        (format!("{{\"payer\": \"{payer}\", \"currency\": \"EUR\"}}"), 400),
        (format!("{{\"payer\": \"{payer}x\", \"currency\": \"USD\"}}"), 400),
        (format!("{{\"payer\": \"{payer}\", \"currency\": \"USD\", \"amount\": \"0\"}}"), 400),
        (format!("{{\"payer\": \"{payer}\", \"currency\": \"USD\", \"amount\": \"-5\"}}"), 400),
        (format!("{{\"payer\": \"{payer}\", \"currency\": \"USD\", \"rail\": \"other\"}}"), 400),
        (format!("{{\"payer\": \"{payer}\", \"currency\": \"USD\", \"holder\": \"me\"}}"), 400),
        (format!("{{\"payer\": \"{payer}\", \"currency\": \"USD\"}}"), 201),
        (format!("{{\"payer\": \"{payer}\", \"currency\": \"USD\"}}"), 200),
    ] {
        let response = post(body.clone()).await.unwrap();
        let shown: String = body.chars().take(80).collect();
        assert_eq!(response.status().as_u16(), status, "{shown}");
        assert!(response.headers()["cache-control"].to_str().unwrap().contains("no-store"));
    }
    let get = |path: &str| reqwest::Client::new().get(format!("{url}{path}")).send();
    let described = reqwest::get(format!("{}/llms.txt", seller.listen)).await.unwrap().text().await.unwrap();
    assert!(
        described.contains("A balance in USD is topped up over the rail bank: POST /balance/topups"),
        "{described}"
    );
    for path in ["", "/", "/top_1", "/top_00000000000000000000000000000000", "/../x"] {
        assert!(get(path).await.unwrap().status().is_client_error(), "{path}");
    }
}
