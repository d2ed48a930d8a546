//! The chart of accounts, and which movements exist between them.
//!
//! | event                        | debit               | credit              |
//! |------------------------------|---------------------|---------------------|
//! | grant (development money)    | `grants`            | `payer/<id>`        |
//! | prepaid payment              | `payer/<id>`        | `revenue/<route>`   |
//! | payment settled by a rail    | `clearing/<method>` | `revenue/<route>`   |
//! | what the rail kept of it     | `fees/<method>`     | `clearing/<method>` |
//! | what went to others of it    | `shares/<method>`   | `clearing/<method>` |
//! | refund of a prepaid payment  | `refunds`           | `payer/<id>`        |
//! | refund confirmed by a rail   | `refunds`           | `clearing/<method>` |
//! | what the rail kept for that  | `fees/<method>`     | `clearing/<method>` |
//! | taken back, never delivered  | `revenue/<route>`   | `clearing/<method>` |
//! | taken back, after delivery   | `losses/<method>`   | `clearing/<method>` |
//! | its shares undone with it    | `clearing/<method>` | `shares/<method>`   |
//! | seen in a rail's statement   | `confirmed/<rail>`  | `clearing/<method>` |
//! | seen, and nobody's payment   | `confirmed/<rail>`  | `suspense`          |
//! | explained later by a payment | `suspense`          | `clearing/<method>` |
//! | a refund or a fee, seen      | `clearing/<method>` | `confirmed/<rail>`  |
//! | money out, seen, of no refund| `withdrawals/<rail>`| `confirmed/<rail>`  |
//! | a fee, seen, for no payment  | `fees/<rail>`       | `confirmed/<rail>`  |
//! | either explained later       | `clearing/<method>` | where it rested     |
//!
//! | deposit of a prepaid session | `payer/<id>`        | `deposit/<session>` |
//! | what such a one delivered    | `deposit/<session>` | `revenue/<route>`   |
//! | the rest, at its end         | `deposit/<session>` | `payer/<id>`        |
//! | delivered for vouchers       | `vouchers/<method>` | `revenue/<route>`   |
//! | vouchers collected           | `clearing/<method>` | `vouchers/<method>` |
//! | a collection taken back      | `vouchers/<method>` | `clearing/<method>` |
//! | collected, never delivered   | `vouchers/<method>` | `payer/<id>`        |
//! | delivered, never collected   | `losses/<method>`   | `vouchers/<method>` |
//!
//! | funded over a rail           | `clearing/<rail>`   | `conversion/<cur>`  |
//! | the same, as a balance       | `conversion/<cur>`  | `payer/<id>`        |
//! | taken back by a bank         | `payer/<id>`        | the same way back   |
//! | and no longer in the balance | `losses/<rail>`     | `confirmed/<rail>`  |
//! | there before the first day   | `confirmed/<rail>`  | `opening/<rail>`    |
//! | balance to other books, held | `payer/<id>`        | `transit`           |
//! | balance from other books     | `transit`           | `payer/<id>`        |
//!
//! The first two are in different assets: the money as its rail counts it, and as a balance counts it
//! ([`super::conversion`]). Money that is paid out goes the other way.
//!
//! What a session delivers is posted in sums, and the last two when it ends: then nothing of it is left in
//! `deposit` or `vouchers`.
//!
//! A payment that was refunded and then taken back counts like a delivered one: its money left twice.
//! What a rail kept stays a fee.
//!
//! Assets and expenses grow on the debit side, liabilities and income on the credit side. One
//! kind of account has a bound: debits of a payer or a deposit, pending ones included, never exceed its credits.

use std::fmt;
use std::str::FromStr;

use farthing_rail::{EntryKey, PayerId, PaymentId, ProofKey, SessionId};
use sha2::{Digest, Sha256};

use super::{Account, AccountId, AccountKind, TransferId};
use farthing_money::{Amount, Asset};

