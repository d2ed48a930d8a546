//! `farthing sessions`: deposits that vouchers are drawn from, and getting the rest of them back.

mod close;
mod shown;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_wallet::PayingClient;
use farthing_wallet::sessions::{KeptSession, SessionState};

use super::home::WhichWallet;
use crate::failure::Failure;
use crate::terminal;

/// Some of what was to be done is not known to be done yet: the same command goes on with it.
const NOT_YET: u8 = 5;

/// Sessions: one deposit, many payments.
#[derive(Subcommand)]
pub(crate) enum Sessions {
    /// The sessions of a wallet, and what lies in them.
    #[command(after_help = "Example:\n  farthing sessions list --wallet agent --json")]
    List(List),
    /// One session.
    #[command(after_help = "Example:\n  farthing sessions show 0x3a5f --wallet agent")]
    Show(One),
    /// Find out how sessions stand: from the chain that holds the deposit, and from the seller.
    #[command(after_help = "Examples:\n  farthing sessions sync\n  farthing sessions sync 0x3a5f\n\n\
        Exit codes: 0 found out, 1 failed, 2 wrong use, 5 somebody did not answer (ask again later).")]
    Sync(Sync),
    /// End sessions: the seller keeps what was spent, and the rest comes back.
    #[command(after_help = "Examples:\n  farthing sessions close 0x3a5f\n  farthing sessions close --idle 10m\n  \
        farthing sessions close 0x3a5f --force --wait\n\n\
        With --force the rest is taken back on the chain, without the seller: it is asked for, and can be taken\n\
        once the time is over in which the seller may still collect. The same command goes on with it.\n\n\
        Exit codes: 0 ended, 1 failed, 2 wrong use, 5 not ended yet (the same command goes on with it).")]
    Close(close::Close),
}

#[derive(Args)]
pub(crate) struct List {
    /// Those that have ended, too.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    which: WhichWallet,
}

#[derive(Args)]
pub(crate) struct One {
    /// The session's channel, or how it begins.
    channel: String,
    #[command(flatten)]
    which: WhichWallet,
}

#[derive(Args)]
pub(crate) struct Sync {
    /// The session's channel, or how it begins; all that have not ended, if absent.
    channel: Option<String>,
    #[command(flatten)]
    which: WhichWallet,
}

impl Sessions {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(one) => {
                let session = named(of_wallet(&one.which).await?, &one.channel)?;
                shown::one(&session, one.which.json);
                Ok(ExitCode::SUCCESS)
            }
            Self::Sync(sync) => sync.run().await,
            Self::Close(close) => close.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<ExitCode, Failure> {
        let mut sessions = of_wallet(&self.which).await?;
        sessions.retain(|session| self.all || session.state != SessionState::Closed);
        shown::list(&sessions, self.which.json);
        Ok(ExitCode::SUCCESS)
    }
}

impl Sync {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.which.home.client(&self.which.wallet).await?;
        let (mut synced, mut complete) = (Vec::new(), true);
        for session in chosen(&client, self.channel.as_deref()).await? {
            let found = client.sync_session(&session).await.map_err(said)?;
            if let Some(obstacle) = &found.obstacle {
                complete = false;
                terminal::complain(&format!("{}: {obstacle}", shown::name(&found.session)));
            }
            synced.push(found.session);
        }
        shown::list(&synced, self.which.json);
        Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(NOT_YET) })
    }
}

/// The sessions of a wallet, without opening its keys.
async fn of_wallet(which: &WhichWallet) -> Result<Vec<KeptSession>, Failure> {
    which.home.wallets()?.sessions(&which.wallet).await.map_err(|error| Failure::new(error.to_string()))
}

/// The session that is named, or all that have not ended.
async fn chosen(client: &PayingClient, channel: Option<&str>) -> Result<Vec<KeptSession>, Failure> {
    let mut sessions = client.sessions().await.map_err(said)?;
    match channel {
        Some(channel) => Ok(vec![named(sessions, channel)?]),
        None => {
            sessions.retain(|session| session.state != SessionState::Closed);
            Ok(sessions)
        }
    }
}

/// The only session whose channel begins so.
fn named(sessions: Vec<KeptSession>, begins: &str) -> Result<KeptSession, Failure> {
    let begins = begins.to_ascii_lowercase();
    let mut found = sessions.into_iter().filter(|session| {
        session.channel.as_ref().is_some_and(|channel| channel.to_ascii_lowercase().starts_with(&begins))
    });
    match (found.next(), found.next()) {
        (Some(session), None) => Ok(session),
        (None, _) => Err(Failure::wrong_use(format!(
            "no session of this wallet begins with \"{begins}\"; see them with: farthing sessions list --all"
        ))),
        (Some(_), Some(_)) => {
            Err(Failure::wrong_use(format!("several sessions begin with \"{begins}\"; write more of the name")))
        }
    }
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
