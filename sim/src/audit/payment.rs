//! What is known of one payment.

use farthing_books::ledger::{AccountKind, Transfer};
use farthing_money::Amount;
use farthing_protocol::ProblemType;

/// A payment, from outside.
#[derive(Debug, Default)]
pub struct Payment {
    /// What it was presented for.
    pub order: Option<u64>,
    /// What the wallet signed for, in millionths.
    pub cost: Option<u64>,
    /// What the rail took.
    pub taken: Vec<Amount>,
    /// The rail took back what it had settled.
    pub reversed: bool,
    /// What the rail sent back.
    pub sent_back: Vec<Amount>,
    /// How often the ledger says that it was paid,
    pub paid: u32,
    /// and that it was paid back.
    pub returned: u32,
    /// What was taken of a balance.
    prepaid: Amount,
    /// Its payer was told that nothing was taken and nothing will be.
    off: bool,
    /// Whether its credential was ever sent.
    pub sent: bool,
}

/// What a client was answered when it presented a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// Whether it says that it was paid.
    pub has_receipt: bool,
    /// Its problem type.
    pub problem: Option<ProblemType>,
    /// Whether the credential was sent before, and nothing certain was heard of it.
    pub doubt: bool,
}

impl Answered {
    /// Whether the rail refused it, for good.
    fn is_by_rail(&self) -> bool {
        let refusals = [ProblemType::VerificationFailed, ProblemType::InvalidPayload, ProblemType::MalformedCredential];
        self.status == 402 && self.problem.is_some_and(|problem| refusals.contains(&problem))
    }

    /// Whether its wallet lets go of the payment when it hears this. After a doubt nothing but the rail's word counts.
    fn releases(&self) -> bool {
        let terms = [
            ProblemType::InvalidChallenge,
            ProblemType::PaymentExpired,
            ProblemType::PaymentRequired,
            ProblemType::PaymentInsufficient,
        ];
        let is_certain = self.status == 402 && !self.doubt;
        is_certain && self.problem.is_some_and(|problem| terms.contains(&problem))
    }
}

impl Payment {
    /// Whether its payer was told that it will never be taken.
    pub fn is_off(&self) -> bool {
        self.off
    }

    /// What it cost its payer so far, in millionths.
    pub fn moved(&self) -> u128 {
        let taken: u128 = self.taken.iter().map(|amount| amount.units()).sum();
        taken.saturating_add(self.prepaid.units())
    }

    /// An entry of the ledger.
    pub fn post(&mut self, transfer: &Transfer) {
        match (&transfer.debit.kind, &transfer.credit.kind) {
            (AccountKind::Payer(_), AccountKind::Revenue(_)) => {
                self.paid = self.paid.saturating_add(1);
                self.prepaid = transfer.amount;
            }
            (AccountKind::Clearing(_), AccountKind::Revenue(_)) => self.paid = self.paid.saturating_add(1),
            (AccountKind::Refunds, AccountKind::Payer(_) | AccountKind::Clearing(_)) => {
                self.returned = self.returned.saturating_add(1);
            }
            _ => {}
        }
    }

    /// What its payer hears, and what is wrong with that.
    pub fn answer(&mut self, answer: &Answered) -> Vec<String> {
        let mut findings = Vec::new();
        if answer.has_receipt && self.paid == 0 {
            findings.push("a receipt went out, and no durable entry says that it is paid".to_owned());
        }
        if answer.has_receipt && !(200..300).contains(&answer.status) {
            findings.push(format!("a receipt went out with the status {}", answer.status));
        }
        if answer.status == 402 && self.taken.len() > self.sent_back.len() && self.paid == 0 {
            findings.push("a new price was named while the money is at the rail and in no book".to_owned());
        }
        self.off |= answer.is_by_rail();
        findings
    }

    /// What its payer was told and lived to act on. One that dies of fresh terms has let go of nothing, and presents
    /// the same credential again.
    pub fn tell(&mut self, answer: &Answered) {
        self.off |= answer.releases();
    }

    /// What must not be so when everything has come to rest.
    pub fn at_rest(&self, served: bool) -> Vec<String> {
        let mut findings = Vec::new();
        let by_rail = self.taken.len();
        let is_prepaid = self.prepaid != Amount::ZERO;
        if by_rail > 0 && self.paid == 0 {
            findings.push("the rail has its money, and the ledger says nothing of it".to_owned());
        }
        if by_rail == 0 && self.paid > 0 && !is_prepaid && !self.reversed {
            findings.push("the ledger says that it is paid, and the rail took nothing".to_owned());
        }
        if self.paid > 1 || self.returned > 1 {
            findings.push(format!("it stands in the ledger {} times, paid back {} times", self.paid, self.returned));
        }
        if self.paid > 0 && self.returned == 0 && !served && !self.reversed {
            findings.push("it is paid, and neither delivered nor paid back".to_owned());
        }
        if !is_prepaid && by_rail > 0 && (self.returned > 0) == self.sent_back.is_empty() {
            findings.push("the ledger and the rail differ about whether it was sent back".to_owned());
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(problem: ProblemType, doubt: bool) -> Answered {
        Answered { status: 402, has_receipt: false, problem: Some(problem), doubt }
    }

    #[test]
    fn a_payment_is_off_when_the_rail_refused_it_or_its_payer_lived_to_let_go_of_it() {
        let is_off = |answer: &Answered, lived: bool| {
            let mut payment = Payment::default();
            assert_eq!(payment.answer(answer), Vec::<String>::new());
            if lived {
                payment.tell(answer);
            }
            payment.is_off()
        };
        assert!(is_off(&answered(ProblemType::VerificationFailed, true), false));
        let too_little = answered(ProblemType::PaymentInsufficient, false);
        assert!(is_off(&too_little, true));
        assert!(!is_off(&too_little, false), "it presents the same credential again");
        assert!(!is_off(&answered(ProblemType::PaymentInsufficient, true), true), "what went before is not known");
    }
}
