//! The balances of a statement, and whether its entries lead from one to the other.

use farthing_money::{Amount, Currency};
use farthing_protocol::Timestamp;
use farthing_rail::AccountStatement;

use super::refused::Mistake;
use super::tag::Tag;
use super::walk::word;
use crate::decimal::{decimals_of, parse_amount};
use crate::{BankAccount, NotAnAmount};

/// A balance that is being read.
#[derive(Default)]
pub(super) struct BalanceDraft {
    code: String,
    amount: String,
    currency: Option<Currency>,
    sign: String,
    day: String,
}

/// The balances of a statement by which it can be checked.
#[derive(Default)]
pub(super) struct Balances {
    opening: Option<Balance>,
    previous: Option<Balance>,
    closing: Option<Balance>,
    /// Between the pages of a statement.
    interim: Vec<Balance>,
}

#[derive(Clone, Copy)]
struct Balance {
    units: i128,
    day: Timestamp,
}

impl BalanceDraft {
    pub(super) fn read(&mut self, inside: &[Tag], tag: Tag, text: &str, currency: Option<Currency>) {
        match (inside, tag) {
            ([Tag::Tp, Tag::CdOrPrtry], Tag::Cd) => text.clone_into(&mut self.code),
            ([], Tag::Amt) => {
                text.clone_into(&mut self.amount);
                self.currency = currency;
            }
            ([], Tag::CdtDbtInd) => text.clone_into(&mut self.sign),
            ([Tag::Dt], Tag::Dt | Tag::DtTm) => text.clone_into(&mut self.day),
            _ => {}
        }
    }
}

impl Balances {
    /// Keeps a balance of booked money; what is only available or expected is passed over.
    pub(super) fn add(&mut self, draft: BalanceDraft, account: &BankAccount) -> Result<(), Mistake> {
        let place = match draft.code.as_str() {
            "OPBD" => &mut self.opening,
            "PRCD" => &mut self.previous,
            "CLBD" => &mut self.closing,
            "ITBD" => {
                self.interim.push(balance(&draft, account)?);
                return Ok(());
            }
            _ => return Ok(()),
        };
        if place.replace(balance(&draft, account)?).is_some() {
            return Err(word("balance that a statement has once", &draft.code));
        }
        Ok(())
    }

    /// The statement, if its entries add up to the difference of its balances.
    pub(super) fn close(
        self,
        id: String,
        number: Option<u64>,
        sum: i128,
        account: &BankAccount,
    ) -> Result<AccountStatement, Mistake> {
        let lacks = |element| Mistake::Lacks { within: "a statement", element };
        let first = self.opening.or(self.previous);
        let opening = first.or(self.interim.first().copied()).ok_or(lacks("opening balance (OPBD)"))?;
        // The first of two between pages opens this one, the last closes it.
        let between = self.interim.get(usize::from(first.is_none())..).and_then(<[Balance]>::last).copied();
        let closing = self.closing.or(between).ok_or(lacks("closing balance (CLBD)"))?;
        let made = opening.units.checked_add(sum).ok_or(Mistake::Sum)?;
        if made != closing.units {
            let shown = |units| shown(units, account);
            let (opening, made, closing) = (shown(opening.units), shown(made), shown(closing.units));
            return Err(Mistake::DoesNotAddUp { id: id.chars().take(60).collect(), opening, made, closing });
        }
        Ok(AccountStatement {
            id,
            from: opening.day,
            until: closing.day,
            number,
            opening: opening.units,
            closing: closing.units,
        })
    }
}

fn balance(draft: &BalanceDraft, account: &BankAccount) -> Result<Balance, Mistake> {
    let amount = amount_of(&draft.amount, draft.currency, account)?;
    let units = i128::try_from(amount.units()).map_err(|_| Mistake::Sum)?;
    let units = if is_credit(&draft.sign)? { units } else { -units };
    Ok(Balance { units, day: day_of(&draft.day)? })
}

/// An amount in the account's currency.
pub(super) fn amount_of(text: &str, currency: Option<Currency>, account: &BankAccount) -> Result<Amount, Mistake> {
    match currency {
        Some(currency) if currency == account.currency => {}
        Some(other) => {
            let (found, expected) = (other.to_string(), account.currency.to_string());
            return Err(Mistake::OtherCurrency { found, expected });
        }
        None => return Err(Mistake::Lacks { within: "an amount", element: "currency" }),
    }
    parse_amount(text, decimals_of(account.currency.as_str())).map_err(|error: NotAnAmount| error.into())
}

/// Whether an indicator says that money came in.
pub(super) fn is_credit(text: &str) -> Result<bool, Mistake> {
    match text {
        "CRDT" => Ok(true),
        "DBIT" => Ok(false),
        other => Err(word("CRDT or DBIT", other)),
    }
}

/// The day of a date, or of a time in whichever zone it is written.
pub(super) fn day_of(text: &str) -> Result<Timestamp, Mistake> {
    let day = text.get(..10).unwrap_or_default();
    Timestamp::parse(&format!("{day}T00:00:00Z")).map_err(|_| word("date", text))
}

fn shown(units: i128, account: &BankAccount) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let text = Amount::new(units.unsigned_abs()).to_decimal(decimals_of(account.currency.as_str()));
    format!("{sign}{text} {}", account.currency)
}
