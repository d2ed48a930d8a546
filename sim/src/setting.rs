//! A seed, and what is left out of what it stands for.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::dice::Dice;
use crate::faults::Weather;
use crate::scenario::Scenario;

/// A run that can be made again: everything in it follows from this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// What the scenario follows from.
    pub seed: u64,
    /// Another way for the dice to fall in the same scenario; the seed's own where it is 0.
    pub luck: u64,
    /// What is left out of the scenario.
    pub without: Vec<Omission>,
}

/// Something that is left out of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Omission {
    /// Every fault of a kind.
    Faults(Kind),
    /// An order, by its number.
    Order(u64),
    /// Gateways beyond so many.
    GatewaysAbove(usize),
    /// Crashes of gateways beyond so many.
    CrashesAbove(u32),
    /// That clocks differ.
    Skew,
    /// That calls are made at the same time.
    Haste,
    /// That anything takes a while.
    Distance,
}

/// A kind of fault, by what makes it likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// See [`Weather::crash`],
    Crash,
    /// [`Weather::stall`],
    Stall,
    /// [`Weather::wallet_crash`],
    WalletCrash,
    /// [`Weather::connection`],
    Connection,
    /// [`Weather::duplicate`],
    Duplicate,
    /// [`Weather::commit`],
    Commit,
    /// [`Weather::slow_disk`],
    SlowDisk,
    /// [`Weather::rail`],
    Rail,
    /// [`Weather::reversal`],
    Reversal,
    /// [`Weather::upstream`],
    Upstream,
    /// [`Weather::partition`].
    Partition,
}

/// Not the name of something that can be left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is nothing that can be left out; a list printed by --shrink can be given back as it is")]
pub struct NoOmission(String);

impl Setting {
    /// All that a seed stands for.
    pub fn of(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The scenario, and the dice that are thrown in it.
    pub fn prepare(&self) -> (Scenario, Dice) {
        let dice = Dice::of(self.seed);
        let mut scenario = Scenario::of(&dice);
        self.without.iter().for_each(|omission| omission.apply(&mut scenario));
        let dice = if self.luck == 0 { dice } else { Dice::of(self.seed.rotate_left(32) ^ self.luck) };
        (scenario, dice)
    }

    /// The arguments by which it is run again.
    pub fn arguments(&self) -> String {
        let mut text = format!("--seed {}", self.seed);
        if self.luck > 0 {
            text.push_str(&format!(" --luck {}", self.luck));
        }
        if !self.without.is_empty() {
            let names: Vec<_> = self.without.iter().map(ToString::to_string).collect();
            text.push_str(&format!(" --without {}", names.join(",")));
        }
        text
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Crash,
        Self::Stall,
        Self::WalletCrash,
        Self::Connection,
        Self::Duplicate,
        Self::Commit,
        Self::SlowDisk,
        Self::Rail,
        Self::Reversal,
        Self::Upstream,
        Self::Partition,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Stall => "stall",
            Self::WalletCrash => "wallet-crash",
            Self::Connection => "connection",
            Self::Duplicate => "duplicate",
            Self::Commit => "commit",
            Self::SlowDisk => "slow-disk",
            Self::Rail => "rail",
            Self::Reversal => "reversal",
            Self::Upstream => "upstream",
            Self::Partition => "partition",
        }
    }

    fn of(self, weather: &mut Weather) -> &mut u64 {
        match self {
            Self::Crash => &mut weather.crash,
            Self::Stall => &mut weather.stall,
            Self::WalletCrash => &mut weather.wallet_crash,
            Self::Connection => &mut weather.connection,
            Self::Duplicate => &mut weather.duplicate,
            Self::Commit => &mut weather.commit,
            Self::SlowDisk => &mut weather.slow_disk,
            Self::Rail => &mut weather.rail,
            Self::Reversal => &mut weather.reversal,
            Self::Upstream => &mut weather.upstream,
            Self::Partition => &mut weather.partition,
        }
    }
}

