//! Random schedules of session commands, and a model that only remembers what it was told: which vouchers
//! were acknowledged, and what each payer was given.

#![allow(unreachable_pub, reason = "a module of several tests")]

use std::collections::BTreeMap;

use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, external, grant, payer, rejected, settled, unknown, usd};
use farthing_books::testing::sessions::{
    close, collection, deliver, deposit, draw, id, is_prepaid, opening, standing, voucher,
};
use farthing_books::{
    AccountId, AccountKind, Command, NewSession, Outcome, PaymentState, SessionCommand, SessionOutcome, SessionState,
};
use farthing_money::Amount;
use farthing_rail::{ChannelStanding, ProofKey};
use proptest::prelude::*;

const SESSIONS: u32 = 4;
const DEPOSIT: u128 = 30;

pub fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        8 => any_draw().prop_map(Command::Session),
        5 => any_delivery().prop_map(Command::Session),
        4 => any_deposit().prop_map(Command::Session),
        4 => any_end().prop_map(Command::Session),
        3 => any_collection(),
        2 => (0..4_u8).prop_map(|number| grant(number, u32::from(number), 60)),
        1 => Just(Command::Recover { deadline: at(1_000), at: at(15) }),
        1 => any_session().prop_map(|number| {
            let mut payment = external(50 + number, 5);
            payment.proof.key = ProofKey::new(format!("open/{number}"));
            Command::Claim(Box::new(payment))
        }),
    ]
}

fn any_session() -> impl Strategy<Value = u32> {
    0..SESSIONS
}

/// Vouchers come equal, lower, with gaps, above the deposit and from strangers; a hold may come without one.
fn any_draw() -> impl Strategy<Value = SessionCommand> {
    let total = prop_oneof![Just(None), (0..8_u128).prop_map(|tens| Some(tens * 10))];
    (any_session(), total, 0..3_u128, 0..10_u8).prop_map(|(number, total, hold, stranger)| {
        let mut command = draw(number, total, hold * 7);
        if let SessionCommand::Draw { voucher: Some(voucher), least_delta, .. } = &mut command {
            if stranger == 0 {
                voucher.signer = "a stranger".to_owned();
            }
            *least_delta = Amount::new(u128::from(stranger % 3) * 10);
        }
        command
    })
}

/// Deliveries of holds that there were, and of some that there were not.
fn any_delivery() -> impl Strategy<Value = SessionCommand> {
    (any_session(), 0..3_u128, 0..8_u128).prop_map(|(number, held, delivered)| deliver(number, held * 7, delivered))
}

fn any_deposit() -> impl Strategy<Value = SessionCommand> {
    (any_session(), 0..7_u8, 0..2_u8, any_standing()).prop_map(|(number, what, which, stands)| {
        let session = id(number);
        let opened = ProofKey::new(format!("open/{number}"));
        let added = format!("more/{number}/{which}");
        let reason = "no answer".to_owned();
        match what {
            0 | 1 => {
                SessionCommand::Open(Box::new(NewSession { voucher: voucher(number, 10), ..opening(number, DEPOSIT) }))
            }
            2 => SessionCommand::Deposited { session, key: opened, standing: standing(DEPOSIT, 0), at: at(2) },
            3 => SessionCommand::Deposited { session, key: ProofKey::new(added), standing: stands, at: at(3) },
            4 => SessionCommand::TopUp {
                session,
                payer: Some(payer(number)),
                deposit: Box::new(deposit(&added, 20)),
                at: at(3),
            },
            5 => SessionCommand::Doubt { session, key: opened, reason, ask_at: at(30), at: at(4) },
            _ => SessionCommand::Refuse { session, key: ProofKey::new(added), reason, at: at(4) },
        }
    })
}

/// What a chain may say, reorganisations and forced closes included.
fn any_standing() -> impl Strategy<Value = ChannelStanding> {
    (0..6_u128, 0..3_u128, 0..12_u8).prop_map(|(deposit, settled, what)| ChannelStanding {
        close_requested_at: (what == 1).then_some(at(20)),
        closed: what == 0,
        ..standing(deposit * 10 + 10, settled * 10)
    })
}

fn any_end() -> impl Strategy<Value = SessionCommand> {
    (any_session(), 0..6_u8, 0..8_u128, any_standing()).prop_map(|(number, what, total, standing)| {
        let session = id(number);
        let reason = "done".to_owned();
        match what {
            0 => close(number, at(8)),
            1 => {
                let voucher = Some(Box::new(voucher(number, total * 10)));
                SessionCommand::Close { session, voucher, reason, at: at(8) }
            }
            2 => SessionCommand::End { session, reason, at: at(9) },
            3 | 4 => SessionCommand::Post { session, at: at(7) },
            _ => SessionCommand::Observe { session, standing, at: at(6) },
        }
    })
}

