//! Payments that the payer sends itself, to a seller that takes nothing else.

use farthing_money::Amount;
use farthing_rail::{Answer, NotPayable, Sent};

use super::{EvmPayer, Route};
use crate::buyer::{Lapse, ToSend};
use crate::chain::Token;
use crate::evm::request::EvmRequest;
use crate::evm::{CredentialKind, GasBounds, transaction};

/// Whether a request is for a transaction that is sent already, and for nothing else.
pub(super) fn is_wanted(request: &EvmRequest) -> bool {
    request.accepts == [CredentialKind::Hash]
}

impl EvmPayer {
    /// How to send a payment, and what it costs on top: at most this much gas.
    pub(super) fn sending(&self, request: &EvmRequest, token: &Token) -> Result<(Route, Amount), NotPayable> {
        let chain = request.chain;
        if !self.funds.as_ref().is_some_and(|funds| funds.reaches(chain)) {
            return Err(NotPayable(format!(
                "the server wants a transaction that is already sent, and this wallet has no node of chain {chain} to \
                 send it to; run: farthing wallet chain add NAME --rpc URL"
            )));
        }
        let bounds = GasBounds::on(chain);
        let fee = self.coins.get(&chain).and_then(|coin| bounds.in_token(*coin, token)).ok_or_else(|| {
            NotPayable(format!(
                "the server wants a transaction that is already sent and pays for gas; state native_price for chain \
                 {chain} to allow that"
            ))
        })?;
        Ok((Route::Sent(bounds), fee))
    }

    pub(super) fn send_signed<'a>(&'a self, raw: &'a [u8]) -> Answer<'a, Sent> {
        Box::pin(async move {
            let unsent = |why: &str| Sent::Unknown(format!("the payment was not sent by this call: {why}"));
            let Some(signed) = transaction::read(raw) else { return unsent("it cannot be read back") };
            let Some(funds) = &self.funds else { return unsent("this wallet has no node to send it to") };
            let lapse = Lapse::Nonce { account: self.account.address(), number: signed.tx().nonce };
            let (chain, hash) = (signed.tx().chain_id, alloy_primitives::keccak256(raw));
            funds.send(ToSend { chain, raw: raw.to_vec().into(), hash, lapse }).await
        })
    }
}
