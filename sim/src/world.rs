//! What everything in a run shares: the dice, the time, the trace, who is alive, and who checks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use farthing_protocol::{Credential, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::audit::Auditor;
use crate::dice::Dice;
use crate::faults::{Fault, Injected, Weather};
use crate::network::Link;
use crate::scenario::Scenario;
use crate::secrets::Secrets;
use crate::setting::Setting;

/// When every run begins, in milliseconds since 1970.
const BEGINNING: i64 = 1_800_000_000_000;
/// How often at most an effect lets others go first, before it happens.
const MOST_YIELDS: u64 = 4;
/// The longest that a process stands still: long enough for others to bury it.
const STALL: Duration = Duration::from_secs(9);

/// Somebody in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// A gateway.
    Gateway(usize),
    /// A process that pays out of the wallet.
    Wallet(usize),
    /// What the gateways stand in front of.
    Upstream,
    /// The rail that must be asked.
    Rail,
    /// What several gateways keep their books on.
    Store,
}

/// One life of a process: from its start until it dies. What outlives it does nothing any more: an effect of a dead
/// process never happens and never ends, as if its tasks were gone.
#[derive(Clone)]
pub struct Life {
    /// Whose.
    pub node: Node,
    over: Arc<AtomicBool>,
    ended: Arc<Notify>,
    standstill: Arc<Mutex<Standstill>>,
}

/// How a process was held up.
#[derive(Clone, Copy, Debug, Default)]
struct Standstill {
    until: Option<Instant>,
    /// Whether it may be that others took it for dead: it stood still, or did not reach the store.
    ever: bool,
}

/// One run.
pub struct World {
    /// Everything that is left to chance.
    pub dice: Dice,
    /// The setting.
    pub scenario: Scenario,
    secrets: Secrets,
    began: Instant,
    state: Mutex<State>,
}

struct State {
    trace: Vec<String>,
    steps: u64,
    injected: Injected,
    weather: Weather,
    crashes_left: u32,
    /// Added to everybody's clock.
    jumped: Duration,
    partitions: BTreeMap<(Node, Node), Instant>,
    links: Vec<Weak<Link>>,
    /// Those that were presented so far.
    credentials: Secrets,
    auditor: Auditor,
}

