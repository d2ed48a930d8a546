//! The books' state machine of sessions and payments, under any schedule of commands: after every one of them the books
//! add up, and a model that knows nothing but what it was told agrees about each session.

use std::collections::BTreeMap;

use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, external, grant, prepaid, settled, unknown};
use farthing_books::testing::sessions::{close, deliver, draw, id, opening, voucher};
use farthing_books::{Command, Outcome, SessionCommand, SessionOutcome, SessionRefusal};
use farthing_money::Amount;

const SESSIONS: u32 = 4;
/// More commands would make each input slow and find nothing more.
const LONGEST: usize = 200;

/// Three bytes are one command: what, of whom, and how much.
pub fn schedule(data: &[u8]) {
    let mut books = MemoryStore::default();
    let mut acknowledged: BTreeMap<u32, Amount> = BTreeMap::new();
    for bytes in data.chunks_exact(3).take(LONGEST) {
        let [what, whom, much] = [bytes[0], bytes[1], bytes[2]];
        let number = u32::from(whom) % SESSIONS;
        let command = command(what, number, u128::from(much));
        let outcome = books.batch(std::slice::from_ref(&command)).expect("memory does not fail").remove(0);
        remember(&mut acknowledged, number, &command, &outcome);
        assert_eq!(books.verify().findings, Vec::<String>::new(), "{command:?} came to {outcome:?}");
        for (number, known) in &acknowledged {
            let session = &books.sessions[&id(*number)];
            let committed = session.spent.checked_add(session.held).expect("small sums");
            assert!(committed <= session.accepted && session.accepted >= *known, "{session:?}");
        }
    }
}

fn command(what: u8, number: u32, much: u128) -> Command {
    let (session, reason) = (id(number), "because".to_owned());
    let payment = || external(number, much + 1).id;
    match what % 16 {
        0 => grant(u8::try_from(number).unwrap_or(0), number, much * 10 + 1),
        1 => Command::Session(SessionCommand::Open(Box::new(opening(number, much + 1)))),
        2 | 3 => Command::Session(draw(number, Some(much), much % 16)),
        4 => Command::Session(draw(number, None, much % 16)),
        5 | 6 => Command::Session(deliver(number, much % 16, much / 16)),
        7 => Command::Session(close(number, at(8))),
        8 => {
            let voucher = Some(Box::new(voucher(number, much)));
            Command::Session(SessionCommand::Close { session, voucher, reason, at: at(8) })
        }
        9 => Command::Session(SessionCommand::End { session, reason, at: at(9) }),
        10 => Command::Session(SessionCommand::Post { session, at: at(7) }),
        11 => Command::Claim(Box::new(prepaid(number, number, much + 1))),
        12 => Command::Claim(Box::new(external(number, much + 1))),
        13 => Command::Settle { payment: payment(), settled: settled("0x1", much % 3), confirm_at: None, at: at(10) },
        14 => Command::Doubt { payment: payment(), unknown: unknown(), at: at(10) },
        _ => Command::Recover { deadline: at(1_000), at: at(15) },
    }
}

/// A total that was answered well is never lost; but who closes may take back what nothing was delivered for.
fn remember(acknowledged: &mut BTreeMap<u32, Amount>, number: u32, command: &Command, outcome: &Outcome) {
    let (Command::Session(command), Outcome::Session(outcome)) = (command, outcome) else { return };
    match (command, outcome) {
        (
            SessionCommand::Draw { voucher: Some(voucher), .. },
            SessionOutcome::Drawn(_) | SessionOutcome::Refused(SessionRefusal::Uncovered { .. }, _),
        ) => {
            let known = acknowledged.entry(number).or_default();
            *known = voucher.cumulative.max(*known);
        }
        (SessionCommand::Close { .. }, SessionOutcome::Done(after)) => {
            let known = acknowledged.entry(number).or_default();
            *known = after.accepted.min(*known);
        }
        _ => {}
    }
}
