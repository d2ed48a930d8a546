use std::os::unix::fs::PermissionsExt as _;

use farthing_keys::Ambient;
use farthing_rail::Signer as _;
use secrecy::SecretString;

use super::*;

const NOW: i64 = 1_795_000_000_000;

struct Home {
    directory: tempfile::TempDir,
    wallets: Wallets,
}

fn agent() -> WalletName {
    "agent".parse().unwrap()
}

fn owner() -> PassphraseSource {
    PassphraseSource::Given(SecretString::from("open sesame"))
}

/// A home with a wallet.
fn home() -> Home {
    let directory = tempfile::tempdir().unwrap();
    let wallets = at(&directory, NOW);
    wallets.create(&agent(), &owner()).unwrap();
    Home { directory, wallets }
}

fn at(directory: &tempfile::TempDir, now: i64) -> Wallets {
    let ambient = Ambient::new(move || Timestamp::from_unix_millis(now));
    Wallets::at(&directory.path().join("home"), ambient).unwrap()
}

fn terms(amount: &str) -> CardTerms {
    let expires = Some(Timestamp::from_unix_millis(NOW + 60_000));
    let origins = vec!["https://api.example.com".parse().unwrap()];
    CardTerms {
        name: None,
        amount: amount.parse().unwrap(),
        origins,
        payees: Vec::new(),
        payments: None,
        expires,
        methods: Vec::new(),
    }
}

#[test]
fn a_card_signs_by_its_token_alone_until_it_is_frozen_or_revoked() {
    let Home { wallets, directory: _directory } = &home();
    let (token, card) = wallets.create_card(&agent(), &terms("1 USD"), &owner()).unwrap();
    let wallet = wallets.open_card(token.clone()).unwrap();
    assert_eq!((wallet.name(), wallet.card_id()), (&agent(), Some(card.id.as_str())));
    let signer = wallet.signer();
    assert_eq!(signer.did(), wallets.show(&agent()).unwrap().did);
    assert!(signer.sign(b"x").is_ok());

    let begins = card.id.get(..8).unwrap();
    assert_eq!(wallets.freeze_card(begins).unwrap().stopped, Some(Stopped::Card(card.id.clone())));
    assert!(signer.sign(b"x").unwrap_err().to_string().contains("farthing card thaw"));
    assert_eq!(wallets.thaw_card(begins).unwrap().stopped, None);
    wallets.freeze(&agent()).unwrap();
    assert!(signer.sign(b"x").unwrap_err().to_string().contains("wallet thaw agent"));
    wallets.thaw(&agent()).unwrap();
    assert!(signer.sign(b"x").is_ok());

    wallets.revoke_card(begins).unwrap();
    assert!(signer.sign(b"x").unwrap_err().to_string().contains("was revoked"));
    assert!(matches!(wallets.open_card(token), Err(WalletsError::Card(CardError::Unknown))));
    assert!(matches!(wallets.card(begins), Err(WalletsError::Card(CardError::Absent(_)))));
    assert_eq!(wallets.cards(&agent()).unwrap(), []);
}

#[test]
fn a_card_whose_limits_were_tampered_with_can_be_stopped_and_ended() {
    let Home { wallets, directory } = &home();
    let (token, card) = wallets.create_card(&agent(), &terms("1 USD"), &owner()).unwrap();
    let signer = wallets.open_card(token).unwrap().signer();
    let limits = directory.path().join("home/wallets/agent/cards").join(&card.id).join("policy.toml");
    std::fs::write(limits, "total = \"1000 USD\"\n").unwrap();
    assert!(wallets.card(&card.id).is_err(), "limits that nobody signed are not shown");
    assert_eq!(wallets.freeze_card(&card.id).unwrap().stopped, Some(Stopped::Card(card.id.clone())));
    assert_eq!(wallets.revoke_card(&card.id).unwrap().policy, None);
    assert!(signer.sign(b"x").is_err());
    assert_eq!(wallets.cards(&agent()).unwrap(), []);
}