impl Omission {
    /// What can still be left out of a scenario, that which makes most of it first.
    pub fn of(scenario: &Scenario) -> Vec<Self> {
        let mut weather = scenario.weather;
        let mut omissions = Vec::new();
        omissions.extend((1..scenario.gateways).map(Self::GatewaysAbove));
        omissions.extend(Kind::ALL.into_iter().filter(|kind| *kind.of(&mut weather) > 0).map(Self::Faults));
        omissions.extend((1..scenario.crashes).map(Self::CrashesAbove));
        omissions.extend(scenario.all_orders().map(|order| Self::Order(order.number)));
        omissions.extend(scenario.skews.iter().any(|skew| *skew != 0).then_some(Self::Skew));
        omissions.extend(scenario.at_once.then_some(Self::Haste));
        let takes_time = scenario.disk + scenario.network > Duration::ZERO;
        omissions.extend(takes_time.then_some(Self::Distance));
        omissions
    }

    fn apply(self, scenario: &mut Scenario) {
        match self {
            Self::Faults(kind) => *kind.of(&mut scenario.weather) = 0,
            Self::Order(number) => {
                scenario.orders.iter_mut().for_each(|orders| orders.retain(|order| order.number != number));
            }
            Self::GatewaysAbove(count) => scenario.gateways = scenario.gateways.min(count.max(1)),
            Self::CrashesAbove(count) => scenario.crashes = scenario.crashes.min(count),
            Self::Skew => scenario.skews.iter_mut().for_each(|skew| *skew = 0),
            Self::Haste => scenario.at_once = false,
            Self::Distance => (scenario.disk, scenario.network) = (Duration::ZERO, Duration::ZERO),
        }
    }
}

impl fmt::Display for Omission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faults(kind) => formatter.write_str(kind.as_str()),
            Self::Order(number) => write!(formatter, "order-{number}"),
            Self::GatewaysAbove(count) => write!(formatter, "gateways-above-{count}"),
            Self::CrashesAbove(count) => write!(formatter, "crashes-above-{count}"),
            Self::Skew => formatter.write_str("skew"),
            Self::Haste => formatter.write_str("haste"),
            Self::Distance => formatter.write_str("distance"),
        }
    }
}

impl FromStr for Omission {
    type Err = NoOmission;

    fn from_str(text: &str) -> Result<Self, NoOmission> {
        let unknown = || NoOmission(text.to_owned());
        let number = |of: &str| text.strip_prefix(of).and_then(|number| number.parse::<u32>().ok());
        if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == text) {
            return Ok(Self::Faults(kind));
        }
        match text {
            "skew" => return Ok(Self::Skew),
            "haste" => return Ok(Self::Haste),
            "distance" => return Ok(Self::Distance),
            _ => {}
        }
        let order = number("order-").map(|number| Self::Order(number.into()));
        let gateways = || usize::try_from(number("gateways-above-")?).ok().map(Self::GatewaysAbove);
        let crashes = || number("crashes-above-").map(Self::CrashesAbove);
        order.or_else(gateways).or_else(crashes).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_named_so_that_it_can_be_given_back() {
        for seed in 0..200 {
            let (scenario, _) = Setting::of(seed).prepare();
            let omissions = Omission::of(&scenario);
            for omission in &omissions {
                assert_eq!(omission.to_string().parse(), Ok(*omission));
                let (smaller, _) = Setting { without: vec![*omission], ..Setting::of(seed) }.prepare();
                assert_ne!(smaller, scenario, "{omission}");
            }
            let (nothing, _) = Setting { without: omissions, ..Setting::of(seed) }.prepare();
            let left = Omission::of(&nothing);
            assert!(left.is_empty(), "{left:?} are left of seed {seed}");
        }
        assert!("order-x".parse::<Omission>().is_err());
    }
}