/// What a transfer does for its payment; with the payment's id it makes the transfer's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The payment itself.
    Charge,
    /// What the rail kept of it.
    Fee,
    /// Paying it back.
    Refund,
    /// What the rail kept for paying it back.
    RefundFee,
    /// The rail taking it back.
    Reversal,
    /// What went straight to others.
    Share,
    /// What went to others is undone with the payment.
    ShareReversal,
    /// A balance is topped up with it.
    Credit,
    /// What was topped up leaves the balance again,
    Debit,
    /// and goes back the way it came.
    Return,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 10] = [
        Self::Charge,
        Self::Fee,
        Self::Refund,
        Self::RefundFee,
        Self::Reversal,
        Self::Share,
        Self::ShareReversal,
        Self::Credit,
        Self::Debit,
        Self::Return,
    ];
}

/// What a transfer does for a movement of a rail's statement; with the movement's key it makes the
/// transfer's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MovementPurpose {
    /// A payment's money has arrived, or left for its refund or its fee.
    Match,
    /// Money has arrived or left and is not explained.
    Suspend,
    /// A payment explains what rested elsewhere.
    Explain,
}

/// What a transfer does for an entry of an account elsewhere; with the entry's key it makes the transfer's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryPurpose {
    /// It is in the books.
    Arrival,
    /// What was taken back and is not in its payer's balance.
    Loss,
    /// A statement shows what a notification had shown.
    Confirmation,
    /// The two halves of its way into a balance or out of one: as it came, or by the word of that number.
    Conversion {
        /// 0, or the number of what a person said.
        word: u32,
        /// The half, from 0.
        half: u8,
    },
    /// What was on the account before the first statement.
    Opening,
}

impl TransferId {
    /// The id of the transfer that does this for a payment. What every payment has lies beside its payment; the others
    /// are few, and some of their ids are known to rails.
    pub fn of(payment: PaymentId, purpose: Purpose) -> Self {
        let name: &[u8] = match purpose {
            Purpose::Charge => b"charge",
            Purpose::Fee => b"fee",
            Purpose::Refund => b"refund",
            Purpose::RefundFee => b"refund-fee",
            Purpose::Reversal => b"reversal",
            Purpose::Share => b"share",
            Purpose::ShareReversal => b"share-reversal",
            Purpose::Credit => b"credit",
            Purpose::Debit => b"debit",
            Purpose::Return => b"return",
        };
        let id = Self::unplaced(payment, name);
        if purpose == Purpose::Charge { Self(payment.beside(id.0)) } else { id }
    }

    /// The id of a payment's charge before version 10 of the books.
    pub(crate) fn of_charge_before(payment: PaymentId) -> Self {
        Self::unplaced(payment, b"charge")
    }

    fn unplaced(payment: PaymentId, purpose: &[u8]) -> Self {
        Self::named(b"farthing/transfer/1\0", payment.as_bytes(), purpose)
    }

    /// The id of the transfer of that number that a session makes.
    pub fn of_session(session: SessionId, number: u64) -> Self {
        Self::named(b"farthing/session-transfer/1\0", session.as_bytes(), &number.to_be_bytes())
    }

    /// The id of the transfer that does this for a movement.
    pub fn of_movement(key: &ProofKey, purpose: MovementPurpose) -> Self {
        let purpose: &[u8] = match purpose {
            MovementPurpose::Match => b"\0match",
            MovementPurpose::Suspend => b"\0suspend",
            MovementPurpose::Explain => b"\0explain",
        };
        Self::named(b"farthing/movement/1\0", key.as_str().as_bytes(), purpose)
    }

    /// The id of the transfer that does this for an entry.
    pub fn of_entry(key: &EntryKey, purpose: EntryPurpose) -> Self {
        let purpose = match purpose {
            EntryPurpose::Arrival => "arrival".to_owned(),
            EntryPurpose::Loss => "loss".to_owned(),
            EntryPurpose::Confirmation => "confirmation".to_owned(),
            EntryPurpose::Conversion { word, half } => format!("conversion {word} {half}"),
            EntryPurpose::Opening => "opening".to_owned(),
        };
        let mut id = Self::named(b"farthing/entry/1\0", key.as_bytes(), purpose.as_bytes());
        // Beside each other in the store, as the entries are.
        id.0.iter_mut().zip(key.group()).for_each(|(to, from)| *to = from);
        id
    }

