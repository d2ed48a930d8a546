use farthing_money::{Amount, Asset, Price};
use farthing_rail::{ExpectedFee, Terms};

/// A whole, in the parts that shares are counted in.
const WHOLE: u128 = 1_000_000;

/// What one price leaves, paid in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EconomicLine {
    /// The route's name.
    pub route: String,
    /// `RAIL/INTENT`, as `accept` names it.
    pub accept: String,
    /// The payment method's name, as the books have it.
    pub method: String,
    /// What a request costs.
    pub price: Price,
    /// What the rail moves.
    pub asset: Asset,
    /// What it moves at once for this price, in its own units.
    pub moved: Amount,
    /// The least that it moves at once.
    pub floor: Amount,
    /// What the rail states.
    pub stated: ExpectedFee,
    /// What of the price the rail is expected to keep, rounded up to a millionth.
    pub fee: Price,
    /// The same in millionths of the price, rounded up; more than a million where the fee is more than the price.
    pub share: u128,
    /// Whether one movement of money pays for many requests.
    pub spread: Spread,
}

/// Whether one movement of money pays for many requests, which share its fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Each is paid for by itself.
    No,
    /// A balance is topped up.
    TopUp,
    /// A deposit is drawn on.
    Session,
}

/// What is thought of a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The fee is at most half of it.
    Fine,
    /// The fee is more than half of it.
    Dear,
    /// The fee is more than all of it.
    Loss,
}

impl EconomicLine {
    /// By what the payment method states, for a price of which so much goes over the rail at once.
    pub(super) fn new(route: &str, accept: String, price: Price, terms: &Terms, moved: Amount, spread: Spread) -> Self {
        let kept = terms.fee.of(moved).units();
        let share = match moved.units() {
            // What is given away costs what it costs.
            0 => 0,
            all => kept.checked_mul(WHOLE).map_or(u128::MAX, |product| product.div_ceil(all)),
        };
        let fee = match moved.units() {
            0 => 0,
            all => u128::from(price.millionths()).checked_mul(kept).map_or(u128::MAX, |product| product.div_ceil(all)),
        };
        Self {
            route: route.to_owned(),
            accept,
            method: terms.method.as_str().to_owned(),
            price,
            asset: terms.asset.clone(),
            moved,
            floor: terms.floor,
            stated: terms.fee,
            fee: Price::from_millionths(u64::try_from(fee).unwrap_or(u64::MAX), price.currency()),
            share,
            spread,
        }
    }

    /// What is left of the price; `None` where the fee is more than it.
    pub fn net(&self) -> Option<Price> {
        let left = self.price.millionths().checked_sub(self.fee.millionths())?;
        Some(Price::from_millionths(left, self.price.currency()))
    }

    /// What is thought of it.
    pub fn verdict(&self) -> Verdict {
        match self.share {
            share if share > WHOLE => Verdict::Loss,
            share if share > WHOLE / 2 => Verdict::Dear,
            _ => Verdict::Fine,
        }
    }

    /// The least that the rail moves, for people.
    pub fn floor_text(&self) -> String {
        self.asset.display(self.floor.max(Amount::new(1)))
    }

    /// Whether what goes over the rail at once is less than it moves. A floor of zero says that the method can sell
    /// for nothing: a proof of identity.
    pub(crate) fn is_below_floor(&self) -> bool {
        match self.spread {
            Spread::No => self.moved < self.floor,
            // A unit that a session pays for is moved together with many others.
            Spread::Session => self.moved.is_zero(),
            Spread::TopUp => false,
        }
    }

    /// The share of the price that the fee is, in percent with one decimal, rounded up.
    pub fn share_text(&self) -> String {
        let tenths = self.share.div_ceil(1_000);
        format!("{}.{} %", tenths / 10, tenths % 10)
    }

    /// The entry of `accept` that would spread this rail's fee over many requests.
    pub fn top_up(&self) -> String {
        format!("{}/topup", self.accept.split('/').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use farthing_protocol::{IntentName, MethodName};
    use farthing_rail::{Capture, Finality, Protocol};
    use std::time::Duration;

    use super::*;

    /// A card: thirty cents and 2.9 %.
    fn card() -> Terms {
        Terms {
            method: MethodName::new("stripe").unwrap(),
            intent: IntentName::new("charge").unwrap(),
            asset: "USD.2@account:stripe".parse().unwrap(),
            floor: Amount::new(50),
            fee: ExpectedFee { fixed: Amount::new(30), per_million: 29_000, gas: false },
            finality: Finality::Immediate,
            refundable: true,
            validity: Duration::from_secs(60),
            protocol: Protocol::Payment,
            capture: Capture::Whole,
        }
    }

    fn line(price: &str, moved: u128, spread: Spread) -> EconomicLine {
        EconomicLine::new(
            "weather",
            "stripe/charge".into(),
            price.parse().unwrap(),
            &card(),
            Amount::new(moved),
            spread,
        )
    }

    #[test]
    fn a_fee_eats_its_share_of_a_price() {
        let ten = line("10 USD", 1_000, Spread::No);
        assert_eq!((ten.fee.to_string().as_str(), ten.share_text().as_str()), ("0.59 USD", "5.9 %"));
        assert_eq!((ten.net(), ten.verdict()), (Some("9.41 USD".parse().unwrap()), Verdict::Fine));
        assert_eq!(line("0.50 USD", 50, Spread::No).verdict(), Verdict::Dear);
        let cent = line("0.01 USD", 1, Spread::No);
        assert_eq!((cent.net(), cent.verdict()), (None, Verdict::Loss));
    }

    #[test]
    fn a_top_up_spreads_its_fee_over_what_it_pays_for() {
        let line = line("0.001 USD", 500, Spread::TopUp);
        // Forty-five cents of five dollars.
        assert_eq!((line.fee.to_string().as_str(), line.share_text().as_str()), ("0.00009 USD", "9.0 %"));
        assert_eq!(line.verdict(), Verdict::Fine);
    }

    #[test]
    fn what_is_given_away_is_no_loss() {
        assert_eq!(line("0 USD", 0, Spread::No).verdict(), Verdict::Fine);
    }
}
