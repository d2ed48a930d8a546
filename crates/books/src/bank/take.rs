//! One entry of a statement: known, or new and at rest somewhere.

use farthing_money::{Amount, Asset, Rate, Rounding};
use farthing_rail::{AccountEntry, Direction, Shown};

use super::{BankPage, Credited, EntryRecord, PayoutId, PayoutRecord, PayoutState, Resting, Taken};
use crate::ledger::conversion::whole_part;
use crate::ledger::posting::{Refused, post};
use crate::shelf::{Missing, Shelf};
use crate::topup::TopUpRecord;
use crate::touches::{Wanted, want};
use crate::{AccountId, AccountKind, Transfer};

/// Adds the rows that an entry touches.
pub(super) fn touches(page: &BankPage, entry: &AccountEntry, shelf: &Shelf, wanted: &mut Wanted) {
    let key = entry.key.part(entry.part);
    want(&shelf.bank_entries, &mut wanted.bank_entries, entry.key);
    want(&shelf.bank_entries, &mut wanted.bank_entries, key);
    let (Ok(whole), Ok(known)) = (shelf.bank_entries.get(&entry.key), shelf.bank_entries.get(&key)) else { return };
    if let Some(whole) = whole.filter(|whole| whole.parts > entry.parts) {
        for part in 0..whole.parts {
            let key = entry.key.part(part);
            want(&shelf.bank_entries, &mut wanted.bank_entries, key);
            if let Ok(Some(part)) = shelf.bank_entries.get(&key) {
                want(&shelf.transfers, &mut wanted.transfers, part.confirmation().id);
            }
        }
        return;
    }
    if let Some(known) = known {
        want(&shelf.transfers, &mut wanted.transfers, known.confirmation().id);
        return;
    }
    let mut want_balance = |payer, asset: &Asset| {
        let kinds = [AccountKind::Payer(payer), AccountKind::Conversion(page.currency)];
        for account in kinds.map(|kind| AccountId::new(kind, asset)) {
            want(&shelf.accounts, &mut wanted.accounts, account);
        }
    };
    for reference in &entry.references {
        want(&shelf.references, &mut wanted.references, reference.clone());
        if let Ok(Some(id)) = shelf.references.get(reference) {
            want(&shelf.topups, &mut wanted.topups, *id);
            if let Ok(Some(found)) = shelf.topups.get(id) {
                want_balance(found.order.payer.clone(), &found.order.asset);
            }
        }
        if let Some(id) = PayoutId::from_end_to_end(reference) {
            want(&shelf.payouts, &mut wanted.payouts, id);
            if let Ok(Some(payout)) = shelf.payouts.get(&id) {
                want_balance(payout.order.payer.clone(), &payout.order.asset);
            }
        }
    }
}

/// Takes an entry.
pub(super) fn take(shelf: &mut Shelf, page: &BankPage, entry: &AccountEntry) -> Result<Taken, Refused> {
    let key = entry.key.part(entry.part);
    let whole = shelf.bank_entries.get(&entry.key)?;
    match whole.map(|whole| whole.parts) {
        // A file that shows the entry as a whole, after one that showed what it is made of.
        Some(parts) if parts > entry.parts => {
            let mut taken = Taken::default();
            for part in 0..parts {
                taken = taken.and(confirm(shelf, entry.key.part(part), entry.shown, page)?);
            }
            return Ok(taken);
        }
        // What it is made of, after a file that showed it as a whole: it rests as a whole.
        Some(parts) if parts < entry.parts => return Ok(Taken { repeated: 1, ..Taken::default() }),
        _ => {}
    }
    if shelf.bank_entries.get(&key)?.is_some() {
        return confirm(shelf, key, entry.shown, page);
    }
    arrive(shelf, page, entry)
}

/// A known entry: when a statement shows what only a notification had, its money is no longer on its way.
fn confirm(shelf: &mut Shelf, key: farthing_rail::EntryKey, shown: Shown, page: &BankPage) -> Result<Taken, Refused> {
    let Some(known) = shelf.bank_entries.get(&key)? else { return Ok(Taken::default()) };
    if known.confirmed || shown == Shown::Notified {
        return Ok(Taken { repeated: 1, ..Taken::default() });
    }
    let record = EntryRecord { confirmed: true, ..known.clone() };
    post(shelf, &[Transfer { at: page.at, ..record.confirmation() }])?;
    shelf.bank_entries.put(key, record);
    Ok(Taken { confirmed: 1, ..Taken::default() })
}

