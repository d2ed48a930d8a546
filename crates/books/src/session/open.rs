//! Opening a session and adding to it: the way of a deposit.

use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{ChannelStanding, PayerId, ProofKey};

use super::step::{Next, Verdict, enter};
use super::{NewSession, PendingDeposit, SessionOutcome, SessionRecord, SessionRefusal, SessionState};
use crate::shelf::{Missing, ProofUse, Shelf};
use crate::{Outcome, Transfer};

/// Claims a new session. Where the books hold the deposit, it is open in the same commit.
pub(super) fn open(shelf: &mut Shelf, new: &NewSession) -> Result<Outcome, Missing> {
    let used = shelf.proofs.get(&new.deposit.key)?.copied();
    let refused = |refusal, credit| Ok(Outcome::Session(SessionOutcome::Refused(refusal, credit)));
    if let Some(known) = shelf.sessions.get(&new.id)? {
        if used == Some(ProofUse::Deposit(new.id)) {
            return Ok(Outcome::Session(SessionOutcome::Again(Box::new(known.clone()))));
        }
        return refused(SessionRefusal::ProofUsed, Some(known.credit()));
    }
    if used.is_some() {
        return refused(SessionRefusal::ProofUsed, None);
    }
    if new.voucher.session != new.id || new.voucher.signer != new.signer {
        return refused(SessionRefusal::Signer, None);
    }
    if new.voucher.cumulative > new.deposit.amount {
        return refused(SessionRefusal::AboveDeposit, None);
    }
    let record = Box::new(new.record());
    let entries = if new.prepaid { vec![new.first_entry()] } else { Vec::new() };
    Ok(match enter(shelf, record, &entries)? {
        Ok(record) => {
            shelf.proofs.put(new.deposit.key.clone(), ProofUse::Deposit(new.id));
            Outcome::Session(SessionOutcome::Done(record))
        }
        Err(outcome) => outcome,
    })
}

/// Claims an addition. In the books it is made at once; elsewhere it is on its way from here on.
pub(super) fn top_up(
    record: &SessionRecord,
    payer: Option<&PayerId>,
    deposit: &PendingDeposit,
    used: Option<&ProofUse>,
    at: Timestamp,
) -> Verdict {
    if used == Some(&ProofUse::Deposit(record.id)) {
        return Ok(Next::Again);
    }
    match record.state {
        _ if used.is_some() => return Err(SessionRefusal::ProofUsed),
        SessionState::Opening => return Err(SessionRefusal::NotYetOpen),
        SessionState::Open if record.pending.is_some() => return Err(SessionRefusal::Busy),
        SessionState::Open => {}
        SessionState::Closing | SessionState::Closed | SessionState::Refused => return Err(SessionRefusal::Ending),
    }
    let sum = record.deposit.checked_add(deposit.amount).ok_or(SessionRefusal::Contradiction)?;
    let mut next = Box::new(SessionRecord { updated_at: at, ..record.clone() });
    if !record.prepaid {
        next.pending = Some(deposit.clone());
        return Ok(Next::becomes(next));
    }
    // It is taken from a balance: only its owner may say so.
    if payer != Some(&record.payer) {
        return Err(SessionRefusal::Signer);
    }
    next.deposit = sum;
    let entry = record.deposit_entry(deposit.amount, at);
    Ok(Next::Changed(next, vec![entry]))
}

/// The rail holds the deposit that is on its way. A first voucher above what it really holds does not count.
pub(super) fn deposited(
    record: &SessionRecord,
    key: &ProofKey,
    used: Option<&ProofUse>,
    standing: &ChannelStanding,
    at: Timestamp,
) -> Verdict {
    if !is_pending(record, key) {
        let before = used == Some(&ProofUse::Deposit(record.id)) && record.state != SessionState::Refused;
        return if before { Ok(Next::Again) } else { Err(SessionRefusal::Contradiction) };
    }
    let mut next = Box::new(SessionRecord { pending: None, reason: None, ..record.clone() });
    if record.state == SessionState::Opening {
        next.state = SessionState::Open;
        next.used_at = at;
        if record.accepted > standing.deposit {
            next.accepted = Amount::ZERO;
            next.voucher = None;
        }
    } else if record.state != SessionState::Open {
        next.reason.clone_from(&record.reason);
    }
    next.stands(standing, at);
    Ok(Next::becomes(next))
}

/// The rail does not say whether it holds the deposit.
pub(super) fn doubt(record: &SessionRecord, key: &ProofKey, reason: &str, ask_at: Timestamp, at: Timestamp) -> Verdict {
    let Some(pending) = record.pending.as_ref().filter(|pending| pending.key == *key) else {
        return Err(SessionRefusal::Contradiction);
    };
    let pending = Some(PendingDeposit { ask_at: Some(ask_at), ..pending.clone() });
    let reason = match record.state {
        SessionState::Opening => Some(reason.to_owned()),
        _ => record.reason.clone(),
    };
    Ok(Next::becomes(Box::new(SessionRecord { pending, reason, updated_at: at, ..record.clone() })))
}

/// The rail will never hold the deposit: there is no session, or no addition to it.
pub(super) fn refuse(record: &SessionRecord, key: &ProofKey, reason: &str, at: Timestamp) -> Verdict {
    if record.state == SessionState::Refused {
        return Ok(Next::Again);
    }
    if !is_pending(record, key) {
        return Err(SessionRefusal::Contradiction);
    }
    let mut next = Box::new(SessionRecord { pending: None, updated_at: at, ..record.clone() });
    if record.state == SessionState::Opening {
        next.state = SessionState::Refused;
        next.accepted = Amount::ZERO;
        next.voucher = None;
        next.reason = Some(reason.to_owned());
    }
    Ok(Next::becomes(next))
}

fn is_pending(record: &SessionRecord, key: &ProofKey) -> bool {
    record.pending.as_ref().is_some_and(|pending| pending.key == *key)
}

impl NewSession {
    /// The transfer that opens a prepaid session.
    pub(super) fn first_entry(&self) -> Transfer {
        self.record().deposit_entry(self.deposit.amount, self.at)
    }

    /// The session as it is first written.
    fn record(&self) -> SessionRecord {
        let (state, deposit, pending) = match self.prepaid {
            true => (SessionState::Open, self.deposit.amount, None),
            false => (SessionState::Opening, Amount::ZERO, Some(self.deposit.clone())),
        };
        SessionRecord {
            id: self.id,
            channel: self.channel.clone(),
            payer: self.payer.clone(),
            signer: self.signer.clone(),
            asset: self.asset.clone(),
            prepaid: self.prepaid,
            method: self.method.clone(),
            rail: self.rail.clone(),
            state,
            deposit,
            accepted: self.voucher.cumulative,
            voucher: Some(self.voucher.kept.clone()),
            held: Amount::ZERO,
            spent: Amount::ZERO,
            settled: Amount::ZERO,
            collected: Amount::ZERO,
            units: 0,
            unposted: std::collections::BTreeMap::new(),
            kept: self.kept.clone(),
            pending,
            collecting: None,
            close_requested_at: None,
            collect_until: None,
            reason: None,
            opened_at: self.at,
            used_at: self.at,
            seen_at: None,
            ended_at: None,
            collections: 0,
            transfers: 0,
            updated_at: self.at,
        }
    }
}
