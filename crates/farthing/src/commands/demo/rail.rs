//! What the demo is settled on.

use clap::ValueEnum;

/// Where the demo's money is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rail {
    /// A prepaid balance at the seller: play money, granted.
    Balance,
    /// A prepaid balance that comes by bank transfer and goes back: the demo writes the bank's statements itself.
    Bank,
    /// A prepaid balance that is topped up by card and goes back to it: the card processor is simulated, no money moves.
    Card,
    /// pathUSD on a Tempo chain that is started on this machine: each payment is a transaction.
    Tempo,
}

impl Rail {
    /// How many requests the agent buys until its limit stops it. On a chain each is a transaction that has to be in a
    /// block before the answer goes out, so there are fewer of them, and the demo still ends within a minute.
    pub(super) const fn requests(self) -> u64 {
        match self {
            Self::Balance | Self::Bank | Self::Card => 1000,
            Self::Tempo => 200,
        }
    }

    /// What each costs.
    pub(super) const fn price(self) -> &'static str {
        match self {
            Self::Balance | Self::Bank | Self::Card => "0.001 USD",
            Self::Tempo => "0.005 USD",
        }
    }

    /// What the agent may spend: what all requests together cost. The one that comes with a top-up counts as prepaid.
    pub(super) const fn limit(self) -> &'static str {
        match self {
            Self::Balance | Self::Bank | Self::Tempo => "1 USD",
            Self::Card => "0.999 USD",
        }
    }

    /// Its name among the gateway's payment methods.
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::Balance | Self::Bank | Self::Card => "balance",
            Self::Tempo => "tempo",
        }
    }

    /// What a route accepts.
    pub(super) fn accept(self) -> String {
        let top_up = if self == Self::Card { ", \"simulated/topup\"" } else { "" };
        format!("\"{}/charge\"{top_up}", self.method())
    }

    /// Which request meets the upstream's one failure.
    pub(super) const fn fragile(self) -> u64 {
        self.requests() / 2
    }
}

#[cfg(test)]
mod tests {
    use farthing_money::Price;

    use super::*;

    #[test]
    fn the_requests_come_to_the_limit() {
        for rail in [Rail::Balance, Rail::Bank, Rail::Card, Rail::Tempo] {
            let (price, limit): (Price, Price) = (rail.price().parse().unwrap(), rail.limit().parse().unwrap());
            let prepaid = if rail == Rail::Card { price.millionths() } else { 0 };
            assert_eq!(price.millionths() * rail.requests(), limit.millionths() + prepaid, "{rail:?}");
        }
    }
}
