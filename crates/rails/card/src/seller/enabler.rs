use std::fmt;
use std::time::Duration;

use farthing_money::{Amount, Asset};
use farthing_protocol::{JsonObject, Timestamp};
use farthing_rail::{Answer, Cursor, Finality, PaymentId, RailError, RailStatement, Refund, Settled, Standing};

use crate::{KeySource, Payload};

/// Whoever opens tokens and asks the card's bank: an acquirer's gateway.
///
/// Every call names a payment, and the challenge's id is the name that repeats it: authorising under the same name
/// twice is authorising once.
pub trait ServerEnabler: Send + Sync {
    /// What tokens are encrypted to.
    fn key(&self) -> &KeySource;

    /// Takes the money: authorised and captured. Called at most once per payment, ever.
    ///
    /// The token is bound to nothing by the draft. An enabler refuses one whose dynamic data has ended or was used,
    /// and one that names another challenge than this.
    fn authorise<'a>(&'a self, order: &'a Authorisation) -> Answer<'a, Outcome>;

    /// What became of a payment that may have been asked for; nothing, where none is known.
    fn look_up<'a>(&'a self, asked: &'a Asked) -> Answer<'a, Option<Outcome>>;

    /// Sends money back; idempotent per payment and amount.
    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Outcome>;

    /// Whether what was taken still stands: a card's bank takes money back for months.
    fn standing<'a>(&'a self, settled: &'a Settled) -> Answer<'a, Standing>;

    /// What happened after the cursor; each movement's key is [`movement`](crate::seller::movement) of its reference.
    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>>;

    /// When a payment can no longer be taken back.
    fn finality(&self) -> Finality;

    /// What it says in every receipt.
    fn receipt_members(&self) -> JsonObject {
        JsonObject::new()
    }
}

/// What is authorised.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorisation {
    /// Whose it is.
    pub asked: Asked,
    /// What is presented: the token and what is known of the card.
    pub payload: Payload,
}

/// A payment as an enabler knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its name in the books.
    pub payment: PaymentId,
    /// The id of its challenge: the idempotency key.
    pub challenge: String,
    /// How much, in the smallest unit.
    pub amount: Amount,
    /// Of what.
    pub asset: Asset,
}

/// What an enabler says became of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The money was taken, or sent back.
    Done(Done),
    /// The card's bank said no. The reason is for the operator.
    Declined(String),
    /// The token does not open, has ended, or is for something else. The reason is for the operator.
    Unusable(String),
    /// It may have been taken.
    InDoubt {
        /// What is known, for the operator.
        reason: String,
        /// When to ask again.
        ask_again: Duration,
    },
}

/// Money that moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The enabler's own name of it.
    pub reference: String,
    /// How much was really taken.
    pub amount: Amount,
    /// When.
    pub at: Timestamp,
    /// What the enabler kept.
    pub fee: Amount,
}

impl fmt::Debug for Authorisation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authorisation").field("asked", &self.asked).finish_non_exhaustive()
    }
}
