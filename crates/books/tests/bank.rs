//! An account elsewhere: each entry once, at rest somewhere, and the balances to the last unit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod bank_account;

use bank_account::{Bank, entry};
use farthing_books::bank::{BankOutcome, NewAssignment, PayoutState, Taken};
use farthing_books::testing::samples::{at, payer, usd};
use farthing_books::topup::{MOST_OPEN, TopUpState};
use farthing_books::{BankCommand, Command, Outcome, Resting, TopUpId, TopUpOutcome};
use farthing_money::Amount;
use farthing_rail::{AccountEntry, Direction, Shown};

#[test]
fn u_01_an_entry_credits_once_in_whichever_files_and_order_it_comes() {
    let booked = entry(1, 500, "RF-1");
    let notified = AccountEntry { shown: Shown::Notified, ..booked.clone() };
    for files in [[&booked, &notified, &booked], [&notified, &booked, &notified], [&notified, &notified, &booked]] {
        let mut bank = Bank::with_order(1, "RF-1", None);
        for (number, file) in (1..).zip(files) {
            bank.import(number, vec![file.clone()]);
        }
        assert_eq!(bank.available(1), 5_000_000);
        assert_eq!(bank.stands("confirmed/bank"), "5 USD", "what statements showed");
        assert_eq!(bank.stands("clearing/bank"), "0 USD", "what only notifications showed");
    }
    let mut bank = Bank::with_order(1, "RF-1", None);
    bank.import(1, vec![notified]);
    assert_eq!((bank.available(1), bank.stands("clearing/bank")), (5_000_000, "5 USD".to_owned()));
}

#[test]
fn u_02_a_file_is_taken_once_and_goes_on_where_it_was_left() {
    let mut bank = Bank::with_order(1, "RF-1", None);
    let pages = [vec![entry(1, 100, "RF-1")], vec![entry(2, 200, "RF-1")], vec![entry(3, 300, "RF-1")]];
    let page = |number: u32, last| bank_account::page(7, number, pages[number as usize].clone(), last);
    let expects = |next| Outcome::Bank(BankOutcome::Expects(next));
    assert!(matches!(bank.run(page(0, false)), Outcome::Bank(BankOutcome::Taken(_))));
    assert_eq!(bank.run(page(0, false)), expects(Some(1)), "the first page again");
    assert_eq!(bank.run(page(2, true)), expects(Some(1)), "not the one after next");
    assert!(matches!(bank.run(page(1, false)), Outcome::Bank(BankOutcome::Taken(_))));
    assert!(matches!(bank.run(page(2, true)), Outcome::Bank(BankOutcome::Taken(_))));
    assert_eq!(bank.run(page(2, true)), expects(None), "all of it was taken");
    assert_eq!(bank.available(1), 6_000_000);
}

#[test]
fn u_08_a_batch_goes_to_each_of_its_payers_and_is_confirmed_as_a_whole() {
    let mut bank = Bank::with_order(1, "RF-1", None);
    bank.order(2, "RF-2", None);
    let parts = |shown| {
        let part = |part, amount, reference| AccountEntry { part, parts: 3, shown, ..entry(1, amount, reference) };
        vec![part(0, 100, "RF-1"), part(1, 200, "RF-2"), part(2, 300, "nothing")]
    };
    bank.import(1, parts(Shown::Notified));
    assert_eq!((bank.available(1), bank.available(2)), (1_000_000, 2_000_000));
    assert_eq!(bank.stands("suspense"), "3 USD");
    let taken = bank.import(2, vec![entry(1, 600, "")]);
    assert_eq!((taken.confirmed, taken.credited), (3, 0));
    assert_eq!((bank.stands("confirmed/bank"), bank.stands("clearing/bank")), ("6 USD".to_owned(), "0 USD".to_owned()));

    let mut bank = Bank::with_order(1, "RF-1", None);
    bank.import(1, vec![entry(1, 600, "")]);
    let taken = bank.import(2, parts(Shown::Booked));
    assert_eq!(taken.repeated, 3, "what came as a whole rests as a whole");
    assert_eq!((bank.stands("suspense"), bank.available(1)), ("6 USD".to_owned(), 0));
}

