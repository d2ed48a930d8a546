//! From a run in which something is not as promised to the smallest one in which it still is not.

use crate::Broken;
use crate::home::Home;
use crate::run::{Report, play};
use crate::setting::{Omission, Setting};

/// How many ways for the dice to fall are tried before something counts as needed.
const TRIES: u64 = 24;

/// A failing run from which nothing can be left out, as far as was tried, and what happened in it.
pub struct Shrunk {
    /// The run.
    pub setting: Setting,
    /// What it came to.
    pub report: Report,
    /// How many runs were made on the way.
    pub runs: u64,
}

/// Leaves out of a failing run whatever its failure does not need; nothing when it does not fail.
pub fn shrink(seed: u64, home: &Home) -> Result<Option<Shrunk>, Broken> {
    let setting = Setting::of(seed);
    let report = play(&setting, home)?;
    let wanted = kinds(&report);
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut shrunk = Shrunk { setting, report, runs: 1 };
    while shrunk.leave_something_out(&wanted, home)? {}
    shrunk.set_luck_aside(&wanted, home)?;
    Ok(Some(shrunk))
}

impl Shrunk {
    /// Whether something more was left out.
    fn leave_something_out(&mut self, wanted: &[String], home: &Home) -> Result<bool, Broken> {
        let (scenario, _) = self.setting.prepare();
        let mut did = false;
        for omission in Omission::of(&scenario) {
            let without = [self.setting.without.as_slice(), &[omission]].concat();
            let setting = Setting { without, ..self.setting.clone() };
            // What another one left out may have taken with it.
            if setting.prepare().0 != self.setting.prepare().0 {
                did |= self.try_all(setting, wanted, home)?;
            }
        }
        Ok(did)
    }

    /// Tries a smaller setting, with different luck; it is kept if the same is found in it.
    fn try_all(&mut self, setting: Setting, wanted: &[String], home: &Home) -> Result<bool, Broken> {
        let now = setting.luck;
        for luck in [now].into_iter().chain((0..TRIES).filter(|luck| *luck != now)) {
            let setting = Setting { luck, ..setting.clone() };
            let report = play(&setting, home)?;
            self.runs = self.runs.saturating_add(1);
            if kinds(&report).iter().any(|kind| wanted.contains(kind)) {
                (self.setting, self.report) = (setting, report);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Of the ways for the dice to fall, one with few steps is easier to read.
    fn set_luck_aside(&mut self, wanted: &[String], home: &Home) -> Result<(), Broken> {
        for luck in 0..TRIES {
            let setting = Setting { luck, ..self.setting.clone() };
            let report = play(&setting, home)?;
            self.runs = self.runs.saturating_add(1);
            let is_same = kinds(&report).iter().any(|kind| wanted.contains(kind));
            if is_same && report.steps < self.report.steps {
                (self.setting, self.report) = (setting, report);
            }
        }
        Ok(())
    }
}

/// What was found, without the names and amounts of one run.
fn kinds(report: &Report) -> Vec<String> {
    let kind = |finding: &String| {
        let words = finding.split_whitespace().filter(|word| !word.chars().any(|letter| letter.is_ascii_digit()));
        words.collect::<Vec<_>>().join(" ")
    };
    report.findings.iter().map(kind).collect()
}
