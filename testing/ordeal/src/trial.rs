//! What the trials have in common: a gateway that is kept busy, a moment that is drawn, and the comparison at the end.

use std::time::Duration;

use crate::chance::Chance;
use crate::load::{Crowd, Load};
use crate::street::{Places, Street};
use crate::upstream::Upstream;
use crate::verdict::Verdict;

/// How long a gateway may take to sell anything at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How many times something is broken.
    pub rounds: u32,
    /// From which the moments and the rail's answers are drawn.
    pub seed: u64,
    /// Who buys meanwhile.
    pub crowd: Crowd,
}

/// A gateway under load.
pub(crate) struct Trial {
    pub(crate) street: Street,
    pub(crate) load: Load,
    pub(crate) chance: Chance,
    payers: Vec<String>,
}

impl Trial {
    /// The gateway is there, and everybody begins to buy.
    pub(crate) async fn begin(places: Places, crowd: Crowd, seed: u64) -> anyhow::Result<Self> {
        let mut chance = Chance::new(seed);
        let mut street = Street::new(places, Upstream::default(), seed)?;
        street.start().await?;
        let payers = street.grant(&crowd).await?;
        let load = crowd.start(&street.shop, &mut chance)?;
        Ok(Self { street, load, chance, payers })
    }

    /// Until a moment that is drawn. Something is sold before it, so that a slow machine tries the same as a fast one.
    pub(crate) async fn until_some_moment(&mut self) -> anyhow::Result<()> {
        self.load.wait_for(1 + self.chance.below(40), PATIENCE).await?;
        tokio::time::sleep(Duration::from_millis(self.chance.below(25))).await;
        Ok(())
    }

    /// Until enough was sold to say that it goes on.
    pub(crate) async fn goes_on(&mut self) -> anyhow::Result<()> {
        self.load.wait_for(10, PATIENCE).await
    }

    /// Everybody finishes, and what they saw is compared.
    pub(crate) async fn judge(mut self) -> anyhow::Result<Verdict> {
        let journal = self.load.finish().await?;
        self.street.judge(&journal, &self.payers).await
    }
}