fn any_collection() -> impl Strategy<Value = Command> {
    (any_session(), 0..6_u32, 0..9_u8).prop_map(|(number, payment, what)| {
        let new = collection(payment, u128::from(payment % 3 + 1) * 10);
        let payment = new.id;
        match what {
            0..3 => Command::Session(SessionCommand::Collect { session: id(number), payment: Box::new(new) }),
            3 => Command::Settle { payment, settled: settled("0x1", 1), confirm_at: None, at: at(10) },
            4 => Command::Settle { payment, settled: settled("0x1", 0), confirm_at: Some(at(40)), at: at(10) },
            5 => Command::Finalize { payment, at: at(40) },
            6 => Command::Reverse { payment, reason: "reorganised away".to_owned(), at: at(40) },
            7 => Command::Reject { payment, rejected: rejected(), at: at(10) },
            _ => Command::Doubt { payment, unknown: unknown(), at: at(10) },
        }
    })
}

/// What an outsider can know from the outcomes alone.
#[derive(Default)]
pub struct Outsider {
    acknowledged: BTreeMap<u32, Amount>,
    granted: BTreeMap<u8, u128>,
}

impl Outsider {
    pub fn sees(&mut self, command: &Command, outcome: &Outcome) {
        match (command, outcome) {
            (Command::Grant { id, amount, .. }, Outcome::Transferred) => {
                self.granted.insert(id.0[0], amount.units());
            }
            (Command::Session(SessionCommand::Draw { session, voucher, .. }), Outcome::Session(outcome)) => {
                let (
                    SessionOutcome::Drawn(_)
                    | SessionOutcome::Refused(farthing_books::SessionRefusal::Uncovered { .. }, _),
                    Some(voucher),
                ) = (outcome, voucher)
                else {
                    return;
                };
                let number = (0..SESSIONS).find(|number| id(*number) == *session).unwrap();
                let known = self.acknowledged.entry(number).or_default();
                *known = voucher.cumulative.max(*known);
            }
            // A payer who closes may take back what nothing was delivered for.
            (
                Command::Session(SessionCommand::Close { session, .. }),
                Outcome::Session(SessionOutcome::Done(after)),
            ) => {
                let number = (0..SESSIONS).find(|number| id(*number) == *session).unwrap();
                let known = self.acknowledged.entry(number).or_default();
                assert!(after.accepted >= after.committed(), "never what was delivered or promised");
                *known = after.accepted.min(*known);
            }
            _ => {}
        }
    }

    pub fn check(&self, books: &mut MemoryStore) {
        assert_eq!(books.verify().findings, Vec::<String>::new());
        for number in 0..SESSIONS {
            let Some(session) = books.sessions.get(&id(number)) else { continue };
            let committed = session.spent.checked_add(session.held).unwrap();
            assert!(committed <= session.accepted, "delivered <= signed: {session:?}");
            if session.state == SessionState::Open {
                assert!(session.accepted <= session.deposit, "signed <= deposited: {session:?}");
            }
            let known = self.acknowledged.get(&number).copied().unwrap_or_default();
            assert!(session.accepted >= known, "no acknowledged voucher is lost: {known} of {session:?}");
            self.check_money(books, number);
        }
    }

    /// A payer is poorer by what was delivered to a session that has ended, and by the whole deposit of one
    /// that has not; and richer by what was collected and never delivered.
    fn check_money(&self, books: &MemoryStore, number: u32) {
        let session = &books.sessions[&id(number)];
        let account = books.accounts.get(&AccountId::new(AccountKind::Payer(payer(number)), &usd()));
        let has = account.map_or(0, |account| account.available().unwrap().units());
        let granted = self.granted.get(&u8::try_from(number).unwrap()).copied().unwrap_or_default();
        let over = session.state == SessionState::Closed;
        let expected = match (is_prepaid(number), over) {
            (true, true) => granted - session.spent.units(),
            (true, false) => granted - session.deposit.units(),
            (false, true) => granted + session.collected.units().saturating_sub(session.spent.units()),
            (false, false) => granted,
        };
        assert_eq!(has, expected, "{session:?}");
        let own = books.payments.values().filter(|payment| payment.session == Some(id(number)));
        let stands = |state: PaymentState| state.is_paid() && state != PaymentState::Reversed;
        let collected: u128 = own.filter(|payment| stands(payment.state)).map(|payment| payment.amount.units()).sum();
        assert_eq!(collected, session.collected.units());
    }
}
