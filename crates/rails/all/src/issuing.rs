//! Cards that Stripe issued for wallets: what Stripe asks and tells about them, answered by the wallets' policies.

use std::time::Duration;

use farthing_money::{Amount, Asset, Price};
use farthing_rail_stripe::asset_of;
use farthing_rail_stripe::issuing::{Authorization, CardEvent, Transaction};
use farthing_rail_stripe::webhook::SigningSecret;
use farthing_wallet::issued::{Answer, Capture, Swipe};
use farthing_wallet::{PassphraseSource, WalletName, Wallets};

use crate::now;

/// How a policy names this way to pay.
const METHOD: &str = "stripe/issuing";
/// Stripe waits two seconds, and the answer takes its way back.
const PATIENCE: Duration = Duration::from_millis(1_600);
/// Decimals of every price.
const PRICE_DECIMALS: u32 = 6;

/// Answers for the cards of a home.
pub struct CardDesk {
    wallets: Wallets,
    source: PassphraseSource,
    secret: SigningSecret,
}

/// What Stripe hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Whether a card may be charged; the reason is for the owner.
    Decided {
        /// The answer.
        approved: bool,
        /// Why not.
        reason: Option<String>,
    },
    /// The message was dealt with, or is about nothing that is looked at.
    Taken,
    /// It is not Stripe's, or not of now.
    Refused(&'static str),
    /// It could not be dealt with; it must be told again.
    Later(String),
}

impl CardDesk {
    /// For these wallets; messages are signed with this secret. `source` opens a vault, of which only public things
    /// are read.
    pub fn new(wallets: Wallets, source: PassphraseSource, secret: SigningSecret) -> Self {
        Self { wallets, source, secret }
    }

    /// Hears one message. Whatever cannot be decided in time is declined.
    pub async fn hear(&self, signature: Option<&str>, body: &[u8]) -> Told {
        let Some(signature) = signature else { return Told::Refused("it is not signed, or twice") };
        if let Err(why) = self.secret.check(signature, body, now()) {
            return Told::Refused(why);
        }
        let Some((_, event)) = CardEvent::read(body) else {
            return Told::Refused("it is signed and no event of cards");
        };
        match event {
            CardEvent::Request(asked) => self.decide(&asked).await,
            CardEvent::Authorization(stands) => self.stands(&stands).await,
            CardEvent::Transaction(moved) => self.moved(&moved).await,
            CardEvent::Other => Told::Taken,
        }
    }

    async fn decide(&self, asked: &Authorization) -> Told {
        let declined = |reason: &str| Told::Decided { approved: false, reason: Some(reason.to_owned()) };
        let Some((asset, cost)) = money(asked.amount, &asked.currency) else {
            return declined("the currency is not one that is counted here");
        };
        let swipe = Swipe {
            authorization: asked.id.clone(),
            asked_before: asked.asked_before,
            card: asked.card.clone(),
            amount: Amount::new(asked.amount),
            asset,
            cost,
            merchant: asked.merchant.network_id.clone(),
            category: asked.merchant.category.clone(),
            method: METHOD.to_owned(),
        };
        match tokio::time::timeout(PATIENCE, self.wallets.decide_swipe(&swipe, &self.source)).await {
            Ok(Answer::Approved) => Told::Decided { approved: true, reason: None },
            Ok(Answer::Declined(reason)) => {
                tracing::info!(authorization = asked.id, reason, "a card was declined");
                Told::Decided { approved: false, reason: Some(reason) }
            }
            Err(_) => declined("it could not be decided in time"),
        }
    }

    async fn stands(&self, stands: &Authorization) -> Told {
        let reason = match (stands.approved, stands.status.as_str()) {
            (false, _) => "the authorisation was declined",
            (true, "reversed") => "the merchant gave it up",
            (true, "expired") => "it was not taken in time",
            (true, "closed") => "it is closed",
            _ => return Told::Taken,
        };
        match self.wallet_of(&stands.card) {
            Err(error) => Told::Later(error),
            Ok(None) => Told::Taken,
            Ok(Some(wallet)) => done(self.wallets.swipe_is_over(&wallet, &stands.id, reason).await),
        }
    }

    async fn moved(&self, moved: &Transaction) -> Told {
        let wallet = match self.wallet_of(&moved.card) {
            Err(error) => return Told::Later(error),
            Ok(None) => return Told::Taken,
            Ok(Some(wallet)) => wallet,
        };
        if moved.is_refund {
            // What comes back frees no limit: it was spent, and may be again.
            tracing::info!(wallet = %wallet, movement = moved.id, "money came back to a card");
            return Told::Taken;
        }
        let Some((_, cost)) = money(moved.amount, &moved.currency) else {
            return Told::Later(format!("{} moved in a currency that is not counted here", moved.id));
        };
        let (id, authorization) = (moved.id.clone(), moved.authorization.clone());
        let capture = Capture { id, authorization, cost, merchant: moved.merchant.network_id.clone() };
        done(self.wallets.swipe_was_taken(&wallet, &capture, &self.source).await)
    }

    fn wallet_of(&self, card: &str) -> Result<Option<WalletName>, String> {
        let found = self.wallets.issued_card(card).map_err(|error| error.to_string())?;
        Ok(found.filter(|(_, known)| known.id == card).map(|(wallet, _)| wallet))
    }
}

impl std::fmt::Debug for CardDesk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CardDesk(..)")
    }
}

fn done(result: Result<(), String>) -> Told {
    result.map_or_else(Told::Later, |()| Told::Taken)
}

/// An amount in the smallest unit, as money at Stripe and as a price.
fn money(amount: u128, currency: &str) -> Option<(Asset, Price)> {
    let asset = asset_of(currency).ok()?;
    let scale = 10_u64.checked_pow(PRICE_DECIMALS.checked_sub(asset.decimals().into())?)?;
    let millionths = u64::try_from(amount).ok()?.checked_mul(scale)?;
    Some((asset.clone(), Price::from_millionths(millionths, asset.code().parse().ok()?)))
}