#[test]
fn a_card_that_has_ended_opens_no_more_and_one_that_is_open_stops() {
    let Home { wallets, directory } = &home();
    let (token, card) = wallets.create_card(&agent(), &terms("1 USD"), &owner()).unwrap();
    assert!(at(directory, NOW + 60_000).open_card(token.clone()).unwrap().stopped().is_none());
    let ended = at(directory, NOW + 60_001).open_card(token).unwrap_err().to_string();
    assert!(ended.contains(&card.id) && ended.contains("ended at"), "{ended}");
}

#[test]
fn neither_a_card_s_files_nor_its_errors_show_the_token_or_the_wallet_s_keys_to_others() {
    let Home { wallets, directory: _directory } = &home();
    let (token, card) = wallets.create_card(&agent(), &terms("1 USD"), &owner()).unwrap();
    let place = wallets.place(&card.id).unwrap();
    for file in [place.key(), place.policy()] {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains(token.expose().trim_start_matches(Token::PREFIX)), "{}", file.display());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let other = at(&tempfile::tempdir().unwrap(), NOW);
    let refused = other.open_card(token.clone()).unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains(token.expose()));
    fs::set_permissions(place.key(), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(wallets.open_card(token).unwrap_err().to_string().contains("chmod 600"));
}

#[test]
fn each_token_opens_its_own_card() {
    let Home { wallets, directory: _directory } = &home();
    let second: WalletName = "second".parse().unwrap();
    wallets.create(&second, &owner()).unwrap();
    let cards: Vec<_> = [agent(), agent(), second]
        .iter()
        .map(|wallet| wallets.create_card(wallet, &terms("1 USD"), &owner()).unwrap())
        .collect();
    for (token, card) in cards {
        let wallet = wallets.open_card(token).unwrap();
        assert_eq!((wallet.name(), wallet.card_id()), (&card.wallet, Some(card.id.as_str())));
    }
    let stranger = Token::fresh(&wallets.ambient).unwrap();
    assert!(matches!(wallets.open_card(stranger), Err(WalletsError::Card(CardError::Unknown))));
}

#[test]
fn limits_that_cannot_be_a_card_s_are_refused_with_the_remedy() {
    let Home { wallets, directory: _directory } = &home();
    let refused = |terms: &CardTerms| wallets.create_card(&agent(), terms, &owner()).unwrap_err().to_string();
    assert!(refused(&terms("0 USD")).contains("--amount"));
    assert!(refused(&CardTerms { expires: Some(Timestamp::from_unix_millis(NOW)), ..terms("1 USD") }).contains("past"));
    assert!(refused(&CardTerms { payments: Some(0), ..terms("1 USD") }).contains("one payment"));
    let wrong = PassphraseSource::Given(SecretString::from("open simsim"));
    assert!(wallets.create_card(&agent(), &terms("1 USD"), &wrong).is_err());
    assert_eq!(wallets.cards(&agent()).unwrap(), []);
}

#[test]
fn a_card_is_named_by_the_beginning_of_its_id() {
    let Home { wallets, directory: _directory } = &home();
    let (_, card) = wallets.create_card(&agent(), &terms("1 USD"), &owner()).unwrap();
    assert_eq!(wallets.card(&card.id.to_uppercase()).unwrap(), card);
    assert!(matches!(wallets.card(card.id.get(..2).unwrap()), Err(WalletsError::Card(CardError::Ambiguous(_)))));
    assert!(matches!(wallets.card("zzzz"), Err(WalletsError::Card(CardError::Absent(_)))));
}

#[test]
fn how_often_a_card_pays_and_whom_is_in_its_limits() {
    let Home { wallets, directory: _directory } = &home();
    let once = CardTerms { payments: Some(1), payees: vec!["0xAb".into()], ..terms("1 USD") };
    let (_, card) = wallets.create_card(&agent(), &once, &owner()).unwrap();
    let policy = card.policy.unwrap();
    assert_eq!(policy.limits.iter().map(|limit| limit.payments).collect::<Vec<_>>(), [Some(1)]);
    assert_eq!(policy.payees.iter().map(|payee| payee.account.as_str()).collect::<Vec<_>>(), ["0xAb"]);
}
