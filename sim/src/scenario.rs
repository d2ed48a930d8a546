//! What a seed stands for: who there is, what they want, and how bad the weather is.

use std::time::Duration;

use crate::dice::Dice;
use crate::faults::Weather;

/// The farthest that a gateway's clock is off, in milliseconds.
const FARTHEST: i64 = 600_000;

/// One run's setting. Everything in it follows from the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// The processes that pay out of the one wallet there is, side by side.
    pub processes: usize,
    /// What each of them buys, one after the other or at once.
    pub orders: Vec<Vec<Order>>,
    /// Whether a process ends the wallet's sessions when it has everything.
    pub ends_sessions: bool,
    /// Whether each process makes its calls at once.
    pub at_once: bool,
    /// The gateways on one store.
    pub gateways: usize,
    /// How likely each fault is.
    pub weather: Weather,
    /// The longest a commit takes in good weather.
    pub disk: Duration,
    /// The longest that anything takes from one side to another in good weather.
    pub network: Duration,
    /// How often, at most, a gateway dies.
    pub crashes: u32,
    /// What the wallet's balance holds at first, in millionths.
    pub balance: u64,
    /// What is added to that in the middle of the run, and when.
    pub top_ups: Vec<(Duration, u64)>,
    /// What the wallet's policy lets it spend in all.
    pub cap: Cap,
    /// By how many milliseconds each gateway's clock is off.
    pub skews: Vec<i64>,
}

/// What a wallet may spend. There is a wallet for each, because a policy is signed once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cap {
    /// Less than most runs want.
    #[default]
    Tight,
    /// More than any run can use.
    Wide,
}

impl Cap {
    /// In millionths of a dollar.
    pub const fn millionths(self) -> u64 {
        match self {
            Self::Tight => 9_000,
            Self::Wide => 1_000_000,
        }
    }

    /// The wallet's name.
    pub const fn wallet(self) -> &'static str {
        match self {
            Self::Tight => "tight",
            Self::Wide => "wide",
        }
    }
}

/// What somebody wants to buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number, which is its path at the seller.
    pub number: u64,
    /// What it is.
    pub goods: Goods,
}

/// What is sold: each at a price, for one kind of money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goods {
    /// Out of a balance.
    #[default]
    Prepaid,
    /// Over a rail that must be asked.
    Charged,
    /// By voucher, out of a deposit.
    Drawn,
}

impl Goods {
    /// The first part of its path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Prepaid => "prepaid",
            Self::Charged => "charged",
            Self::Drawn => "drawn",
        }
    }

    /// In millionths of a dollar.
    pub const fn price(self) -> u64 {
        match self {
            Self::Prepaid => 1_000,
            Self::Charged => 3_000,
            Self::Drawn => 500,
        }
    }

    /// Of a path.
    pub fn of(path: &str) -> Option<Self> {
        [Self::Prepaid, Self::Charged, Self::Drawn].into_iter().find(|goods| goods.path() == path)
    }
}

/// What there is to buy.
const WITHOUT: [Goods; 3] = [Goods::Prepaid, Goods::Charged, Goods::Charged];
const WITH_SESSIONS: [Goods; 5] = [Goods::Prepaid, Goods::Charged, Goods::Drawn, Goods::Drawn, Goods::Drawn];

impl Scenario {
    /// The setting of a seed.
    pub fn of(dice: &Dice) -> Self {
        let processes = one_of(dice, &[1, 2, 3, 3]);
        let mut number = 0;
        let mut orders = Vec::new();
        let draws = dice.thousandths(500);
        let shelf: &[Goods] = if draws { &WITH_SESSIONS } else { &WITHOUT };
        for _ in 0..processes {
            let count = 1 + dice.below(5);
            let next = |_| {
                number += 1;
                Order { number, goods: one_of(dice, shelf) }
            };
            orders.push((0..count).map(next).collect());
        }
        let weather = weather(dice);
        let gateways = one_of(dice, &[1, 1, 1, 2, 3, 4]);
        let skew = one_of(dice, &[0, 0, FARTHEST]);
        let top_up = |_| (dice.up_to(Duration::from_secs(30)), one_of(dice, &[1_000, 5_000]));
        let top_ups = (0..one_of(dice, &[0, 0, 1, 3])).map(top_up).collect();
        let skews = (0..gateways).map(|_| off(dice, skew)).collect();
        Self {
            processes,
            orders,
            ends_sessions: dice.thousandths(500),
            at_once: dice.thousandths(700),
            gateways,
            weather,
            disk: Duration::from_millis(one_of(dice, &[0, 2, 20])),
            network: Duration::from_millis(one_of(dice, &[0, 3, 30])),
            crashes: if weather.crash == 0 { 0 } else { one_of(dice, &[1, 2, 4]) },
            top_ups,
            balance: one_of(dice, &[3_000, 8_000, 50_000]),
            cap: one_of(dice, &[Cap::Tight, Cap::Tight, Cap::Wide]),
            skews,
        }
    }

    /// Every order of every process.
    pub fn all_orders(&self) -> impl Iterator<Item = Order> {
        self.orders.iter().flatten().copied()
    }
}

/// By how much a clock is off that may be off by so many milliseconds in either direction.
fn off(dice: &Dice, farthest: i64) -> i64 {
    let range = u64::try_from(farthest.saturating_mul(2)).unwrap_or(0);
    i64::try_from(dice.below(range.saturating_add(1))).unwrap_or(0).saturating_sub(farthest)
}

fn one_of<T: Copy + Default>(dice: &Dice, choices: &[T]) -> T {
    let count = u64::try_from(choices.len()).unwrap_or(u64::MAX);
    usize::try_from(dice.below(count)).ok().and_then(|at| choices.get(at)).copied().unwrap_or_default()
}

/// Some seeds have good weather, so that what must happen without faults is seen to happen; some have one kind of
/// fault, so that what was never told apart by the others is; most have several.
fn weather(dice: &Dice) -> Weather {
    let mut weather = Weather::default();
    let often = |worst: u64| if dice.thousandths(500) { dice.below(worst) } else { 0 };
    let drawn = Weather {
        crash: often(60),
        stall: often(40),
        wallet_crash: often(60),
        connection: often(300),
        duplicate: often(300),
        commit: often(120),
        slow_disk: often(200),
        rail: often(900),
        reversal: often(300),
        upstream: often(300),
        partition: often(200),
    };
    match dice.below(8) {
        0 => {}
        1 => weather.duplicate = 500,
        2 => weather = Weather { crash: drawn.crash + 20, ..weather },
        3 => weather = Weather { rail: drawn.rail + 200, reversal: drawn.reversal, duplicate: 200, ..weather },
        _ => weather = drawn,
    }
    weather
}
