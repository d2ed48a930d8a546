//! The PostgreSQL server of the books goes away under load while the gateway lives: nobody is served unpaid, everybody is
//! told when to come back, and with a server again the same process goes on and has lost nothing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;
use farthing_testing_postgres::Cluster;
use tokio::task::block_in_place;

use crate::disk::{Disk, Kind};
use crate::shortage::until_refused;
use crate::street::Places;
use crate::trial::{Effort, Trial};
use crate::verdict::Verdict;

/// Enough for a new server, and a few thousand payments.
const DISK: u64 = 192;
/// Of a server whose disk may be full: it writes no more log beside its tables than has room there, and what it said
/// was written is.
const FRUGAL: &str = "max_wal_size = 64MB\nmin_wal_size = 32MB\nfsync = on\nfull_page_writes = on\n";

/// What befalls the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Blow {
    /// SIGQUIT: its processes end at once, and the same data is started again.
    Quit,
    /// SIGKILL, to every process of it.
    Kill,
    /// The primary is killed, and its synchronous standby promoted.
    Failover,
    /// No room on its disk, until there is again.
    Full,
}

impl Blow {
    /// Why it cannot be tried here; nothing when it can.
    pub fn impossible(self) -> Option<String> {
        (self == Self::Full).then(|| Disk::impossible(Kind::Ext4)).flatten()
    }
}

/// A server, and what it needs to be struck.
enum Server {
    Alone(Cluster),
    /// The one that takes writes, and the one that follows it.
    Pair(Cluster, Cluster),
    /// The disk goes last.
    OnDisk(Cluster, Disk),
}

/// Strikes so many times, then compares what everybody saw.
pub async fn run(binary: &Path, blow: Blow, effort: Effort) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(blow, folder.path())?;
    let places = Places::on_server(binary, folder.path(), server.address());
    let mut trial = Trial::begin(places, effort.crowd, effort.seed).await?;
    for _ in 0..effort.rounds {
        trial.until_some_moment().await?;
        block_in_place(|| server.strike(blow))?;
        // Sometimes it is back before anybody but those in the middle of something has noticed.
        if blow == Blow::Full || trial.chance.below(2) == 0 {
            until_refused(&trial.load).await?;
        }
        block_in_place(|| server.mend())?;
        trial.goes_on().await.context("with its books again the gateway does not go on")?;
        server = block_in_place(|| server.make_ready())?;
    }
    trial.judge().await
}

impl Server {
    fn start(blow: Blow, folder: &Path) -> anyhow::Result<Self> {
        match blow {
            Blow::Quit | Blow::Kill => Ok(Self::Alone(Cluster::start()?)),
            Blow::Failover => {
                let primary = Cluster::start()?;
                let standby = primary.standby()?;
                primary.wait_for_standby_at_commits()?;
                Ok(Self::Pair(primary, standby))
            }
            Blow::Full => {
                let disk = Disk::of_size(folder, Kind::Ext4, DISK)?;
                // The server has a user of its own, who has to come by.
                std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711))?;
                Ok(Self::OnDisk(Cluster::start_in(disk.place(), FRUGAL)?, disk))
            }
        }
    }

    /// Names both of a pair: whichever takes writes is used.
    fn address(&self) -> String {
        match self {
            Self::Alone(server) | Self::OnDisk(server, _) => server.address(),
            Self::Pair(one, other) => {
                format!("postgres://postgres@{},{}/postgres?schema=shop", one.host(), other.host())
            }
        }
    }

    fn strike(&self, blow: Blow) -> anyhow::Result<()> {
        match self {
            Self::Alone(server) if blow == Blow::Quit => Ok(server.kill()?),
            Self::Alone(server) | Self::Pair(server, _) => Ok(server.kill_outright()?),
            Self::OnDisk(_, disk) => disk.fill(),
        }
    }

    /// Somebody takes writes again.
    fn mend(&self) -> anyhow::Result<()> {
        match self {
            Self::Alone(server) => Ok(server.revive()?),
            Self::Pair(_, standby) => Ok(standby.promote()?),
            Self::OnDisk(server, disk) => {
                disk.empty()?;
                Ok(server.revive()?)
            }
        }
    }

    /// Everything is there for the next blow: the one that was killed follows the one that was promoted.
    fn make_ready(self) -> anyhow::Result<Self> {
        let Self::Pair(killed, promoted) = self else { return Ok(self) };
        killed.follow(&promoted)?;
        promoted.wait_for_standby_at_commits()?;
        Ok(Self::Pair(promoted, killed))
    }
}
