//! One command against the rows on a shelf.

use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;

use crate::budget::counting;
use crate::ledger::Phase;
use crate::ledger::posting::{Refused, post};
use crate::movement::consume::{Consumed, consume};
use crate::movement::reconcile::reconcile;
use crate::payment::claim::claim;
use crate::payment::step::{Follows, Step, follows, taken};
use crate::shelf::{LeftBehind, Missing, Shelf};
use crate::{Account, AccountId, AccountKind, Command, Outcome, PaymentRecord, PaymentState, StoredResponse};
use crate::{BankCommand, Transfer, approval, audit, bank, session, topup};

/// Applies a command: it is checked whole before anything changes, so that a refused one, or one
/// that finds a row missing, leaves nothing behind.
pub(crate) fn apply(command: &Command, shelf: &mut Shelf) -> Result<Outcome, Missing> {
    if let Some((payment, step, at)) = command.step() {
        let response = match command {
            Command::Close { response, .. } => response.as_deref(),
            _ => None,
        };
        return take_step(shelf, payment, &step, response, at);
    }
    match command {
        Command::Reconcile { page, at } => reconcile(shelf, page, *at),
        Command::Claim(new) => claim(shelf, new),
        Command::Session(command) => session::apply(shelf, command),
        Command::Approval(command) => approval::step::apply(shelf, command),
        Command::Log(entry) => shelf.audit.note(entry).map(|()| Outcome::Done),
        Command::Policy(new) => audit::adopt(shelf, new).map(Outcome::Policy),
        Command::Recover { deadline, at } => recover(shelf, *deadline, *at),
        Command::Transfer(transfer) => transfer_on(shelf, std::slice::from_ref(transfer)),
        Command::Visit { challenge, until } => visit(shelf, PaymentId::of(challenge), *until),
        Command::TopUp(new) => topup::open(shelf, new),
        Command::Bank(BankCommand::Take(page)) => bank::apply_page(shelf, page),
        Command::Bank(BankCommand::Assign(new)) => bank::apply_assignment(shelf, new),
        Command::Bank(command) => bank::apply_payout(shelf, command),
        Command::Convert(conversion) => match conversion.transfers() {
            Ok(transfers) => transfer_on(shelf, &transfers),
            Err(invalid) => Ok(Outcome::Invalid(invalid)),
        },
        Command::Reserve(reservation) => counting::reserve(shelf, reservation),
        Command::Confirm { reservation, receipt, cost, at } => {
            counting::confirm(shelf, *reservation, receipt.as_deref(), *cost, *at)
        }
        Command::Release { reservation, reason, at } => counting::release(shelf, *reservation, reason, *at),
        grant => match grant.granted() {
            Some(transfer) => transfer_on(shelf, &[transfer]),
            None => Ok(Outcome::NotFound),
        },
    }
}

impl Command {
    /// The transfer that a grant is.
    pub(crate) fn granted(&self) -> Option<Transfer> {
        let Self::Grant { id, payer, asset, amount, at } = self else {
            return None;
        };
        Some(Transfer {
            id: *id,
            debit: AccountId::new(AccountKind::Grants, asset),
            credit: AccountId::new(AccountKind::Payer(payer.clone()), asset),
            amount: *amount,
            phase: Phase::Single,
            payment: None,
            at: *at,
        })
    }
}

fn visit(shelf: &mut Shelf, visit: PaymentId, until: Timestamp) -> Result<Outcome, Missing> {
    let first = shelf.visits.get(&visit)?.is_none();
    if first {
        shelf.visits.put(visit, until);
    }
    Ok(Outcome::Visited { first })
}

fn transfer_on(shelf: &mut Shelf, transfers: &[Transfer]) -> Result<Outcome, Missing> {
    match post(shelf, transfers) {
        Ok(()) => Ok(Outcome::Transferred),
        Err(refused) => refused.outcome(),
    }
}

