use farthing_money::Amount;
use farthing_protocol::Credential;
use farthing_rail::{Approved, SessionQuote, Signed, VoucherQuote};

use super::{Buying, MOST_UNITS, Need, Step, denied, no_offer, over};
use crate::client::request::Prepared;
use crate::client::{Outcome, PayError};
use crate::failpoint::reach;
use crate::policy::{Call, Rule, approve_voucher, most_per_payment};
use crate::sessions::{KeptSession, Kind, Raise};

/// How often a total is computed anew because other calls were quicker.
const MOST_TRIES: u32 = 1_000;

/// A voucher whose total is on disk.
pub(in crate::client) struct Kept {
    pub(in crate::client) session: KeptSession,
    pub(in crate::client) credential: Credential,
    /// Under which it is kept for the same call, if it pays for a request.
    pub(super) purchase: Option<[u8; 16]>,
}

impl Buying<'_> {
    /// Signs a voucher for a request and presents it.
    pub(super) async fn pay_with(
        &mut self,
        session: KeptSession,
        quote: &SessionQuote,
        need: Need,
    ) -> Result<Step, PayError> {
        let Kept { session, credential, purchase } = match self.sign(session, quote, need, Some(self.request)).await? {
            Ok(kept) => kept,
            Err(step) => return Ok(step),
        };
        self.show(session, quote, &credential, purchase.unwrap_or_default()).await
    }

    /// Presents a voucher that is kept.
    pub(super) async fn show(
        &mut self,
        session: KeptSession,
        quote: &SessionQuote,
        credential: &Credential,
        purchase: [u8; 16],
    ) -> Result<Step, PayError> {
        let presentation = self.client.present(self.transport, self.request, credential, false).await;
        self.conclude_voucher(session, purchase, quote, credential, presentation).await
    }

    /// Signs the next total and writes it down, with what would be sent again if it pays for a request. When this
    /// returns a credential, the total is on disk, and no other process signs it for anything else.
    pub(in crate::client) async fn sign(
        &mut self,
        mut session: KeptSession,
        quote: &SessionQuote,
        need: Need,
        pays_for: Option<&Prepared>,
    ) -> Result<Result<Kept, Step>, PayError> {
        for _ in 0..MOST_TRIES {
            let Some((total, added)) = next(&session, quote, need) else {
                return Ok(Err(no_offer("the total to sign for is larger than any session holds")));
            };
            if total > session.deposit {
                if self.was_answered(quote) {
                    return Ok(Err(Step::Again(quote.clone(), need)));
                }
                // No deposit is made for a total that would not be signed.
                let larger = KeptSession { deposit: total, ..session.clone() };
                if let Err(step) = self.approve(&larger, quote, total, self.claimed(&session, need, added)).await? {
                    return Ok(Err(step));
                }
                match self.top_up(session, quote, total).await? {
                    Ok(larger) => session = larger,
                    Err(step) => return Ok(Err(step)),
                }
                continue;
            }
            let claimed = self.claimed(&session, need, added);
            let voucher = match self.approve(&session, quote, total, claimed).await? {
                Ok(voucher) => voucher,
                Err(step) => return Ok(Err(step)),
            };
            let Some(channel) = session.as_channel() else {
                return Ok(Err(no_offer("the session has no channel yet")));
            };
            let credential = match self.payer.voucher(&channel, voucher).await {
                Ok(credential) => credential,
                Err(error) => return Ok(Err(Step::Over(Outcome::refused(error.to_string())))),
            };
            reach("wallet-after-voucher-sign");
            let from = (session.signed, session.free);
            let at = self.client.wallet.ambient.now();
            let (challenge, url) = (quote.challenge.clone(), self.request.url().to_owned());
            let raise = Raise { session: session.id, from, total, challenge, url, at };
            let purchase = pays_for.map(|request| {
                self.purchase(session.id, Kind::Voucher, total, claimed, request, &Signed::from(credential.clone()))
            });
            let purchase = purchase.transpose()?;
            let id = purchase.as_ref().map(|purchase| purchase.id);
            if self.sessions.raise(raise, purchase).await? {
                reach("wallet-after-voucher-keep");
                self.added = self.added.checked_add(claimed).unwrap_or(claimed);
                let drawn = added.checked_add(session.free).and_then(|more| self.drawable.checked_add(more));
                self.drawable = drawn.unwrap_or(self.drawable);
                return Ok(Ok(Kept { session: self.reload(session.id).await?, credential, purchase: id }));
            }
            session = self.reload(session.id).await?;
            if session.state != crate::sessions::SessionState::Open {
                return Ok(Err(no_offer("another call has closed the session; the same call opens another")));
            }
        }
        Ok(Err(no_offer("other calls use the session all the time; try again later")))
    }

    /// What a voucher lets the server take for this call. Of a stream that is all that was free, too: it draws
    /// without asking for as long as it lasts.
    fn claimed(&self, session: &KeptSession, need: Need, added: Amount) -> Amount {
        match need {
            _ if self.order.streams || self.follows => added.checked_add(session.free).unwrap_or(added),
            Need::More(amount) => added.max(amount),
            Need::Total(_) => added,
        }
    }

    async fn approve(
        &self,
        session: &KeptSession,
        quote: &SessionQuote,
        total: Amount,
        added: Amount,
    ) -> Result<Result<Approved<VoucherQuote>, Step>, PayError> {
        let wallet = &self.client.wallet;
        if let Some(stopped) = wallet.stopped_now().await? {
            return Ok(Err(Step::Over(Outcome::frozen(&stopped))));
        }
        let levels = match self.levels().await {
            Ok(levels) => levels,
            Err(refused) => return Ok(Err(Step::Over(denied(refused)?))),
        };
        let whole = self.added.checked_add(added).unwrap_or(added);
        let unlimited = self.order.max.is_none() && most_per_payment(&levels).is_none();
        let most = quote.unit_amount.checked_mul(MOST_UNITS).unwrap_or(quote.unit_amount);
        if unlimited && !self.order.streams && !self.follows && whole > most {
            let sentence = format!(
                "the server asks for {} for one request, more than {MOST_UNITS} units of what it offered; say --max \
                 if that is meant",
                session.asset.display(whole)
            );
            return Ok(Err(over(Rule::Max, sentence)));
        }
        let call = Call {
            payee: quote.payee.as_deref(),
            asset: &session.asset,
            deposit: session.deposit,
            unit: quote.unit_cost,
            cost: session.worth(whole),
            streams: self.order.streams,
        };
        let voucher = VoucherQuote {
            challenge: quote.challenge.clone(),
            origin: quote.origin.clone(),
            cumulative: total,
            cost: session.worth(added),
            closes: false,
        };
        let from = self.request.redirected_from();
        let asking = self.request.asking(self.order, from.as_ref());
        let sellers = self.client.wallet.sellers();
        let grounds = &self.client.grounds(&levels, &sellers);
        match approve_voucher(&self.client.wallet.budgets, grounds, voucher, &call, &asking).await {
            Ok(approved) => Ok(Ok(approved)),
            Err(refused) => Ok(Err(Step::Over(denied(refused)?))),
        }
    }
}

/// The next total and what of it is new.
fn next(session: &KeptSession, quote: &SessionQuote, need: Need) -> Option<(Amount, Amount)> {
    match need {
        Need::More(amount) => session.next_total(amount, quote.least_delta),
        Need::Total(total) => {
            let missing = total.checked_sub(session.signed).unwrap_or(Amount::ZERO);
            let added = if missing.is_zero() { missing } else { missing.max(quote.least_delta) };
            Some((session.signed.checked_add(added)?, added))
        }
    }
}
