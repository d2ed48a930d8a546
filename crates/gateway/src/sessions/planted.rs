//! A mistake that the simulation must find, where it would be made. See [`farthing_rail::planted`].

use farthing_books::session::Credit;
use farthing_books::{Command, SessionCommand};
use farthing_rail::Voucher;
use farthing_rail::planted::{Bug, is_planted};

use super::books::record_of;
use super::present::Read;
use super::stop::Stop;
use crate::seller::Seller;
use farthing_money::Amount;

/// Serves on the strength of a voucher that is written down afterwards; nothing when that is not planted.
pub(super) async fn served_first(
    seller: &Seller,
    read: &Read<'_>,
    voucher: &Voucher,
    hold: Amount,
) -> Result<Option<Credit>, Stop> {
    let Some(record) = record_of(seller, voucher.session).await?.filter(|_| is_planted(Bug::VoucherInTwo)) else {
        return Ok(None);
    };
    seller.later(Command::Session(SessionCommand::Draw {
        session: voucher.session,
        tender: read.terms.tender.clone(),
        voucher: Some(Box::new(voucher.clone())),
        least_delta: read.terms.least_delta,
        hold,
        at: seller.now(),
    }));
    let credit = record.credit();
    let committed = credit.committed.checked_add(hold).unwrap_or(credit.committed);
    Ok(Some(Credit { accepted: voucher.cumulative, committed, ..credit }))
}
