use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};

use farthing_policy::Policy;
use farthing_protocol::Timestamp;
use secrecy::SecretString;

use super::{SignedPolicyError, WalletName, Wallets, WalletsError};
use crate::{Ambient, PassphraseSource, Wallet};

const SMALL: &str = "total = \"1 USD\"\n";
const LARGE: &str = "total = \"1000 USD\"\n";

struct Place {
    wallets: Wallets,
    home: tempfile::TempDir,
}

fn place() -> Place {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("home");
    let millis = AtomicI64::new(Timestamp::parse("2026-11-21T12:00:00Z").unwrap().unix_millis());
    let clock = move || Timestamp::from_unix_millis(millis.fetch_add(1, Ordering::Relaxed));
    let wallets = Wallets::at(&directory, Ambient::new(clock)).unwrap();
    wallets.create(&agent(), &agents()).unwrap();
    Place { wallets, home }
}

impl Place {
    fn set(&self, text: &str) {
        self.wallets.set_policy(&agent(), &text.parse().unwrap(), &agents()).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.home.path().join("home/wallets/agent/policy.toml")
    }

    fn wallet(&self) -> Wallet {
        self.wallets.open(&agent(), agents()).unwrap()
    }
}

fn agent() -> WalletName {
    "agent".parse().unwrap()
}

/// What the agent has.
fn agents() -> PassphraseSource {
    PassphraseSource::Given(SecretString::from("the agent's"))
}

/// What only the owner has.
fn owners() -> PassphraseSource {
    PassphraseSource::Given(SecretString::from("the owner's"))
}

async fn total(wallet: &Wallet) -> String {
    wallet.levels().await.unwrap()[0].policy.total.unwrap().to_string()
}

