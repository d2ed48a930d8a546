use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use farthing_wallet::PayingClient;
use farthing_wallet::client::Ended;
use farthing_wallet::sessions::KeptSession;
use serde_json::json;

use super::{NOT_YET, chosen, said, shown};
use crate::commands::home::WhichWallet;
use crate::commands::key::delegated::Lasting;
use crate::failure::Failure;
use crate::{clock, terminal};

/// How often a chain is asked whether the time is over, where it does not say when it will be.
const GLANCE: Duration = Duration::from_secs(15);

#[derive(Args)]
pub(crate) struct Close {
    /// The session's channel, or how it begins.
    #[arg(required_unless_present_any = ["all", "idle"])]
    channel: Option<String>,
    /// Every session that has not ended.
    #[arg(long, conflicts_with = "channel")]
    all: bool,
    /// Those that were last used so long ago.
    #[arg(long, value_name = "DURATION", conflicts_with = "channel")]
    idle: Option<Lasting>,
    /// Take the rest back on the chain, without the seller.
    #[arg(long)]
    force: bool,
    /// With --force: wait until the rest can be taken, and take it.
    #[arg(long, requires = "force")]
    wait: bool,
    #[command(flatten)]
    which: WhichWallet,
}

impl Close {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.which.home.client(&self.which.wallet).await?;
        let mut sessions = chosen(&client, self.channel.as_deref()).await?;
        if let Some(Lasting(idle)) = self.idle {
            sessions.retain(|session| clock::now().since(session.used_at) >= idle);
        }
        let mut worst = 0;
        for session in sessions {
            let ended = self.end(&client, &session).await?;
            worst = worst.max(self.say(&session, &ended));
        }
        Ok(ExitCode::from(worst))
    }

    async fn end(&self, client: &PayingClient, session: &KeptSession) -> Result<Ended, Failure> {
        if !self.force {
            return client.close_session(session).await.map_err(said);
        }
        loop {
            let ended = client.reclaim_session(session).await.map_err(said)?;
            let Ended::Waiting { until } = &ended else { return Ok(ended) };
            if !self.wait {
                return Ok(ended);
            }
            let left = until.map_or(GLANCE, |until| until.since(clock::now()).clamp(Duration::from_secs(1), GLANCE));
            let spinner = terminal::spinner("waiting until the rest can be taken back");
            tokio::time::sleep(left).await;
            spinner.finish_and_clear();
        }
    }

    /// Says what became of one; the exit code that it stands for.
    fn say(&self, session: &KeptSession, ended: &Ended) -> u8 {
        let (word, sentence, exit) = match ended {
            Ended::Closed { cost } => ("closed", format!("closed; it cost {cost}"), 0),
            Ended::Settling => {
                ("settling", "the seller is settling it; the chain does not show it yet".into(), NOT_YET)
            }
            Ended::Waiting { until: Some(until) } => {
                let at = until.to_rfc3339();
                ("waiting", format!("the rest can be taken back from {at} on, by the same command"), NOT_YET)
            }
            Ended::Waiting { until: None } => ("waiting", "the rest can be taken back later".into(), NOT_YET),
            Ended::Not { sentence } => ("not-closed", format!("not closed: {sentence}"), 1),
            _ => ("not-closed", "not closed".into(), 1),
        };
        if self.which.json {
            let until = if let Ended::Waiting { until: Some(until) } = ended { Some(until.to_rfc3339()) } else { None };
            let cost = if let Ended::Closed { cost } = ended { Some(cost.to_string()) } else { None };
            terminal::say_json(&json!({
                "channel": session.channel, "outcome": word, "cost": cost, "until": until, "sentence": sentence,
            }));
        } else {
            terminal::say(&format!("{}  {sentence}", shown::name(session)));
        }
        exit
    }
}
