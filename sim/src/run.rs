//! One seed, from its beginning until everything has come to rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use farthing_books::session::SessionFilter;
use farthing_books::{Command, PaymentFilter, TransferId};
use farthing_money::Amount;
use farthing_rail::{PayerId, Signer as _};
use farthing_rail_balance::asset_of;
use farthing_store::{AuditFilter, Books, Fate};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::Broken;
use crate::audit::{Outcome, missing_in_record};
use crate::buyer::Buyers;
use crate::disk;
use crate::faults::Injected;
use crate::home::Home;
use crate::seller::Sellers;
use crate::setting::Setting;
use crate::world::{Node, World};

/// How long things go wrong, and how long they may take to be set right after that: a wallet goes on with an opening
/// that was never taken until its offer is over for a minute, and the seller's clock may be ten minutes ahead.
const STORM: Duration = Duration::from_secs(60);
const CALM: Duration = Duration::from_secs(1_200);
/// By how much every clock jumps when all buyers are served: past every deadline.
const JUMP: Duration = Duration::from_secs(2 * 3600);
/// How often it jumps, at most, until nothing is open any more, and how long there is to work in between.
const JUMPS: usize = 6;
const REST: Duration = Duration::from_secs(45);

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which run.
    pub seed: u64,
    /// Everything that happened, a line for each step.
    pub trace: Vec<String>,
    /// How many steps that were.
    pub steps: u64,
    /// How long it took where it happened.
    pub simulated: Duration,
    /// What went wrong.
    pub injected: Injected,
    /// How many orders came to what.
    pub outcomes: Vec<(Outcome, u64)>,
    /// What was not as promised; nothing, if all is well.
    pub findings: Vec<String>,
}

/// One run of a seed. The same seed makes the same run.
pub fn run(seed: u64, home: &Home) -> Result<Report, Broken> {
    play(&Setting::of(seed), home)
}

/// One run of a setting.
pub fn play(setting: &Setting, home: &Home) -> Result<Report, Broken> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| Broken(format!("no runtime: {error}")))?;
    farthing_gateway::repeat_challenges(setting.seed);
    drop(home.logs().take());
    let report = tracing::dispatcher::with_default(&home.logs().dispatch, || runtime.block_on(live(setting, home)));
    runtime.shutdown_background();
    report
}

async fn live(setting: &Setting, home: &Home) -> Result<Report, Broken> {
    let world = World::new(setting, home.secrets().clone());
    let wallet = home.fresh(world.scenario.cap)?.clone();
    // Two runs of one process must not find each other's rows.
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let (store, budgets) = (format!("run-{run}-books"), format!("run-{run}-budgets"));
    let broken = |error: &dyn std::fmt::Display| Broken(format!("the books cannot be made: {error}"));
    let (eye, mut hand) = Books::by_hand(&store).map_err(|error| broken(&error))?;
    let (budget, _kept) = Books::by_hand(&budgets).map_err(|error| broken(&error))?;
    let asset = asset_of("usd.6").map_err(|error| broken(&error))?;
    let grant = Command::Grant {
        id: TransferId([0; 16]),
        payer: PayerId::new(wallet.signer().did()),
        asset: asset.clone(),
        amount: Amount::new(world.scenario.balance.into()),
        at: world.now(Node::Rail),
    };
    eye.submit_later(grant).map_err(|error| broken(&error))?;
    hand.commit(Fate::Durable);
    disk::look(&world, &eye).await;

    let sellers = Sellers::new(&world, &store, eye);
    let mut nodes = JoinSet::new();
    for number in 0..world.scenario.gateways {
        nodes.spawn(Arc::clone(&sellers).keep(number));
    }
    nodes.spawn(weather(Arc::clone(&world)));
    let buyers = Arc::new(Buyers { world: Arc::clone(&world), sellers: Arc::clone(&sellers), wallet, budgets });
    let mut buying = JoinSet::new();
    for (number, orders) in world.scenario.orders.iter().enumerate() {
        buying.spawn(Arc::clone(&buyers).run(number, orders.clone()));
    }
    for (number, (after, amount)) in world.scenario.top_ups.iter().copied().enumerate() {
        let (sellers, payer) = (Arc::clone(&sellers), PayerId::new(buyers.wallet.signer().did()));
        let name = u8::try_from(number).unwrap_or_default().wrapping_add(100);
        let (transfer, asset) = (TransferId([name; 16]), asset.clone());
        buying.spawn(async move {
            tokio::time::sleep(after).await;
            sellers.top_up(transfer, payer, asset, Amount::new(amount.into())).await;
            Ok(())
        });
    }
    let bought = tokio::time::timeout(STORM + CALM, all(&world, &mut buying)).await;
    bought.unwrap_or(Ok(()))?;
    world.calm();
    rest(&world, &sellers).await?;
    while let Some(ended) = nodes.try_join_next() {
        ended.map_err(|error| Broken(format!("a gateway's keeper ended: {error}")))??;
    }
    let decisions = budget.audit(AuditFilter { limit: u32::MAX, ..AuditFilter::default() }).await;
    for record in decisions.map_err(|error| broken(&error))? {
        let missing = missing_in_record(&record.text);
        world.audit(|auditor| missing.into_iter().for_each(|missing| auditor.found(missing)));
    }
    world.overhear("a log", &home.logs().take(), false);
    finish(&world, &sellers, setting.seed).await
}