#[test]
fn u_09_what_is_taken_back_comes_out_of_the_balance_and_the_rest_is_a_loss() {
    let mut bank = Bank::with_order(1, "RF-1", Some(500));
    bank.import(1, vec![entry(1, 500, "RF-1")]);
    assert_eq!(bank.state(1), TopUpState::Paid);
    bank.spend(1, 3_004_999);
    let back = AccountEntry { direction: Direction::Out, reversal: true, ..entry(2, 500, "RF-1") };
    let taken = bank.import(2, vec![back]);
    assert_eq!((taken.taken_back, taken.lost), (1, Amount::new(301)));
    assert_eq!(bank.available(1), 5_001, "less than a cent stays");
    assert_eq!(bank.stands("losses/bank"), "3.01 USD");
    assert_eq!(bank.stands("confirmed/bank"), "0 USD");
    assert_eq!(bank.state(1), TopUpState::Open);
    let again = AccountEntry { direction: Direction::Out, reversal: true, ..entry(3, 500, "RF-1") };
    let taken = bank.import(3, vec![again]);
    assert_eq!(taken.suspended, 1, "more than ever came is nobody's");
    assert_eq!(bank.stands("suspense"), "-5 USD");
}

#[test]
fn u_10_only_a_reference_says_whose_money_it_is() {
    let mut bank = Bank::with_order(1, "RF-1", Some(500));
    let named = AccountEntry { details: payer(1).to_string(), ..entry(1, 500, "RF-2") };
    let taken = bank.import(1, vec![named, entry(2, 500, "rf-1"), entry(3, 500, "")]);
    assert_eq!((taken.credited, taken.suspended), (0, 3));
    let unknown_first = AccountEntry { references: vec!["RF-9".into(), "RF-1".into()], ..entry(4, 500, "") };
    assert_eq!(bank.import(2, vec![unknown_first]).credited, 1);
}

#[test]
fn u_11_money_that_goes_out_credits_nobody() {
    let mut bank = Bank::with_order(1, "RF-1", None);
    bank.import(1, vec![entry(1, 1_000, "")]);
    let out = AccountEntry { direction: Direction::Out, ..entry(2, 200, "RF-1") };
    let fee = AccountEntry { direction: Direction::Fee, ..entry(3, 30, "RF-1") };
    let taken = bank.import(2, vec![out, fee]);
    assert_eq!(taken, Taken { withdrawn: 2, ..Taken::default() });
    assert_eq!((bank.stands("withdrawals/bank"), bank.stands("fees/bank")), ("2 USD".to_owned(), "0.3 USD".to_owned()));
    assert_eq!((bank.stands("confirmed/bank"), bank.available(1)), ("7.7 USD".to_owned(), 0));
}

#[test]
fn u_12_statements_in_any_order_end_at_the_bank_s_balance() {
    let january = (1, 0, 300, vec![entry(1, 300, "RF-1")]);
    let february = (2, 300, 250, vec![AccountEntry { direction: Direction::Out, ..entry(2, 50, "") }]);
    let march = (3, 250, 1_250, vec![entry(3, 1_000, "")]);
    let orders: [[usize; 3]; 4] = [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]];
    for order in orders {
        let mut bank = Bank::with_order(1, "RF-1", None);
        for index in order {
            let (month, opening, closing, entries) = [&january, &february, &march][index].clone();
            bank.statement(month, opening + 1_000, closing + 1_000, entries);
        }
        assert_eq!(bank.stands("confirmed/bank"), "22.5 USD", "{order:?}");
        assert_eq!(bank.stands("opening/bank"), "10 USD", "{order:?}");
    }
    let mut bank = Bank::with_order(1, "RF-1", None);
    bank.statement(1, -500, -200, vec![entry(1, 300, "RF-1")]);
    assert_eq!(
        (bank.stands("confirmed/bank"), bank.stands("opening/bank")),
        ("-2 USD".to_owned(), "-5 USD".to_owned())
    );
    let other = bank.try_statement(9, 1, -500, -100, vec![entry(9, 400, "")]);
    assert_eq!(other, Outcome::Bank(BankOutcome::OtherStatement("statement 1".to_owned())));
    assert_eq!(bank.available(1), 3_000_000);
}

