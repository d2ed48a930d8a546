use std::time::{Duration, SystemTime};

use farthing_protocol::Timestamp;
use farthing_rail::{Answer, Deposits, Order, SessionOrder, SignError};

use super::*;
use crate::session::RESERVE;

/// A key that is named and never used.
struct Idle;

impl RecoverableSigner for Idle {
    fn public_key(&self) -> [u8; 64] {
        [7; 64]
    }

    fn sign_keccak<'a>(&'a self, _message: &'a [u8]) -> Answer<'a, Result<[u8; 65], SignError>> {
        Box::pin(std::future::ready(Err(SignError::Key("it is not there".into()))))
    }
}

#[allow(clippy::disallowed_methods)] // a test has nobody who hands it a clock
fn seller() -> Seller {
    Seller::new(Arc::new(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }))
}

fn build(seller: &Seller, method: &str, data: &Path, text: &str) -> Result<Acceptor, String> {
    Ok(all(seller, method, data, text)?.remove(0))
}

fn all(seller: &Seller, method: &str, data: &Path, text: &str) -> Result<Vec<Acceptor>, String> {
    let table: toml::Table = text.parse().unwrap();
    let keys = |_: &Value| Ok(Arc::new(Idle) as Arc<dyn RecoverableSigner>);
    let place = Place { data, keys: &keys, secrets: &no_secrets, licence: &Licence::always() };
    seller.acceptors(method, "shop", &table, &place)
}

fn no_secrets(_: &toml::Table, name: &str) -> Result<Zeroizing<String>, String> {
    Ok(Zeroizing::new(format!("secret {name}")))
}

const RECIPIENT: &str = "recipient = \"0x742d35Cc6634c0532925a3b844bC9e7595F8fE00\"\n";
const NODE: &str = "rpc = \"http://127.0.0.1:1\"\n";

