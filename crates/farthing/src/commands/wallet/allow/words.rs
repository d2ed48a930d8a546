//! What people and scripts write and read about an allowance.

use std::str::FromStr;

use alloy_primitives::{Address, U256};
use clap::ValueEnum;
use farthing_money::{Amount, Price, PriceError};
use farthing_rail_evm::chain::Token;
use farthing_rail_evm::evm::calldata::PERMIT2;
use serde_json::Value;

/// Who may move money.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Spender {
    /// The contract that offers of x402 by Permit2 are paid through.
    Permit2,
}

/// `0`, or an amount of a currency.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    Nothing,
    Price(Price),
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "0" => Ok(Self::Nothing),
            text => text.parse().map(Self::Price).map_err(|error: PriceError| error.to_string()),
        }
    }
}

impl Spender {
    pub(super) const fn contract(self) -> Address {
        match self {
            Self::Permit2 => PERMIT2,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Permit2 => "Permit2",
        }
    }
}

/// For people: `10 USDC`, or without a limit.
pub(super) fn shown(token: &Token, amount: U256) -> String {
    match u128::try_from(amount).ok().filter(|units| *units < u128::MAX) {
        Some(units) => token.asset.display(Amount::new(units)),
        None => format!("any amount of {}", token.asset.code()),
    }
}

/// For scripts: a decimal number, or `unlimited`.
pub(super) fn decimal(token: &Token, amount: U256) -> Value {
    match u128::try_from(amount).ok().filter(|units| *units < u128::MAX) {
        Some(units) => Amount::new(units).to_decimal(token.asset.decimals()).into(),
        None => "unlimited".into(),
    }
}

/// In whole coins, which have 18 decimals on every EVM chain.
pub(super) fn coins(wei: U256) -> String {
    Amount::new(wei.saturating_to()).to_decimal(18)
}
