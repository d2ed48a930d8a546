use std::slice;

use farthing_protocol::Timestamp;

use super::{allowed, asking, decide, money};
use crate::{Authority, Decision, Known, Level, Purchase};

/// What each level says by itself, in their order, for people: what decides is [`decide`]'s to say. A level that
/// allows names its own counters.
pub fn each_level(levels: &[Level], purchase: &Purchase, known: &Known, now: Timestamp) -> Vec<Decision> {
    levels.iter().map(|level| says(level, levels, purchase, known, now)).collect()
}

fn says(level: &Level, levels: &[Level], purchase: &Purchase, known: &Known, now: Timestamp) -> Decision {
    let denied = |(rule, sentence)| Decision::Deny { level: level.name.clone(), rule, sentence };
    let alone = || decide(slice::from_ref(level), purchase, known, now);
    if matches!(purchase.authority, Authority::Voucher { .. }) {
        return alone();
    }
    let sums = match money::sums(levels, purchase, now) {
        Ok(sums) => sums,
        Err((cannot, denial)) if cannot.name == level.name => return denied(denial),
        // Together they have no sum, and it is not this one's fault.
        Err(_) => return alone(),
    };
    let charges = match allowed(level, purchase, &sums, now) {
        Ok(charges) => charges,
        Err(denial) => return denied(denial),
    };
    let (cost, name) = (sums.cost, level.name.clone());
    match asking::asks(level, purchase, &sums, known) {
        Some((rule, sentence, patience)) => {
            let deadline = now.after(patience);
            Decision::Ask { level: name, rule, sentence, cost, charges, deadline }
        }
        None => Decision::Allow { cost, charges },
    }
}
