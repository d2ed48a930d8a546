use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};
use farthing_books::budget::{ReservationId, ReservationState};
use farthing_keys::PassphraseSource;
use farthing_money::{Amount, Asset, Price};
use farthing_policy::{Authority, Purchase};

use super::IssuedState;
use crate::policy::{Grounds, Use, allow_use};
use crate::{WalletName, Wallets};

/// A card is about to be charged; the processor waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swipe {
    /// The processor's name of it.
    pub authorization: String,
    /// How often it was asked about before: each time more is asked for is a decision of its own.
    pub asked_before: usize,
    /// The card.
    pub card: String,
    /// What is asked for now.
    pub amount: Amount,
    /// Of what: money at the processor.
    pub asset: Asset,
    /// The same to its owner.
    pub cost: Price,
    /// The card network's id of the merchant.
    pub merchant: String,
    /// What it sells, in the processor's word.
    pub category: String,
    /// How the policy names this way to pay: `stripe/issuing`.
    pub method: String,
}

/// What the processor is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is counted, durably; the card may be charged.
    Approved,
    /// It may not, for this reason, which is the owner's alone.
    Declined(String),
}

impl Swipe {
    /// The merchant as a policy sees a server: a name that nobody can own.
    fn origin(&self) -> Option<farthing_rail::Origin> {
        let name: String = self
            .merchant
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        (!name.is_empty()).then(|| format!("https://{name}.merchant.invalid").parse().ok())?
    }

    pub(super) fn purchase(&self) -> Option<Purchase> {
        Some(Purchase {
            origin: self.origin()?,
            http_method: "CARD".to_owned(),
            path: format!("/{}", self.category),
            method: self.method.clone(),
            asset: self.asset.to_string(),
            chain: None,
            payee: Some(self.merchant.clone()),
            cost: self.cost,
            authority: Authority::Charge,
            tags: BTreeMap::new(),
            max: None,
            redirected_from: None,
            offer_signers: Vec::new(),
        })
    }

    /// What a person's answer is bound to.
    fn digest(&self) -> [u8; 32] {
        hashed("ask", &[&self.card, &self.merchant, &self.cost.to_string()])
    }
}

/// The name of what is reserved for the n-th question about an authorisation.
pub(super) fn reservation_of(authorization: &str, asked_before: usize) -> ReservationId {
    short(hashed("authorization", &[authorization, &asked_before.to_string()]))
}

pub(super) fn short(hash: [u8; 32]) -> ReservationId {
    let mut id = ReservationId::default();
    id.copy_from_slice(hash.split_at(16).0);
    id
}

pub(super) fn hashed(kind: &str, parts: &[&str]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in ["farthing/issued/1", kind].iter().chain(parts) {
        context.update(part.as_bytes());
        context.update(&[0]);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

impl Wallets {
    /// Decides about a use of an issued card: by the policy of its wallet, counted durably before the answer, and in the
    /// log like every other decision. The same question has the same answer. Whatever cannot be found out is a no.
    pub async fn decide_swipe(&self, swipe: &Swipe, source: &PassphraseSource) -> Answer {
        let known = match self.issued_card(&swipe.card) {
            Ok(Some((wallet, card))) if card.id == swipe.card => wallet,
            Ok(_) => return Answer::Declined("the card is not one of this home".to_owned()),
            Err(error) => return Answer::Declined(error.to_string()),
        };
        match self.issued_state(&known, &swipe.card) {
            IssuedState::Ready => {}
            IssuedState::Frozen => return Answer::Declined("the card, its wallet or everything is frozen".to_owned()),
            IssuedState::Ended => return Answer::Declined("the card is over".to_owned()),
        }
        match self.count_swipe(&known, swipe, source).await {
            Ok(answer) => answer,
            Err(sentence) => Answer::Declined(sentence),
        }
    }

    async fn count_swipe(&self, name: &WalletName, swipe: &Swipe, source: &PassphraseSource) -> Result<Answer, String> {
        let Some(purchase) = swipe.purchase() else { return Err("the merchant has no id".to_owned()) };
        let wallet = self.open(name, source.clone()).map_err(|error| error.to_string())?;
        let id = reservation_of(&swipe.authorization, swipe.asked_before);
        let before = wallet.budgets.reservation(id).await.map_err(|error| error.to_string())?;
        if let Some(before) = before {
            return Ok(match before.state {
                ReservationState::Reserved | ReservationState::Confirmed => Answer::Approved,
                ReservationState::Released => Answer::Declined("it was given up before".to_owned()),
            });
        }
        let levels = wallet.levels_to_pay_by().await.map_err(|refused| refused.to_string())?;
        let sellers = wallet.sellers();
        let now = wallet.ambient.now();
        let grounds =
            Grounds { wallet: name.as_str(), levels: &levels, sellers: &sellers, authority: wallet.authority(), now };
        let bought = format!("CARD {} {}", swipe.card, swipe.category);
        let used = Use {
            id,
            name: &swipe.authorization,
            bought: &bought,
            asset: &swipe.asset,
            amount: swipe.amount,
            digest: swipe.digest(),
        };
        match allow_use(&wallet.budgets, &grounds, &purchase, &used).await {
            Ok(()) => Ok(Answer::Approved),
            Err(refused) => Ok(Answer::Declined(refused.to_string())),
        }
    }
}
