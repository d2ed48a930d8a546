use super::SendError;

/// What a unit of gas may cost, in the chain's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeBounds {
    /// The least that is offered on top of the base fee: nodes drop what offers nothing.
    pub least_tip: u128,
    /// The most that is offered in all.
    pub most: u128,
}

/// What gas costs just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Market {
    /// The base fee of the newest block.
    pub base_fee: u128,
    /// What validators ask on top.
    pub tip: u128,
    /// What the account that pays gas has.
    pub balance: u128,
}

/// What a transaction offers for a unit of gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) tip: u128,
    pub(super) most: u128,
}

impl Default for FeeBounds {
    /// At least a thousandth of a gwei on top, and at most 500 gwei in all.
    fn default() -> Self {
        Self { least_tip: 1_000_000, most: 500_000_000_000 }
    }
}

impl FeeBounds {
    /// An offer that stays good while the base fee doubles, within the bounds.
    pub(super) fn offer(&self, market: &Market) -> Result<Offer, SendError> {
        let tip = market.tip.max(self.least_tip);
        let needed = market.base_fee.saturating_add(tip);
        if needed > self.most {
            return Err(SendError::Expensive { price: needed, most: self.most });
        }
        Ok(Offer { tip, most: needed.saturating_add(market.base_fee).min(self.most) })
    }

    /// An offer that replaces an earlier one: nodes want a tenth more of both parts, and it must meet
    /// the market. `None` when that is beyond the bounds.
    pub(super) fn bump(&self, earlier: Offer, market: &Market) -> Option<Offer> {
        let raise = |fee: u128| fee.saturating_add(fee / 8).saturating_add(1);
        let market = self.offer(market).unwrap_or(earlier);
        let offer = Offer { tip: raise(earlier.tip).max(market.tip), most: raise(earlier.most).max(market.most) };
        (offer.most <= self.most).then_some(offer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: FeeBounds = FeeBounds { least_tip: 10, most: 1_000 };
    const MARKET: Market = Market { base_fee: 100, tip: 1, balance: 0 };

    #[test]
    fn an_offer_has_a_floor_and_a_ceiling() {
        assert_eq!(BOUNDS.offer(&MARKET), Ok(Offer { tip: 10, most: 210 }));
        let hot = Market { base_fee: 600, ..MARKET };
        assert_eq!(BOUNDS.offer(&hot), Ok(Offer { tip: 10, most: 1_000 }));
        let too_hot = Market { base_fee: 995, ..MARKET };
        assert_eq!(BOUNDS.offer(&too_hot), Err(SendError::Expensive { price: 1_005, most: 1_000 }));
    }

    #[test]
    fn a_replacement_pays_an_eighth_more_and_never_beyond_the_ceiling() {
        let first = BOUNDS.offer(&MARKET).unwrap();
        let second = BOUNDS.bump(first, &MARKET).unwrap();
        assert_eq!(second, Offer { tip: 12, most: 237 });
        let mut offer = first;
        let mut steps = 0;
        while let Some(next) = BOUNDS.bump(offer, &MARKET) {
            assert!(next.most <= BOUNDS.most && next.tip > offer.tip);
            offer = next;
            steps += 1;
        }
        assert!((10..20).contains(&steps), "{steps}");
    }
}
