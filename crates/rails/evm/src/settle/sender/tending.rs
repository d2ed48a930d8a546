//! What happens to a transaction that is not included.

use std::time::Duration;

use alloy_primitives::Bytes;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::Market;
use super::desk::{Desk, Place, Said};
use super::transaction::Intent;
use crate::rpc::{At, Question, RefusedBy, RpcError, answers};
use crate::settle::journal::Purpose;

/// So many nonces are tended at a time, the lowest first: the ones behind wait for them anyway.
const MOST_AT_ONCE: usize = 32;
/// How long to wait when everything is included and only waits to be deep in the chain.
const QUIET: Duration = Duration::from_secs(15);
/// After so many broadcasts without inclusion it offers more.
const PATIENCE: u32 = 3;
/// After so many refusals for a reason that does not pass its place is filled.
const REFUSALS: u32 = 2;

impl Desk {
    /// Takes note of what a node said to a broadcast.
    pub(super) fn hear(&mut self, said: &Said) {
        let Some(place) = self.places.get_mut(&said.nonce) else { return };
        match &said.answer {
            Ok(is_included) => place.is_included |= is_included,
            Err(error) => {
                tracing::debug!(nonce = said.nonce, %error, "a broadcast was not taken");
                place.refusals += u32::from(is_lasting(error));
                if error.refused_by() == Some(RefusedBy::NonceTooLow) {
                    // Somebody else sends from this account: ask the chain before the next nonce.
                    self.next = None;
                }
            }
        }
    }

    /// Looks at everything that was given out: forgets what is deep in the chain, and sends again,
    /// replaces or fills what is not included.
    pub(super) async fn tend(&mut self) {
        if let Err(error) = self.synchronise().await {
            tracing::warn!(%error, "cannot find the signer's next nonce");
            return;
        }
        let included = match self.look().await {
            Ok(included) => included,
            Err(error) => {
                tracing::warn!(%error, "cannot see which transactions of the signer are included");
                return;
            }
        };
        if !self.around.licence.holds() {
            return;
        }
        self.mend(included).await;
        let now = Instant::now();
        let is_due = |place: &Place| now.duration_since(place.sent_at) >= self.around.terms.resend_after;
        let waiting = self.places.range(included..).filter(|(_, place)| is_due(place)).take(MOST_AT_ONCE);
        let (refused, due): (Vec<_>, Vec<_>) = waiting.partition(|(_, place)| place.refusals >= REFUSALS);
        let refused: Vec<u64> = refused.into_iter().map(|(nonce, _)| *nonce).collect();
        let due: Vec<(u64, Bytes)> = due.into_iter().map(|(nonce, place)| (*nonce, place.signed.raw.clone())).collect();
        for nonce in refused {
            self.fill(nonce).await;
        }
        self.send_again(due).await;
        let waits = self.places.range(included..).next().is_some();
        self.quiet_until = (!waits).then(|| now + QUIET);
    }

    /// Fills nonces that were given out and of which nothing is left: the chain went back further than
    /// it should, or is another one than it was.
    async fn mend(&mut self, included: u64) {
        let next = self.next.unwrap_or(included);
        let holes = (included..next).filter(|nonce| !self.places.contains_key(nonce));
        for nonce in holes.take(MOST_AT_ONCE).collect::<Vec<_>>() {
            self.fill(nonce).await;
        }
    }

    /// How many transactions of the account are included; closes what is deep.
    async fn look(&mut self) -> Result<u64, RpcError> {
        let (signer, finality) = (self.account.address(), self.around.terms.finality);
        let endpoints = self.around.terms.endpoints.clone();
        let questions = [
            Question::block(At::Latest),
            Question::priority_fee(),
            Question::balance(signer, At::Latest),
            Question::transaction_count(signer, At::Latest),
        ];
        let mut answers = endpoints.ask(&questions).await.into_iter();
        let mut next = || answers.next().unwrap_or(Ok(serde_json::Value::Null));
        let head = endpoints.readable(answers::block(&next()?))?;
        let tip = next().ok().and_then(|tip| answers::sum(&tip, "eth_maxPriorityFeePerGas").ok()).unwrap_or_default();
        let balance = endpoints.readable(answers::sum(&next()?, "eth_getBalance"))?;
        let included = endpoints.readable(answers::number(&next()?, "eth_getTransactionCount"))?;
        for (nonce, place) in &mut self.places {
            place.is_included = *nonce < included;
        }
        let Some(head) = head else { return Ok(included) };
        self.market = Some(Market { base_fee: head.base_fee, tip, balance });
        if self.places.range(..included).next().is_some() {
            let deep = head.number.saturating_sub(finality);
            let closed = endpoints.transaction_count(signer, At::Number(deep)).await?;
            self.close_below(closed).await;
        }
        Ok(included)
    }