#[test]
fn u_14_a_person_s_word_counts_once_and_can_be_taken_back_while_the_money_is_there() {
    let mut bank = Bank::with_order(1, "RF-1", None);
    bank.import(1, vec![entry(1, 500, "")]);
    let key = entry(1, 0, "").key;
    let say = |number: Option<u32>| {
        let to = number.map(|number| (payer(number), usd()));
        let said = NewAssignment { entry: key, to, by: "operator".into(), reason: "they called".into(), at: at(9) };
        Command::Bank(BankCommand::Assign(Box::new(said)))
    };
    let assigned = |outcome: &Outcome| matches!(outcome, Outcome::Bank(BankOutcome::Assigned(_)));
    assert!(assigned(&bank.run(say(Some(1)))) && assigned(&bank.run(say(Some(1)))));
    assert_eq!((bank.available(1), bank.stands("suspense")), (5_000_000, "0 USD".to_owned()));
    assert!(matches!(bank.run(say(Some(2))), Outcome::Bank(BankOutcome::NotInSuspense(_))));
    bank.spend(1, 1);
    assert_eq!(bank.run(say(None)), Outcome::Insufficient { available: Amount::new(4_999_999) });
    bank.fund(1, 1);
    assert!(assigned(&bank.run(say(None))) && assigned(&bank.run(say(None))));
    assert_eq!((bank.available(1), bank.stands("suspense")), (0, "5 USD".to_owned()));
    assert!(assigned(&bank.run(say(Some(2)))));
    assert_eq!(bank.available(2), 5_000_000);
    assert_eq!(bank.books.assignments.len(), 3, "who said what, for good");

    let nobody =
        NewAssignment { entry: entry(8, 0, "").key, to: None, by: String::new(), reason: String::new(), at: at(9) };
    assert_eq!(bank.run(Command::Bank(BankCommand::Assign(Box::new(nobody)))), Outcome::NotFound);
    bank.import(2, vec![entry(2, 100, "RF-1")]);
    let matched =
        NewAssignment { entry: entry(2, 0, "").key, to: None, by: String::new(), reason: String::new(), at: at(9) };
    let refused = bank.run(Command::Bank(BankCommand::Assign(Box::new(matched))));
    assert!(matches!(refused, Outcome::Bank(BankOutcome::NotInSuspense(_))), "what a reference said stands");
}

#[test]
fn u_15_orders_are_bounded_and_the_same_order_is_one() {
    let mut bank = Bank::with_order(1, "RF-1", Some(1));
    for number in 2..=u128::try_from(MOST_OPEN).unwrap() {
        assert!(matches!(bank.order(1, &format!("RF-{number}"), Some(number)), TopUpOutcome::Opened(_)));
    }
    assert_eq!(bank.order(1, "RF-99", Some(99)), TopUpOutcome::TooMany);
    let TopUpOutcome::Stands(same) = bank.order(1, "RF-98", Some(1)) else { panic!("the order stands") };
    assert_eq!(same.order.reference, "RF-1");
    assert_eq!(bank.order(2, "RF-1", Some(1)), TopUpOutcome::ReferenceTaken);
    bank.import(1, vec![entry(1, 1, "RF-1")]);
    assert!(matches!(bank.order(1, "RF-99", Some(99)), TopUpOutcome::Opened(_)), "one is paid");
    let other = bank_account::new_order(2, "RF-77", Some(5), TopUpId::of(&payer(1), "RF-2"));
    assert_eq!(bank.run(Command::TopUp(Box::new(other))), Outcome::Conflict);
}