/// Waits for every buyer, or until something is found.
async fn all(world: &World, buying: &mut JoinSet<Result<(), Broken>>) -> Result<(), Broken> {
    while let Some(ended) = buying.join_next().await {
        ended.map_err(|error| Broken(format!("a buyer's process ended: {error}")))??;
        if world.audit(|auditor| !auditor.findings().is_empty()) {
            break;
        }
    }
    Ok(())
}

/// Parts the sides now and then, and ends the storm.
async fn weather(world: Arc<World>) -> Result<(), Broken> {
    while world.elapsed() < STORM && !world.is_calm() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if world.strikes(|weather| weather.partition) {
            let among = |count: usize| usize::try_from(world.dice.below(count.try_into().unwrap_or(1))).unwrap_or(0);
            let gateway = Node::Gateway(among(world.scenario.gateways));
            // A file is no further than the process.
            let other = match among(if world.scenario.gateways > 1 { 3 } else { 2 }) {
                0 => Node::Upstream,
                1 => Node::Wallet(among(world.scenario.processes)),
                _ => Node::Store,
            };
            world.part(gateway, other, world.dice.up_to(Duration::from_secs(15)));
        }
    }
    world.note(Node::Rail, "the weather turns good");
    world.calm();
    std::future::pending().await
}

/// Lets every deadline pass, until no payment is open.
async fn rest(world: &Arc<World>, sellers: &Sellers) -> Result<(), Broken> {
    for _ in 0..JUMPS {
        tokio::time::sleep(REST).await;
        if open(sellers).await?.is_empty() {
            return Ok(());
        }
        world.note(Node::Rail, "every clock jumps");
        world.jump(JUMP);
    }
    Ok(())
}

/// The payments that are not over, by the books themselves.
async fn open(sellers: &Sellers) -> Result<Vec<String>, Broken> {
    let all = sellers.eye().payments(PaymentFilter::default()).await;
    let all = all.map_err(|error| Broken(format!("the payments cannot be read: {error}")))?;
    let open = all.into_iter().filter(|payment| !payment.state.is_final());
    Ok(open.map(|payment| format!("{} is still {}", payment.id, payment.state.as_str())).collect())
}

async fn finish(world: &Arc<World>, sellers: &Sellers, seed: u64) -> Result<Report, Broken> {
    let broken = |error: &dyn std::fmt::Display| Broken(format!("the books cannot be read: {error}"));
    disk::look(world, sellers.eye()).await;
    let accounts = sellers.eye().accounts().await.map_err(|error| broken(&error))?;
    let sessions = sellers.eye().sessions(SessionFilter::default()).await.map_err(|error| broken(&error))?;
    let verified = sellers.eye().verify().await.map_err(|error| broken(&error))?;
    let left = open(sellers).await?;
    let (trace, steps, injected) = world.story();
    trace.iter().for_each(|line| world.overhear("the trace", line.as_bytes(), false));
    let (findings, outcomes) = world.audit(|auditor| {
        auditor.conclude();
        auditor.compare_sessions(&sessions);
        let mut findings = auditor.findings().to_vec();
        findings.extend(auditor.ledger.compare(&accounts));
        findings.extend(verified.findings.iter().map(|finding| format!("books verify: {finding:?}")));
        findings.extend(left);
        (findings, auditor.outcomes().into_iter().collect())
    });
    let simulated = world.elapsed();
    Ok(Report { seed, trace, steps, simulated, injected, outcomes, findings })
}

/// The sums of many runs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// How many runs.
    pub seeds: u64,
    /// Their steps.
    pub steps: u64,
    /// How long they were where they happened, in seconds.
    pub simulated_seconds: u64,
    /// What came of the orders.
    pub outcomes: std::collections::BTreeMap<String, u64>,
    /// What went wrong.
    pub faults: Injected,
    /// The seeds in which something was not as promised.
    pub failed: Vec<u64>,
}

impl Totals {
    /// Adds a run.
    pub fn add(&mut self, report: &Report) {
        self.seeds = self.seeds.saturating_add(1);
        self.steps = self.steps.saturating_add(report.steps);
        self.simulated_seconds = self.simulated_seconds.saturating_add(report.simulated.as_secs());
        self.faults.add(&report.injected);
        for (outcome, count) in &report.outcomes {
            *self.outcomes.entry(format!("{outcome:?}").to_lowercase()).or_default() += count;
        }
        if !report.findings.is_empty() {
            self.failed.push(report.seed);
        }
    }
}
