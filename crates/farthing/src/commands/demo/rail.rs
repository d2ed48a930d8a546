//! What the demo is settled on.

use clap::ValueEnum;

/// Where the demo's money is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rail {
    /// A prepaid balance at the seller: play money, granted.
    Balance,
    /// A prepaid balance that comes by bank transfer and goes back: the demo writes the bank's statements itself.
    Bank,
    /// pathUSD on a Tempo chain that is started on this machine: each payment is a transaction.
    Tempo,
}

impl Rail {
    /// How many requests the agent buys until its limit stops it. On a chain each is a transaction that has to be in a
    /// block before the answer goes out, so there are fewer of them, and the demo still ends within a minute.
    pub(super) const fn requests(self) -> u64 {
        match self {
            Self::Balance | Self::Bank => 1000,
            Self::Tempo => 200,
        }
    }

    /// What each costs. All of them together are what the agent may spend.
    pub(super) const fn price(self) -> &'static str {
        match self {
            Self::Balance | Self::Bank => "0.001 USD",
            Self::Tempo => "0.005 USD",
        }
    }

    /// Its name among the gateway's payment methods.
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::Balance | Self::Bank => "balance",
            Self::Tempo => "tempo",
        }
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
        let limit: Price = super::super::agent::LIMIT.parse().unwrap();
        for rail in [Rail::Balance, Rail::Bank, Rail::Tempo] {
            let price: Price = rail.price().parse().unwrap();
            assert_eq!(price.millionths() * rail.requests(), limit.millionths(), "{rail:?}");
        }
    }
}
