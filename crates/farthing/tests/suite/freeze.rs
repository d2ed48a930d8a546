//! `farthing freeze --all` stops an agent and takes back what is out: allowances, sessions, signatures, keys on
//! chains; on chains that are really there.

use crate::support;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use farthing_devnet::{Devnet, EVM_ESCROW, Options, Source};
use serde_json::Value;
use support::agent::Agent;
use support::seller::{HONEST_RAIL, Seller, config};
use tempfile::TempDir;

/// Who is paid, and settles.
const SELLER: usize = 5;

/// A chain, and an agent with money on it.
struct Stage {
    directory: TempDir,
    agent: Agent,
    chain: Devnet,
}

impl Stage {
    async fn new(options: Options) -> Self {
        let chain = Devnet::start(options).await.unwrap();
        let stage = Self { directory: tempfile::tempdir().unwrap(), agent: Agent::new(), chain };
        stage.agent.must("wallet create agent").await;
        stage
    }

    /// A chain that poses as Base Sepolia, where USDC takes authorizations and Permit2 is in its place.
    async fn on_base() -> Self {
        let stage = Self::new(Options::base_sepolia(Source::of_this_process().unwrap()).with_sessions()).await;
        let rpc = stage.chain.rpc().to_owned();
        stage.agent.must(&format!("wallet chain add devnet --chain 84532 --rpc {rpc} --escrow {EVM_ESCROW}")).await;
        stage.agent.must("wallet fund agent --from-devnet '5 USD'").await;
        stage.agent.must("policy set --total '2 USD' --per-payment '0.5 USD'").await;
        stage
    }

    /// What can still leave the agent's wallet, in dollars.
    async fn exposure(&self) -> Value {
        self.agent.json("exposure --wallet agent --json").await[0]["exposures"][0].clone()
    }

    async fn allowed(&self) -> String {
        let listed = self.agent.json("wallet allow agent --token USDC --json").await;
        listed["allowances"][0]["allowed"].as_str().unwrap().to_owned()
    }

