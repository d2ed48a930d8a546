//! `kill -9` at any moment, under load, again and again.

use std::path::Path;
use std::time::Duration;

use farthing_testing_postgres::Cluster;

use crate::chance::Chance;
use crate::load::Crowd;
use crate::street::{Places, Street};
use crate::upstream::Upstream;
use crate::verdict::Verdict;

/// How long a gateway may take to sell anything at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How many gateways are killed.
    pub rounds: u32,
    /// From which the moments and the rail's answers are drawn.
    pub seed: u64,
    /// Who buys meanwhile.
    pub crowd: Crowd,
}

/// Kills so many gateways at their work, then compares what everybody saw.
pub async fn run(binary: &Path, effort: Effort) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir()?;
    run_on(Places::in_folder(binary, folder.path()), effort).await
}

/// The same with the books on a PostgreSQL server.
pub async fn run_on_postgres(binary: &Path, effort: Effort) -> anyhow::Result<Verdict> {
    let (folder, server) = (tempfile::tempdir()?, Cluster::start()?);
    run_on(Places::on_server(binary, folder.path(), server.address()), effort).await
}

async fn run_on(places: Places, effort: Effort) -> anyhow::Result<Verdict> {
    let mut chance = Chance::new(effort.seed);
    let mut street = Street::new(places, Upstream::default(), effort.seed)?;
    street.start().await?;
    let payers = street.grant(&effort.crowd).await?;
    let mut load = effort.crowd.start(&street.shop, &mut chance)?;
    for _ in 0..effort.rounds {
        // Every process sells something first, so that a slow machine tries the same as a fast one.
        load.wait_for(1 + chance.below(40), PATIENCE).await?;
        tokio::time::sleep(Duration::from_millis(chance.below(25))).await;
        street.kill().await?;
        street.start().await?;
    }
    load.wait_for(10, PATIENCE).await?;
    let journal = load.finish().await?;
    street.judge(&journal, &payers).await
}
