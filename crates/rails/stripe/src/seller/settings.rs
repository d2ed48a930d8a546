use std::collections::BTreeMap;
use std::time::Duration;

use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use farthing_rail::ExpectedFee;

use super::Connect;

/// How the token is called in a PaymentIntent; which one a version of the API takes only a real key can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// `payment_method_data[shared_payment_granted_token]`, as Stripe documents it.
    #[default]
    Nested,
    /// `shared_payment_granted_token`, as the draft and the other SDKs write it.
    TopLevel,
}

impl Spelling {
    /// The word in a configuration.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "nested" => Some(Self::Nested),
            "top_level" => Some(Self::TopLevel),
            _ => None,
        }
    }

    /// The parameter.
    pub(crate) const fn parameter(self) -> &'static str {
        match self {
            Self::Nested => "payment_method_data[shared_payment_granted_token]",
            Self::TopLevel => "shared_payment_granted_token",
        }
    }
}

/// What a seller's half is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The currency, as [`crate::asset_of`] makes it.
    pub asset: Asset,
    /// The seller's Stripe profile, for which tokens are issued.
    pub network: String,
    /// How may be paid.
    pub payment_method_types: Vec<String>,
    /// What stands in the metadata of every payment at Stripe, beside what names the payment.
    pub metadata: BTreeMap<String, String>,
    /// How the token is called.
    pub spelling: Spelling,
    /// Where the money goes among connected accounts; never said to a client.
    pub connect: Connect,
    /// What a charge is expected to cost; what it really cost stands in the balance transactions.
    pub fee: ExpectedFee,
    /// Less is not charged, where that is more than Stripe's own minimum.
    pub floor: Option<Amount>,
    /// How long a challenge lives.
    pub validity: Duration,
    /// Balance transactions before this are not this seller's business.
    pub statement_from: Option<Timestamp>,
}

/// What a European or American card costs in the list: 2.9 % and 30 of the smallest unit.
pub(crate) const USUAL_FEE: ExpectedFee = ExpectedFee { fixed: Amount::new(30), per_million: 29_000, gas: false };

/// Long enough to have a token issued and a payer asked, short enough for a token to be worthless soon.
pub(crate) const USUAL_VALIDITY: Duration = Duration::from_secs(5 * 60);
