//! Sessions to test with: everything follows from a number. Even ones are prepaid, odd ones have an escrow.

use std::sync::Arc;

use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{ChannelStanding, ProofKey, SessionId, Voucher};

use super::samples::{at, external, payer, usd};
use crate::session::{INTENT, PendingDeposit, Tender};
use crate::{NewPayment, NewSession, SessionCommand};

/// The id of the session of that number.
pub fn id(number: u32) -> SessionId {
    SessionId::of(&format!("test/channel/{number}"))
}

/// Whether the session of that number has its deposit in the books.
pub const fn is_prepaid(number: u32) -> bool {
    number.is_multiple_of(2)
}

/// What a session of that number is paid in.
pub fn tender(number: u32) -> Arc<Tender> {
    let name = if is_prepaid(number) { "balance" } else { "evm" };
    Arc::new(Tender { method: name.to_owned(), rail: name.to_owned(), asset: usd() })
}

/// A signature over a total.
pub fn voucher(number: u32, cumulative: u128) -> Voucher {
    Voucher {
        session: id(number),
        channel: format!("channel-{number}"),
        cumulative: Amount::new(cumulative),
        signer: format!("signer-{number}"),
        kept: format!("signature over {cumulative}").into_bytes(),
    }
}

/// A deposit on its way.
pub fn deposit(key: &str, amount: u128) -> PendingDeposit {
    PendingDeposit {
        key: ProofKey::new(key),
        amount: Amount::new(amount),
        kept: vec![7; 3],
        claimed_at: at(0),
        ask_at: None,
    }
}

/// A session of this deposit, whose first voucher is over nothing.
pub fn opening(number: u32, amount: u128) -> NewSession {
    let Tender { method, rail, asset } = (*tender(number)).clone();
    NewSession {
        id: id(number),
        channel: format!("channel-{number}"),
        payer: payer(number),
        signer: format!("signer-{number}"),
        asset,
        prepaid: is_prepaid(number),
        method,
        rail,
        deposit: deposit(&format!("open/{number}"), amount),
        kept: vec![9; 4],
        voucher: voucher(number, 0),
        at: at(0),
    }
}

/// What an escrow says of a session that serves.
pub const fn standing(deposit: u128, settled: u128) -> ChannelStanding {
    ChannelStanding {
        deposit: Amount::new(deposit),
        settled: Amount::new(settled),
        close_requested_at: None,
        collect_until: None,
        closed: false,
        reference: None,
    }
}

/// A draw on the session of that number, with a voucher over this total, and a hold.
pub fn draw(number: u32, cumulative: Option<u128>, hold: u128) -> SessionCommand {
    SessionCommand::Draw {
        session: id(number),
        tender: tender(number),
        voucher: cumulative.map(|cumulative| Box::new(voucher(number, cumulative))),
        least_delta: Amount::ZERO,
        hold: Amount::new(hold),
        at: at(1),
    }
}

/// What became of a hold on the session of that number.
pub fn deliver(number: u32, held: u128, delivered: u128) -> SessionCommand {
    SessionCommand::Deliver {
        session: id(number),
        held: Amount::new(held),
        delivered: Amount::new(delivered),
        units: 1,
        route: "weather".to_owned(),
        at: at(2),
    }
}

/// The payment of that number, that collects so much from a session.
pub fn collection(payment: u32, amount: u128) -> NewPayment {
    let new = external(payment, amount);
    NewPayment { intent: INTENT.to_owned(), route: String::new(), request: String::new(), ..new }
}

/// The end of a session that the seller closes.
pub fn close(number: u32, at: Timestamp) -> SessionCommand {
    SessionCommand::Close { session: id(number), voucher: None, reason: "idle".to_owned(), at }
}
