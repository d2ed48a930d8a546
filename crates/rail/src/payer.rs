use std::time::Duration;

use farthing_money::{Amount, Asset, Price};
use farthing_protocol::{Challenge, Credential, Timestamp};

use crate::{Answer, Approved, Offer, Origin, Reclaim};

/// The buyer's half of a payment method.
pub trait Payer: Send + Sync {
    /// The method and intent it can pay, as on the wire.
    fn pays(&self) -> (&str, &str);

    /// What an offer would really cost from this funding source, fees included. No I/O; whatever
    /// cannot be decoded whole is not payable. Text meant for people is never looked at.
    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable>;

    /// How much of the quote's asset this funding source can spend now, or `None` when the method
    /// need not or cannot tell. Asked before a quote is approved, so that an offer that would bounce
    /// does not keep a good one from being paid.
    fn available<'a>(&'a self, quote: &'a Quote) -> Answer<'a, Option<Amount>> {
        let _ = quote;
        Box::pin(std::future::ready(None))
    }

    /// What keeps this funding source from spending what it has, where it is not a want of money: one
    /// sentence with the command of the owner of this wallet that mends it. Asked when less is available
    /// than a quote takes.
    fn hindrance<'a>(&'a self, quote: &'a Quote, wallet: &'a str) -> Answer<'a, Option<String>> {
        let _ = (quote, wallet);
        Box::pin(std::future::ready(None))
    }

    /// Whether a credential is money to whoever holds it, such as a signed transaction. A server's word
    /// that it took nothing then proves nothing: the amount stays counted, and nothing else is signed
    /// in its place. Where the server's own books hold the money, its word is what counts.
    fn is_bearer(&self) -> bool {
        false
    }

    /// What became of a credential of this method, as the money's own home tells it. No server's word
    /// counts here; where nobody else can be asked it is [`Became::Unknown`].
    fn became<'a>(&'a self, credential: &'a Credential) -> Answer<'a, Became> {
        let _ = credential;
        Box::pin(std::future::ready(Became::Unknown))
    }

    /// Takes back what a credential of this method lets its holder take, where the money's own home lets the
    /// payer do so. [`Sent::Moved`] says that nobody can take it any more, or that it was taken before.
    fn cancel<'a>(&'a self, credential: &'a Credential, approved: Approved<Reclaim>) -> Answer<'a, Sent> {
        let _ = (credential, approved);
        let (method, intent) = self.pays();
        let sentence = format!("what {method}/{intent} signs cannot be taken back; it ends by itself");
        Box::pin(std::future::ready(Sent::Never(sentence)))
    }

    /// Signs what was approved, reads back what it signed, and refuses to hand out a credential
    /// that differs from the quote.
    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>>;

    /// Sends what [`Signed::to_send`] holds, and waits, not for long, until it is known what came of it.
    /// It must be safely on disk by then: this moves money. Doing it again with the same bytes moves it
    /// no second time, and says what came of the first.
    fn send<'a>(&'a self, to_send: &'a [u8]) -> Answer<'a, Sent> {
        let _ = to_send;
        let (method, intent) = self.pays();
        let sentence = format!("{method}/{intent} sends nothing before it is presented");
        Box::pin(std::future::ready(Sent::Unknown(sentence)))
    }
}

/// What answers a challenge.
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    /// What is presented to the seller.
    pub credential: Credential,
    /// What must be sent to where the money is before that, when the seller takes only what is sent
    /// already: bytes for [`Payer::send`]. Whoever has them can send them, so they are kept as secret as
    /// a credential.
    pub to_send: Option<Vec<u8>>,
}

impl From<Credential> for Signed {
    fn from(credential: Credential) -> Self {
        Self { credential, to_send: None }
    }
}

/// What came of sending a payment before it is presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The money moved; the credential can be presented.
    Moved,
    /// The price did not move and never will, for the reason in this sentence. A fee may be lost.
    Never(String),
    /// It may move, have moved or not; what is known, in one sentence.
    Unknown(String),
}