#[test]
fn u_16_a_payout_leaves_once_in_one_file_and_comes_back_if_the_bank_says_so() {
    let mut bank = Bank::with_order(1, "RF-1", None);
    bank.import(1, vec![entry(1, 500, "RF-1")]);
    let payout = |number, leaving| bank_account::payout(number, 1, leaving);
    assert_eq!(bank.run(payout(1, 501)), Outcome::Insufficient { available: Amount::new(5_000_000) });
    for _ in 0..2 {
        assert!(matches!(bank.run(payout(1, 200)), Outcome::Bank(BankOutcome::PaidOut(_))));
    }
    assert_eq!(bank.run(payout(1, 201)), Outcome::Conflict);
    bank.run(payout(2, 100));
    assert_eq!((bank.available(1), bank.stands("clearing/bank")), (2_000_000, "-3 USD".to_owned()));
    let ids = [1, 2].map(bank_account::payout_id);
    let write = |file: &str| BankCommand::Write { file: file.to_owned(), payouts: ids.to_vec(), at: at(5) };
    let in_file = |outcome| match outcome {
        Outcome::Bank(BankOutcome::Written(payouts)) => {
            payouts.iter().map(|payout| payout.order.id).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(in_file(bank.run(Command::Bank(write("A")))), ids);
    assert_eq!(in_file(bank.run(Command::Bank(write("B")))), [], "they are in a file");
    assert_eq!(in_file(bank.run(Command::Bank(write("A")))), ids, "the same file again");

    let left = |number, amount, payout: usize| AccountEntry {
        direction: Direction::Out,
        ..entry(number, amount, &ids[payout].end_to_end())
    };
    let taken = bank.import(2, vec![left(2, 200, 0), left(3, 200, 0), left(4, 99, 1)]);
    assert_eq!((taken.paid_out, taken.withdrawn), (1, 2), "once, and of its own amount");
    assert_eq!(bank.books.payouts[&ids[0]].state, PayoutState::Paid);
    let back = entry(5, 200, &ids[0].end_to_end());
    assert_eq!(bank.import(3, vec![back, entry(6, 200, &ids[0].end_to_end())]).returned, 1, "back once");
    assert_eq!(bank.available(1), 4_000_000);
    assert_eq!(bank.books.payouts[&ids[0]].state, PayoutState::Returned);
}

#[test]
fn what_is_changed_behind_the_books_back_is_found() {
    let sound = || {
        let mut bank = Bank::with_order(1, "RF-1", None);
        bank.statement(1, 1_000, 1_500, vec![entry(1, 500, "RF-1")]);
        bank
    };
    let found = |change: &dyn Fn(&mut Bank), expected: &str| {
        let mut bank = sound();
        change(&mut bank);
        let findings = bank.books.verify().findings.join("\n");
        assert!(findings.contains(expected), "expected \"{expected}\" among:\n{findings}");
    };
    let key = entry(1, 0, "").key;
    found(&|bank| drop(bank.books.bank_entries.remove(&key)), "says what a statement showed, and none did");
    found(&|bank| bank.books.bank_entries.get_mut(&key).unwrap().amount = Amount::new(7), "lacks its transfer of 7");
    found(&|bank| bank.books.bank_entries.get_mut(&key).unwrap().resting = Resting::Suspense, "lacks its transfer");
    found(&|bank| bank.books.bank_statements.values_mut().for_each(|it| it.statement.opening = 0), "opens with 0");
    found(&|bank| bank.books.topups.values_mut().for_each(|it| it.credited = Amount::ZERO), "says that 0 came");
}