#[tokio::test]
async fn a_few_lines_are_a_whole_configuration() {
    let (seller, folder) = (seller(), tempfile::tempdir().unwrap());
    let order = Order { price: "0.01 USD".parse().unwrap(), description: None, external_id: None };
    for (method, text, asset) in [
        ("tempo", format!("{NODE}{RECIPIENT}"), "pathUSD.6@eip155:4217/0x20c0000000000000000000000000000000000000"),
        (
            "tempo",
            format!(
                "{NODE}signer = {{ key = {{ env = \"K\" }} }}\nchain = \"tempo-moderato\"\nasset = \"AlphaUSD\"\nfee_payer = true"
            ),
            "AlphaUSD.6@eip155:42431/0x20c0000000000000000000000000000000000001",
        ),
        (
            "evm",
            format!(
                "{NODE}{RECIPIENT}chain = \"base\"\nsigner = {{}}\nconfirmations = [{{ below = \"1 USD\", blocks = 1 }}, {{ blocks = 12 }}]"
            ),
            "USDC.6@eip155:8453/0x833589fcd6edb6e08f4c7c32d4f71b54bda02913",
        ),
        (
            "usdc",
            format!("{NODE}chain = 8453\nsigner = {{}}"),
            "USDC.6@eip155:8453/0x833589fcd6edb6e08f4c7c32d4f71b54bda02913",
        ),
    ] {
        let acceptor = build(&seller, method, folder.path(), &text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(acceptor.terms().asset.to_string(), asset);
        acceptor.method().request(&order).unwrap();
    }
}

#[tokio::test]
async fn only_who_has_the_key_of_the_paid_account_promises_to_send_back() {
    let (seller, folder) = (seller(), tempfile::tempdir().unwrap());
    let signer = "signer = { key = { env = \"K\" } }\n";
    let refundable = |keys: &str| {
        let text = format!("{NODE}chain = \"tempo-moderato\"\n{keys}");
        build(&seller, "tempo", folder.path(), &text).unwrap().terms().refundable
    };
    assert!(refundable(signer));
    assert!(!refundable(RECIPIENT));
    assert!(!refundable(&format!("{signer}{RECIPIENT}")));
}

#[tokio::test]
async fn a_wrong_table_is_refused_with_the_remedy() {
    let (seller, folder) = (seller(), tempfile::tempdir().unwrap());
    let said = |method: &str, text: &str| build(&seller, method, folder.path(), text).err().unwrap_or_default();
    for (method, text, remedy) in [
        ("tempo", RECIPIENT.to_owned(), "rpc is missing; name a node"),
        ("tempo", NODE.to_owned(), "recipient is missing"),
        ("tempo", format!("{NODE}recipient = \"0x742D35Cc6634c0532925a3b844bC9e7595F8fE00\""), "EIP-55"),
        ("tempo", format!("{NODE}{RECIPIENT}chain = \"base\""), "use the evm method"),
        ("tempo", format!("{NODE}{RECIPIENT}asset = \"USDT\""), "no token \"USDT\" is on file"),
        ("tempo", format!("{NODE}{RECIPIENT}fee_payer = true"), "no signer to pay fees"),
        ("tempo", format!("{NODE}{RECIPIENT}fee_token = \"pathUSD\""), "add fee_payer = true"),
        ("tempo", format!("{NODE}{RECIPIENT}memo = \"any\"\naccept = \"hash\""), "can be claimed by anybody"),
        ("tempo", format!("{NODE}{RECIPIENT}quorum = 2"), "quorum is 2 and rpc names 1"),
        ("tempo", format!("{NODE}{RECIPIENT}gas = 1"), "has no key \"gas\"; its keys are rpc"),
        ("tempo", format!("{NODE}{RECIPIENT}validity = 5"), "is a duration"),
        ("evm", format!("{NODE}{RECIPIENT}"), "chain is missing"),
        ("evm", format!("{NODE}{RECIPIENT}chain = \"base\"\naccept = [\"authorization\"]"), "add a signer"),
        ("evm", format!("{NODE}{RECIPIENT}chain = \"base\"\naccept = [\"card\"]"), "it takes authorization, permit2"),
        (
            "evm",
            format!("{NODE}{RECIPIENT}chain = \"base\"\nconfirmations = [{{ blocks = 1 }}, {{ blocks = 2 }}]"),
            "steps such as",
        ),
        ("usdc", format!("{NODE}{RECIPIENT}chain = \"base\""), "add a signer"),
    ] {
        let sentence = said(method, &text);
        assert!(sentence.contains(remedy), "{text}: {sentence}");
    }
}

#[tokio::test]
async fn a_signer_has_one_desk_whatever_is_reloaded() {
    let (seller, folder) = (seller(), tempfile::tempdir().unwrap());
    let table = format!("{NODE}chain = 8453\nsigner = {{}}");
    build(&seller, "usdc", folder.path(), &table).unwrap();
    build(&seller, "evm", folder.path(), &table).unwrap();
    let elsewhere = table.replace(":1\"", ":2\"");
    build(&seller, "usdc", folder.path(), &elsewhere).unwrap();
    assert_eq!(seller.desks.count(), 1, "two desks would give one nonce to two payments");
    let other_chain = table.replace("8453", "10");
    build(&seller, "usdc", folder.path(), &other_chain).unwrap();
    assert_eq!(seller.desks.count(), 2);
}

#[tokio::test]
async fn every_method_with_a_signer_names_the_account_that_it_sends_from() {
    let (seller, folder) = (seller(), tempfile::tempdir().unwrap());
    let of = |method: &str, text: &str| {
        let named = |acceptor: Acceptor| match acceptor {
            Acceptor::External(settler) => settler.sends_from(),
            Acceptor::Session(_, Deposits::InEscrow(escrow)) => escrow.sends_from(),
            Acceptor::Prepaid(_) | Acceptor::Session(_, Deposits::InBooks) => Vec::new(),
        };
        all(&seller, method, folder.path(), &format!("{NODE}{text}"))
            .unwrap()
            .into_iter()
            .map(named)
            .collect::<Vec<_>>()
    };
    let account = crate::Account::new(Arc::new(Idle)).address();
    let escrow = "escrow = \"0x00000000000000000000000000000000000e5c03\"\n";
    let on_base = of("evm", &format!("chain = \"base\"\nsigner = {{}}\n{escrow}"));
    assert_eq!(on_base, vec![[format!("eip155:8453:{account}")]; 3], "charges, sessions, x402");
    assert_eq!(of("usdc", "chain = 10\nsigner = {}"), [[format!("eip155:10:{account}")]]);
    let on_tempo = of("tempo", "chain = \"tempo-moderato\"\nsigner = {}\nfee_payer = true");
    assert_eq!(on_tempo, vec![[format!("eip155:42431:{account}")]; 2], "charges, sessions");
    assert_eq!(of("evm", &format!("{RECIPIENT}chain = \"base\"")), [Vec::<String>::new()], "it sends nothing");
    let remote = format!("{RECIPIENT}chain = \"base\"\nfacilitator = \"https://facilitator.example.com\"");
    assert_eq!(of("x402", &remote), [Vec::<String>::new()]);
}

#[tokio::test]
async fn a_table_of_evm_takes_the_same_token_in_x402s_words_by_every_way_it_can_send() {
    let (seller, folder) = (seller(), tempfile::tempdir().unwrap());
    let offered = |keys: &str| {
        let text = format!("{NODE}{RECIPIENT}chain = \"base\"\n{keys}");
        let acceptors = all(&seller, "evm", folder.path(), &text)?;
        let name = |acceptor: &Acceptor| format!("{}/{}", acceptor.terms().method, acceptor.terms().intent);
        Ok::<_, String>(acceptors.iter().map(name).collect::<Vec<_>>())
    };
    let signed = "signer = {}\n";
    assert_eq!(offered(signed).unwrap(), ["evm/charge", "x402/exact"]);
    assert_eq!(offered(&format!("{signed}x402 = false")).unwrap(), ["evm/charge"]);
    assert_eq!(offered("").unwrap(), ["evm/charge"]);
    let both = format!("{signed}accept = [\"authorization\", \"permit2\", \"transaction\"]");
    assert_eq!(offered(&both).unwrap(), ["evm/charge", "x402/exact", "x402/upto", "x402/exact"]);
    assert!(offered("x402 = true").unwrap_err().contains("needs a signer"));
}

/// What a table offers, by method and intent, and the request of its session.
fn offered(method: &str, text: &str) -> Result<(Vec<String>, Option<serde_json::Value>), String> {
    let (seller, folder) = (seller(), tempfile::tempdir().unwrap());
    let acceptors = all(&seller, method, folder.path(), text)?;
    let name = |acceptor: &Acceptor| format!("{}/{}", acceptor.terms().method, acceptor.terms().intent);
    let order = SessionOrder {
        price: "0.001 USD".parse().unwrap(),
        unit: "token".into(),
        suggested_deposit: "0.05 USD".parse().unwrap(),
        least_delta: Some("0.0005 USD".parse().unwrap()),
        description: None,
    };
    let session = acceptors.iter().find_map(|acceptor| match acceptor {
        Acceptor::Session(session, _) => Some(serde_json::Value::Object(session.session_request(&order).unwrap())),
        _ => None,
    });
    Ok((acceptors.iter().map(name).collect(), session))
}

#[tokio::test]
async fn a_table_of_tempo_takes_sessions_in_the_reserve_unless_it_says_otherwise() {
    let signer = "signer = {}\nchain = \"tempo-moderato\"\n";
    let (names, session) = offered("tempo", &format!("{NODE}{signer}fee_payer = true")).unwrap();
    assert_eq!(names, ["tempo/charge", "tempo/session"]);
    let session = session.unwrap();
    assert_eq!((&session["amount"], &session["unitType"]), (&"1000".into(), &"token".into()));
    assert_eq!(session["suggestedDeposit"], "50000");
    let details = &session["methodDetails"];
    assert_eq!((&details["sessionProtocol"], &details["chainId"]), (&"v2".into(), &42431.into()));
    assert_eq!((&details["feePayer"], &details["minVoucherDelta"]), (&true.into(), &"500".into()));
    assert_eq!(details["escrowContract"], RESERVE.to_checksum(None));
    assert!(details.get("operator").is_none(), "the recipient settles by itself");

    let operated = offered("tempo", &format!("{NODE}{signer}{RECIPIENT}")).unwrap().1.unwrap();
    assert!(operated["methodDetails"]["operator"].is_string(), "another key settles for it");
    let escrow = "escrow = \"0x00000000000000000000000000000000000000e5\"\n";
    let first = offered("tempo", &format!("{NODE}{signer}{escrow}session = \"v1\"")).unwrap().1.unwrap();
    assert_eq!(first["methodDetails"]["sessionProtocol"], "v1");
    let in_table = offered("tempo", &format!("{NODE}{signer}{escrow}session = {{ protocol = \"v1\", idle = 1 }}"));
    assert_eq!(in_table.unwrap().1.unwrap()["methodDetails"]["sessionProtocol"], "v1");
    assert_eq!(offered("tempo", &format!("{NODE}{signer}session = false")).unwrap().0, ["tempo/charge"]);
    assert_eq!(offered("tempo", &format!("{NODE}{RECIPIENT}")).unwrap().0, ["tempo/charge"], "who would settle?");
}

#[tokio::test]
async fn a_table_of_evm_takes_sessions_where_it_names_an_escrow() {
    let escrow = "chain = \"base\"\nescrow = \"0x00000000000000000000000000000000000000e5\"\n";
    let (names, session) = offered("evm", &format!("{NODE}{escrow}signer = {{}}")).unwrap();
    assert_eq!(names, ["evm/charge", "evm/session", "x402/exact"]);
    let details = &session.unwrap()["methodDetails"];
    assert_eq!(details["credentialTypes"], serde_json::json!(["authorization", "permit2", "hash"]));
    assert_eq!((&details["feePayer"], &details["chainId"]), (&true.into(), &8453.into()));
}

#[tokio::test]
async fn a_session_that_could_not_be_settled_is_refused_with_the_remedy() {
    let escrow = "escrow = \"0x00000000000000000000000000000000000000e5\"\n";
    let tempo = format!("{NODE}chain = \"tempo-localnet\"\nasset = \"pathUSD\"\n");
    for (method, text, remedy) in [
        ("tempo", format!("{tempo}{RECIPIENT}session = \"v2\""), "needs a signer"),
        ("tempo", format!("{tempo}signer = {{}}\nsession = \"v3\""), "is \"v1\", \"v2\" or false"),
        ("tempo", format!("{tempo}signer = {{}}\nsession = true"), "is \"v1\", \"v2\" or false"),
        ("tempo", format!("{tempo}signer = {{}}\nsession = \"v1\""), "needs the escrow's contract"),
        ("tempo", format!("{tempo}signer = {{}}\n{escrow}"), "add session = \"v1\""),
        ("tempo", format!("{tempo}{RECIPIENT}signer = {{}}\n{escrow}session = \"v1\""), "by the recipient alone"),
        ("evm", format!("{NODE}chain = \"base\"\n{RECIPIENT}{escrow}"), "name its key as the signer"),
        ("evm", format!("{NODE}chain = \"base\"\n{RECIPIENT}signer = {{}}\n{escrow}"), "or as recipient_signer"),
        (
            "evm",
            format!("{NODE}chain = \"base\"\n{RECIPIENT}signer = {{}}\nrecipient_signer = {{}}\n{escrow}"),
            "not of the recipient",
        ),
    ] {
        let sentence = offered(method, &text).err().unwrap_or_default();
        assert!(sentence.contains(remedy), "{text}: {sentence}");
    }
}

#[tokio::test]
async fn a_facilitators_chain_needs_a_signer_and_no_recipient() {
    let (seller, folder) = (seller(), tempfile::tempdir().unwrap());
    let facilitated = |keys: &str| {
        let table: toml::Table = format!("{NODE}{keys}").parse().unwrap();
        let keys = |_: &Value| Ok(Arc::new(Idle) as Arc<dyn RecoverableSigner>);
        seller.facilitated(
            "base",
            &table,
            &Place { data: folder.path(), keys: &keys, secrets: &no_secrets, licence: &Licence::always() },
        )
    };
    let base = facilitated("chain = \"base\"\nsigner = {}\nasset = [\"USDC\", \"EURC\"]").unwrap();
    assert_eq!((base.chain, base.tokens.len()), (8453, 2));
    assert!(base.schemes.iter().all(|scheme| !scheme.terms().refundable));
    for (keys, remedy) in [
        ("chain = \"base\"", "signer is missing"),
        ("signer = {}", "chain is missing"),
        ("chain = \"base\"\nsigner = {}\nasset = []", "names no token"),
        ("chain = \"tempo\"\nsigner = {}", "is a Tempo chain"),
        ("chain = \"base\"\nsigner = {}\nrecipient = \"0x\"", "has no key \"recipient\""),
    ] {
        let sentence = facilitated(keys).err().unwrap();
        assert!(sentence.contains(remedy), "{keys}: {sentence}");
    }
}