/// What became of money that was signed away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It moved, or a fee was taken for trying.
    Paid,
    /// It did not move, and what was signed can move it no more, whoever holds it.
    Never,
    /// Neither is certain, or not yet.
    Unknown,
}

/// What paying an offer would do, decoded from the bytes that would be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The challenge it answers.
    pub challenge: Challenge,
    /// Where the credential would go.
    pub origin: Origin,
    /// What the seller gets.
    pub amount: Amount,
    /// What the payer pays on top.
    pub fee: Amount,
    /// Of what.
    pub asset: Asset,
    /// Amount and fee in the owner's currency, rounded up: what limits are counted in.
    pub cost: Price,
    /// Who is paid, where the method names one.
    pub payee: Option<String>,
    /// Whether the money moves before the seller has agreed to anything, because the seller takes only
    /// what is sent already.
    pub sent_first: bool,
    /// Where it is not the price of a request but tops up a balance at the seller: what the request costs, which is
    /// taken out of that at once.
    pub tops_up_for: Option<Price>,
}

impl Quote {
    /// The part of the cost that is the fee, which is at most that, rounded down to a millionth.
    pub fn fee_cost(&self) -> Price {
        let total = self.amount.units().saturating_add(self.fee.units()).max(1);
        let part =
            u128::from(self.cost.millionths()).checked_mul(self.fee.units()).map_or(0, |product| product / total);
        Price::from_millionths(u64::try_from(part).unwrap_or(u64::MAX), self.cost.currency())
    }
}

/// An honest challenge lives for minutes; one that stays payable for longer than this is a trap.
const LONGEST_OFFER: Duration = Duration::from_secs(24 * 60 * 60);

/// When an offer ends. One that has ended, never ends, or stays payable for longer than a day is not
/// paid, whatever the method.
pub fn end_of(challenge: &Challenge, now: Timestamp) -> Result<Timestamp, NotPayable> {
    let expires = challenge.expires().ok_or_else(|| NotPayable("the offer never expires, which is refused".into()))?;
    if expires <= now {
        return Err(NotPayable(format!("the offer expired at {}", expires.to_rfc3339())));
    }
    if expires.since(now) > LONGEST_OFFER {
        let at = expires.to_rfc3339();
        return Err(NotPayable(format!("the offer stays payable until {at}, longer than the 24 hours allowed")));
    }
    Ok(expires)
}

/// Why an offer cannot be paid from here, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotPayable(pub String);

/// Why an approved quote was not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key could not be opened.
    #[error("the wallet's key cannot be used: {0}")]
    Key(String),
    /// What would be signed is not what was approved.
    #[error("what would be signed is not what was approved: {0}")]
    Differs(String),
    /// Somebody else makes the credential and gave no answer: it may exist. The amount stays counted.
    #[error("whoever makes the payment's credential gave no answer that counts: {0}; it stays counted")]
    Unanswered(String),
}

/// A key that signs, wherever it lives: a vault on disk, another process, hardware.
pub trait Signer: Send + Sync {
    /// The public name of the key: `did:key:z6Mk...`.
    fn did(&self) -> &str;

    /// An Ed25519 signature (RFC 8032) over a message.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError>;
}

/// A secp256k1 key, wherever it lives: a vault on disk, another process, hardware.
pub trait RecoverableSigner: Send + Sync {
    /// The public key, uncompressed, without the leading 0x04 (SEC 1, section 2.3.3).
    fn public_key(&self) -> [u8; 64];

    /// Signs the Keccak-256 hash of a message: r, s in the lower half, and the recovery id 0 or 1.
    ///
    /// The message and not its hash is handed over, so that whoever holds the key can see what it
    /// signs: the bytes of a transaction, or the 66 bytes of EIP-712.
    fn sign_keccak<'a>(&'a self, message: &'a [u8]) -> Answer<'a, Result<[u8; 65], SignError>>;
}
