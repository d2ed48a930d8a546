//! Whether a payment is worth the gas that moving it takes: somebody else's, of which we pay the gas.

use alloy_primitives::U256;
use farthing_money::{Asset, Price, Rounding};
use farthing_rail::{Claim, Fault, Settlement};

use super::ChainSettler;
use super::outcome::refused_for;
use super::sender::Market;
use crate::Payment;

/// What moving a token takes, as a rule: an authorization somewhat less, a permit somewhat more.
const GAS: u64 = 100_000;
/// The smallest parts of a chain's own coin.
const COIN: u64 = 1_000_000_000_000_000_000;

impl ChainSettler {
    /// A refusal of a payment for less than its gas costs, where the owner has said what the coin is worth.
    /// By what gas was last seen to cost; nothing is asked.
    pub(super) fn not_worth(&self, claim: &Claim, payment: &Payment) -> Option<Settlement> {
        let (coin, market) = (self.rules.gas_coin?, self.gas_money.market()?);
        let least = least(coin, &market, &claim.proof.asset)?;
        let sum = payment.legs.iter().fold(U256::ZERO, |sum, leg| sum.saturating_add(leg.amount));
        (sum < least).then(|| {
            let detail = format!("gas would cost more than the payment; ask for {least} base units or more");
            refused_for(Fault::Unmovable, detail)
        })
    }
}

/// What the gas of one payment costs, in base units of an asset.
fn least(coin: Price, market: &Market, asset: &Asset) -> Option<U256> {
    let coin = coin.in_asset(asset, Rounding::Up).ok()?.amount;
    let price = U256::from(market.base_fee.saturating_add(market.tip));
    let cost = price.saturating_mul(U256::from(GAS)).saturating_mul(U256::from(coin.units()));
    Some(cost.div_ceil(U256::from(COIN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_follows_the_price_of_gas() {
        let asset: Asset = "USDC.6@eip155:8453/0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913".parse().unwrap();
        let coin: Price = "3000 USD".parse().unwrap();
        let least = |base_fee| least(coin, &Market { base_fee, tip: 0, balance: 0 }, &asset);
        // A hundred thousand gas at a gwei is a ten thousandth of a coin: thirty cents.
        assert_eq!(least(1_000_000_000), Some(U256::from(300_000)));
        assert_eq!(least(1), Some(U256::from(1)), "rounded up");
        assert_eq!(least(0), Some(U256::ZERO));
    }
}
