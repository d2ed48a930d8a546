//! A collection that the recipient signs and another account sends (draft-evm-session, "Payee-initiated functions").

use std::time::Duration;

use alloy_primitives::{U256, keccak256};
use farthing_rail::{Claim, Proof};

use super::SessionSettling;
use crate::evm::unix_seconds;
use crate::session::PayeeCall;
use crate::{Account, Payment, Way};

/// How long such a signature is good: for whoever sends it to bring it into a block, and little more.
const LIFE: Duration = Duration::from_secs(10 * 60);

impl SessionSettling {
    /// The same payment with the recipient's signature. Its nonce is made of the payment, so that one payment is
    /// sent once, whatever is signed again.
    pub(super) async fn signed_for(&self, payee: &Account, claim: &Claim) -> Result<Claim, String> {
        let payment: Payment = serde_json::from_slice(&claim.proof.kept).map_err(|error| error.to_string())?;
        let Way::Called { contract, data, .. } = &payment.way else { return Err("not a call of an escrow".into()) };
        let call = PayeeCall::read(data).ok_or("not a settlement that a payee can sign")?;
        let deadline = U256::from(unix_seconds((self.chain.now)().after(LIFE)));
        let nonce = U256::from_be_bytes(keccak256(claim.payment.as_bytes()).0);
        let vault = &self.method.settings().vault;
        let message = vault.payee_message(&call.channel, call.cumulative, nonce, deadline, call.closes);
        let signature = payee.sign(&message).await.map_err(|error| error.to_string())?;
        let data = call.authorized(nonce, deadline, signature);
        // The deadline itself still counts.
        let valid_before = Some(deadline.saturating_add(U256::from(1)).saturating_to());
        let way = Way::Called { contract: *contract, data, valid_before };
        let kept = serde_json::to_vec(&Payment { way, ..payment }).map_err(|error| error.to_string())?;
        Ok(Claim { proof: Proof { kept, ..claim.proof.clone() }, ..claim.clone() })
    }
}
