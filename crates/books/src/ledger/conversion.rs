//! Money that changes its asset at par.
//!
//! An account at a bank or a processor counts cents, a balance counts millionths: two assets of one
//! currency, and a transfer moves one asset. So money that becomes a balance, or leaves one, is two
//! transfers in one command, through the [conversion account](crate::AccountKind::Conversion) of each
//! asset. Nothing is rounded away: the two are worth the same to the last unit, and the conversion
//! accounts of a currency cancel when they are counted in the same unit.

use farthing_money::{Amount, Asset, Currency, Rate, RateError, Rounding};
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;

use super::{AccountId, AccountKind, Phase, Transfer, TransferId};
use crate::command::Invalid;

/// Money that moves from an account of one asset to an account of another, one for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// What it is for. Converting twice under one name is converting once.
    pub name: String,
    /// What both assets are worth one of per unit.
    pub currency: Currency,
    /// The account debited.
    pub from: AccountId,
    /// The account credited; in the same asset it is a plain transfer.
    pub to: AccountId,
    /// How much, in base units of the debited asset.
    pub amount: Amount,
    /// The payment it belongs to.
    pub payment: Option<PaymentId>,
    /// Now.
    pub at: Timestamp,
}

impl Conversion {
    /// Its transfers: one, or two through the conversion accounts. Refused when the other asset has no
    /// unit small enough to hold the amount exactly.
    pub fn transfers(&self) -> Result<Vec<Transfer>, Invalid> {
        if self.from.asset == self.to.asset {
            return Ok(vec![self.transfer(Leg::Out, &self.from, &self.to, self.amount)]);
        }
        let exact = Rounding::Exact;
        let converted = convert(self.amount, &self.from.asset, &self.to.asset, exact).map_err(Invalid::from)?;
        let bridge = |asset| AccountId::new(AccountKind::Conversion(self.currency), asset);
        Ok(vec![
            self.transfer(Leg::Out, &self.from, &bridge(&self.from.asset), self.amount),
            self.transfer(Leg::In, &bridge(&self.to.asset), &self.to, converted),
        ])
    }

    fn transfer(&self, leg: Leg, debit: &AccountId, credit: &AccountId, amount: Amount) -> Transfer {
        Transfer {
            id: TransferId::of_conversion(&self.name, leg),
            debit: debit.clone(),
            credit: credit.clone(),
            amount,
            phase: Phase::Single,
            payment: self.payment,
            at: self.at,
        }
    }
}

/// Which half of a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leg {
    /// Out of the first asset.
    Out,
    /// Into the second.
    In,
}

/// The most of an amount that another asset can hold exactly, in units of the first: what is left over
/// stays where it is.
pub fn whole_part(amount: Amount, from: &Asset, to: &Asset) -> Result<Amount, RateError> {
    let there = convert(amount, from, to, Rounding::Down)?;
    convert(there, to, from, Rounding::Exact)
}

fn convert(amount: Amount, from: &Asset, to: &Asset, rounding: Rounding) -> Result<Amount, RateError> {
    Rate::PARITY.convert(amount, from.decimals(), to.decimals(), rounding).map(|converted| converted.amount)
}

impl From<RateError> for Invalid {
    fn from(error: RateError) -> Self {
        match error {
            RateError::Remainder => Self::NotExact,
            _ => Self::TooLarge,
        }
    }
}

impl TransferId {
    /// The id of one half of the conversion of that name.
    fn of_conversion(name: &str, leg: Leg) -> Self {
        let leg: &[u8] = match leg {
            Leg::Out => b"\0out",
            Leg::In => b"\0in",
        };
        Self::named(b"farthing/conversion/1\0", name.as_bytes(), leg)
    }
}

#[cfg(test)]
mod tests {
    use farthing_money::Home;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::samples::{at, payer, usd};

    fn cents() -> Asset {
        Asset::new("USD", 2, Home::Account("bank".to_owned())).unwrap()
    }

    fn top_up(amount: u128) -> Conversion {
        Conversion {
            name: "top-up 1".to_owned(),
            currency: "USD".parse().unwrap(),
            from: AccountId::new(AccountKind::Clearing("bank".to_owned()), &cents()),
            to: AccountId::new(AccountKind::Payer(payer(1)), &usd()),
            amount: Amount::new(amount),
            payment: None,
            at: at(0),
        }
    }

    #[test]
    fn cents_become_millionths_through_one_account_for_each() {
        let transfers = top_up(500).transfers().unwrap();
        let shown: Vec<String> =
            transfers.iter().map(|moved| format!("{} {} -> {}", moved.amount, moved.debit, moved.credit)).collect();
        assert_eq!(
            shown,
            [
                "500 clearing/bank (USD.2@account:bank) -> conversion/USD (USD.2@account:bank)",
                "5000000 conversion/USD (USD.6@ledger) -> payer/did:key:z6MkTestPayer1 (USD.6@ledger)",
            ]
        );
    }

    #[test]
    fn what_no_cent_can_hold_is_refused() {
        let forth = top_up(1);
        let back = |amount| Conversion {
            from: forth.to.clone(),
            to: forth.from.clone(),
            amount: Amount::new(amount),
            ..forth.clone()
        };
        assert_eq!(back(10_001).transfers(), Err(Invalid::NotExact));
        assert_eq!(back(20_000).transfers().unwrap()[1].amount, Amount::new(2));
        assert_eq!(top_up(u128::MAX).transfers(), Err(Invalid::TooLarge));
    }

    proptest! {
        #[test]
        fn the_whole_part_converts_exactly_and_less_than_a_unit_is_left(amount in 0u128..1 << 90) {
            let whole = whole_part(Amount::new(amount), &usd(), &cents()).unwrap();
            let left = amount - whole.units();
            prop_assert!(left < 10_000);
            let back = Conversion { from: top_up(0).to, to: top_up(0).from, amount: whole, ..top_up(0) };
            prop_assert!(back.transfers().is_ok());
        }
    }
}
