//! `farthing demo`: the main job, with nothing installed and nothing configured.
//!
//! Three processes over real sockets, in a directory of their own: an upstream that knows nothing
//! of payments, a gateway in front of it, and this process as the agent with a wallet. Only the
//! money is not real: it is granted to the agent's balance in development mode, or lies on a chain
//! that this process starts.

mod agent;
mod bank;
mod card;
mod chain;
mod rail;
mod replay;
mod report;
mod sessions;
mod stage;
mod upstream;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use farthing_wallet::Outcome;
use farthing_wallet::policy::Rule;
use futures_util::stream::{self, StreamExt};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use url::Url;

use self::agent::Agent;
use self::rail::Rail;
use self::report::Report;
use self::stage::Stage;
use crate::failure::{Failure, OrFail};
use crate::terminal;

/// How many purchases are under way at a time.
const AT_ONCE: usize = 8;
/// Every so many requests buy a token stream.
const STREAM_EVERY: u64 = 100;
/// The gateway writes the end of a delivery behind the response.
const LAST_WRITES: Duration = Duration::from_millis(300);

/// Watch an agent buy a thousand requests, be stopped by its limit, and the books balance.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  farthing demo\n  farthing demo --rail tempo\n  farthing demo --rail bank\n  farthing demo --rail card\n  \
    farthing demo --sessions\n  \
    farthing demo --upstream http://127.0.0.1:8080/\n\n\
    On Tempo the agent buys 200 requests of 0.005 USD, since each is a transaction on a chain that is \
    started on this machine; the chain's node is fetched from npm the first time.\n\n\
    Exit code 0 only when everything happened as it says."
)]
pub(crate) struct Demo {
    /// What the payments are settled on.
    #[arg(long, value_enum, default_value_t = Rail::Balance)]
    rail: Rail,
    /// Buy an answer by the token instead, on one deposit, and kill the gateway and the wallet in the middle.
    #[arg(long, conflicts_with = "upstream")]
    sessions: bool,
    /// Put the gateway before this server instead of the demo's own; the agent buys this URL.
    #[arg(long)]
    upstream: Option<Url>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Be the demo's upstream.
    #[arg(long, hide = true)]
    serve_upstream: bool,
}

impl Demo {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        if self.serve_upstream {
            upstream::serve().await?;
            return Ok(ExitCode::SUCCESS);
        }
        if self.sessions && matches!(self.rail, Rail::Bank | Rail::Card) {
            return Err(Failure::wrong_use("--sessions is shown on balance and on tempo; leave --rail out"));
        }
        if self.sessions {
            return sessions::run(self.rail, self.json).await;
        }
        let started = Instant::now();
        let say = |line: &str| {
            if !self.json {
                terminal::say(line);
            }
        };
        let stage = Stage::set(self.rail, self.upstream.as_ref()).await?;
        let money = match stage.chain() {
            Some(chain) => {
                say(&format!(
                    "chain     {}  (a Tempo node of this demo's; each of {} payments is a transaction on it)",
                    chain.rpc(),
                    self.rail.requests()
                ));
                "its 2 USD are test money on that chain"
            }
            None if stage.bank().is_some() => {
                say("bank      none: this demo writes the statements of an account itself, and no money moves");
                "its 2 USD came by a transfer that a generated statement shows"
            }
            None if self.rail == Rail::Card => {
                say("card      none: a simulated card processor stands in for one; no money moves");
                "and fill its balance here with 5 USD by card"
            }
            None => "its balance of 2 USD is play money",
        };
        say(&format!("upstream  {}  (an ordinary HTTP server)", stage.upstream_address()));
        say(&format!(
            "gateway   {}  (the same, at {} a request)",
            stage.shop().as_str().trim_end_matches('/'),
            self.rail.price()
        ));
        let agent = Agent::hire(&stage).await?;
        say(&format!("agent     {}  (may spend {} in total; {money})", agent.payer(), self.rail.limit()));

        let mut report = Report::of(self.rail);
        self.buy(&stage, &agent, &mut report).await?;
        self.provoke(&stage, &agent, &mut report).await?;
        tokio::time::sleep(LAST_WRITES).await;
        report.count(&stage, &agent).await?;
        if let Some(bank) = stage.bank() {
            report.sent_back(&bank.send_back(stage.admin(), agent.payer()).await?);
        }
        if self.rail == Rail::Card {
            report.paid_back(&card::pay_back(stage.admin(), agent.payer()).await?);
        }
        let books = stage.kill_gateway_and_open_its_books().await?;
        report.reconcile(&books, &agent, self.upstream.is_none()).await?;
        if let Some(chain) = stage.chain() {
            report.compare(chain, &agent).await?;
        }
        report.took(started.elapsed());

        if self.json {
            terminal::say_json(&report.to_json());
        } else {
            report.say();
        }
        Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// All the purchases that the limit allows.
    async fn buy(&self, stage: &Stage, agent: &Agent, report: &mut Report) -> Result<(), Failure> {
        let bar = progress(self.rail.requests());
        // One that finds no balance fills it; a second one beside it would want to as well.
        let first = u64::from(self.rail == Rail::Card);
        if first == 1 {
            report.bought(agent.buy(self.goods(stage, 0)?).await?).await;
            bar.inc(1);
        }
        let purchases =
            (first..self.rail.requests()).map(|number| async move { agent.buy(self.goods(stage, number)?).await });
        let mut purchases = stream::iter(purchases).buffer_unordered(AT_ONCE);
        while let Some(outcome) = purchases.next().await {
            let outcome = outcome?;
            bar.inc(1);
            report.bought(outcome).await;
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// What must not work: the payment after the limit, and a credential shown twice.
    async fn provoke(&self, stage: &Stage, agent: &Agent, report: &mut Report) -> Result<(), Failure> {
        if let Outcome::Refused { rule: Some(Rule::Total), sentence } = agent.buy(self.goods(stage, 1)?).await? {
            report.refusal = Some(sentence);
        }
        let other = Agent::hire_another(stage).await?;
        report.replay = Some(replay::buy_and_replay(&other, self.goods(stage, 1)?).await?);
        Ok(())
    }

    fn goods(&self, stage: &Stage, number: u64) -> Result<Url, Failure> {
        let path = match &self.upstream {
            Some(own) => own.path().to_owned(),
            None => path_of(self.rail, number),
        };
        stage.shop().join(&path).or_fail("the path is not one")
    }
}

fn path_of(rail: Rail, number: u64) -> String {
    let documents = upstream::DOCUMENTS.map(|(name, _)| name);
    let turn = usize::try_from(number).unwrap_or(0);
    let name = documents.into_iter().cycle().nth(turn % upstream::DOCUMENTS.len()).unwrap_or("readme");
    match number {
        _ if number == rail.fragile() => format!("/fragile/{name}"),
        _ if number.is_multiple_of(STREAM_EVERY) => format!("/stream/{name}"),
        _ => format!("/documents/{name}"),
    }
}

fn progress(requests: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("buying    {bar:40} {pos}/{len}  {per_sec}");
    let bar = ProgressBar::with_draw_target(Some(requests), ProgressDrawTarget::stderr());
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
