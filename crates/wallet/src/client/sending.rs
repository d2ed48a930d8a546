use farthing_rail::{Sent, Signed};

use super::{Outcome, PayingClient};
use crate::failpoint::reach;
use crate::outgoing::Record;

impl PayingClient {
    /// Sends what must be sent before a credential is presented, if anything. The record holds it by
    /// now, so that the same call again sends the same and pays nothing anew.
    ///
    /// From here on nothing is released, whatever comes of it: money may have moved.
    pub(super) async fn send_first(&self, signed: &Signed, record: Record) -> Result<Record, Outcome> {
        let Some(to_send) = &signed.to_send else { return Ok(record) };
        let cost = record.cost;
        let challenge = signed.credential.challenge();
        let by = (challenge.method().as_str(), challenge.intent().as_str());
        let Some(payer) = self.payers.iter().find(|payer| payer.pays() == by) else {
            let sentence = format!("{}/{} is not a method this wallet can pay with any more", by.0, by.1);
            return Err(Outcome::Unknown { cost, sentence, repeatable: true });
        };
        let sent = payer.send(to_send).await;
        reach("wallet-after-first");
        match sent {
            Sent::Moved => Ok(record),
            Sent::Unknown(sentence) => Err(Outcome::Unknown { cost, sentence, repeatable: true }),
            Sent::Never(sentence) => {
                record.finish();
                let sentence = format!("{sentence}; it stays counted, and the next call pays anew");
                Err(Outcome::Unknown { cost, sentence, repeatable: false })
            }
        }
    }
}
