//! The payers of a trial.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use farthing_load::buyer::Buyer;
use tokio::task::JoinSet;

use crate::chance::Chance;
use crate::journal::{Journal, Way};
use crate::shop::Shop;
use crate::upstream::DOOMED;
use crate::{purchase, vouchers};

/// How many payers of each kind.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Who pay each request out of a balance.
    pub balance: u32,
    /// Who pay each request over a rail that often gives no answer.
    pub rail: u32,
    /// Who pay by sessions.
    pub session: u32,
    /// How long each rests after a purchase.
    pub rest: Duration,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { balance: 3, rail: 4, session: 3, rest: Duration::ZERO }
    }
}

/// Payers at work.
pub struct Load {
    /// What they have done so far.
    pub journal: Arc<Journal>,
    payers: JoinSet<anyhow::Result<()>>,
}

/// The key of a payer; no two payers of a trial have the same.
pub(crate) fn buyer(way: Way, number: u32) -> anyhow::Result<Buyer> {
    let kind = match way {
        Way::Balance => 1,
        Way::Rail => 2,
        Way::Session => 3,
    };
    Buyer::from_seed(&format!("{kind:02x}{number:062x}"))
}

impl Crowd {
    /// Each payer that has a balance.
    pub fn prepaid(&self) -> anyhow::Result<Vec<String>> {
        let of = |way, count| (0..count).map(move |number| anyhow::Ok(buyer(way, number)?.did().to_string()));
        of(Way::Balance, self.balance).chain(of(Way::Session, self.session)).collect()
    }

    /// Everybody begins to buy.
    pub fn start(self, shop: &Shop, chance: &mut Chance) -> anyhow::Result<Load> {
        let (journal, mut payers) = (Arc::new(Journal::default()), JoinSet::new());
        for (way, count) in [(Way::Balance, self.balance), (Way::Rail, self.rail), (Way::Session, self.session)] {
            for number in 0..count {
                let (buyer, shop, journal) = (buyer(way, number)?, shop.clone(), Arc::clone(&journal));
                let chance = chance.branch();
                payers.spawn(async move { work(way, number, &buyer, &shop, &journal, chance, self.rest).await });
            }
        }
        Ok(Load { journal, payers })
    }
}

impl Load {
    /// Waits until so many more requests were answered.
    pub async fn wait_for(&mut self, more: u64, patience: Duration) -> anyhow::Result<()> {
        let wanted = self.journal.delivered() + more;
        let enough = async {
            while self.journal.delivered() < wanted {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::select! {
            () = enough => Ok(()),
            Some(ended) = self.payers.join_next() => ended?.and_then(|()| anyhow::bail!("a payer went home early")),
            () = tokio::time::sleep(patience) => anyhow::bail!("nothing is sold any more: {:?}", self.journal.later()),
        }
    }

    /// Lets everybody finish what they are doing.
    pub async fn finish(mut self) -> anyhow::Result<Arc<Journal>> {
        self.journal.end();
        while let Some(ended) = self.payers.join_next().await {
            ended?.context("a payer is stuck")?;
        }
        Ok(self.journal)
    }
}

async fn work(
    way: Way,
    payer: u32,
    buyer: &Buyer,
    shop: &Shop,
    journal: &Journal,
    mut chance: Chance,
    rest: Duration,
) -> anyhow::Result<()> {
    for number in 0_u32.. {
        if journal.is_over() {
            break;
        }
        if way == Way::Session {
            vouchers::run(shop, buyer, journal, &format!("{payer}-{number}"), rest).await?;
        } else {
            let fate = if chance.below(10) == 0 { DOOMED } else { "good" };
            let path = format!("/{}/{fate}/{payer}-{number}", way.path());
            purchase::buy(shop, buyer, journal, way, path, chance.below(6) == 0).await?;
            tokio::time::sleep(rest).await;
        }
    }
    Ok(())
}