fn take_step(
    shelf: &mut Shelf,
    id: PaymentId,
    step: &Step<'_>,
    response: Option<&StoredResponse>,
    at: Timestamp,
) -> Result<Outcome, Missing> {
    let Some(payment) = shelf.payments.get(&id)? else {
        return Ok(Outcome::NotFound);
    };
    if let Some(session) = payment.session {
        shelf.sessions.get(&session)?;
    }
    // Another process is at it, which may have taken it from this one.
    if payment.state.is_in_hand() && shelf.elsewhere.contains(&id) {
        return Ok(Outcome::OutOfOrder(Box::new(payment.clone())));
    }
    let to = match follows(payment, step, at) {
        Follows::To(state) => state,
        Follows::Again => return Ok(Outcome::Payment(Box::new(payment.clone()))),
        Follows::No => return Ok(Outcome::OutOfOrder(Box::new(payment.clone()))),
    };
    let before = payment.clone();
    let mut payment = taken(&before, step, to, at);
    if takes_back(&before, step)
        && let Some(balance) = payment.topped_up()
    {
        let available = shelf.accounts.get(&balance)?.and_then(Account::available).unwrap_or(Amount::ZERO);
        payment.taken_back = payment.returnable(available);
        if payment.taken_back.is_zero() && matches!(step, Step::Refund { .. }) {
            return Ok(Outcome::Insufficient { available });
        }
    }
    let payment = payment;
    let mut entries = payment.entries_of(step, at);
    let mut movements = Vec::new();
    if matches!(step, Step::Settle { .. } | Step::Resettle(_) | Step::ConfirmRefund(_)) {
        match consume(shelf, &payment, at)? {
            Consumed::Own(rows, transfers) => {
                movements = rows;
                entries.extend(transfers);
            }
            Consumed::UsedBy(by) if !matches!(step, Step::Settle { .. }) => {
                return Ok(Outcome::MovementUsed { payment: Box::new(before), by });
            }
            Consumed::UsedBy(by) => {
                let reason = format!("its transfer already paid for {by}");
                let payment = Box::new(taken(&before, &Step::Taken { reason: &reason }, PaymentState::Rejected, at));
                keep(shelf, &before, &payment);
                return Ok(Outcome::MovementUsed { payment, by });
            }
        }
    }
    if let Err(refused) = post(shelf, &entries) {
        return refused.outcome();
    }
    for movement in movements {
        shelf.movements.put(movement.key.clone(), movement);
    }
    if let Some(response) = response {
        shelf.responses.put(id, response.clone());
    }
    keep(shelf, &before, &payment);
    Ok(Outcome::Payment(Box::new(payment)))
}

/// Whether a step takes out of a balance what a payment put in. What was paid back is not taken once more.
fn takes_back(payment: &PaymentRecord, step: &Step<'_>) -> bool {
    matches!(step, Step::Refund { .. }) || matches!(step, Step::Reverse { .. }) && payment.refund.is_none()
}

/// Puts a payment back, lets go of its idempotency key when it did, and tells the session that it collects
/// from.
fn keep(shelf: &mut Shelf, before: &PaymentRecord, after: &PaymentRecord) {
    if let Some(key) = before.idempotency.filter(|_| after.idempotency.is_none()) {
        shelf.keys.remove(key);
    }
    if let Some(id) = after.session
        && let Ok(Some(collected)) = shelf.sessions.get(&id)
    {
        let session = session::settled_with(collected, before, after, after.updated_at);
        shelf.sessions.put(id, session);
    }
    shelf.keep_payment(after.clone());
}

fn recover(shelf: &mut Shelf, deadline: Timestamp, at: Timestamp) -> Result<Outcome, Missing> {
    let Some(left) = shelf.left_behind.clone() else {
        return Err(Missing("what dead processes left behind"));
    };
    let (payments, sessions, shared) = match left {
        LeftBehind::These { payments, sessions, shared } => (payments, sessions, shared),
        LeftBehind::Everything => (
            shelf.payments.present().map(|payment| payment.id).collect(),
            shelf.sessions.present().map(|session| session.id).collect(),
            Vec::new(),
        ),
    };
    let step = Step::Recover { deadline };
    let (mut entitled, mut unknown) = (0, 0);
    for id in payments {
        let Some(payment) = shelf.payments.get(&id)?.and_then(|payment| recovered(payment, &step, at)) else {
            continue;
        };
        match payment.state {
            PaymentState::Unknown => unknown += 1,
            _ => entitled += 1,
        }
        shelf.keep_payment(payment);
    }
    for id in sessions {
        if let Some(session) = shelf.sessions.get(&id)?.and_then(|session| session::recovered(session, at)) {
            shelf.sessions.put(id, session);
        }
    }
    for id in shared {
        if let Some(session) = shelf.sessions.get(&id)?.and_then(|session| session::let_go(session, at)) {
            shelf.sessions.put(id, session);
        }
    }
    Ok(Outcome::Recovered { entitled, unknown })
}

fn recovered(payment: &PaymentRecord, step: &Step<'_>, at: Timestamp) -> Option<PaymentRecord> {
    match follows(payment, step, at) {
        Follows::To(state) => Some(taken(payment, step, state, at)),
        Follows::Again | Follows::No => None,
    }
}

impl Refused {
    pub(crate) fn outcome(self) -> Result<Outcome, Missing> {
        match self {
            Self::Missing(missing) => Err(missing),
            Self::Conflict => Ok(Outcome::Conflict),
            Self::NoSuchHold => Ok(Outcome::NotFound),
            Self::Insufficient { available } => Ok(Outcome::Insufficient { available }),
            Self::Invalid(invalid) => Ok(Outcome::Invalid(invalid)),
        }
    }
}
