//! Test money, as Tempo's test networks give it away.

use serde_json::{Value, json};

use super::node::{Answer, Node, failure};

/// pathUSD, AlphaUSD, BetaUSD and ThetaUSD.
const TOKENS: [&str; 4] = [
    "0x20c0000000000000000000000000000000000000",
    "0x20c0000000000000000000000000000000000001",
    "0x20c0000000000000000000000000000000000002",
    "0x20c0000000000000000000000000000000000003",
];

/// The account of the node's own that gives: the last of its ten, which tests leave alone.
const GIVER: usize = 9;

/// A million dollars of each token, in millionths.
const AMOUNT: u64 = 1_000_000_000_000;

/// `tempo_fundAddress`: sends every token to the account and returns the transactions.
pub(super) async fn fund(node: &Node, parameters: &[Value]) -> Answer {
    let account = parameters.first().and_then(Value::as_str).and_then(|account| account.strip_prefix("0x"));
    let Some(account) = account else { return Err(failure(-32602, "name the account to fund")) };
    let giver = node.ask("eth_accounts", Vec::new()).await?[GIVER].take();
    let mut sent = Vec::new();
    for token in TOKENS {
        let data = format!("0xa9059cbb{account:0>64}{AMOUNT:064x}");
        let transfer = json!({ "from": giver, "to": token, "data": data });
        sent.push(node.ask("eth_sendTransaction", vec![transfer]).await?);
    }
    Ok(Value::Array(sent))
}
