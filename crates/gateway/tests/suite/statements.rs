//! Imports that are broken off, repeated or contradicted.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use farthing_books::testing::samples::{at, payer, usd};
use farthing_books::{AccountId, AccountKind, NewTopUp, TopUpId};
use farthing_gateway::funding::{ImportError, Imported, Progress, import};
use farthing_money::{Amount, Asset, Currency, Home};
use farthing_rail::{
    AccountEntry, AccountStatement, Direction, EntryKey, FundingAccount, Instructions, PaymentOrders, Shown,
    StatementFile, Unreadable,
};
use farthing_store::{Books, Sharing};

const ENTRIES: u64 = 9_000;

/// An account whose statements are two numbers: how many cents came one by one, and what was there before.
struct Plain(Asset);

impl FundingAccount for Plain {
    fn name(&self) -> &str {
        "plain"
    }

    fn asset(&self) -> &Asset {
        &self.0
    }

    fn currency(&self) -> Currency {
        "USD".parse().unwrap()
    }

    fn reference(&self, random: u64) -> String {
        random.to_string()
    }

    fn instructions(&self, _: &str, _: Option<Amount>) -> Instructions {
        Instructions { fields: Vec::new(), sentences: Vec::new() }
    }

    fn statements(&self) -> Option<&Path> {
        None
    }

    fn read_statement(
        &self,
        file: &mut dyn Read,
        take: &mut dyn FnMut(AccountEntry) -> ControlFlow<()>,
    ) -> Result<StatementFile, Unreadable> {
        let refused = || Unreadable("not two numbers".to_owned());
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|_| refused())?;
        let (count, opening) = text.split_once(' ').ok_or_else(refused)?;
        let (count, opening): (u64, i128) = (count.parse().unwrap(), opening.parse().unwrap());
        for number in 0..count {
            let entry = AccountEntry {
                key: EntryKey::of(&["plain", &number.to_string()]),
                part: 0,
                parts: 1,
                shown: Shown::Booked,
                direction: Direction::In,
                reversal: false,
                amount: Amount::new(1),
                booked: at(0),
                references: vec!["7".to_owned()],
                bank_reference: String::new(),
                details: String::new(),
            };
            if take(entry).is_break() {
                return Err(Unreadable("stopped".to_owned()));
            }
        }
        let mut hash = [0; 32];
        hash.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
        let statement = AccountStatement {
            id: "one".to_owned(),
            from: at(0),
            until: at(0),
            number: None,
            opening,
            closing: opening + i128::from(count),
        };
        Ok(StatementFile { hash, form: "plain".to_owned(), entries: count, statements: vec![statement] })
    }

    fn payment_file(&self, _: &PaymentOrders<'_>) -> Result<String, Unreadable> {
        Err(Unreadable("it pays nobody".to_owned()))
    }

    fn payee(&self, account: &str) -> Result<String, Unreadable> {
        Ok(account.to_owned())
    }
}

fn usd_cents() -> Asset {
    Asset::new("USD", 2, Home::Account("plain".to_owned())).unwrap()
}

struct Place {
    folder: tempfile::TempDir,
    books: Books,
    account: Arc<dyn FundingAccount>,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(&folder.path().join("books.db"), Sharing::Exclusive).unwrap();
        let place = Self { account: Arc::new(Plain(usd_cents())), folder, books };
        place.order().await;
        place
    }

    /// Orders, or finds the order: everything that was asked of the books before is done then.
    async fn order(&self) {
        let order = NewTopUp {
            id: TopUpId::of(&payer(1), "order"),
            payer: payer(1),
            rail: "plain".to_owned(),
            reference: "7".to_owned(),
            asset: usd(),
            expected: None,
            at: at(0),
        };
        self.books.order_topup(order).await.unwrap();
    }

    fn file(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("statement");
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn import(&self, path: &Path) -> Result<Imported, ImportError> {
        import(&self.books, &self.account, path, at(9), &mut |_| {}).await
    }

    async fn cents(&self) -> u128 {
        assert_eq!(self.books.verify().await.unwrap().findings, Vec::<String>::new());
        let id = AccountId::new(AccountKind::Payer(payer(1)), &usd());
        let account = self.books.account(&id).await.unwrap();
        account.map_or(0, |account| account.available().unwrap().units() / 10_000)
    }
}

#[tokio::test]
async fn u_02_an_import_that_is_broken_off_goes_on_at_its_next_page() {
    let place = Place::new().await;
    let path = place.file(&format!("{ENTRIES} 0"));
    let (sender, mut first_page) = tokio::sync::mpsc::unbounded_channel();
    let mut progress = |progress: Progress| {
        if !progress.checking {
            sender.send(progress.entries).unwrap();
        }
    };
    tokio::select! {
        biased;
        _ = first_page.recv() => {}
        done = import(&place.books, &place.account, &path, at(9), &mut progress) => panic!("it was to be broken off: {done:?}"),
    }
    place.order().await;
    let before = place.cents().await;
    assert!(before > 0 && before < u128::from(ENTRIES), "{before}");
    let done = place.import(&path).await.unwrap();
    assert!(!done.known);
    assert_eq!(before + u128::from(done.taken.credited), u128::from(ENTRIES));
    assert_eq!(place.cents().await, u128::from(ENTRIES));
    assert!(place.import(&path).await.unwrap().known);
    assert_eq!(place.cents().await, u128::from(ENTRIES));
}

#[tokio::test]
async fn u_12_a_statement_that_contradicts_a_known_one_changes_nothing() {
    let place = Place::new().await;
    place.import(&place.file("3 0")).await.unwrap();
    let refused = place.import(&place.file("5 0")).await.unwrap_err();
    assert!(matches!(&refused, ImportError::OtherStatement(id) if id == "one"), "{refused}");
    assert_eq!(place.cents().await, 3);
    assert!(matches!(place.import(&place.file("nonsense")).await, Err(ImportError::Refused(_))));
    assert!(matches!(place.import(Path::new("/nowhere/at/all")).await, Err(ImportError::File(_))));
    assert_eq!(place.cents().await, 3);
}
