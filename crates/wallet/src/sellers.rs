//! What a wallet remembers of sellers: who was paid where, and what a resource cost when it was first paid, or when
//! a person last allowed its price.
//!
//! A file for each, named by a hash, so that many processes can remember at once. Each line names a payment that it was
//! remembered for, and holds until it is proven that the payment did not happen: whoever let itself be offered money and
//! took none is as new as before. What is forgotten is asked about again; what should not be remembered would need
//! somebody who can write the owner's files.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use farthing_books::budget::{ReservationId, ReservationState};
use farthing_keys::{FileError, private_file};
use farthing_money::Price;
use farthing_policy::{Authority, Known, Level, Purchase};
use farthing_store::Books;

/// More payments than this are not remembered for one thing, while none of them is known to have happened.
const MOST_LINES: usize = 32;

/// The memory of one wallet.
#[derive(Clone, Debug)]
pub struct Sellers {
    folder: PathBuf,
}

/// One thing that is remembered, and for which payment.
struct Line {
    /// The price, where it is one.
    word: String,
    /// `None` in files of earlier versions, which said nothing of it.
    payment: Option<ReservationId>,
}

impl Sellers {
    /// What is remembered in this folder, which need not be there.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// What is known for a purchase; looked up only where a policy asks. What cannot be read is not known. `books` say
    /// which payments did not happen.
    pub async fn known(&self, books: &Books, levels: &[Level], purchase: &Purchase) -> Known {
        if levels.iter().all(|level| level.policy.ask.is_none()) {
            return Known::default();
        }
        let pinned = first(books, &self.price(purchase)).await.and_then(|line| line.word.parse().ok());
        Known { payee_paid: first(books, &self.payee(purchase)).await.is_some(), pinned }
    }

    /// Remembers what was allowed just now, for this payment. A price that is known stays, unless a person `allowed`
    /// this one.
    pub async fn remember(
        &self,
        books: &Books,
        levels: &[Level],
        purchase: &Purchase,
        (payment, allowed): (ReservationId, bool),
    ) {
        if levels.iter().all(|level| level.policy.ask.is_none()) {
            return;
        }
        let (payee, price) = (self.payee(purchase), self.price(purchase));
        let kept = match private_file::private_directory(&self.folder) {
            Ok(()) => add(books, &payee, "paid", payment, false).await,
            failed => failed,
        };
        let kept = match kept {
            Ok(()) => add(books, &price, &asked_price(purchase).to_string(), payment, allowed).await,
            failed => failed,
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "what was paid to whom cannot be remembered, and is asked about again");
        }
    }

    fn payee(&self, purchase: &Purchase) -> PathBuf {
        let payee = purchase.payee.as_deref().unwrap_or_default().to_ascii_lowercase();
        self.named(&[purchase.origin.as_str(), &payee], "payee")
    }

    fn price(&self, purchase: &Purchase) -> PathBuf {
        self.named(&[purchase.origin.as_str(), &purchase.http_method, &purchase.path], "price")
    }

    fn named(&self, parts: &[&str], kind: &str) -> PathBuf {
        // None of the parts holds a line's end.
        let hash = digest(&SHA256, parts.join("\n").as_bytes());
        let name: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Path::new(&self.folder).join(format!("{name}.{kind}"))
    }
}

impl Line {
    /// `0.01 USD for 000102...`; what an earlier version wrote has no payment, and nothing at all for a payee.
    fn read(line: &str) -> Self {
        let named = line.rsplit_once(" for ").and_then(|(word, payment)| {
            let payment = u128::from_str_radix(payment, 16).ok()?;
            Some(Self { word: word.to_owned(), payment: Some(payment.to_be_bytes()) })
        });
        named.unwrap_or_else(|| Self { word: line.to_owned(), payment: None })
    }

    fn written(&self) -> String {
        match self.payment {
            Some(payment) => format!("{} for {:032x}\n", self.word, u128::from_be_bytes(payment)),
            None => format!("{}\n", self.word),
        }
    }

    /// What became of its payment; one of which nothing is known any more was not made.
    async fn state(&self, books: &Books) -> ReservationState {
        let Some(payment) = self.payment else { return ReservationState::Confirmed };
        let found = books.reservation(payment).await.ok().flatten();
        found.map_or(ReservationState::Released, |found| found.state)
    }
}

/// The lines of a file, the oldest first; none where there is no file.
fn lines(path: &Path) -> Vec<Line> {
    let Ok(bytes) = private_file::read(path) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes);
    match text.trim_end() {
        "" => vec![Line { word: String::new(), payment: None }],
        lines => lines.lines().map(Line::read).collect(),
    }
}

/// The first thing that still holds.
async fn first(books: &Books, path: &Path) -> Option<Line> {
    for line in lines(path) {
        if line.state(books).await != ReservationState::Released {
            return Some(line);
        }
    }
    None
}

/// Adds a line where none is certain yet, or puts it before all others.
async fn add(
    books: &Books,
    path: &Path,
    word: &str,
    payment: ReservationId,
    before_all: bool,
) -> Result<(), FileError> {
    let new = Line { word: word.to_owned(), payment: Some(payment) };
    let (mut kept, mut is_certain) = (Vec::new(), false);
    for line in lines(path) {
        match line.state(books).await {
            ReservationState::Released => continue,
            state => is_certain |= state == ReservationState::Confirmed,
        }
        kept.push(line);
        if is_certain {
            break;
        }
    }
    match before_all {
        true => kept.insert(0, new),
        false if is_certain || kept.len() >= MOST_LINES => return Ok(()),
        false => kept.push(new),
    }
    let text: String = kept.iter().map(Line::written).collect();
    private_file::write(path, text.as_bytes())
}