    async fn close_below(&mut self, nonce: u64) {
        if self.places.range(..nonce).next().is_none() {
            return;
        }
        match self.around.journal.close_below(self.around.chain, self.account.address(), nonce).await {
            Ok(()) => self.places = self.places.split_off(&nonce),
            Err(error) => tracing::error!(%error, "cannot close what is settled"),
        }
    }

    /// Sends what stands at these nonces again, all at once, and replaces what offers too little.
    async fn send_again(&mut self, due: Vec<(u64, Bytes)>) {
        let endpoints = self.around.terms.endpoints.clone();
        let answers = join_all(due.iter().map(|(_, raw)| endpoints.post(raw))).await;
        for ((nonce, _), answer) in due.into_iter().zip(answers) {
            let Some(place) = self.places.get_mut(&nonce) else { continue };
            let times = place.times;
            place.sent_at = Instant::now();
            place.times += 1;
            place.refusals += u32::from(answer.as_ref().is_err_and(is_lasting));
            let by = answer.as_ref().err().and_then(RpcError::refused_by);
            let waits = answer.is_ok() || by == Some(RefusedBy::AlreadyKnown);
            if by == Some(RefusedBy::Underpriced) || (waits && times >= PATIENCE) {
                self.replace(nonce).await;
            }
        }
    }

    /// The same transaction with a higher fee, at the same nonce.
    async fn replace(&mut self, nonce: u64) {
        let Some(place) = self.places.get(&nonce) else { return };
        let (purpose, intent, valid_before) = (place.purpose.clone(), place.intent.clone(), place.valid_before);
        self.supplant(nonce, purpose, intent, valid_before).await;
    }

    /// Takes the place of a transaction that no node will include.
    async fn fill(&mut self, nonce: u64) {
        tracing::warn!(nonce, signer = %self.account.address(), "no node takes this transaction; filling its place");
        let intent = Intent::nothing(self.around.chain, nonce, self.account.address());
        self.supplant(nonce, Purpose::Fill, intent, None).await;
    }

    /// Writes a successor down and broadcasts it. The predecessor's hash stays in the journal: either
    /// may be included.
    async fn supplant(&mut self, nonce: u64, purpose: Purpose, intent: Intent, valid_before: Option<u64>) {
        let Some(market) = self.market else { return };
        let bounds = self.around.terms.fees;
        let earlier = self.places.get(&nonce).map(|place| place.signed.offer);
        let offer = earlier.map_or_else(|| bounds.offer(&market).ok(), |earlier| bounds.bump(earlier, &market));
        let Some(offer) = offer else {
            tracing::warn!(nonce, "a replacement would cost more than is allowed; waiting for gas to get cheaper");
            return;
        };
        let signed = match intent.sign(&self.account, offer).await {
            Ok(signed) => signed,
            Err(error) => {
                tracing::error!(nonce, %error, "cannot sign a replacement");
                return;
            }
        };
        let sent_at = Instant::now();
        let successor =
            Place { purpose, intent, signed, valid_before, sent_at, times: 1, refusals: 0, is_included: false };
        if let Err(error) = self.around.journal.append(vec![self.submission(&successor)]).await {
            tracing::error!(nonce, %error, "cannot write a replacement down; not sending it");
            return;
        }
        let answer = self.around.terms.endpoints.post(&successor.signed.raw).await.map(|()| false);
        self.places.insert(nonce, successor);
        self.hear(&Said { nonce, answer });
    }
}

/// Whether sending the same bytes again will not help.
fn is_lasting(error: &RpcError) -> bool {
    matches!(error.refused_by(), Some(RefusedBy::Other | RefusedBy::Reverted))
}
