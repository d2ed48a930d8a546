//! Where the double's deposits are: outside of the gateway and its books, scripted, and counted.

use std::collections::{HashMap, VecDeque};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use farthing_money::Amount;
use farthing_rail::{ChannelStanding, DepositClaim};

/// What the vault does with the next deposit or collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vaulting {
    /// Does it and says so.
    Honest,
    /// Does it and does not say so.
    DoneUnsaid,
    /// Does not do it and does not say so.
    UndoneUnsaid,
    /// Refuses it.
    Refuse,
    /// Does it and never answers.
    Hang,
}

/// The vault; with a file it outlives its process.
#[derive(Default)]
pub struct Vault(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    script: VecDeque<Vaulting>,
    channels: HashMap<String, ChannelStanding>,
    /// Keys of deposits that are in.
    deposits: HashMap<String, u128>,
    asked: Vec<String>,
    away: bool,
    silent: bool,
    keys: Vec<String>,
    file: Option<PathBuf>,
}

impl Vault {
    /// Remembers in this file too, and begins with what it holds.
    pub fn kept_in(path: &Path) -> Self {
        let mut inner = Inner::default();
        for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["asked", question] => inner.asked.push(question.to_owned()),
                ["deposit", channel, key, amount] => inner.put_in(channel, key, amount.parse().unwrap()),
                ["collect", channel, key, total, closes] => {
                    inner.collect(channel, key, total.parse().unwrap(), closes == "true");
                }
                _ => panic!("not a line of a vault: {line}"),
            }
        }
        inner.file = Some(path.to_owned());
        Self(Mutex::new(inner))
    }

    pub fn then(&self, script: impl IntoIterator<Item = Vaulting>) {
        self.0.lock().unwrap().script.extend(script);
    }

    /// What was asked of it, in order: `deposit`, `lookup`, `settle`.
    pub fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }

    /// How often it was asked this.
    pub fn times(&self, question: &str) -> usize {
        self.asked().iter().filter(|asked| **asked == question).count()
    }

    pub fn standing_of(&self, channel: &str) -> Option<ChannelStanding> {
        self.0.lock().unwrap().channels.get(channel).cloned()
    }

    /// Changes how a channel stands behind everybody's back, as its payer or a reorganisation may.
    pub fn change(&self, channel: &str, change: impl FnOnce(&mut ChannelStanding)) {
        change(self.0.lock().unwrap().channels.get_mut(channel).unwrap());
    }

    /// Cannot be reached, until it is again.
    pub fn away(&self, away: bool) {
        self.0.lock().unwrap().away = away;
    }

    /// Never says what became of a deposit, until it does again.
    pub fn silent(&self, silent: bool) {
        self.0.lock().unwrap().silent = silent;
    }

    pub fn is_silent(&self) -> bool {
        self.0.lock().unwrap().silent
    }

    pub fn is_away(&self) -> bool {
        self.0.lock().unwrap().away
    }

    /// What it does about this question.
    pub fn next(&self, question: &str) -> Vaulting {
        let mut inner = self.0.lock().unwrap();
        inner.ask(question);
        inner.script.pop_front().unwrap_or(Vaulting::Honest)
    }

    pub fn put_in(&self, claim: &DepositClaim) -> ChannelStanding {
        let mut inner = self.0.lock().unwrap();
        let (channel, key) = (String::from_utf8(claim.session_kept.clone()).unwrap(), claim.key.as_str());
        inner.write(&format!("deposit {channel} {key} {}", claim.amount));
        inner.put_in(&channel, key, claim.amount);
        inner.channels[&channel].clone()
    }

    pub fn look_up(&self, claim: &DepositClaim) -> Option<ChannelStanding> {
        let mut inner = self.0.lock().unwrap();
        inner.ask("lookup");
        let channel = String::from_utf8(claim.session_kept.clone()).unwrap();
        inner.deposits.get(claim.key.as_str()).and(inner.channels.get(&channel)).cloned()
    }

    pub fn collect(&self, channel: &str, key: &str, total: Amount, closes: bool) {
        let mut inner = self.0.lock().unwrap();
        inner.write(&format!("collect {channel} {key} {total} {closes}"));
        inner.collect(channel, key, total, closes);
    }

    pub fn has_collected(&self, key: &str) -> bool {
        self.0.lock().unwrap().keys.iter().any(|known| known == key)
    }
}

impl Inner {
    fn ask(&mut self, question: &str) {
        self.write(&format!("asked {question}"));
        self.asked.push(question.to_owned());
    }

    fn put_in(&mut self, channel: &str, key: &str, amount: Amount) {
        let fresh = self.deposits.insert(key.to_owned(), amount.units()).is_none();
        assert!(fresh, "a deposit was put in twice");
        let standing = self.channels.entry(channel.to_owned()).or_insert(ChannelStanding {
            deposit: Amount::ZERO,
            settled: Amount::ZERO,
            close_requested_at: None,
            collect_until: None,
            closed: false,
            reference: None,
        });
        standing.deposit = standing.deposit.checked_add(amount).unwrap();
    }

    fn collect(&mut self, channel: &str, key: &str, total: Amount, closes: bool) {
        self.keys.push(key.to_owned());
        let standing = self.channels.get_mut(channel).unwrap();
        assert!(!standing.closed && total >= standing.settled && total <= standing.deposit);
        standing.settled = total;
        standing.closed = closes;
        standing.reference = Some(format!("collected/{key}"));
    }

    fn write(&self, line: &str) {
        let Some(path) = &self.file else { return };
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}
