use farthing_money::Amount;

/// How many blocks an inclusion needs before it counts, by what is paid. The block of the inclusion
/// is the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmations {
    steps: Vec<Step>,
    /// For whatever no step is for.
    beyond: u64,
}

/// So many blocks for payments below an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Payments of less than this, in base units of the asset.
    pub below: Amount,
    /// Blocks.
    pub blocks: u64,
}

impl Confirmations {
    /// The same for every payment.
    pub fn always(blocks: u64) -> Self {
        Self { steps: Vec::new(), beyond: blocks }
    }

    /// By amount; `beyond` is for whatever no step is for.
    pub fn by_amount(mut steps: Vec<Step>, beyond: u64) -> Self {
        steps.sort_by_key(|step| step.below);
        Self { steps, beyond }
    }

    /// How many blocks a payment of this amount needs, at least one.
    pub fn of(&self, amount: Amount) -> u64 {
        let step = self.steps.iter().find(|step| amount < step.below);
        step.map_or(self.beyond, |step| step.blocks).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_payments_wait_longer() {
        let step = |below, blocks| Step { below: Amount::new(below), blocks };
        let confirmations = Confirmations::by_amount(vec![step(1000, 3), step(10, 0)], 12);
        for (amount, blocks) in [(0, 1), (9, 1), (10, 3), (999, 3), (1000, 12), (u128::MAX, 12)] {
            assert_eq!(confirmations.of(Amount::new(amount)), blocks, "{amount}");
        }
        assert_eq!(Confirmations::always(2).of(Amount::ZERO), 2);
    }
}