    /// Whether this is that id, wherever it lies: charges had no place before version 10 of the books.
    pub(crate) fn is_but_for_place(self, other: Self) -> bool {
        self.0.iter().zip(other.0).skip(PaymentId::PLACE).all(|(own, its)| *own == its)
    }

    pub(super) fn named(kind: &[u8], owner: &[u8], purpose: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(kind);
        hasher.update(owner);
        hasher.update(purpose);
        let hash: [u8; 32] = hasher.finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(hash.split_at(16).0);
        Self(id)
    }
}

/// `trf_` and 32 hexadecimal digits.
impl fmt::Display for TransferId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "trf_{:032x}", u128::from_be_bytes(self.0))
    }
}

impl AccountKind {
    /// Whether debits, pending ones included, may never exceed credits.
    pub fn is_bounded(&self) -> bool {
        matches!(self, Self::Payer(_) | Self::Deposit(_))
    }

    /// Whether debits make it larger: assets and expenses. Liabilities and income grow by credits.
    pub fn grows_by_debits(&self) -> bool {
        match self {
            Self::Payer(_)
            | Self::Deposit(_)
            | Self::Revenue(_)
            | Self::Suspense
            | Self::Rounding
            | Self::Opening(_) => false,
            // Money comes in on one asset and goes out on another: of one it is on this side, of one on that.
            Self::Conversion(_) => false,
            Self::Transit
            | Self::Vouchers(_)
            | Self::Clearing(_)
            | Self::Confirmed(_)
            | Self::Fees(_)
            | Self::Shares(_)
            | Self::Withdrawals(_)
            | Self::Losses(_)
            | Self::Refunds
            | Self::Grants => true,
        }
    }
}

impl Account {
    /// What it holds, on the side on which it grows; with a minus sign when it stands on the other.
    pub fn balance(&self) -> String {
        let (own, other) =
            if self.id.kind.grows_by_debits() { (self.debits, self.credits) } else { (self.credits, self.debits) };
        match (own.checked_sub(other), other.checked_sub(own)) {
            (Some(balance), _) => self.id.asset.display(balance),
            (None, Some(below)) => format!("-{}", self.id.asset.display(below)),
            (None, None) => self.id.asset.display(Amount::ZERO),
        }
    }
}

/// The name in statements and in the store; [`FromStr`] reads it back.
impl fmt::Display for AccountKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payer(payer) => write!(formatter, "payer/{payer}"),
            Self::Deposit(session) => write!(formatter, "deposit/{session}"),
            Self::Vouchers(method) => write!(formatter, "vouchers/{method}"),
            Self::Clearing(method) => write!(formatter, "clearing/{method}"),
            Self::Confirmed(place) => write!(formatter, "confirmed/{place}"),
            Self::Revenue(route) => write!(formatter, "revenue/{route}"),
            Self::Fees(method) => write!(formatter, "fees/{method}"),
            Self::Shares(method) => write!(formatter, "shares/{method}"),
            Self::Withdrawals(rail) => write!(formatter, "withdrawals/{rail}"),
            Self::Losses(method) => write!(formatter, "losses/{method}"),
            Self::Opening(rail) => write!(formatter, "opening/{rail}"),
            Self::Conversion(currency) => write!(formatter, "conversion/{currency}"),
            Self::Refunds => formatter.write_str("refunds"),
            Self::Grants => formatter.write_str("grants"),
            Self::Suspense => formatter.write_str("suspense"),
            Self::Rounding => formatter.write_str("rounding"),
            Self::Transit => formatter.write_str("transit"),
        }
    }
}

/// Not the name of an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an account; names look like payer/did:key:z6Mk..., revenue/<route> or refunds")]
pub struct NotAnAccount(String);

