//! Payments that the payer sends itself, to a seller that takes nothing else.

use std::time::Duration;

use farthing_protocol::{Challenge, Timestamp};
use farthing_rail::{Answer, NotPayable, Sent};

use super::TempoPayer;
use crate::buyer::{Lapse, ToSend};
use crate::tempo::Envelope;
use crate::tempo::request::TempoRequest;

/// How long an offer must still live: the transaction is included first, and then presented.
const SHORTEST_VALIDITY: Duration = Duration::from_secs(30);

/// Whether a request is for a transaction that is sent already, and for nothing else.
pub(super) fn is_wanted(request: &TempoRequest) -> bool {
    !request.modes.pull && !request.amount.is_zero()
}

impl TempoPayer {
    /// Whether there are nodes to send to, and the time.
    pub(super) fn can_send(
        &self,
        request: &TempoRequest,
        challenge: &Challenge,
        now: Timestamp,
    ) -> Result<(), NotPayable> {
        let chain = request.chain;
        if !self.funds.as_ref().is_some_and(|funds| funds.reaches(chain)) {
            return Err(NotPayable(format!(
                "the server wants a transaction that is already sent, and this wallet has no node of chain {chain} to \
                 send it to; run: farthing wallet chain add NAME --rpc URL"
            )));
        }
        let left = challenge.expires().map(|expires| expires.since(now)).unwrap_or_default();
        if left < SHORTEST_VALIDITY {
            return Err(NotPayable(format!(
                "the offer expires in {left:?}, too soon to send a payment before; ask again"
            )));
        }
        Ok(())
    }

    pub(super) fn send_signed<'a>(&'a self, raw: &'a [u8]) -> Answer<'a, Sent> {
        Box::pin(async move {
            let unsent = |why: &str| Sent::Unknown(format!("the payment was not sent by this call: {why}"));
            let Ok(envelope) = Envelope::parse(raw) else { return unsent("it cannot be read back") };
            let transaction = envelope.transaction();
            let Some(ends) = transaction.valid_before else { return unsent("it never expires") };
            let Some(funds) = &self.funds else { return unsent("this wallet has no node to send it to") };
            let (chain, hash, lapse) = (transaction.chain_id, envelope.hash(), Lapse::At(ends.get()));
            funds.send(ToSend { chain, raw: raw.to_vec().into(), hash, lapse }).await
        })
    }
}
