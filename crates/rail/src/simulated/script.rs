use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the rail does with one payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Behaviour {
    /// Takes the money and says so.
    Settle,
    /// Takes nothing and says so.
    Refuse,
    /// Takes the money, then does not answer; a later look-up finds it.
    TimeOutAfterTaking,
    /// Takes nothing and does not answer; a later look-up says so.
    TimeOutBeforeTaking,
    /// Takes the money and answers after a while.
    AnswerLate,
    /// Takes the money once, and its statement shows it twice.
    AnswerTwice,
    /// Takes the money, does not answer, and knows nothing of it for the next two look-ups.
    LoseMemory,
    /// Takes the money, and takes it back from the seller when it is asked for the second time whether
    /// the payment stands.
    Reverse,
    /// Takes the money; the payment then stands by another movement, as after a reorganisation.
    Move,
    /// Takes the money; its statement shows money of somebody else too.
    ForeignDeposit,
    /// Takes nothing and passes the movement of the payment before off as this one's.
    RepeatMovement,
}

/// Which behaviour each payment meets, in order.
#[derive(Debug)]
pub enum Script {
    /// These, over and over.
    Cycle(Vec<Behaviour>, AtomicU64),
    /// Drawn from a seed; the same seed gives the same run.
    Seeded(AtomicU64),
}

/// Not a behaviour.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not something the simulated rail does; write one of: {names}", names = Behaviour::names())]
pub struct UnknownBehaviour(String);

impl Behaviour {
    const NAMED: [(&'static str, Self); 11] = [
        ("settle", Self::Settle),
        ("refuse", Self::Refuse),
        ("time-out-after-taking", Self::TimeOutAfterTaking),
        ("time-out-before-taking", Self::TimeOutBeforeTaking),
        ("answer-late", Self::AnswerLate),
        ("answer-twice", Self::AnswerTwice),
        ("lose-memory", Self::LoseMemory),
        ("reverse", Self::Reverse),
        ("move", Self::Move),
        ("foreign-deposit", Self::ForeignDeposit),
        ("repeat-movement", Self::RepeatMovement),
    ];

    /// What a seed draws from: whatever else happens, what is taken in these is kept, once.
    const DRAWN: [Self; 7] = [
        Self::Settle,
        Self::Refuse,
        Self::TimeOutAfterTaking,
        Self::TimeOutBeforeTaking,
        Self::AnswerLate,
        Self::AnswerTwice,
        Self::LoseMemory,
    ];

    fn names() -> String {
        Self::NAMED.map(|(name, _)| name).join(", ")
    }

    /// Whether money is taken in the end.
    pub const fn takes(self) -> bool {
        !matches!(self, Self::Refuse | Self::TimeOutBeforeTaking | Self::RepeatMovement)
    }
}

impl FromStr for Behaviour {
    type Err = UnknownBehaviour;

    fn from_str(text: &str) -> Result<Self, UnknownBehaviour> {
        let named = Self::NAMED.into_iter().find(|(name, _)| *name == text);
        named.map(|(_, behaviour)| behaviour).ok_or_else(|| UnknownBehaviour(text.to_owned()))
    }
}

impl Script {
    /// Always settles.
    pub fn honest() -> Self {
        Self::cycle(vec![Behaviour::Settle])
    }

    /// These behaviours, over and over; none at all means always settle.
    pub fn cycle(behaviours: Vec<Behaviour>) -> Self {
        Self::Cycle(behaviours, AtomicU64::new(0))
    }

    /// Drawn from a seed.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(AtomicU64::new(seed))
    }

    /// Whether what is settled may change, so that no payment is final at once.
    pub fn unsettles(&self) -> bool {
        let unsettles = |behaviour: &Behaviour| matches!(behaviour, Behaviour::Reverse | Behaviour::Move);
        matches!(self, Self::Cycle(behaviours, _) if behaviours.iter().any(unsettles))
    }

    /// What the next payment meets.
    pub fn next(&self) -> Behaviour {
        let (behaviours, turn) = match self {
            Self::Cycle(behaviours, turn) => (behaviours.as_slice(), turn.fetch_add(1, Ordering::Relaxed)),
            Self::Seeded(state) => {
                const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
                let drawn = mixed(state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP));
                return choose(&Behaviour::DRAWN, drawn);
            }
        };
        choose(behaviours, turn)
    }
}

fn choose(behaviours: &[Behaviour], turn: u64) -> Behaviour {
    let count = u64::try_from(behaviours.len()).unwrap_or(u64::MAX);
    let index = turn.checked_rem(count).and_then(|index| usize::try_from(index).ok());
    index.and_then(|index| behaviours.get(index)).copied().unwrap_or(Behaviour::Settle)
}

/// The output function of SplitMix64: enough to scatter a counter, and the same everywhere.
const fn mixed(state: u64) -> u64 {
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_run_and_reaches_every_behaviour() {
        let run = |seed| {
            let script = Script::seeded(seed);
            (0..200).map(|_| script.next()).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        for behaviour in Behaviour::DRAWN {
            assert!(run(7).contains(&behaviour), "{behaviour:?}");
        }
    }

    #[test]
    fn a_cycle_starts_over_and_an_empty_one_settles() {
        let script = Script::cycle(vec![Behaviour::Refuse, Behaviour::Settle]);
        assert_eq!(
            [script.next(), script.next(), script.next()],
            [Behaviour::Refuse, Behaviour::Settle, Behaviour::Refuse]
        );
        assert_eq!(Script::cycle(vec![]).next(), Behaviour::Settle);
    }
}
