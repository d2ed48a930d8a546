//! What is decided about x402 payments on one chain.

use std::time::Duration;

use alloy_primitives::Address;
use farthing_money::Amount;
use farthing_protocol::{IntentName, MethodName};
use farthing_rail::{Capture, ExpectedFee, Finality, Protocol, Terms, Unpriceable};

use super::{LONGEST_LIFE, METHOD, Transfer};
use crate::chain::{Token, by_id};

/// How long a payment may be valid: what deployed sellers ask for.
const VALIDITY: Duration = Duration::from_secs(5 * 60);

/// How payments in x402's words are taken on one chain.
#[derive(Clone, Debug)]
pub struct X402Settings {
    /// Who is paid, in what.
    pub payee: Payee,
    /// Whether accounts that are contracts may pay. What bytes cannot decide about their signatures
    /// costs a question to the chain.
    pub contract_payers: bool,
    /// How long a payment may be valid: `maxTimeoutSeconds`.
    pub validity: Duration,
    /// The smallest amount.
    pub floor: Amount,
    /// What a payment is expected to cost the seller.
    pub fee: ExpectedFee,
}

/// Who is paid.
#[derive(Clone, Debug)]
pub enum Payee {
    /// One seller, in one token, which is moved in one way.
    Seller {
        /// What is charged.
        token: Token,
        /// Who gets it.
        recipient: Address,
        /// How it moves.
        transfer: Transfer,
    },
    /// Whoever an offer names, in any of these tokens of one chain: what a facilitator settles.
    Anybody {
        /// At least one.
        tokens: Vec<Token>,
    },
}

impl X402Settings {
    /// Takes this token for this seller.
    pub fn seller(token: Token, recipient: Address, transfer: Transfer) -> Self {
        Self::new(Payee::Seller { token, recipient, transfer })
    }

    /// Takes these tokens of one chain for whoever an offer names.
    pub fn anybody(tokens: Vec<Token>) -> Self {
        Self::new(Payee::Anybody { tokens })
    }

    fn new(payee: Payee) -> Self {
        let (floor, fee) = (Amount::new(1), ExpectedFee::NONE);
        Self { payee, contract_payers: false, validity: VALIDITY, floor, fee }
    }

    /// The terms of a scheme under these settings, if they fit together.
    pub(super) fn terms(&self, scheme: &str, capture: Capture) -> Result<Terms, Unpriceable> {
        let refused = |reason: &str| Unpriceable(reason.to_owned());
        let token = self.payee.tokens().first();
        let token = token.ok_or_else(|| refused("there is no token to be paid in; name at least one"))?;
        if self.payee.tokens().iter().any(|other| other.chain != token.chain) {
            return Err(refused("the tokens are on several chains; settle each chain by itself"));
        }
        if let Payee::Seller { token, recipient, transfer } = &self.payee {
            if recipient.is_zero() || *recipient == token.contract {
                return Err(refused("the recipient is nobody's account; write the address that is to be paid"));
            }
            if *transfer == Transfer::Eip3009 && token.domain.is_none() {
                return Err(refused(
                    "the token takes no authorizations (EIP-3009), or the name and version of its domain are not on \
                     file; accept permit2, or add domain = { name, version } to the asset",
                ));
            }
        }
        if self.validity.is_zero() || self.validity > LONGEST_LIFE {
            return Err(refused("a payment must be valid for a while and for a day at most; correct validity"));
        }
        let finality = by_id(token.chain).map_or(Duration::from_secs(1), |chain| chain.finality);
        Ok(Terms {
            method: MethodName::read(METHOD).map_err(|error| Unpriceable(error.to_string()))?,
            intent: IntentName::new(scheme).map_err(|error| Unpriceable(error.to_string()))?,
            asset: token.asset.clone(),
            floor: self.floor,
            fee: self.fee,
            finality: Finality::After(finality),
            refundable: matches!(self.payee, Payee::Seller { .. }),
            validity: self.validity,
            protocol: Protocol::X402,
            capture,
        })
    }
}

impl Payee {
    /// In what is paid.
    pub(super) fn tokens(&self) -> &[Token] {
        match self {
            Self::Seller { token, .. } => std::slice::from_ref(token),
            Self::Anybody { tokens } => tokens,
        }
    }
}
