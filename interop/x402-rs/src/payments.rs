use std::io::Write as _;

use alloy_primitives::{Address, U256};
use alloy_signer_local::PrivateKeySigner;
use serde::Deserialize;
use serde_json::json;
use x402_chain_eip155::chain::Eip155TokenDeployment;
use x402_chain_eip155::v1_eip155_exact::PaymentRequirementsExtra;
use x402_chain_eip155::v1_eip155_exact::client::{Eip3009SigningParams, sign_erc3009_authorization};
use x402_chain_eip155::{KnownNetworkEip155 as _, V2Eip155Exact};
use x402_types::networks::USDC;

use crate::Failure;
use crate::facilitator::CHAIN;

/// A cent.
const AMOUNT: u64 = 10_000;

#[derive(Deserialize)]
pub(crate) struct Terms {
    key: String,
    recipient: Address,
    count: u64,
    /// How long each is good for, in seconds.
    seconds: u64,
}

/// Prints so many different requests for a facilitator's `/verify` or `/settle`, one a line: valid payments of version
/// 2, scheme exact, by EIP-3009.
pub(crate) async fn print(terms: Terms) -> Result<(), Failure> {
    let signer = terms.key.parse::<PrivateKeySigner>()?;
    let usdc: Eip155TokenDeployment = USDC::base_sepolia();
    let mut accepted = V2Eip155Exact::price_tag(terms.recipient, usdc.amount(AMOUNT)).requirements;
    accepted.max_timeout_seconds = terms.seconds;
    let domain = PaymentRequirementsExtra { name: "USDC".to_owned(), version: "2".to_owned() };
    let parameters = Eip3009SigningParams {
        chain_id: CHAIN,
        asset_address: usdc.address,
        pay_to: terms.recipient,
        amount: U256::from(AMOUNT),
        max_timeout_seconds: terms.seconds,
        extra: Some(domain),
    };
    let mut output = std::io::stdout().lock();
    for _ in 0..terms.count {
        let payload = sign_erc3009_authorization(&signer, &parameters).await?;
        let payment = json!({ "x402Version": 2, "accepted": accepted, "payload": payload });
        let request = json!({ "x402Version": 2, "paymentPayload": payment, "paymentRequirements": accepted });
        writeln!(output, "{request}")?;
    }
    Ok(())
}
