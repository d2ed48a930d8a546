//! Prepaid sessions under any sequence of vouchers, holds and ends, against a model that keeps lists and adds them up anew
//! for every question: what was given, put in and delivered, what is signed for, and what is promised.

use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, grant, payer, usd};
use farthing_books::testing::sessions::{close, deliver, deposit, draw, id, opening, voucher};
use farthing_books::{
    Account, AccountId, AccountKind, Command, Outcome, SessionCommand, SessionOutcome, SessionRefusal, SessionState,
};
use farthing_money::Amount;

/// Even numbers: those have their deposit in the books.
const SESSIONS: [u32; 2] = [0, 2];
/// More events would make each input slow and find nothing more.
const LONGEST: usize = 150;

/// What the books answer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// Carried out.
    Yes,
    /// Carried out before.
    Again,
    NotFound,
    No(SessionRefusal),
}

/// One event of a session.
#[derive(Clone, Copy, Debug)]
enum Event {
    Grant(u128),
    Open(u128),
    /// An addition, by one of a few proofs.
    Add(u8, u128),
    /// A voucher over a total, the least that it must add, and a hold.
    Draw(Option<u128>, u128, u128),
    /// A voucher that somebody else signed.
    Forge(u128),
    /// So much of a hold was delivered.
    Deliver(u128, u128),
    Close(Option<u128>),
    End,
    /// Whoever held anything died.
    Recover,
}

/// A session, as somebody with a pencil follows it.
#[derive(Debug, Default)]
struct Page {
    state: Option<SessionState>,
    given: Vec<u128>,
    /// The first, and additions by their proof.
    deposits: Vec<(Option<u8>, u128)>,
    signed: u128,
    promised: u128,
    delivered: Vec<u128>,
}

/// Four bytes are one event: what, of which session, and how much of two things.
pub fn sequence(data: &[u8]) {
    let mut books = MemoryStore::default();
    let mut pages = SESSIONS.map(|_| Page::default());
    for (number, bytes) in (0_u8..).zip(data.chunks_exact(4).take(LONGEST)) {
        let place = usize::from(bytes[1]) % SESSIONS.len();
        let event = Event::read(bytes[0], bytes[1], u128::from(bytes[2]), u128::from(bytes[3]));
        let command = event.command(SESSIONS[place], number);
        let outcome = books.batch(std::slice::from_ref(&command)).expect("memory does not fail").remove(0);
        let expected = pages[place].happens(event);
        if matches!(event, Event::Recover) {
            pages.iter_mut().for_each(|page| page.promised = 0);
        }
        assert_eq!(answer(&outcome), expected, "{event:?} came to {outcome:?}");
        for (session, page) in SESSIONS.iter().zip(&pages) {
            page.compare(&books, *session);
        }
    }
    assert_eq!(books.verify().findings, Vec::<String>::new());
}

impl Event {
    fn read(what: u8, whom: u8, one: u128, other: u128) -> Self {
        match what % 16 {
            0 | 1 => Self::Grant(one * 8 + 1),
            2 | 3 => Self::Open(one + 1),
            4 => Self::Add(whom / 64, one + 1),
            5..=7 => Self::Draw(Some(one * 2), u128::from(what / 64), other % 32),
            8 => Self::Draw(None, 0, other % 32),
            9 => Self::Forge(one),
            10 | 11 => Self::Deliver(one % 32, (other % 32).min(one % 32)),
            12 => Self::Close(Some(one)),
            13 => Self::Close(None),
            14 => Self::End,
            _ => Self::Recover,
        }
    }

    fn command(self, session: u32, number: u8) -> Command {
        Command::Session(match self {
            Self::Grant(amount) => return grant(number, session, amount),
            Self::Recover => return Command::Recover { deadline: at(1_000), at: at(15) },
            Self::Open(amount) => SessionCommand::Open(Box::new(opening(session, amount))),
            Self::Add(proof, amount) => {
                let deposit = Box::new(deposit(&format!("more/{session}/{proof}"), amount));
                SessionCommand::TopUp { session: id(session), payer: Some(payer(session)), deposit, at: at(3) }
            }
            Self::Draw(total, least, hold) => match draw(session, total, hold) {
                SessionCommand::Draw { session, tender, voucher, hold, at, .. } => {
                    SessionCommand::Draw { session, tender, voucher, least_delta: Amount::new(least), hold, at }
                }
                other => other,
            },
            Self::Forge(total) => match draw(session, Some(total), 0) {
                SessionCommand::Draw { session, tender, voucher: Some(mut voucher), least_delta, hold, at } => {
                    voucher.signer.push('x');
                    SessionCommand::Draw { session, tender, voucher: Some(voucher), least_delta, hold, at }
                }
                other => other,
            },
            Self::Deliver(held, delivered) => deliver(session, held, delivered),
            Self::Close(None) => close(session, at(8)),
            Self::Close(Some(total)) => {
                let voucher = Some(Box::new(voucher(session, total)));
                SessionCommand::Close { session: id(session), voucher, reason: "paid".to_owned(), at: at(8) }
            }
            Self::End => SessionCommand::End { session: id(session), reason: "over".to_owned(), at: at(9) },
        })
    }
}

impl Page {
    fn deposited(&self) -> u128 {
        self.deposits.iter().map(|(_, amount)| amount).sum()
    }

