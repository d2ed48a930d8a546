//! What is known of one session.

use std::collections::BTreeSet;

use farthing_books::session::Credit;
use farthing_money::Amount;

/// A session, from outside.
#[derive(Debug, Default)]
pub struct Session {
    /// The highest total ever signed for.
    highest: Amount,
    /// What counts toward the cap: that, or what was spent once the session has ended.
    counts: Amount,
    /// The last totals that its payer asked to end it with.
    last: BTreeSet<Amount>,
    /// Whether its opening was ever presented.
    was_asked_for: bool,
    /// Its payer was told that there is no such session.
    refused: bool,
}

impl Session {
    /// What counts toward the cap, in millionths.
    pub fn counts(&self) -> u128 {
        self.counts.units()
    }

    /// The highest total ever signed for.
    pub fn highest(&self) -> Amount {
        self.highest
    }

    /// Whether its payer was told that there is no such session.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// The key was used for a total, or for the last one.
    pub fn sign(&mut self, total: Amount) {
        self.highest = total.max(self.highest);
        self.counts = total.max(self.counts);
    }

    /// It is asked for. Whether it was before, so that what is heard of it now is not all there is. Whoever was
    /// told that there is none and died of it asks again, and what was signed for it counts again.
    pub fn open(&mut self) -> bool {
        if std::mem::take(&mut self.refused) {
            self.counts = self.highest;
        }
        std::mem::replace(&mut self.was_asked_for, true)
    }

    /// Nobody opened it: what was signed for it is the wallet's again.
    pub fn refuse(&mut self) {
        (self.counts, self.refused) = (Amount::ZERO, true);
    }

    /// Its payer asks to end it with this total.
    pub fn close(&mut self, total: Amount) {
        self.last.insert(total);
    }

    /// The seller agreed to end it: what was not spent of it is the wallet's again.
    pub fn end(&mut self, spent: Amount) {
        self.counts = spent;
    }

    /// What is wrong with serving for this total where the books say this. A payer ends a session with a total that may
    /// be below the highest: another process of it that is still served then needs no more than that what is delivered
    /// and promised is covered.
    pub fn acknowledge(&self, total: Amount, credit: Option<Credit>) -> Option<String> {
        let durable = credit.map_or(Amount::ZERO, |credit| credit.accepted);
        let covers = credit.is_some_and(|credit| credit.committed <= credit.accepted);
        let is_kept = durable >= total || (self.last.contains(&durable) && covers);
        (!is_kept).then(|| format!("a voucher over {total} was acknowledged, and {durable} is durable"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voucher_is_lost_unless_its_payer_ended_the_session_with_a_lower_one_that_covers_everything() {
        let [total, lower, least] = [25, 20, 15].map(Amount::new);
        let credit = |accepted, committed| Some(Credit { deposit: total, accepted, committed, units: 1 });
        let mut known = Session::default();
        assert_eq!(known.acknowledge(lower, credit(lower, lower)), None);
        assert!(known.acknowledge(total, credit(lower, lower)).is_some());
        assert!(known.acknowledge(total, None).is_some());
        known.close(lower);
        assert_eq!(known.acknowledge(total, credit(lower, lower)), None);
        assert!(known.acknowledge(total, credit(lower, total)).is_some(), "what is promised is not covered");
        assert!(known.acknowledge(total, credit(least, least)).is_some(), "nobody asked to end it with so little");
    }
}
