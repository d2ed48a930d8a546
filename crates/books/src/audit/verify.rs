//! Whether a log is whole, and whether the budgets are what it says.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use farthing_protocol::Timestamp;
use farthing_protocol::json::canonical;
use serde_json::Value;

use super::{AuditRecord, Event, Facts, PolicyVersion, RecordHash, policy_hash};
use crate::budget::{BudgetCounter, Reservation, ReservationId, ReservationRecord, ReservationState};
use crate::verify::Budgets;

/// Makes a decision again from a record's grounds and the archived policies, by their hashes; says what differs.
pub type MakeAgain = Box<dyn FnMut(&Value, &HashMap<RecordHash, Box<str>>) -> Option<String> + Send>;

/// Is shown the policies, the reservations, the log in its order and the counters, in this order, and says what
/// does not hold.
pub struct LogVerifier {
    make_again: MakeAgain,
    /// A hash that the owner kept elsewhere, until a record of it was shown.
    kept: Option<RecordHash>,
    policies: HashMap<RecordHash, Box<str>>,
    stored: BTreeMap<ReservationId, ReservationState>,
    reservations: BTreeMap<ReservationId, ReservationRecord>,
    before: Vec<ReservationRecord>,
    newest: Option<(u64, Timestamp, RecordHash)>,
    decisions: u64,
    budgets: Option<Budgets>,
    findings: Vec<String>,
}

/// What a look through the log came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogVerification {
    /// How many records there are.
    pub records: u64,
    /// How many decisions were made again.
    pub decisions: u64,
    /// The hash of the newest record.
    pub head: RecordHash,
    /// What does not hold, the first difference first.
    pub findings: Vec<String>,
}

impl LogVerifier {
    /// A verifier that makes decisions again like this, and wants a record of the kept hash to be there.
    pub fn new(make_again: MakeAgain, kept: Option<RecordHash>) -> Self {
        Self {
            make_again,
            kept: kept.filter(|kept| *kept != RecordHash::default()),
            policies: HashMap::new(),
            stored: BTreeMap::new(),
            reservations: BTreeMap::new(),
            before: Vec::new(),
            newest: None,
            decisions: 0,
            budgets: None,
            findings: Vec::new(),
        }
    }

    /// Says what does not hold by itself, such as a row that cannot be read.
    pub fn find(&mut self, finding: String) {
        self.findings.push(finding);
    }

    /// Shows a policy of the archive.
    pub fn policy(&mut self, policy: &PolicyVersion) {
        let hash = policy_hash(&policy.text);
        if hash != policy.hash {
            self.find(format!("the archived policy {} is not what was archived", RecordHash(policy.hash)));
        }
        self.policies.insert(RecordHash(hash), policy.text.clone());
    }

    /// Shows a reservation; whether it was made before there was a log.
    pub fn reservation(&mut self, record: &ReservationRecord, before_log: bool) {
        if before_log {
            self.before.push(record.clone());
        } else {
            self.stored.insert(record.reservation.id, record.state);
        }
    }

    /// Shows a record.
    pub fn record(&mut self, record: &AuditRecord) {
        if let Err(difference) = self.look_at(record) {
            self.find(format!("record {}: {difference}", record.sequence));
        }
        self.newest = Some((record.sequence, record.at, record.hash));
        if self.kept == Some(record.hash) {
            self.kept = None;
        }
    }