    fn spent(&self) -> u128 {
        self.delivered.iter().sum()
    }

    /// What the payer has beside the session.
    fn left(&self) -> u128 {
        let given: u128 = self.given.iter().sum();
        let gone = if self.state == Some(SessionState::Closed) { self.spent() } else { self.deposited() };
        given - gone
    }

    fn happens(&mut self, event: Event) -> Answer {
        let insufficient = || Answer::No(SessionRefusal::Insufficient { available: Amount::new(self.left()) });
        match (event, self.state) {
            (Event::Grant(amount), _) => self.given.push(amount),
            (Event::Recover, _) => {}
            (Event::Open(_), Some(_)) => return Answer::Again,
            (Event::Open(amount), None) if amount > self.left() => return insufficient(),
            (Event::Open(amount), None) => {
                self.deposits.push((None, amount));
                self.state = Some(SessionState::Open);
            }
            (_, None) => return Answer::NotFound,
            (Event::Add(proof, _), Some(_)) if self.deposits.iter().any(|(used, _)| *used == Some(proof)) => {
                return Answer::Again;
            }
            (Event::Add(proof, amount), Some(SessionState::Open)) => {
                if amount > self.left() {
                    return insufficient();
                }
                self.deposits.push((Some(proof), amount));
            }
            (Event::Draw(total, least, hold), Some(SessionState::Open)) => return self.draws(total, least, hold),
            (Event::Forge(_), Some(SessionState::Open)) => return Answer::No(SessionRefusal::Signer),
            (Event::Add(..) | Event::Draw(..) | Event::Forge(_), Some(_)) => {
                return Answer::No(SessionRefusal::Ending);
            }
            (Event::Deliver(..), Some(SessionState::Closed)) => return Answer::No(SessionRefusal::Contradiction),
            (Event::Deliver(held, delivered), Some(_)) => {
                self.promised = self.promised.saturating_sub(held);
                let covered = self.signed - self.spent() - self.promised;
                self.delivered.push(delivered.min(covered));
            }
            (Event::Close(total), Some(state)) => return self.closes(total, state),
            (Event::End, Some(SessionState::Open)) => return Answer::No(SessionRefusal::Contradiction),
            (Event::End, Some(SessionState::Closed)) => return Answer::Again,
            (Event::End, Some(_)) if self.promised > 0 => return Answer::No(SessionRefusal::Busy),
            (Event::End, Some(_)) => self.state = Some(SessionState::Closed),
        }
        Answer::Yes
    }

    fn draws(&mut self, total: Option<u128>, least: u128, hold: u128) -> Answer {
        match total {
            Some(total) if total <= self.signed => {}
            Some(total) if total > self.deposited() => return Answer::No(SessionRefusal::AboveDeposit),
            Some(total) if total < self.signed + least => return Answer::No(SessionRefusal::DeltaTooSmall),
            Some(total) => self.signed = total,
            None => {}
        }
        let required = self.spent() + self.promised + hold;
        if hold > 0 && required > self.signed {
            return Answer::No(SessionRefusal::Uncovered { required: Amount::new(required) });
        }
        self.promised += hold;
        Answer::Yes
    }

    /// The last voucher may be lower than the highest, as long as it covers what was delivered and promised.
    fn closes(&mut self, total: Option<u128>, state: SessionState) -> Answer {
        if state == SessionState::Closed {
            return Answer::Again;
        }
        let last = match total {
            Some(total) if total > self.deposited() && total > self.signed => {
                return Answer::No(SessionRefusal::AboveDeposit);
            }
            Some(total) if total != self.signed && total >= self.spent() + self.promised => Some(total),
            _ => None,
        };
        if last.is_none() && state == SessionState::Closing {
            return Answer::Again;
        }
        self.signed = last.unwrap_or(self.signed);
        self.state = Some(SessionState::Closing);
        Answer::Yes
    }

    fn compare(&self, books: &MemoryStore, number: u32) {
        let of_payer = AccountId::new(AccountKind::Payer(payer(number)), &usd());
        let left = books.accounts.get(&of_payer).and_then(Account::available).unwrap_or(Amount::ZERO);
        assert_eq!(left, Amount::new(self.left()), "what its payer has left: {self:?}");
        let Some(session) = books.sessions.get(&id(number)) else {
            assert_eq!(self.state, None, "{self:?}");
            return;
        };
        assert_eq!(Some(session.state), self.state);
        let kept = [session.deposit, session.accepted, session.held, session.spent];
        let added_up = [self.deposited(), self.signed, self.promised, self.spent()];
        assert_eq!(kept, added_up.map(Amount::new), "deposit, accepted, held, spent: {self:?}");
        assert!(self.spent() + self.promised <= self.signed && self.signed <= self.deposited(), "{self:?}");
    }
}

fn answer(outcome: &Outcome) -> Answer {
    match outcome {
        Outcome::Transferred | Outcome::Recovered { .. } => Answer::Yes,
        Outcome::Session(SessionOutcome::Done(_) | SessionOutcome::Drawn(_)) => Answer::Yes,
        Outcome::Session(SessionOutcome::Again(_)) => Answer::Again,
        Outcome::Session(SessionOutcome::Refused(refusal, _)) => Answer::No(refusal.clone()),
        Outcome::Session(SessionOutcome::NotFound) => Answer::NotFound,
        other => panic!("an outcome of something else: {other:?}"),
    }
}
