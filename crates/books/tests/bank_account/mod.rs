//! Books with one account at a bank, and what banks and payers do to them.

use farthing_books::bank::{BankOutcome, NewPayout, Taken};
use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, payer, usd};
use farthing_books::topup::TopUpState;
use farthing_books::{
    AccountId, AccountKind, BankCommand, BankPage, Command, NewTopUp, Outcome, PayoutId, TopUpId, TopUpOutcome,
    Transfer, TransferId,
};
use farthing_money::{Amount, Asset, Home};
use farthing_protocol::Timestamp;
use farthing_rail::{AccountEntry, AccountStatement, Direction, EntryKey, Shown};

pub(crate) fn cents() -> Asset {
    Asset::new("USD", 2, Home::Account("021000021-1".to_owned())).unwrap()
}

pub(crate) fn balance(number: u32) -> AccountId {
    AccountId::new(AccountKind::Payer(payer(number)), &usd())
}

pub(crate) fn entry(number: u32, amount: u128, reference: &str) -> AccountEntry {
    AccountEntry {
        key: EntryKey::of(&["test", &number.to_string()]),
        part: 0,
        parts: 1,
        shown: Shown::Booked,
        direction: Direction::In,
        reversal: false,
        amount: Amount::new(amount),
        booked: at(0),
        references: if reference.is_empty() { Vec::new() } else { vec![reference.to_owned()] },
        bank_reference: format!("bank {number}"),
        details: "somebody".to_owned(),
    }
}

pub(crate) fn page(file: u8, number: u32, entries: Vec<AccountEntry>, last: bool) -> Command {
    let statements = last.then(Vec::new);
    let page = BankPage {
        rail: "bank".to_owned(),
        asset: cents(),
        currency: "USD".parse().unwrap(),
        file: [file; 32],
        number,
        entries,
        statements,
        at: at(7),
    };
    Command::Bank(BankCommand::Take(Box::new(page)))
}

pub(crate) fn new_order(number: u32, reference: &str, expected: Option<u128>, id: TopUpId) -> NewTopUp {
    let expected = expected.map(|cents| Amount::new(cents * 10_000));
    let (payer, reference) = (payer(number), reference.to_owned());
    NewTopUp { id, payer, rail: "bank".to_owned(), reference, asset: usd(), expected, at: at(0) }
}

pub(crate) fn payout_id(number: u8) -> PayoutId {
    PayoutId::from_bytes([number; 16])
}

pub(crate) fn payout(number: u8, from: u32, leaving: u128) -> Command {
    let order = NewPayout {
        id: payout_id(number),
        payer: payer(from),
        asset: usd(),
        rail: "bank".to_owned(),
        account: cents(),
        currency: "USD".parse().unwrap(),
        leaving: Amount::new(leaving),
        payee_name: "Pat".to_owned(),
        payee_account: "021000021-2".to_owned(),
        by: "operator".to_owned(),
        at: at(3),
    };
    Command::Bank(BankCommand::PayOut(Box::new(order)))
}

#[derive(Default)]
pub(crate) struct Bank {
    pub(crate) books: MemoryStore,
    moved: u8,
}

impl Bank {
    pub(crate) fn with_order(number: u32, reference: &str, expected: Option<u128>) -> Self {
        let mut bank = Self::default();
        assert!(matches!(bank.order(number, reference, expected), TopUpOutcome::Opened(_)));
        bank
    }

    pub(crate) fn run(&mut self, command: Command) -> Outcome {
        let outcome = self.books.batch(&[command]).unwrap().remove(0);
        assert_eq!(self.books.verify().findings, Vec::<String>::new());
        outcome
    }

    pub(crate) fn order(&mut self, number: u32, reference: &str, expected: Option<u128>) -> TopUpOutcome {
        let order = new_order(number, reference, expected, TopUpId::of(&payer(number), reference));
        match self.run(Command::TopUp(Box::new(order))) {
            Outcome::TopUp(outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn import(&mut self, file: u8, entries: Vec<AccountEntry>) -> Taken {
        taken(self.run(page(file, 0, entries, true)))
    }

    pub(crate) fn statement(&mut self, month: i64, opening: i128, closing: i128, entries: Vec<AccountEntry>) {
        let file = u8::try_from(month).unwrap();
        taken(self.try_statement(file, month, opening, closing, entries));
    }

    pub(crate) fn try_statement(
        &mut self,
        file: u8,
        month: i64,
        opening: i128,
        closing: i128,
        entries: Vec<AccountEntry>,
    ) -> Outcome {
        let day = |day: i64| Timestamp::from_unix_millis((month * 30 + day) * 86_400_000);
        let statement = AccountStatement {
            id: format!("statement {month}"),
            from: day(0),
            until: day(29),
            number: None,
            opening,
            closing,
        };
        let Command::Bank(BankCommand::Take(mut taken)) = page(file, 0, entries, true) else { panic!("a page") };
        taken.statements = Some(vec![statement]);
        self.run(Command::Bank(BankCommand::Take(taken)))
    }

    pub(crate) fn available(&self, number: u32) -> u128 {
        self.books.accounts.get(&balance(number)).map_or(0, |account| account.available().unwrap().units())
    }

    pub(crate) fn stands(&self, name: &str) -> String {
        let id = AccountId::new(name.parse().unwrap(), &cents());
        self.books.accounts.get(&id).map_or_else(|| "0 USD".to_owned(), farthing_books::Account::balance)
    }

    pub(crate) fn state(&self, number: u32) -> TopUpState {
        self.books.topups.values().find(|order| order.order.payer == payer(number)).unwrap().state
    }

    pub(crate) fn spend(&mut self, number: u32, amount: u128) {
        let revenue = AccountId::new(AccountKind::Revenue("weather".to_owned()), &usd());
        self.moves(balance(number), revenue, amount);
    }

    pub(crate) fn fund(&mut self, number: u32, amount: u128) {
        self.moves(AccountId::new(AccountKind::Grants, &usd()), balance(number), amount);
    }

    fn moves(&mut self, debit: AccountId, credit: AccountId, amount: u128) {
        self.moved += 1;
        let id = TransferId([self.moved; 16]);
        let phase = farthing_books::ledger::Phase::Single;
        let transfer = Transfer { id, debit, credit, amount: Amount::new(amount), phase, payment: None, at: at(4) };
        assert_eq!(self.run(Command::Transfer(Box::new(transfer))), Outcome::Transferred);
    }
}

fn taken(outcome: Outcome) -> Taken {
    match outcome {
        Outcome::Bank(BankOutcome::Taken(taken)) => taken,
        other => panic!("{other:?}"),
    }
}
