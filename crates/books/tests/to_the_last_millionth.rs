//! Once a rail's statement has shown everything, it owes nothing, and what is confirmed is what it says
//! that moved: whatever was split, refunded, charged for or taken out, and whoever came first.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, external, movement, page, settled_by, usd};
use farthing_books::{AccountId, AccountKind, Command, Outcome, PaymentState, Reconciled};
use farthing_money::Amount;
use farthing_rail::{Direction, Movement, PaymentId, Settled};
use proptest::prelude::*;

/// What becomes of one payment, and what the chain shows of it.
#[derive(Clone, Debug)]
struct Story {
    amount: u128,
    passed_on: u128,
    fee: u128,
    end: End,
}

#[derive(Clone, Debug)]
enum End {
    Delivered,
    Refunded {
        fee: u128,
    },
    /// Before or after its delivery; the chain shows nothing of it.
    Reversed {
        delivered: bool,
    },
}

fn line(key: String, direction: Direction, amount: u128) -> Movement {
    Movement { direction, ..movement(&key, amount) }
}

impl Story {
    /// The steps of the payment, in their order.
    fn commands(&self, number: u32) -> Vec<Command> {
        let new = external(number, self.amount);
        let payment = new.id;
        let keys = [format!("m/{number}/in"), format!("m/{number}/other"), format!("m/{number}/fee")];
        let settled = Settled {
            fee: Amount::new(self.fee),
            passed_on: Amount::new(self.passed_on),
            ..settled_by("0xabc", &keys.each_ref().map(String::as_str))
        };
        let mut commands = vec![
            Command::Claim(Box::new(new)),
            Command::Settle { payment, settled, confirm_at: Some(at(50)), at: at(10) },
        ];
        let delivery = [
            Command::Deliver { payment, status: 200, at: at(11) },
            Command::Close { payment, response: None, at: at(12) },
        ];
        let reason = || "for a test".to_owned();
        let entitle = || Command::Entitle { payment, reason: reason(), status: None, deadline: at(900), at: at(11) };
        match self.end {
            End::Delivered => commands.extend(delivery),
            End::Refunded { fee } => {
                commands.extend(delivery);
                commands.push(Command::Refund { payment, reason: reason(), at: at(13) });
                let keys = [format!("m/{number}/back"), format!("m/{number}/back-fee")];
                let back = settled_by("0xback", &keys.each_ref().map(String::as_str));
                let settled = Settled { fee: Amount::new(fee), ..back };
                commands.push(Command::ConfirmRefund { payment, settled, at: at(14) });
            }
            End::Reversed { delivered } => {
                if delivered {
                    commands.extend(delivery);
                } else {
                    commands.push(entitle());
                }
                commands.push(Command::Reverse { payment, reason: reason(), at: at(40) });
            }
        }
        commands
    }

    /// What the chain shows of it, in the end. What was taken back took its fee along, or had none.
    fn lines(&self, number: u32) -> Vec<Movement> {
        let mut lines = vec![
            line(format!("m/{number}/in"), Direction::In, self.amount - self.passed_on),
            line(format!("m/{number}/fee"), Direction::Fee, self.fee),
        ];
        match self.end {
            End::Delivered => {}
            End::Refunded { fee } => {
                lines.push(line(format!("m/{number}/back"), Direction::Out, self.amount));
                lines.push(line(format!("m/{number}/back-fee"), Direction::Fee, fee));
            }
            End::Reversed { .. } => lines.clear(),
        }
        lines.retain(|line| !line.amount.is_zero());
        lines
    }
}

fn any_story() -> impl Strategy<Value = Story> {
    let end = prop_oneof![
        3 => Just(End::Delivered),
        3 => (0..3_u128).prop_map(|fee| End::Refunded { fee }),
        1 => any::<bool>().prop_map(|delivered| End::Reversed { delivered }),
    ];
    (1..1_000_u128, 0..1_000_u128, 0..5_u128, end).prop_map(|(amount, part, fee, end)| {
        // Only a transaction that we sponsor has a fee, and only where what is included stays.
        let fee = if matches!(end, End::Reversed { .. }) { 0 } else { fee };
        Story { amount, passed_on: part % amount, fee, end }
    })
}

/// What nobody's payment explains: a stranger's gift, the owner's own money, a fee paid for nothing.
fn strays() -> Vec<Movement> {
    [("gift", Direction::In, 7), ("own", Direction::Out, 5), ("reverted", Direction::Fee, 3)]
        .map(|(key, direction, amount)| line(key.to_owned(), direction, amount))
        .into()
}

/// Debits less credits.
fn balance(books: &MemoryStore, kind: AccountKind) -> i128 {
    let account = books.accounts.get(&AccountId::new(kind, &usd()));
    let units = |amount: Amount| i128::try_from(amount.units()).unwrap();
    account.map_or(0, |account| units(account.debits) - units(account.credits))
}

fn evm(kind: impl Fn(String) -> AccountKind) -> AccountKind {
    kind("evm".to_owned())
}

/// In less out.
fn moved(lines: &[Movement]) -> i128 {
    let signed = |line: &Movement| {
        let amount = i128::try_from(line.amount.units()).unwrap();
        if line.direction == Direction::In { amount } else { -amount }
    };
    lines.iter().map(signed).sum()
}

