//! Which rows a command of a session touches.

use super::{SessionCommand, SessionRecord};
use crate::shelf::Shelf;
use crate::touches::{Wanted, want, want_claim, want_transfer};

/// Adds the rows that a command touches, as far as the shelf lets it be known.
pub(crate) fn touches(command: &SessionCommand, shelf: &Shelf, wanted: &mut Wanted) {
    let session = command.session();
    want(&shelf.sessions, &mut wanted.sessions, session);
    match command {
        SessionCommand::Open(new) => {
            want(&shelf.proofs, &mut wanted.proofs, new.deposit.key.clone());
            if new.prepaid {
                want_transfer(shelf, wanted, &new.first_entry());
            }
        }
        SessionCommand::TopUp { deposit, at, .. } => {
            want(&shelf.proofs, &mut wanted.proofs, deposit.key.clone());
            if let Some(record) = known(shelf, command).filter(|record| record.prepaid) {
                want_transfer(shelf, wanted, &record.deposit_entry(deposit.amount, *at));
            }
        }
        SessionCommand::Deposited { key, .. } => want(&shelf.proofs, &mut wanted.proofs, key.clone()),
        SessionCommand::Collect { payment, .. } => want_claim(shelf, wanted, payment),
        SessionCommand::Post { at, .. } => {
            let entries = known(shelf, command).map(|record| record.postings(*at));
            entries.iter().flatten().for_each(|entry| want_transfer(shelf, wanted, entry));
        }
        SessionCommand::End { at, .. } => {
            let entries = known(shelf, command).map(|record| record.last_entries(*at));
            entries.iter().flatten().for_each(|entry| want_transfer(shelf, wanted, entry));
        }
        SessionCommand::Draw { .. }
        | SessionCommand::Deliver { .. }
        | SessionCommand::Doubt { .. }
        | SessionCommand::Refuse { .. }
        | SessionCommand::Close { .. }
        | SessionCommand::Observe { .. } => {}
    }
}

fn known<'a>(shelf: &'a Shelf, command: &SessionCommand) -> Option<&'a SessionRecord> {
    shelf.sessions.get(&command.session()).ok().flatten()
}