/// What the seller asks for one of what it sells.
fn asked_price(purchase: &Purchase) -> Price {
    match &purchase.authority {
        Authority::Charge | Authority::Recurring { .. } => purchase.cost,
        Authority::TopUp { unit } | Authority::Deposit { unit, .. } | Authority::Voucher { unit, .. } => *unit,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use farthing_books::Command;
    use farthing_store::Sharing;

    use super::*;
    use crate::policy::Asking;
    use crate::policy::tests::quote;

    fn purchase(cost: &str) -> Purchase {
        let tags = std::collections::BTreeMap::new();
        let (redirected_from, digest) = (None, [0; 32]);
        let asking = Asking {
            http_method: "GET",
            path: "/v1/x",
            tags: &tags,
            max: None,
            redirected_from,
            offer_signers: &[],
            digest,
        };
        asking.charge(&quote(cost, "https://api.example.com"))
    }

    /// A payment of this number, reserved.
    async fn reserved(books: &Books, number: u32) -> ReservationId {
        let reservation = farthing_books::testing::samples::reservation(number, 1, &[]);
        let id = reservation.id;
        books.reserve(reservation).await.unwrap();
        id
    }

    async fn end(books: &Books, reservation: ReservationId, paid: bool) {
        let at = farthing_protocol::Timestamp::from_unix_millis(1_800_000_000_000);
        let command = match paid {
            true => Command::Confirm { reservation, receipt: None, cost: None, at },
            false => Command::Release { reservation, reason: "it was not taken".into(), at },
        };
        books.submit(command).await.unwrap();
    }

    struct Memory {
        folder: tempfile::TempDir,
        books: Books,
        sellers: Sellers,
        asks: [Level; 1],
    }

    impl Memory {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let books = Books::open(&folder.path().join("budgets.db"), Sharing::Shared).unwrap();
            let sellers = Sellers::at(folder.path().join("sellers"));
            Self { folder, books, sellers, asks: policy("total = \"1 USD\"\n[ask]\nnew_payee = true") }
        }

        async fn known(&self, cost: &str) -> Known {
            self.sellers.known(&self.books, &self.asks, &purchase(cost)).await
        }

        async fn remember(&self, number: u32, cost: &str, allowed: bool) -> ReservationId {
            let payment = reserved(&self.books, number).await;
            self.sellers.remember(&self.books, &self.asks, &purchase(cost), (payment, allowed)).await;
            payment
        }
    }

    fn policy(text: &str) -> [Level; 1] {
        [Level { name: "agent".into(), policy: Arc::new(text.parse().unwrap()) }]
    }

    fn price(text: &str) -> Option<Price> {
        Some(text.parse().unwrap())
    }

    #[tokio::test]
    async fn the_first_price_stays_until_a_person_allows_another() {
        let memory = Memory::new();
        assert_eq!(memory.known("0.01 USD").await, Known::default());
        memory.remember(1, "0.01 USD", false).await;
        memory.remember(2, "0.011 USD", false).await;
        assert_eq!(memory.known("0.02 USD").await, Known { payee_paid: true, pinned: price("0.01 USD") });
        memory.remember(3, "0.02 USD", true).await;
        assert_eq!(memory.known("0.02 USD").await.pinned, price("0.02 USD"));
        let other = Purchase { payee: Some("0xcd".into()), ..purchase("0.02 USD") };
        let of_other = memory.sellers.known(&memory.books, &memory.asks, &other).await;
        assert!(!of_other.payee_paid, "another payee at the same place is new");
        let silent = policy("total = \"1 USD\"");
        assert_eq!(memory.sellers.known(&memory.books, &silent, &purchase("1 USD")).await, Known::default());
    }

    #[tokio::test]
    async fn w_29_a_payment_that_did_not_happen_makes_neither_its_payee_nor_its_price_known() {
        let memory = Memory::new();
        let bait = memory.remember(1, "0.05 USD", false).await;
        assert_eq!(memory.known("0.05 USD").await, Known { payee_paid: true, pinned: price("0.05 USD") });
        end(&memory.books, bait, false).await;
        assert_eq!(memory.known("0.05 USD").await, Known::default(), "it is as new as before");

        let (first, second) =
            (memory.remember(2, "0.01 USD", false).await, memory.remember(3, "0.012 USD", false).await);
        end(&memory.books, first, false).await;
        end(&memory.books, second, true).await;
        assert_eq!(memory.known("0.02 USD").await, Known { payee_paid: true, pinned: price("0.012 USD") });
        let allowed = memory.remember(4, "0.02 USD", true).await;
        end(&memory.books, allowed, false).await;
        assert_eq!(memory.known("0.02 USD").await.pinned, price("0.012 USD"), "the price before counts again");
    }

    #[tokio::test]
    async fn what_an_earlier_version_remembered_is_known() {
        let memory = Memory::new();
        let (payee, price_file) = (memory.sellers.payee(&purchase("1 USD")), memory.sellers.price(&purchase("1 USD")));
        private_file::private_directory(&memory.folder.path().join("sellers")).unwrap();
        private_file::write(&payee, b"").unwrap();
        private_file::write(&price_file, b"0.01 USD\n").unwrap();
        assert_eq!(memory.known("1 USD").await, Known { payee_paid: true, pinned: price("0.01 USD") });
    }
}