impl FromStr for AccountKind {
    type Err = NotAnAccount;

    fn from_str(text: &str) -> Result<Self, NotAnAccount> {
        let refused = || NotAnAccount(text.chars().take(128).collect());
        let kind = match text.split_once('/') {
            Some(("payer", payer)) => Self::Payer(PayerId::new(payer)),
            Some(("deposit", session)) => Self::Deposit(session.parse().map_err(|_| refused())?),
            Some(("opening", rail)) => Self::Opening(rail.to_owned()),
            Some(("conversion", currency)) => Self::Conversion(currency.parse().map_err(|_| refused())?),
            Some(("vouchers", method)) => Self::Vouchers(method.to_owned()),
            Some(("clearing", method)) => Self::Clearing(method.to_owned()),
            Some(("confirmed", place)) => Self::Confirmed(place.to_owned()),
            Some(("revenue", route)) => Self::Revenue(route.to_owned()),
            Some(("fees", method)) => Self::Fees(method.to_owned()),
            Some(("shares", method)) => Self::Shares(method.to_owned()),
            Some(("withdrawals", rail)) => Self::Withdrawals(rail.to_owned()),
            Some(("losses", method)) => Self::Losses(method.to_owned()),
            None if text == "refunds" => Self::Refunds,
            None if text == "grants" => Self::Grants,
            None if text == "suspense" => Self::Suspense,
            None if text == "rounding" => Self::Rounding,
            None if text == "transit" => Self::Transit,
            _ => return Err(refused()),
        };
        Ok(kind)
    }
}

impl AccountId {
    /// The account of this kind in this asset.
    pub fn new(kind: AccountKind, asset: &Asset) -> Self {
        Self { kind, asset: asset.clone() }
    }
}

/// `payer/did:key:z6Mk... (USD.6@ledger)`.
impl fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.kind, self.asset)
    }
}

impl Account {
    /// An account nothing has moved on yet.
    pub fn empty(id: AccountId) -> Self {
        Self {
            id,
            debits: Amount::ZERO,
            credits: Amount::ZERO,
            debits_pending: Amount::ZERO,
            credits_pending: Amount::ZERO,
        }
    }

    /// What a bounded account can still be debited: its credits less its debits and holds. `None` when
    /// it is below its bound already, which nothing but damage brings about.
    pub fn available(&self) -> Option<Amount> {
        self.credits.checked_sub(self.debits)?.checked_sub(self.debits_pending)
    }

    /// Whether its bound, if it has one, is kept.
    pub fn keeps_its_bound(&self) -> bool {
        !self.id.kind.is_bounded() || self.available().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_reads_back_from_its_name() {
        for name in [
            "shares/tempo",
            "vouchers/tempo",
            "deposit/ses_000102030405060708090a0b0c0d0e0f",
            "withdrawals/tempo",
            "payer/did:key:z6Mk/x",
            "clearing/evm",
            "confirmed/iban",
            "revenue/GET /v1/x",
            "fees/stripe",
            "losses/evm",
            "conversion/EUR",
            "opening/bank",
        ]
        .into_iter()
        .chain(["refunds", "grants", "suspense", "rounding", "transit"])
        {
            assert_eq!(name.parse::<AccountKind>().unwrap().to_string(), name);
        }
        assert!("payers/x".parse::<AccountKind>().is_err());
        assert!("refunds/x".parse::<AccountKind>().is_err());
    }

    #[test]
    fn each_purpose_of_each_payment_is_another_transfer() {
        let payments = [PaymentId::from_bytes([0; 16]), PaymentId::from_bytes([1; 16])];
        let ids: std::collections::HashSet<_> =
            payments.iter().flat_map(|payment| Purpose::ALL.map(|purpose| TransferId::of(*payment, purpose))).collect();
        assert_eq!(ids.len(), 20);
        let stored = TransferId::of(payments[0], Purpose::Charge).to_string();
        assert_eq!(stored, "trf_000000000000ce29cf2e48f838e7baba", "ids are stored: they must never change");
    }
}
