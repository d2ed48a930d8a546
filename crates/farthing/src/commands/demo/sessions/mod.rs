//! `farthing demo --sessions`: an answer that is paid by the token, and two processes that die in the middle.
//!
//! The agent is `farthing pay --stream` itself, run as a process, so that it can be killed like the gateway. What
//! arrived, what was signed for, what the books say and what the rail holds are counted in different places and
//! must agree.

mod agent;
mod report;
mod stage;
mod tokens;

use std::process::ExitCode;
use std::time::Instant;

use self::agent::Agent;
use self::report::Report;
use self::stage::Stage;
use super::rail::Rail;
use crate::failure::Failure;
use crate::terminal;

pub(super) use tokens::serve;

/// How many tokens the agent wants in all.
const TOKENS: u64 = 5_000;
/// What one costs.
const PRICE: &str = "0.00002 USD";
const PRICE_MILLIONTHS: u64 = 20;
/// What the gateway suggests to deposit: less than all of it, so that the wallet has to top up.
const DEPOSIT: &str = "0.04 USD";
/// What may be under way without being written down as delivered, which is what a crash can cost; and how many tokens
/// that is.
const SLICE: &str = "0.0005 USD";
const SLICE_TOKENS: u64 = 25;
/// After so many tokens the gateway dies, and after so many the wallet.
const GATEWAY_DIES_AFTER: u64 = 1_500;
const WALLET_DIES_AFTER: u64 = 3_000;

/// Streams, kills, goes on, closes and adds up.
pub(super) async fn run(rail: Rail, is_json: bool) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let say = |line: &str| {
        if !is_json {
            terminal::say(line);
        }
    };
    let mut stage = Stage::set(rail).await?;
    say(&format!(
        "upstream  {}  (a model that streams {TOKENS} tokens, and knows nothing of payments)",
        stage.upstream()
    ));
    say(&format!("gateway   {}  (the same, at {PRICE} a token; deposit {DEPOSIT})", stage.shop()));
    let mut agent = Agent::hire(&stage).await?;
    stage.count_from_here().await?;
    say(&format!("agent     {}  (farthing pay --stream, may spend {} in all)", agent.payer(), agent::LIMIT));

    let mut report = Report::default();
    let first = agent.stream(stage.tokens_after(0), Some(GATEWAY_DIES_AFTER)).await?;
    stage.kill_gateway().await?;
    let cut = agent.wait(first).await?;
    say(&format!("crash     the gateway was killed with -9 after {} tokens; {}", agent.tokens(), cut.said()));
    stage.restart_gateway().await?;

    let second = agent.stream(stage.tokens_after(agent.tokens()), Some(WALLET_DIES_AFTER)).await?;
    agent.kill(second).await?;
    say(&format!("crash     the wallet was killed with -9 after {} tokens", agent.tokens()));

    let third = agent.stream(stage.tokens_after(agent.tokens()), None).await?;
    let end = agent.wait(third).await?;
    say(&format!("stream    {} tokens have arrived; {}", agent.tokens(), end.said()));
    report.streamed(&stage, &agent, &end).await?;
    let closed = agent.close_sessions().await?;
    say(&format!("close     {closed}"));

    report.reconcile(stage, &agent).await?;
    report.took(started.elapsed());
    if is_json {
        terminal::say_json(&report.to_json());
    } else {
        report.say();
    }
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
