//! What the wallet's account has on chains, as far as they say in time.

use std::time::Duration;

use async_trait::async_trait;
use farthing_protocol::Timestamp;
use farthing_wallet::client::plain;
use futures_util::future::join_all;
use serde_json::{Value, json};

/// How long a chain may take to answer: whoever asked is waiting.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// Where a wallet's account is on chains, and who asks them.
#[async_trait]
pub trait OnChains: Send + Sync {
    /// The account.
    fn address(&self) -> String;
    /// The chains, by the names that their owner gave them.
    fn chains(&self) -> Vec<String>;
    /// What it has on one of them, or in one sentence why that is not known.
    async fn holdings(&self, chain: &str) -> Result<Vec<Held>, String>;
    /// The time of day.
    fn now(&self) -> Timestamp;
}

/// So much of one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its code: `USDC`.
    pub asset: String,
    /// How much, as a decimal number of whole ones.
    pub amount: String,
}

/// Asks every chain at once. One that says nothing in time is told as such, and holds up no other.
pub(super) async fn asked(on: &dyn OnChains, patience: Duration) -> Value {
    let asked_at = on.now().to_rfc3339();
    let chains = on.chains();
    let answers = chains.iter().map(|chain| async move {
        match tokio::time::timeout(patience, on.holdings(chain)).await {
            Ok(Ok(held)) => {
                let held = held.iter().map(|held| json!({ "asset": held.asset, "amount": held.amount }));
                json!({ "chain": chain, "balances": held.collect::<Vec<_>>() })
            }
            Ok(Err(sentence)) => json!({ "chain": chain, "could_not_ask": plain(&sentence) }),
            Err(_) => json!({ "chain": chain, "could_not_ask": "it did not answer in time" }),
        }
    });
    let answers = join_all(answers).await;
    json!({ "address": on.address(), "asked_at": asked_at, "chains": answers })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Chains;

    #[async_trait]
    impl OnChains for Chains {
        fn address(&self) -> String {
            "0x52908400098527886E0F7030069857D2E4169EE7".to_owned()
        }

        fn chains(&self) -> Vec<String> {
            ["tempo", "silent", "broken"].map(str::to_owned).to_vec()
        }

        async fn holdings(&self, chain: &str) -> Result<Vec<Held>, String> {
            match chain {
                "tempo" => Ok(vec![Held { asset: "pathUSD".into(), amount: "4.2".into() }]),
                "silent" => std::future::pending().await,
                _ => Err("the node\u{1b} said no".to_owned()),
            }
        }

        fn now(&self) -> Timestamp {
            Timestamp::parse("2026-11-21T12:00:00Z").unwrap()
        }
    }

    #[tokio::test]
    async fn a_chain_that_does_not_answer_is_told_and_holds_up_no_other() {
        // Whatever is there at once is there in no time.
        let told = asked(&Chains, Duration::ZERO).await;
        assert_eq!(told["asked_at"], "2026-11-21T12:00:00Z");
        assert_eq!(told["chains"][0]["balances"], json!([{ "asset": "pathUSD", "amount": "4.2" }]));
        assert_eq!(told["chains"][1]["could_not_ask"], "it did not answer in time");
        assert_eq!(told["chains"][2]["could_not_ask"], "the node\u{fffd} said no");
    }
}
