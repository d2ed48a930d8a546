//! A balance on its way from one merchant's books to another's, which have nothing in common.
//!
//! What leaves is held first, arrives in the other books under the same id, and is posted then: a hold that nothing
//! became of is money that nobody can spend and nobody lost. Whether it arrived is one row of the other books, and that
//! id is taken once there: by the arrival, or by a refusal, after which nothing of this name can arrive and the hold may
//! end. So any number of processes may work at the same remittance, stop anywhere, and come to the same outcome.

use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use farthing_rail::PayerId;

use super::{AccountId, AccountKind, Phase, Transfer, TransferId};

/// Which books these are, wherever they move: drawn at random when it is first asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BooksId(pub [u8; 16]);

/// A part of a balance that goes to other books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remittance {
    /// The books that it leaves.
    pub from: BooksId,
    /// Those that it goes to.
    pub to: BooksId,
    /// Its name: between the same books the same name is the same remittance, ever.
    pub name: String,
    /// Whose balance it is, in both books.
    pub payer: PayerId,
    /// The asset of the balance.
    pub asset: Asset,
    /// How much.
    pub amount: Amount,
    /// Now.
    pub at: Timestamp,
}

impl Remittance {
    /// What it is called in both books: the hold in those that it leaves, the arrival in the others.
    pub fn id(&self) -> TransferId {
        self.named(b"")
    }

    /// In the books that it leaves: held, and nobody can spend it.
    pub fn hold(&self) -> Transfer {
        self.out(self.id(), self.amount, Phase::Pending)
    }

    /// There: it is gone, because it arrived.
    pub fn departure(&self) -> Transfer {
        self.out(self.named(b"\0departure"), self.amount, Phase::Post(self.id()))
    }

    /// There: it can be spent again, because it will never arrive.
    pub fn release(&self) -> Transfer {
        self.out(self.named(b"\0release"), Amount::ZERO, Phase::Void(self.id()))
    }

    /// In the books that it goes to: it is in the balance.
    pub fn arrival(&self) -> Transfer {
        let hold = self.hold();
        Transfer { debit: hold.credit, credit: hold.debit, phase: Phase::Single, ..hold }
    }

    /// There: it will never be.
    pub fn refusal(&self) -> Transfer {
        Transfer { amount: Amount::ZERO, ..self.arrival() }
    }

    fn out(&self, id: TransferId, amount: Amount, phase: Phase) -> Transfer {
        Transfer {
            id,
            debit: AccountId::new(AccountKind::Payer(self.payer.clone()), &self.asset),
            credit: AccountId::new(AccountKind::Transit, &self.asset),
            amount,
            phase,
            payment: None,
            at: self.at,
        }
    }

    fn named(&self, purpose: &[u8]) -> TransferId {
        let owner = [&self.from.0[..], &self.to.0, self.name.as_bytes()].concat();
        TransferId::named(b"farthing/remittance/1\0", &owner, purpose)
    }
}