    fn look_at(&mut self, record: &AuditRecord) -> Result<(), String> {
        let (sequence, at, hash) = self.newest.unwrap_or((0, record.at, RecordHash::default()));
        if record.sequence != sequence.saturating_add(1) {
            return Err(format!("it follows record {sequence}; what was between them is gone"));
        }
        if record.hash != hash.followed_by(&record.text) {
            return Err("its hash is not the one of its text after the record before it".to_owned());
        }
        let value: Value = serde_json::from_str(&record.text).map_err(|_| "it is not JSON".to_owned())?;
        if canonical(&value).is_ok_and(|text| text != *record.text) {
            return Err("it is not canonical JSON".to_owned());
        }
        let columns = [
            ("sequence", Value::from(record.sequence)),
            ("wallet", Value::from(record.wallet.as_str())),
            ("at", Value::from(record.at.to_rfc3339())),
        ];
        if let Some((name, _)) = columns.iter().find(|(name, stored)| value.get(*name) != Some(stored)) {
            return Err(format!("its column {name} is not what it says"));
        }
        let facts = record.facts().map_err(|error| error.to_string())?;
        if record.at < at && facts != Facts::Other(Event::Policy) {
            return Err("it is older than the record before it".to_owned());
        }
        self.follow(facts, record)?;
        if value.get("decided").is_some() {
            self.decisions += 1;
            return (self.make_again)(&value, &self.policies).map_or(Ok(()), Err);
        }
        Ok(())
    }

    /// Takes the step that a record says was taken.
    fn follow(&mut self, facts: Facts, record: &AuditRecord) -> Result<(), String> {
        let (id, state, cost) = match facts {
            Facts::Other(_) => return Ok(()),
            Facts::Allowed { id, cost, charges, at } => {
                let reservation = Reservation {
                    id,
                    wallet: record.wallet.clone(),
                    cost,
                    charges,
                    origin: String::new(),
                    request: String::new(),
                    challenge: String::new(),
                    decided: None,
                    approval: None,
                    at,
                };
                let state = ReservationState::Reserved;
                let made = ReservationRecord { reservation, state, receipt: None, reason: None, updated_at: at };
                return match self.reservations.insert(id, made) {
                    None => Ok(()),
                    Some(_) => Err("its reservation was made before".to_owned()),
                };
            }
            Facts::Confirmed { id, cost } => (id, ReservationState::Confirmed, Some(cost)),
            Facts::Released { id } => (id, ReservationState::Released, None),
        };
        let Some(made) = self.reservations.get_mut(&id) else {
            let is_known = self.before.iter().any(|before| before.reservation.id == id);
            return if is_known { Ok(()) } else { Err("it ends a reservation that the log does not know".to_owned()) };
        };
        if made.state != ReservationState::Reserved {
            return Err("it ends a reservation that had ended".to_owned());
        }
        made.state = state;
        made.reservation.cost = cost.unwrap_or(made.reservation.cost);
        Ok(())
    }

    /// Shows a counter; after the log.
    pub fn counter(&mut self, counter: &BudgetCounter) {
        let mut budgets = self.added_up();
        self.findings.extend(budgets.counter(counter));
        self.budgets = Some(budgets);
    }

    /// What the log says that the counters are, less those that were shown.
    fn added_up(&mut self) -> Budgets {
        self.budgets.take().unwrap_or_else(|| {
            let mut budgets = Budgets::default();
            self.reservations.values().chain(&self.before).for_each(|record| budgets.reservation(record));
            budgets
        })
    }

    /// What was found.
    pub fn finish(mut self) -> LogVerification {
        for (id, made) in &self.reservations {
            let name = super::facts::hex(*id);
            let finding = match self.stored.remove(id) {
                Some(state) if state == made.state => continue,
                Some(state) => format!("is {} in the books and {} in the log", state.as_str(), made.state.as_str()),
                None => "is in the log and not in the books".to_owned(),
            };
            self.findings.push(format!("reservation {name}: {finding}"));
        }
        for id in self.stored.keys() {
            let name = super::facts::hex(*id);
            self.findings.push(format!("reservation {name}: is in the books and not in the log; the log was cut off"));
        }
        let uncounted = self.added_up().left();
        self.findings.extend(uncounted);
        if let Some(kept) = self.kept {
            self.findings.push(format!("no record has the hash {kept}: the log was cut off, or is another one"));
        }
        let (records, _, head) = self.newest.unwrap_or((0, Timestamp::from_unix_millis(0), RecordHash::default()));
        LogVerification { records, decisions: self.decisions, head, findings: self.findings }
    }
}

impl fmt::Debug for LogVerifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LogVerifier").field("findings", &self.findings).finish_non_exhaustive()
    }
}