async fn refused(wallet: &Wallet) -> SignedPolicyError {
    match wallet.levels().await {
        Err(WalletsError::Signed(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_process_that_pays_follows_the_newest_policy() {
    let place = place();
    let wallet = place.wallet();
    assert!(wallet.levels().await.unwrap().is_empty(), "without a policy nothing is paid");
    place.set(SMALL);
    assert_eq!(total(&wallet).await, "1 USD");
    assert_eq!(total(&wallet).await, "1 USD");
    place.set(LARGE);
    assert_eq!(total(&wallet).await, "1000 USD");
    assert_eq!(place.wallets.policy(&agent()).unwrap().unwrap().total.unwrap().to_string(), "1000 USD");
}

#[tokio::test]
async fn w_30_a_policy_that_was_edited_by_hand_is_not_followed_until_its_owner_signs_it() {
    let place = place();
    place.set(SMALL);
    let wallet = place.wallet();
    assert_eq!(total(&wallet).await, "1 USD");
    let edited = fs::read_to_string(place.file()).unwrap().replace("1 USD", "1000 USD");
    fs::write(place.file(), edited).unwrap();
    assert_eq!(refused(&wallet).await, SignedPolicyError::Changed("agent".to_owned()));
    assert!(place.wallets.policy(&agent()).is_err(), "nor shown as if it held");
    fs::write(place.file(), LARGE).unwrap();
    assert_eq!(refused(&wallet).await, SignedPolicyError::Unsigned("agent".to_owned()));
    let written = place.wallets.written_policy(&agent()).unwrap().unwrap();
    assert_eq!(written, LARGE.parse::<Policy>().unwrap());
    place.wallets.set_policy(&agent(), &written, &agents()).unwrap();
    assert_eq!(total(&wallet).await, "1000 USD");
}

#[tokio::test]
async fn w_30_an_older_policy_does_not_come_back() {
    let place = place();
    place.set(LARGE);
    let loose = fs::read(place.file()).unwrap();
    assert_eq!(total(&place.wallet()).await, "1000 USD");
    place.set(SMALL);
    let wallet = place.wallet();
    assert_eq!(total(&wallet).await, "1 USD");
    fs::write(place.file(), &loose).unwrap();
    assert!(matches!(refused(&wallet).await, SignedPolicyError::Old { .. }));
    assert!(matches!(refused(&place.wallet()).await, SignedPolicyError::Old { .. }), "in a new process, too");
    fs::remove_file(place.file()).unwrap();
    assert!(wallet.levels().await.unwrap().is_empty());
    place.set(SMALL);
    assert_eq!(total(&wallet).await, "1 USD", "a new one is newer, whatever became of the file");
}

#[tokio::test]
async fn w_30_an_older_policy_does_not_come_back_before_the_newer_one_paid_either() {
    let place = place();
    place.set(LARGE);
    let loose = fs::read(place.file()).unwrap();
    assert_eq!(total(&place.wallet()).await, "1000 USD");
    place.set(SMALL);
    place.wallets.follow_policy(&agent()).await.unwrap();
    fs::write(place.file(), &loose).unwrap();
    assert!(matches!(refused(&place.wallet()).await, SignedPolicyError::Old { .. }));
    assert!(place.wallets.follow_policy(&agent()).await.is_err());
}

#[tokio::test]
async fn w_30_an_older_policy_does_not_come_back_with_the_whole_directory() {
    let place = place();
    place.set(LARGE);
    let wallet = place.wallet();
    assert_eq!(total(&wallet).await, "1000 USD");
    assert_eq!(place.wallets.outdated_policy(&agent()).await.unwrap(), None);
    // The loose policy leaves with its directory and comes back as it was, while this process looks at neither.
    let (directory, aside) = (place.file().parent().unwrap().to_owned(), place.home.path().join("aside"));
    fs::rename(&directory, &aside).unwrap();
    fs::create_dir(&directory).unwrap();
    for name in ["wallet.json", "policy.toml"] {
        fs::copy(aside.join(name), directory.join(name)).unwrap();
    }
    place.set(SMALL);
    place.wallets.follow_policy(&agent()).await.unwrap();
    fs::remove_dir_all(&directory).unwrap();
    fs::rename(&aside, &directory).unwrap();
    assert!(matches!(refused(&wallet).await, SignedPolicyError::Old { .. }));
    let outdated = place.wallets.outdated_policy(&agent()).await.unwrap();
    assert!(matches!(outdated, Some(SignedPolicyError::Old { .. })), "{outdated:?}");
    place.set(SMALL);
    assert_eq!(total(&wallet).await, "1 USD");
}

#[tokio::test]
async fn w_30_nobody_else_signs_a_policy() {
    let (place, other) = (place(), place());
    place.set(SMALL);
    other.set(LARGE);
    fs::copy(other.file(), place.file()).unwrap();
    assert_eq!(refused(&place.wallet()).await, SignedPolicyError::Foreign("agent".to_owned()));
    let second: WalletName = "second".parse().unwrap();
    place.wallets.create(&second, &agents()).unwrap();
    place.wallets.set_policy(&second, &LARGE.parse().unwrap(), &agents()).unwrap();
    fs::copy(place.home.path().join("home/wallets/second/policy.toml"), place.file()).unwrap();
    let moved = refused(&place.wallet()).await;
    assert_eq!(moved, SignedPolicyError::Changed("agent".to_owned()), "of another wallet");
}

#[tokio::test]
async fn w_30_who_can_pay_cannot_raise_the_limits() {
    let place = place();
    place.set(SMALL);
    assert!(place.wallets.opens_owner(&agents()).unwrap());
    place.wallets.protect_owner(&agents(), &owners()).unwrap();
    assert!(!place.wallets.opens_owner(&agents()).unwrap());
    let raised = place.wallets.set_policy(&agent(), &LARGE.parse().unwrap(), &agents()).unwrap_err();
    assert!(raised.to_string().contains("FARTHING_OWNER_PASSPHRASE"), "{raised}");
    assert!(place.wallets.protect_owner(&agents(), &agents()).is_err());
    fs::remove_file(place.home.path().join("home/owner.json")).unwrap();
    let replaced = place.wallets.set_policy(&agent(), &LARGE.parse().unwrap(), &agents()).unwrap_err();
    assert!(matches!(replaced, WalletsError::Signed(SignedPolicyError::Foreign(_))), "{replaced}");
    assert_eq!(total(&place.wallet()).await, "1 USD", "what was signed holds on");
}

#[tokio::test]
async fn the_owner_with_the_passphrase_changes_them() {
    let place = place();
    place.wallets.protect_owner(&agents(), &owners()).unwrap();
    let owned = place.wallets.clone().owned_through(owners());
    owned.set_policy(&agent(), &SMALL.parse().unwrap(), &agents()).unwrap();
    assert_eq!(total(&place.wallet()).await, "1 USD");
}

#[tokio::test]
async fn an_imported_wallet_has_no_policy_and_a_new_owner() {
    let (place, other) = (place(), place());
    place.set(LARGE);
    let exported = place.wallets.export(&agent()).unwrap();
    let moved: WalletName = "moved".parse().unwrap();
    other.wallets.import(&moved, &exported, &agents()).unwrap();
    assert_eq!(other.wallets.policy(&moved).unwrap(), None);
    other.wallets.set_policy(&moved, &SMALL.parse().unwrap(), &agents()).unwrap();
}

#[tokio::test]
async fn every_group_above_a_wallet_is_a_level() {
    let place = place();
    let set = |group: &str, text: &str| {
        place.wallets.set_group_policy(&group.parse().unwrap(), &text.parse().unwrap(), &agents())
    };
    place.set(SMALL);
    set("company", "per_day = \"9 USD\"\n").unwrap();
    set("research", "per_day = \"5 USD\"\nparent = \"company\"\n").unwrap();
    place.set("total = \"1 USD\"\nparent = \"research\"\n");
    let wallet = place.wallet();
    let names = wallet.levels().await.unwrap().into_iter().map(|level| level.name).collect::<Vec<_>>();
    assert_eq!(names, ["agent", "group/research", "group/company"]);
    assert!(set("company", "per_day = \"9 USD\"\nparent = \"research\"\n").unwrap_err().to_string().contains("itself"));
    let other = set("research", "currency = \"EUR\"\nper_day = \"9 EUR\"\nparent = \"company\"\n").unwrap_err();
    assert!(matches!(other, WalletsError::Currencies { .. }), "{other}");
    fs::remove_dir_all(place.home.path().join("home/groups/company")).unwrap();
    assert!(matches!(wallet.levels().await, Err(WalletsError::Levels(_))), "a group that is gone allows nothing");
    let nowhere = "total = \"1 USD\"\nparent = \"nobody\"\n".parse().unwrap();
    let refused = place.wallets.set_policy(&agent(), &nowhere, &agents()).unwrap_err();
    assert!(refused.to_string().contains("--group nobody"), "{refused}");
}
