use std::time::Duration;

use farthing_money::{Amount, Asset};
use farthing_protocol::{IntentName, MethodName};

/// What a method is and what it costs, so that a price it cannot carry is refused when the
/// configuration is read and not when somebody pays.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The method's name on the wire.
    pub method: MethodName,
    /// The intent this half serves.
    pub intent: IntentName,
    /// What it moves.
    pub asset: Asset,
    /// The smallest amount it will move.
    pub floor: Amount,
    /// What a payment is expected to cost the seller.
    pub fee: ExpectedFee,
    /// When a settled payment can no longer be taken back.
    pub finality: Finality,
    /// Whether money can be sent back on the same rail.
    pub refundable: bool,
    /// How long a challenge of this method should live.
    pub validity: Duration,
    /// In whose words it is offered and answered.
    pub protocol: Protocol,
    /// When the money is taken.
    pub capture: Capture,
}

/// The protocol in whose words a method is offered, paid and answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// The HTTP `Payment` authentication scheme.
    #[default]
    Payment,
    /// x402, of which this software speaks versions 1 and 2.
    X402,
}

/// When the money is taken, and how much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Capture {
    /// All of it, before anything is served.
    #[default]
    Whole,
    /// What was really used, at most the price: it is held before and captured after the service,
    /// before the response goes out.
    Actual,
}

/// What a payment is expected to cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedFee {
    /// The same for every payment, in base units of the asset.
    pub fixed: Amount,
    /// Millionths of the amount.
    pub per_million: u32,
    /// Whether the seller pays gas on top, of which nobody has said what it comes to.
    pub gas: bool,
}

impl ExpectedFee {
    /// No fee.
    pub const NONE: Self = Self { fixed: Amount::ZERO, per_million: 0, gas: false };

    /// Gas at a price that only the chain knows.
    pub const GAS: Self = Self { gas: true, ..Self::NONE };

    /// The same for every payment.
    pub const fn fixed(amount: Amount) -> Self {
        Self { fixed: amount, ..Self::NONE }
    }

    /// What a payment of so much is expected to cost, rounded up to a base unit; gas of which nothing is said is
    /// not in it.
    pub fn of(&self, amount: Amount) -> Amount {
        let whole = 1_000_000;
        let part =
            amount.units().checked_mul(u128::from(self.per_million)).map_or(u128::MAX, |all| all.div_ceil(whole));
        Amount::new(self.fixed.units().saturating_add(part))
    }
}

/// When a settled payment is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finality {
    /// At once: the books themselves are the rail.
    Immediate,
    /// After about so long.
    After(Duration),
    /// It can be reversed by the payer's side for about so long (cards, direct debits).
    Reversible(Duration),
}