impl World {
    /// The world of a setting, before anything happens, in which nobody may see these secrets.
    pub fn new(setting: &Setting, secrets: Secrets) -> Arc<Self> {
        let (scenario, dice) = setting.prepare();
        let state = State {
            trace: Vec::new(),
            steps: 0,
            injected: Injected::default(),
            weather: scenario.weather,
            crashes_left: scenario.crashes,
            jumped: Duration::ZERO,
            partitions: BTreeMap::new(),
            links: Vec::new(),
            credentials: Secrets::default(),
            auditor: Auditor::new(&scenario),
        };
        Arc::new(Self { dice, scenario, secrets, began: Instant::now(), state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A life of a process begins.
    pub fn born(&self, node: Node) -> Life {
        self.note(node, "starts");
        Life { node, over: Arc::default(), ended: Arc::default(), standstill: Arc::default() }
    }

    /// Simulated time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The time of day at a node; each gateway's clock is off as the scenario says.
    pub fn now(&self, node: Node) -> Timestamp {
        let since = self.began.elapsed() + self.state().jumped;
        let since = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_unix_millis(BEGINNING.saturating_add(since).saturating_add(self.skew_of(node)))
    }

    fn skew_of(&self, node: Node) -> i64 {
        match node {
            Node::Gateway(number) => self.scenario.skews.get(number).copied().unwrap_or(0),
            _ => 0,
        }
    }

    /// Moves everybody's clock on at once, as when a machine was suspended.
    pub fn jump(&self, by: Duration) {
        self.state().jumped += by;
    }

    /// Writes a line of the trace: one step of the run.
    pub fn note(&self, node: Node, what: impl fmt::Display) {
        let at = self.began.elapsed().as_millis();
        let mut state = self.state();
        state.steps = state.steps.saturating_add(1);
        state.trace.push(format!("{at:>8} {node:<9} {what}"));
    }

    /// Counts a fault that is happening now.
    pub fn fault(&self, node: Node, fault: Fault) {
        self.note(node, format_args!("fault: {fault:?}"));
        let mut state = self.state();
        state.injected.count(fault);
        state.auditor.disrupted(fault);
    }

    /// Whether a fault of this likelihood happens now.
    pub fn strikes(&self, likelihood: impl Fn(&Weather) -> u64) -> bool {
        let thousandths = likelihood(&self.state().weather);
        thousandths > 0 && self.dice.thousandths(thousandths)
    }

    /// Nothing goes wrong any more.
    pub fn calm(&self) {
        let mut state = self.state();
        state.weather = Weather::default();
        state.partitions.clear();
    }

    /// Whether the weather has turned good for the rest of the run.
    pub fn is_calm(&self) -> bool {
        self.state().weather == Weather::default()
    }

    /// A credential is used for the first time, or again: from here on it must be seen by nobody but a gateway.
    pub fn presents(&self, credential: &Credential) {
        let header = credential.to_header();
        let token = header.rsplit(' ').next().unwrap_or_default();
        let signature = credential.payload().get("signature").and_then(|signature| signature.as_str());
        let mut state = self.state();
        state.credentials.add("a credential", token.as_bytes());
        state.credentials.add("a credential's signature", signature.unwrap_or_default().as_bytes());
    }

    /// Looks through what somebody can read: it gives no secret away, and no credential where none belongs.
    pub fn overhear(&self, place: impl fmt::Display, bytes: &[u8], credentials_belong: bool) {
        let mut state = self.state();
        let secret = self.secrets.given_away_by(bytes);
        let secret = secret.or_else(|| if credentials_belong { None } else { state.credentials.given_away_by(bytes) });
        if let Some(what) = secret {
            state.auditor.found(format!("{place} gives away {what}"));
        }
    }

    /// Lets the auditor see something, and notes what it finds wrong.
    pub fn audit<T>(&self, look: impl FnOnce(&mut Auditor) -> T) -> T {
        look(&mut self.state().auditor)
    }

    /// Something that reaches beyond a process is about to happen: others may go first, and the process may die
    /// instead.
    pub async fn effect(self: &Arc<Self>, life: &Life, what: impl Into<String> + Send) {
        for _ in 0..self.dice.below(MOST_YIELDS) {
            tokio::task::yield_now().await;
        }
        life.gate().await;
        self.note(life.node, what.into());
        self.may_die(life);
        self.may_stall(life);
        life.gate().await;
    }

    /// The process may stand still from here on, for a while.
    fn may_stall(&self, life: &Life) {
        if matches!(life.node, Node::Gateway(_)) && self.strikes(|weather| weather.stall) {
            let during = self.dice.up_to(STALL);
            self.fault(life.node, Fault::GatewayStall);
            self.note(life.node, format_args!("stands still for {during:?}"));
            life.stand_still(Instant::now() + during);
        }
    }

    /// The process may die here.
    pub fn may_die(self: &Arc<Self>, life: &Life) {
        match life.node {
            Node::Gateway(_) if self.state().crashes_left > 0 && self.strikes(|weather| weather.crash) => {
                self.state().crashes_left -= 1;
                self.fault(life.node, Fault::GatewayCrash);
                self.kill(life);
            }
            Node::Wallet(number)
                if number < self.scenario.processes && self.strikes(|weather| weather.wallet_crash) =>
            {
                self.fault(life.node, Fault::WalletCrash);
                self.kill(life);
            }
            _ => {}
        }
    }

    /// Ends a life: its connections break, and nothing that it began has an effect any more.
    pub fn kill(&self, life: &Life) {
        life.over.store(true, Ordering::SeqCst);
        life.ended.notify_waiters();
        let mut state = self.state();
        state.links.retain(|link| link.strong_count() > 0);
        let links: Vec<_> = state.links.iter().filter_map(Weak::upgrade).collect();
        drop(state);
        links.iter().filter(|link| link.is_of(life)).for_each(|link| link.reset());
    }

    /// Two sides cannot reach each other for a while.
    pub fn part(&self, one: Node, other: Node, during: Duration) {
        self.fault(one, Fault::Partition);
        self.note(one, format_args!("cannot reach {other} for {during:?}"));
        self.state().partitions.insert((one.min(other), one.max(other)), Instant::now() + during);
    }

    /// When what is sent now from one side to another arrives.
    pub fn arrival(&self, from: Node, to: Node) -> Instant {
        let soonest = Instant::now() + self.dice.up_to(self.scenario.network);
        let Some(healed) = self.parted_until(from, to).filter(|healed| *healed > soonest) else { return soonest };
        // It is held up now, however long ago the two sides were parted.
        self.state().auditor.disrupted(Fault::Partition);
        healed
    }

    /// Until when two sides cannot reach each other; nothing when they can.
    pub fn parted_until(&self, one: Node, other: Node) -> Option<Instant> {
        let healed = self.state().partitions.get(&(one.min(other), one.max(other))).copied();
        healed.filter(|healed| *healed > Instant::now())
    }

    /// Remembers a connection, to break it when one of its ends dies.
    pub fn watch(&self, link: &Arc<Link>) {
        self.state().links.push(Arc::downgrade(link));
    }

    /// What the run came to: trace, number of steps, faults.
    pub fn story(&self) -> (Vec<String>, u64, Injected) {
        let mut state = self.state();
        (std::mem::take(&mut state.trace), state.steps, state.injected.clone())
    }
}

impl Life {
    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Passes while the process lives and does not stand still; for ever after it never does.
    pub async fn gate(&self) {
        while let Some(until) = self.stands_still_until() {
            tokio::time::sleep_until(until).await;
        }
        if self.is_over() {
            std::future::pending::<()>().await;
        }
    }

    fn standstill(&self) -> MutexGuard<'_, Standstill> {
        self.standstill.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stand_still(&self, until: Instant) {
        let mut standstill = self.standstill();
        standstill.until = standstill.until.max(Some(until));
        standstill.ever = true;
    }

    /// Until when it stands still; nothing when it does not.
    pub fn stands_still_until(&self) -> Option<Instant> {
        self.standstill().until.filter(|until| *until > Instant::now())
    }

    /// It does not reach the store: others may take it for dead.
    pub fn is_cut_off(&self) {
        self.standstill().ever = true;
    }

    /// Whether others may ever have taken it for dead.
    pub fn was_held_up(&self) -> bool {
        self.standstill().ever
    }

    /// Resolves when it is over.
    pub async fn ended(&self) {
        let ended = self.ended.notified();
        if !self.is_over() {
            ended.await;
        }
    }

    /// Whether it is the same life.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.over, &other.over)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(number) => formatter.pad(&format!("gateway{number}")),
            Self::Wallet(number) => formatter.pad(&format!("wallet{number}")),
            Self::Upstream => formatter.pad("upstream"),
            Self::Rail => formatter.pad("rail"),
            Self::Store => formatter.pad("store"),
        }
    }
}