proptest! {
    #[test]
    fn a_rail_that_has_shown_everything_owes_nothing(
        stories in proptest::collection::vec(any_story(), 1..6),
        turns in proptest::collection::vec(any::<bool>(), 64),
    ) {
        let mut books = MemoryStore::default();
        let numbered = || (1_u32..).zip(&stories);
        let mut lines: Vec<Movement> = numbered().flat_map(|(number, story)| story.lines(number)).collect();
        lines.extend(strays());
        let shown = moved(&lines);
        let mut steps = numbered().flat_map(|(number, story)| story.commands(number));
        let mut statement = lines.iter().cloned().enumerate();
        let mut turns = turns.into_iter().cycle();
        loop {
            let next = if turns.next().unwrap() { steps.next() } else { None };
            let show = |(place, line): (usize, Movement)| {
                let name = |place: usize| if place == 0 { String::new() } else { place.to_string() };
                page(&name(place), &name(place + 1), vec![line])
            };
            let Some(command) = next.or_else(|| statement.next().map(show)).or_else(|| steps.next()) else { break };
            let outcome = books.batch(&[command]).unwrap().remove(0);
            prop_assert!(!matches!(outcome, Outcome::OutOfOrder(_) | Outcome::CursorMoved(_)), "{outcome:?}");
            prop_assert_eq!(books.verify().findings, Vec::<String>::new());
        }
        prop_assert_eq!(balance(&books, evm(AccountKind::Clearing)), 0);
        prop_assert_eq!(balance(&books, evm(AccountKind::Confirmed)), shown);
        prop_assert_eq!(balance(&books, AccountKind::Suspense), -7);
        prop_assert_eq!(balance(&books, evm(AccountKind::Withdrawals)), 5);
        let fees: u128 = stories.iter().map(|story| match story.end {
            End::Refunded { fee } => story.fee + fee,
            _ => story.fee,
        }).sum();
        prop_assert_eq!(balance(&books, evm(AccountKind::Fees)), i128::try_from(fees).unwrap() + 3);
    }
}

fn told(story: &Story) -> (MemoryStore, PaymentId) {
    let mut books = MemoryStore::default();
    books.batch(&story.commands(1)).unwrap();
    (books, external(1, story.amount).id)
}

#[test]
fn a_refund_of_a_split_payment_comes_out_of_our_own_pocket() {
    let (mut books, _) = told(&Story { amount: 100, passed_on: 10, fee: 2, end: End::Refunded { fee: 1 } });
    let standing = |books: &MemoryStore| {
        let kinds =
            [evm(AccountKind::Clearing), evm(AccountKind::Shares), evm(AccountKind::Fees), AccountKind::Refunds];
        kinds.map(|kind| balance(books, kind))
    };
    assert_eq!(standing(&books), [-13, 10, 3, 100]);
    let story = Story { amount: 100, passed_on: 10, fee: 2, end: End::Refunded { fee: 1 } };
    let outcome = books.batch(&[page("", "one", story.lines(1))]).unwrap().remove(0);
    assert_eq!(outcome, Outcome::Reconciled(Reconciled { matched: 4, ..Reconciled::default() }));
    assert_eq!(standing(&books), [0, 10, 3, 100]);
    assert_eq!(balance(&books, evm(AccountKind::Confirmed)), -13);
}

#[test]
fn a_split_payment_that_was_taken_back_leaves_nothing_with_others() {
    for (delivered, lost) in [(false, 0), (true, 100)] {
        let (books, _) = told(&Story { amount: 100, passed_on: 10, fee: 0, end: End::Reversed { delivered } });
        let revenue = balance(&books, AccountKind::Revenue("weather".to_owned()));
        let losses = balance(&books, evm(AccountKind::Losses));
        assert_eq!((losses, revenue), (lost, -lost));
        assert_eq!(balance(&books, evm(AccountKind::Shares)), 0);
        assert_eq!(balance(&books, evm(AccountKind::Clearing)), 0);
    }
}

#[test]
fn a_refund_that_names_the_movement_of_another_payment_is_not_booked() {
    let (mut books, first) = told(&Story { amount: 100, passed_on: 0, fee: 0, end: End::Delivered });
    let confirm = Command::ConfirmRefund { payment: first, settled: settled_by("0xback", &["m/2/in"]), at: at(30) };
    let other = Story { amount: 5, passed_on: 0, fee: 0, end: End::Delivered };
    books.batch(&other.commands(2)).unwrap();
    let refund = Command::Refund { payment: first, reason: "late".to_owned(), at: at(20) };
    let outcome = books.batch(&[refund, confirm]).unwrap().remove(1);
    assert!(matches!(outcome, Outcome::MovementUsed { .. }), "{outcome:?}");
    assert_eq!(books.payments[&first].state, PaymentState::Refunding);
    assert_eq!(books.verify().findings, Vec::<String>::new());
}

#[test]
fn a_share_that_is_not_booked_is_found() {
    let (mut books, payment) = told(&Story { amount: 100, passed_on: 10, fee: 0, end: End::Delivered });
    books.payments.get_mut(&payment).unwrap().passed_on = Amount::new(9);
    let findings = books.verify().findings.join("\n");
    assert!(findings.contains("lacks its entry of what went to others"), "{findings}");
}