fn arrive(shelf: &mut Shelf, page: &BankPage, entry: &AccountEntry) -> Result<Taken, Refused> {
    let order = order_of(shelf, page, entry)?;
    let payout = payout_of(shelf, entry)?;
    let resting = resting(shelf, page, entry, order.as_ref(), payout.as_ref())?;
    let record = EntryRecord {
        key: entry.key.part(entry.part),
        parts: entry.parts,
        rail: page.rail.clone(),
        asset: page.asset.clone(),
        currency: page.currency,
        direction: entry.direction,
        reversal: entry.reversal,
        amount: entry.amount,
        booked: entry.booked,
        bank_reference: entry.bank_reference.clone(),
        details: if resting == Resting::Suspense { entry.details.clone() } else { String::new() },
        notified: entry.shown == Shown::Notified,
        confirmed: entry.shown == Shown::Booked,
        resting,
        assignments: 0,
        at: page.at,
    };
    let transfers = record.transfers().map_err(Refused::Invalid)?;
    for transfer in &transfers {
        // Nobody heard of the entry, so none of its transfers is in the ledger; the store keeps their names unique.
        shelf.transfers.load(transfer.id, None);
    }
    post(shelf, &transfers)?;
    let changed = match (&record.resting, order) {
        (Resting::Credited(to), Some(order)) => {
            in_balance(record.amount, &record.asset, &to.asset).and_then(|amount| order.with_more(amount, page.at))
        }
        (Resting::TakenBack(from, _), Some(order)) => {
            in_balance(record.amount, &record.asset, &from.asset).and_then(|amount| order.with_less(amount, page.at))
        }
        _ => None,
    };
    if let Some(order) = changed {
        shelf.topups.put(order.order.id, order);
    }
    if let (Resting::PaidOut(_) | Resting::Returned(..), Some(payout)) = (&record.resting, payout) {
        let state =
            if matches!(record.resting, Resting::PaidOut(_)) { PayoutState::Paid } else { PayoutState::Returned };
        shelf.payouts.put(payout.order.id, PayoutRecord { state, updated_at: page.at, ..payout });
    }
    let taken = counted(&record);
    shelf.bank_entries.put(record.key, record);
    Ok(taken)
}

/// Where a new entry rests. Only a reference says whose money it is.
fn resting(
    shelf: &Shelf,
    page: &BankPage,
    entry: &AccountEntry,
    order: Option<&TopUpRecord>,
    payout: Option<&PayoutRecord>,
) -> Result<Resting, Missing> {
    let by_order = |order: &TopUpRecord| Credited {
        payer: order.order.payer.clone(),
        asset: order.order.asset.clone(),
        order: Some(order.order.id),
    };
    Ok(match (entry.direction, entry.reversal) {
        (Direction::In, false) if order.is_some() => {
            order.map_or(Resting::Suspense, |order| Resting::Credited(by_order(order)))
        }
        (Direction::In, _) => match payout.filter(|payout| payout.has_left()) {
            Some(payout) => Resting::Returned(payout.order.id, payout.order.credited()),
            None => Resting::Suspense,
        },
        (Direction::Out, true) => match order {
            Some(order) if is_covered(order, entry.amount, &page.asset) => {
                let from = by_order(order);
                let taken = reachable(shelf, &from, entry.amount, &page.asset)?;
                Resting::TakenBack(from, taken)
            }
            _ => Resting::Suspense,
        },
        (Direction::Out, false) => match payout.filter(|payout| payout.is_on_its_way()) {
            Some(payout) => Resting::PaidOut(payout.order.id),
            None => Resting::Withdrawn,
        },
        (Direction::Fee, _) => Resting::Fee,
    })
}

/// The order that the first known reference names, if a balance can hold the money exactly.
fn order_of(shelf: &Shelf, page: &BankPage, entry: &AccountEntry) -> Result<Option<TopUpRecord>, Missing> {
    for reference in &entry.references {
        let Some(id) = shelf.references.get(reference)? else { continue };
        let Some(found) = shelf.topups.get(id)? else { continue };
        let asset = &found.order.asset;
        let fits = asset.code() == page.currency.as_str() && in_balance(entry.amount, &page.asset, asset).is_some();
        return Ok(fits.then(|| found.clone()));
    }
    Ok(None)
}

/// The payout that a reference names, if the amount is its own.
fn payout_of(shelf: &Shelf, entry: &AccountEntry) -> Result<Option<PayoutRecord>, Missing> {
    for id in entry.references.iter().filter_map(|reference| PayoutId::from_end_to_end(reference)) {
        if let Some(payout) = shelf.payouts.get(&id)? {
            return Ok(Some(payout.clone()).filter(|payout| payout.order.leaving == entry.amount));
        }
    }
    Ok(None)
}

/// Whether so much came by an order.
fn is_covered(order: &TopUpRecord, amount: Amount, asset: &Asset) -> bool {
    in_balance(amount, asset, &order.order.asset).is_some_and(|amount| amount <= order.credited)
}

/// How much of an amount is still in the balance, in whole units of the account.
fn reachable(shelf: &Shelf, from: &Credited, amount: Amount, asset: &Asset) -> Result<Amount, Missing> {
    let account = shelf.accounts.get(&from.account())?;
    let available = account.and_then(crate::Account::available).unwrap_or(Amount::ZERO);
    let whole = whole_part(available, &from.asset, asset).unwrap_or(Amount::ZERO);
    let there = Rate::PARITY.convert(whole, from.asset.decimals(), asset.decimals(), Rounding::Exact);
    Ok(there.map_or(Amount::ZERO, |there| there.amount.min(amount)))
}

/// An amount of the account as the balance counts it.
fn in_balance(amount: Amount, account: &Asset, balance: &Asset) -> Option<Amount> {
    let converted = Rate::PARITY.convert(amount, account.decimals(), balance.decimals(), Rounding::Exact);
    converted.ok().map(|converted| converted.amount)
}

fn counted(record: &EntryRecord) -> Taken {
    let none = Taken::default();
    match &record.resting {
        Resting::Credited(_) => Taken { credited: 1, ..none },
        Resting::Suspense => Taken { suspended: 1, ..none },
        Resting::PaidOut(_) => Taken { paid_out: 1, ..none },
        Resting::Returned(..) => Taken { returned: 1, ..none },
        Resting::Withdrawn | Resting::Fee => Taken { withdrawn: 1, ..none },
        Resting::TakenBack(_, taken) => {
            let lost = record.amount.checked_sub(*taken).unwrap_or(Amount::ZERO);
            Taken { taken_back: 1, lost, ..none }
        }
    }
}
