use farthing_money::{Amount, Asset};
use farthing_protocol::{Credential, Timestamp};
use farthing_rail::{Answer, Became, NotPayable, Origin, SignError};

use crate::{EncryptionKey, Network, Payload};

/// Whoever has the payer's card and makes tokens of it: a vault, a token service.
pub trait ClientEnabler: Send + Sync {
    /// The networks of the cards it has, the preferred one first.
    fn networks(&self) -> &[Network];

    /// Whether it would pay a server there at all.
    fn pays_at(&self, origin: &Origin) -> Result<(), NotPayable> {
        let _ = origin;
        Ok(())
    }

    /// Makes a token for this and encrypts it to the key. [`SignError::Unanswered`] where it may exist and nobody
    /// knows; the amount then stays counted.
    fn token<'a>(&'a self, order: &'a TokenOrder) -> Answer<'a, Result<Payload, SignError>>;

    /// What became of a token that was handed out. A seller's word does not count; whoever cannot say leaves the
    /// amount counted.
    fn became<'a>(&'a self, credential: &'a Credential, now: Timestamp) -> Answer<'a, Became> {
        let _ = (credential, now);
        Box::pin(std::future::ready(Became::Unknown))
    }
}

/// What a token is made for, as a policy approved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenOrder {
    /// The challenge's id.
    pub challenge: String,
    /// How much at most.
    pub amount: Amount,
    /// Of what.
    pub asset: Asset,
    /// The seller's id at its acquirer.
    pub recipient: String,
    /// What the seller is called.
    pub merchant_name: String,
    /// Of which network.
    pub network: Network,
    /// What it is encrypted to.
    pub key: EncryptionKey,
    /// It is good no longer than the challenge.
    pub expires: Timestamp,
    /// Whether the card's address goes with it.
    pub billing_required: bool,
}
