//! What can go wrong, and how often it did.

use std::collections::BTreeMap;

use serde::Serialize;

/// Something that a run does to what it simulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A gateway's process dies between two of its effects, and starts again.
    GatewayCrash,
    /// A gateway's process stands still for a while, and then goes on as if nothing had been.
    GatewayStall,
    /// Others take a gateway for dead that is not.
    TakenForDead,
    /// A wallet's process dies, and starts again.
    WalletCrash,
    /// A connection cannot be made.
    Refused,
    /// A connection breaks before what was sent on it arrives.
    RequestLost,
    /// A connection breaks after the request has arrived and before its answer has.
    AnswerLost,
    /// A connection breaks in the middle of an answer.
    CutMidway,
    /// A connection stays open, and nothing arrives any more.
    Stalled,
    /// Somebody in between sends a request twice.
    Duplicated,
    /// Two sides cannot reach each other for a while; what was sent arrives when they can.
    Partition,
    /// A batch is lost, and its writers are told so.
    CommitLost,
    /// A batch is durable, and its writers are told that the disk did not answer.
    CommitUnanswered,
    /// A batch takes long.
    SlowDisk,
    /// A rail is not reached, and asks nothing of anybody.
    RailUnreached,
    /// A rail does what it is asked for, and its answer is lost.
    RailUnanswered,
    /// A rail answers late.
    RailSlow,
    /// A rail says no.
    RailRefused,
    /// A rail takes a payment back that it had said was settled.
    RailReversed,
    /// The upstream fails.
    UpstreamFailed,
    /// The clock of a gateway jumps.
    ClockJump,
}

/// How often each happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Injected(BTreeMap<Fault, u64>);

impl Injected {
    /// Counts one.
    pub fn count(&mut self, fault: Fault) {
        let times = self.0.entry(fault).or_default();
        *times = times.saturating_add(1);
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        for (fault, times) in &other.0 {
            let all = self.0.entry(*fault).or_default();
            *all = all.saturating_add(*times);
        }
    }

    /// Each kind with its number.
    pub fn each(&self) -> impl Iterator<Item = (Fault, u64)> {
        self.0.iter().map(|(fault, times)| (*fault, *times))
    }

    /// All of them together.
    pub fn sum(&self) -> u64 {
        self.0.values().sum()
    }
}

/// How likely each fault is, in thousandths of the times it could happen. All zero is good weather.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// Of a gateway dying at one of its effects.
    pub crash: u64,
    /// Of a gateway standing still at one of them.
    pub stall: u64,
    /// Of a wallet's process dying at one of its own.
    pub wallet_crash: u64,
    /// Of something happening to a connection.
    pub connection: u64,
    /// Of a request sent twice.
    pub duplicate: u64,
    /// Of a commit lost or unanswered.
    pub commit: u64,
    /// Of a slow commit.
    pub slow_disk: u64,
    /// Of a rail not answering as it should.
    pub rail: u64,
    /// Of a rail taking a payment back; nothing that it settles is final at once, if this is not zero.
    pub reversal: u64,
    /// Of the upstream failing.
    pub upstream: u64,
    /// Of a partition, each second.
    pub partition: u64,
}
