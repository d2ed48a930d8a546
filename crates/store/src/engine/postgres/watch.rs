//! Who of the processes that share the books lives.
//!
//! Each counts its batches, and writes an empty one when it has nothing to write. One whose count stands still while
//! this process beats several times is dead. No clock is compared with another's, and while the server does not answer
//! nobody dies.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How often a process shows that it lives.
pub(crate) const BEAT: Duration = Duration::from_millis(300);
/// So many beats of our own without one of another's, and it is dead: less than two seconds.
const PATIENCE: u32 = 6;
/// Beats that come closer together, because they waited for the server, count as one.
const CLOSEST: Duration = Duration::from_millis(250);
/// How long after a beat a process may hold that it lives in the eyes of others: shorter than their patience.
pub(crate) const TRUST: Duration = Duration::from_millis(1_200);

/// What a beat showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// This process's number.
    pub(crate) node: i64,
    /// Until when it may do what only one of them does; nothing when that is another.
    pub(crate) leads_until: Option<Instant>,
    /// Whether a dead process left something behind, maybe.
    pub(crate) left_behind: bool,
    /// The server's time of day, in milliseconds since 1970 UTC, and when that was.
    pub(crate) time: Option<(i64, Instant)>,
}

/// A process that is watched, as the list has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its number.
    pub(crate) node: i64,
    /// How many batches it wrote.
    pub(crate) batches: i64,
    /// Whether it leads no more, because it is about to end.
    pub(crate) stands_back: bool,
}

/// What was seen of the others.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// How many batches each wrote, and for how many of our beats that has stood still.
    others: HashMap<i64, (i64, u32)>,
    last: Option<Instant>,
}

impl Watch {
    /// Looks at the count of each process, at a beat that began then. The first of them to come leads, of those that do
    /// not stand back.
    pub(crate) fn look(&mut self, nodes: &[Listed], own: i64, began: Instant) -> Seen {
        let counts = self.last.is_none_or(|last| began.duration_since(last) >= CLOSEST);
        if counts {
            self.last = Some(began);
        }
        self.others.retain(|node, _| nodes.iter().any(|listed| listed.node == *node));
        for listed in nodes.iter().filter(|listed| listed.node != own) {
            let (known, still) = self.others.entry(listed.node).or_insert((listed.batches, 0));
            if *known != listed.batches {
                (*known, *still) = (listed.batches, 0);
            } else if counts {
                *still = still.saturating_add(1);
            }
        }
        let leads = nodes.iter().filter(|listed| !listed.stands_back).map(|listed| listed.node).min() == Some(own);
        Seen { node: own, leads_until: leads.then(|| began + TRUST), left_behind: !self.dead().is_empty(), time: None }
    }

    /// Those that are dead and still in the list.
    pub(crate) fn dead(&self) -> Vec<i64> {
        self.others.iter().filter(|(_, (_, still))| *still > PATIENCE).map(|(node, _)| *node).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed<const COUNT: usize>(nodes: [(i64, i64); COUNT]) -> [Listed; COUNT] {
        nodes.map(|(node, batches)| Listed { node, batches, stands_back: false })
    }

    #[test]
    fn one_that_stands_back_leads_no_more_and_is_found_dead_all_the_same() {
        let start = Instant::now();
        let (mut first, mut second) = (Watch::default(), Watch::default());
        let mut nodes = listed([(1, 7), (2, 0)]);
        assert!(first.look(&nodes, 1, start).leads_until.is_some());
        assert_eq!(second.look(&nodes, 2, start).leads_until, None);
        nodes[0].stands_back = true;
        assert_eq!(first.look(&nodes, 1, start).leads_until, None);
        for beat in 1..=PATIENCE {
            let seen = second.look(&nodes, 2, start + BEAT * beat);
            assert_eq!((seen.leads_until.is_some(), seen.left_behind), (true, beat == PATIENCE), "{beat}");
        }
    }

    #[test]
    fn one_whose_count_stands_still_is_dead_and_a_slow_server_kills_nobody() {
        let start = Instant::now();
        let mut watch = Watch::default();
        let at = |beat: u32| start + BEAT * beat;
        for beat in 0..PATIENCE {
            assert!(!watch.look(&listed([(1, 7), (2, 0)]), 2, at(beat)).left_behind);
        }
        for _ in 0..20 {
            assert!(!watch.look(&listed([(1, 7), (2, 0)]), 2, at(PATIENCE - 1)).left_behind, "they come all at once");
        }
        assert!(!watch.look(&listed([(1, 8), (2, 0)]), 2, at(PATIENCE)).left_behind, "it lives");
        for beat in 1..=PATIENCE {
            assert!(!watch.look(&listed([(1, 8), (2, 0)]), 2, at(PATIENCE + beat)).left_behind);
        }
        let seen = watch.look(&listed([(1, 8), (2, 0)]), 2, at(20));
        assert_eq!((seen.left_behind, seen.leads_until), (true, None), "it leads until it is buried");
        assert_eq!(watch.dead(), [1]);
        let seen = watch.look(&listed([(2, 0)]), 2, at(21));
        assert_eq!((seen.left_behind, seen.leads_until), (false, Some(at(21) + TRUST)));
    }

    #[test]
    fn whoever_leads_stops_trusting_in_it_before_others_lose_patience() {
        assert!(TRUST < BEAT * PATIENCE);
    }
}
