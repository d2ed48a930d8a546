//! One wallet on two machines through the command line: they have nothing in common but a PostgreSQL that asks for a
//! password, which is nowhere to be read.

use crate::support;

use std::path::PathBuf;
use std::process::{Command, Output};

use farthing_testing_postgres::shared;
use serde_json::Value;
use support::FARTHING;
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

const PASSWORD: &str = "correct-horse-battery";

/// Machines with a home each.
struct Machines {
    folder: tempfile::TempDir,
    /// Whom the server knows them as.
    user: String,
    address: String,
}

impl Machines {
    fn new() -> Self {
        let address = shared().address();
        let user = address.split_once("schema=").unwrap().1.replace("books", "agents");
        shared().run(&format!("CREATE ROLE {user} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")).unwrap();
        let address = address.replace("postgres@", &format!("{user}@"));
        Self { folder: tempfile::tempdir().unwrap(), user, address }
    }

    fn home(&self, machine: &str) -> PathBuf {
        self.folder.path().join(machine)
    }

    fn run(&self, machine: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(FARTHING);
        command.args(arguments).env("FARTHING_HOME", self.home(machine)).env("PGPASSWORD", PASSWORD);
        let output = command.env("FARTHING_PASSPHRASE", "open sesame").output().unwrap();
        let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        assert!(!String::from_utf8_lossy(&said).contains(PASSWORD), "{arguments:?}");
        output
    }

    fn must(&self, machine: &str, arguments: &[&str]) -> String {
        let output = self.run(machine, arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, machine: &str, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.must(machine, arguments)).unwrap()
    }

    fn refused(&self, machine: &str, arguments: &[&str]) -> String {
        let output = self.run(machine, arguments);
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wallet_on_two_machines_spends_one_budget_and_stops_at_one_word() {
    let machines = Machines::new();
    let address = machines.address.clone();
    machines.must("one", &["wallet", "create", "agent", "--total", "0.003 USD", "--store", &address]);
    let key = machines.folder.path().join("agent.json");
    std::fs::write(&key, machines.must("one", &["wallet", "export", "agent"])).unwrap();
    machines.must("two", &["wallet", "import", "agent", key.to_str().unwrap(), "--store", &address]);
    let shown = machines.json("two", &["wallet", "show", "agent", "--json"]);
    assert!(shown["store"].as_str().unwrap().starts_with("postgres://"), "{shown}");

    let (folder, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let seller = Seller::start(folder.path(), &config(&upstream.url(), HONEST_RAIL), &[]);
    seller.grant(shown["did"].as_str().unwrap(), "1 USD").await;
    let url = format!("{}/paid/x", seller.listen);
    machines.must("one", &["pay", &url]);
    machines.must("two", &["pay", &url]);
    machines.must("one", &["wallet", "freeze", "agent"]);
    let frozen = machines.refused("two", &["pay", &url]);
    assert!(frozen.contains("frozen"), "{frozen}");
    machines.must("two", &["thaw", "--wallet", "agent"]);
    machines.must("two", &["pay", &url]);
    let full = machines.refused("one", &["pay", &url]);
    assert!(full.contains("0.003 USD"), "{full}");
    assert_eq!(upstream.hits(), 3);

    machines.must("one", &["policy", "set", "--wallet", "agent", "--total", "0.004 USD"]);
    machines.must("two", &["pay", &url]);
    let elsewhere = machines.refused("two", &["policy", "set", "--wallet", "agent", "--total", "9 USD"]);
    assert!(elsewhere.contains("the owner's key is on another machine"), "{elsewhere}");
    for command in [
        &["audit", "list", "--json"][..],
        &["audit", "verify"],
        &["approvals", "list", "--json"],
        &["sessions", "list", "--wallet", "agent", "--json"],
        &["policy", "show", "--wallet", "agent"],
        &["wallet", "list", "--json"],
    ] {
        assert_eq!(machines.must("one", command), machines.must("two", command), "{command:?}");
    }
    let kept = std::fs::read_to_string(machines.home("two").join("store")).unwrap();
    assert!(kept.starts_with("postgres://") && !kept.contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn wallets_move_to_the_server_and_a_password_on_the_command_line_is_refused() {
    let machines = Machines::new();
    machines.must("one", &["wallet", "create", "agent", "--total", "1 USD"]);
    let home = machines.home("one");
    let told = machines.address.replace(&machines.user, &format!("{}:on-the-line", machines.user));
    for arguments in
        [&["store", "migrate", home.to_str().unwrap(), &told][..], &["wallet", "create", "other", "--store", &told]]
    {
        let refused = machines.refused("one", arguments);
        assert!(refused.contains("PGPASSWORD") && !refused.contains("on-the-line"), "{refused}");
    }
    let moved = machines.json("one", &["store", "migrate", home.to_str().unwrap(), &machines.address, "--json"]);
    assert_eq!(moved["verified"], true);
    let shown = machines.json("one", &["wallet", "show", "agent", "--json"]);
    assert_eq!(shown["policy"]["total"], "1 USD");
    assert_eq!(shown["store"], moved["to"]);
}