    /// A gateway that is paid on the chain, in these ways.
    async fn seller(&self, accept: &str, session: &str) -> Seller {
        let upstream = upstream().await;
        let key = self.chain.accounts()[SELLER].publicly_known_key.to_string();
        let extra = format!(
            "{HONEST_RAIL}\n[rails.base]\nmethod = \"evm\"\nrpc = \"{}\"\nchain = \"base-sepolia\"\nasset = \"USDC\"\n\
             accept = [\"authorization\", \"permit2\"]\nrecipient = \"{}\"\nescrow = \"{EVM_ESCROW}\"\n\
             signer = {{ key = {{ env = \"SELLER_KEY\" }} }}\nconfirmations = 1\n\n[[route]]\n\
             match = \"GET /metered/{{*rest}}\"\nupstream = \"{upstream}\"\nprice = \"0.005 USD\"\n\
             accept = [\"{accept}\"]\n{session}\n",
            self.chain.rpc(),
            self.chain.accounts()[SELLER].address,
        );
        Seller::start(self.directory.path(), &config(&upstream, &extra), &[("SELLER_KEY", &key)])
    }
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

/// A double: a service that used less than it might have.
async fn upstream() -> String {
    serve(Router::new().fallback(|| async { ([("farthing-charge", "0.0042 USD")], "content") })).await
}

/// A double: a seller that passes on a gateway's offers, and keeps what it is paid with to itself.
async fn thief(gateway: &str) -> String {
    async fn answer(State(gateway): State<String>, request: Request) -> Response {
        if request.headers().contains_key("authorization") {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        let offered = reqwest::get(format!("{gateway}{}", request.uri())).await.unwrap();
        let mut response = StatusCode::PAYMENT_REQUIRED.into_response();
        for value in offered.headers().get_all("www-authenticate") {
            response.headers_mut().append("www-authenticate", value.clone());
        }
        response
    }
    serve(Router::new().fallback(answer).with_state(gateway.to_owned())).await
}

fn steps(said: &Value, kind: &str) -> Vec<Value> {
    said["steps"].as_array().unwrap().iter().filter(|step| step["kind"] == kind).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn w_28_what_an_allowance_leaves_behind_is_reported_and_revoked() {
    let stage = Stage::on_base().await;
    let seller = stage.seller("x402/upto", "meter = { header = \"farthing-charge\" }").await;
    stage.agent.must("wallet allow agent --token USDC --amount '1 USD'").await;
    assert_eq!(stage.agent.must(&format!("pay {}/metered/x", seller.listen)).await, "content");
    // A wider allowance than the payment took is left.
    assert_eq!(stage.allowed().await, "0.9958");
    let exposure = stage.exposure().await;
    assert_eq!((&exposure["allowed"], &exposure["room"]), (&"0.9958 USD".into(), &"1.995 USD".into()), "{exposure}");
    assert_eq!(exposure["total"], "2.9908 USD");
    assert!(stage.agent.must("exposure").await.contains("0.9958 USD by Permit2's allowance of USDC on devnet"));

    let frozen = stage.agent.json("freeze --all --json").await;
    assert_eq!((&frozen["over"], steps(&frozen, "allowance").len()), (&true.into(), 1), "{frozen}");
    assert_eq!(stage.allowed().await, "0");
    assert_eq!(stage.exposure().await["total"], "0 USD");
    let refused = stage.agent.run(&format!("pay {}/metered/x", seller.listen)).await;
    assert!(refused.code == 3 && refused.error.contains("farthing thaw --all"), "{}", refused.error);
    // Nothing is left to do, and the same again does nothing.
    assert_eq!(stage.agent.json("freeze --all --json").await["steps"], serde_json::json!([]));

    assert!(stage.agent.must("thaw --all").await.contains("sign again"));
    assert_eq!(stage.exposure().await["room"], "1.995 USD");
    seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_ended_with_their_seller() {
    let stage = Stage::on_base().await;
    let session = "[route.session]\ndeposit = \"0.05 USD\"";
    let seller = stage.seller("evm/session", session).await;
    stage.agent.must(&format!("pay {}/metered/x", seller.listen)).await;
    let exposure = stage.exposure().await;
    assert_eq!((&exposure["sessions"], &exposure["signed"]), (&"0.045 USD".into(), &"0 USD".into()), "{exposure}");
    assert_eq!(exposure["total"], "1.995 USD");

    let frozen = stage.agent.run("freeze --all --json").await;
    let said: Value = serde_json::from_str(&frozen.out).unwrap();
    assert_eq!(steps(&said, "session").len(), 1, "{said}");
    assert!(matches!(frozen.code, 0 | 5), "{}", frozen.error);
    // The seller settles it by itself; the same command finds out.
    let ended = async { while stage.agent.run("freeze --all --json").await.code != 0 {} };
    tokio::time::timeout(std::time::Duration::from_secs(120), ended).await.expect("the session ends");
    assert_eq!(stage.exposure().await["total"], "0 USD");
    assert_eq!(stage.agent.json("sessions list --all --json").await[0]["state"], "closed");
    seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_a_seller_keeps_to_itself_is_cancelled() {
    let stage = Stage::on_base().await;
    let seller = stage.seller("evm/charge", "").await;
    let thief = thief(&seller.listen).await;
    let lost = stage.agent.run(&format!("pay {thief}/metered/x")).await;
    assert!(matches!(lost.code, 5 | 22), "{} {}", lost.code, lost.error);
    let exposure = stage.exposure().await;
    assert_eq!((&exposure["signed"], &exposure["total"]), (&"0.005 USD".into(), &"2 USD".into()), "{exposure}");

    let frozen = stage.agent.run("freeze --all --json").await;
    let said: Value = serde_json::from_str(&frozen.out).unwrap();
    let signatures = steps(&said, "signature");
    assert!(signatures.len() == 1 && signatures[0]["back"] == true, "{said}");
    // Once the chain cannot take it back, it is not counted any more.
    stage.chain.mine(1000).await.unwrap();
    let frozen = stage.agent.run("freeze --all --json").await;
    assert_eq!(frozen.code, 0, "{}{}", frozen.out, frozen.error);
    assert_eq!(stage.exposure().await["total"], "0 USD");
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_that_is_killed_while_it_takes_back_is_gone_on_with() {
    let stage = Stage::on_base().await;
    stage.agent.must("wallet allow agent --token USDC --amount '1 USD'").await;
    for step in ["wallet-after-undertaking", "wallet-before-finish"] {
        assert_eq!(stage.agent.run_until("freeze --all", Some(step)).await.code, -1, "{step}");
        assert!(stage.agent.run("pay http://127.0.0.1:1/").await.code != 0, "it is frozen all the same");
    }
    assert_eq!(stage.agent.json("freeze --all --json").await["over"], true);
    assert_eq!(stage.allowed().await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_granted_on_tempo_is_revoked_whether_the_chain_has_seen_it_or_not() {
    let stage = Stage::new(Options::tempo(Source::of_this_process().unwrap())).await;
    stage.agent.must(&format!("wallet chain add devnet --chain 42431 --rpc {}", stage.chain.rpc())).await;
    stage.agent.must("wallet fund agent --from-devnet '5 USD'").await;
    stage.agent.must("policy set --total '1 USD'").await;
    stage.agent.must("wallet create edge").await;
    stage.agent.must("key grant --wallet agent --to edge --limit '0.5 USD' --expires 1h").await;
    assert_eq!(stage.exposure().await["allowed"], "0.5 USD");
    let frozen = stage.agent.run("freeze --all --json").await;
    let said: Value = serde_json::from_str(&frozen.out).unwrap();
    let keys = steps(&said, "key");
    assert!(keys.len() == 1 && keys[0]["back"] == true, "{said}");
    assert_eq!(frozen.code, 0, "{said}");
    assert_eq!(stage.exposure().await["total"], "0 USD");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_in_one_sentence_with_the_remedy() {
    let agent = Agent::new();
    let absent = agent.run("freeze --wallet agent").await.error;
    assert!(absent.contains("farthing wallet create agent"), "{absent}");
    let card = agent.run("freeze --card 1234").await.error;
    assert!(card.contains("farthing card list"), "{card}");
    assert_eq!(agent.run("freeze").await.code, 2);
    assert_eq!(agent.run("freeze --all --wallet agent").await.code, 2);
    assert_eq!(agent.run("thaw").await.code, 2);
    agent.must("freeze --all").await;
    agent.must("wallet create later").await;
    assert_eq!(agent.json("wallet show later --json").await["frozen"], true);
}
