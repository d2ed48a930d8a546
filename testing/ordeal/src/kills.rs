//! `kill -9` at any moment, under load, again and again.

use std::path::Path;

use farthing_testing_postgres::Cluster;

use crate::street::Places;
use crate::trial::{Effort, Trial};
use crate::verdict::Verdict;

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
    let mut trial = Trial::begin(places, effort.crowd, effort.seed).await?;
    for _ in 0..effort.rounds {
        trial.until_some_moment().await?;
        trial.street.kill().await?;
        trial.street.start().await?;
    }
    trial.goes_on().await?;
    trial.judge().await
}
