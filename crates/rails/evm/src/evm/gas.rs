//! What a payer's own transaction may cost at most, decided before anything is asked of the chain.

use alloy_primitives::U256;
use farthing_money::{Amount, Price, Rate, Rounding};

use crate::chain::Token;

/// Enough for the `transfer` of any stablecoin on file, with an account that is paid the first time.
const TRANSFER_GAS: u64 = 100_000;

/// One whole coin, in its smallest unit.
const COIN: u128 = 1_000_000_000_000_000_000;

/// One billionth of a coin.
const GWEI: u128 = 1_000_000_000;

/// Bounds for one transaction. What it really costs is what the chain takes within them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasBounds {
    /// Units of gas.
    pub limit: u64,
    /// The most to pay for one unit, in the coin's smallest unit.
    pub max_fee: u128,
    /// The most of it that goes to whoever includes the transaction.
    pub priority_fee: u128,
}

impl GasBounds {
    /// Bounds under which a transfer on a chain is usually included at once.
    pub fn on(chain: u64) -> Self {
        let (max_fee, priority_fee) = match chain {
            1 => (60 * GWEI, GWEI),
            137 => (500 * GWEI, 30 * GWEI),
            10 | 8453 | 84_532 => (GWEI / 5, GWEI / 1000),
            42_161 => (GWEI / 5, 0),
            _ => (50 * GWEI, GWEI),
        };
        Self { limit: TRANSFER_GAS, max_fee, priority_fee }
    }

    /// The most that the chain can take, in the coin's smallest unit.
    pub fn most(&self) -> U256 {
        U256::from(self.limit) * U256::from(self.max_fee)
    }

    /// The most that the chain can take, in base units of a token of the same currency, rounded up;
    /// `None` when the coin is priced in another currency or the figure is beyond any amount.
    pub(crate) fn in_token(&self, coin: Price, token: &Token) -> Option<Amount> {
        if coin.currency() != token.currency {
            return None;
        }
        let millionths = (self.most() * U256::from(coin.millionths())).div_ceil(U256::from(COIN));
        let millionths = Amount::new(u128::try_from(millionths).ok()?);
        Rate::PARITY.convert(millionths, 6, token.asset.decimals(), Rounding::Up).ok().map(|fee| fee.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::by_code;

    #[test]
    fn the_most_a_transfer_can_cost_is_counted_in_the_token_and_rounded_up() {
        let bounds = GasBounds { limit: 100_000, max_fee: GWEI / 5, priority_fee: 0 };
        let usdc = by_code(8453, "USDC").unwrap();
        // 100 000 times a fifth of a gwei is 0.00002 coins; at 4000 dollars that is 8 cents.
        assert_eq!(bounds.in_token("4000 USD".parse().unwrap(), &usdc), Some(Amount::new(80_000)));
        assert_eq!(bounds.in_token("0.000001 USD".parse().unwrap(), &usdc), Some(Amount::new(1)));
        assert_eq!(bounds.in_token("4000 EUR".parse().unwrap(), &usdc), None);
        let eighteen = by_code(4326, "USDm").unwrap();
        assert_eq!(bounds.in_token("4000 USD".parse().unwrap(), &eighteen), Some(Amount::new(80_000_000_000_000_000)));
    }
}
