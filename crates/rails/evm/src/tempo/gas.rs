//! What a payer allows a payment to cost in gas, at most.
//!
//! A bound and not an estimate: it is what a policy counts, before anything is asked of the chain.

use alloy_primitives::U256;
use farthing_money::Amount;
use tempo_primitives::transaction::calc_gas_balance_spending;

/// A signature, an expiring nonce and the fee's own bookkeeping.
const BASE: u64 = 100_000;

/// A transfer to somebody who never held the token: on Tempo a new place in storage costs 250,000.
const TRANSFER: u64 = 300_000;

/// Checking a delegated key and counting what it spends.
const ACCESS_KEY: u64 = 100_000;

/// Writing a key to the chain, for the key and for each of its rules.
const KEY_RULE: u64 = 850_000;

/// The fees that an official server sponsors at most, in 10^-18 dollars: a transaction's whole, and
/// the most gas.
const SPONSORED_FEE: u128 = 50_000_000_000_000_000;
pub(super) const SPONSORED_GAS: u64 = 2_000_000;

/// The prices at which a payer sends, in 10^-18 dollars for each gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasPrices {
    /// The most, tip included.
    pub max_fee: u128,
    /// The tip.
    pub priority_fee: u128,
}

impl Default for GasPrices {
    /// A quarter more than the highest base fee that Tempo has had.
    fn default() -> Self {
        Self { max_fee: 25_000_000_000, priority_fee: 1_000_000_000 }
    }
}

/// The gas of a payment with so many transfers. `key_rules` is the size of a grant that it carries.
pub(crate) fn limit(transfers: usize, delegated: bool, key_rules: Option<u64>) -> u64 {
    let transfers = u64::try_from(transfers).unwrap_or(u64::MAX).saturating_mul(TRANSFER);
    let key = key_rules.map_or(0, |rules| rules.saturating_add(1).saturating_mul(KEY_RULE));
    let delegated = if delegated { ACCESS_KEY } else { 0 };
    BASE.saturating_add(transfers).saturating_add(delegated).saturating_add(key)
}

impl GasPrices {
    /// These prices, within what a server sponsors for so much gas.
    pub(crate) fn sponsored(self, gas: u64) -> Self {
        let most = SPONSORED_FEE / u128::from(gas.max(1));
        Self { max_fee: self.max_fee.min(most), priority_fee: self.priority_fee.min(most) }
    }

    /// The most that so much gas costs, in millionths of a dollar: base units of any TIP-20 dollar.
    pub(crate) fn most(self, gas: u64) -> Amount {
        let spending: U256 = calc_gas_balance_spending(gas, self.max_fee);
        Amount::new(u128::try_from(spending).unwrap_or(u128::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_may_cost_a_cent() {
        let gas = limit(1, false, None);
        assert_eq!(gas, 400_000);
        assert_eq!(GasPrices::default().most(gas), Amount::new(10_000));
    }

    #[test]
    fn a_grant_needs_room_and_a_delegated_key_some() {
        assert_eq!(limit(1, true, None), 500_000);
        assert!(limit(1, true, Some(6)) > 3_600_000);
        assert!(limit(6, false, None) <= SPONSORED_GAS);
    }

    #[test]
    fn a_sponsored_payment_stays_within_what_servers_sponsor() {
        for gas in [400_000, 1_000_000, 2_000_000] {
            let prices = GasPrices { max_fee: 90_000_000_000, ..GasPrices::default() }.sponsored(gas);
            assert!(prices.max_fee * u128::from(gas) <= SPONSORED_FEE && prices.priority_fee <= prices.max_fee);
        }
        assert_eq!(GasPrices::default().sponsored(400_000), GasPrices::default());
    }
}
