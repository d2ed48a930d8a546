//! What this wallet signs, the seller's half takes, and understands as it was meant.

use std::sync::Arc;

use alloy_primitives::U256;
use farthing_protocol::{ChargeRequest, Credential};
use farthing_rail::{Presented, SessionAction, SessionMethod as _, SessionOrder, SessionPayer, SessionQuote};
use serde_json::Value;

use super::*;
use crate::session::{ChainSession, DepositKind, KeptSession, SessionSettings, Vault, VaultKind};
use crate::tempo::SponsorPolicy;

fn order() -> SessionOrder {
    SessionOrder {
        price: "0.001 USD".parse().unwrap(),
        unit: "request".into(),
        suggested_deposit: "0.05 USD".parse().unwrap(),
        least_delta: None,
        description: None,
    }
}

fn seller(vault: Vault, change: impl FnOnce(&mut SessionSettings)) -> ChainSession {
    let token = match vault.kind {
        VaultKind::Evm => crate::chain::by_code(BASE, "USDC").unwrap(),
        _ => crate::tempo::testing::token(),
    };
    let mut settings = SessionSettings::new(vault, token, SELLER);
    change(&mut settings);
    ChainSession::new(settings).unwrap()
}

/// Every way to deposit, with a payer that takes it.
fn pairs() -> Vec<(ChainSession, Box<dyn SessionPayer>)> {
    let contract = crate::chain::stream_channel(CHAIN).unwrap();
    let stream = Vault { kind: VaultKind::Stream, chain: CHAIN, contract };
    let mut pairs: Vec<(ChainSession, Box<dyn SessionPayer>)> = Vec::new();
    for vault in [stream, Vault::reserve(CHAIN)] {
        pairs.push((seller(vault, |_| {}), Box::new(on_tempo())));
        let sponsor = Some(SponsorPolicy::for_chain(CHAIN, TOKEN));
        pairs.push((seller(vault, |settings| settings.sponsor = sponsor), Box::new(on_tempo())));
    }
    let operated = seller(Vault::reserve(CHAIN), |settings| settings.operator = OTHER);
    pairs.push((operated, Box::new(on_tempo())));
    let escrow = Vault { kind: VaultKind::Evm, chain: BASE, contract: ESCROW };
    for kind in [DepositKind::Authorization, DepositKind::Permit2, DepositKind::Hash] {
        let payer = on_evm().with_funds(Arc::new(Scripted { allowance: U256::MAX, ..Scripted::default() }));
        pairs.push((seller(escrow, |settings| settings.accepts = vec![kind]), Box::new(payer)));
    }
    pairs
}

fn read(seller: &ChainSession, credential: &Credential) -> SessionAction {
    let object = credential.challenge().request().decode().unwrap();
    let request = ChargeRequest::from_object(&object).unwrap();
    seller.read(&Presented { credential, request: &request, now: now() }).unwrap()
}

fn enough(payer: &dyn SessionPayer, quote: &SessionQuote, amount: u128) -> Deposit {
    payer.deposit(quote, Amount::new(amount), Amount::new(1000)).unwrap()
}

#[test]
fn a_seller_understands_openings_additions_and_totals() {
    for (seller, payer) in pairs() {
        let payer = payer.as_ref();
        let offer = Value::Object(seller.session_request(&order()).unwrap());
        let quote = quoted(payer, &offer).unwrap();
        assert_eq!((quote.unit.as_deref(), quote.suggested_deposit), (Some("request"), Some(Amount::new(50_000))));

        let opened = opened(payer, enough(payer, &quote, 50_000)).unwrap();
        let SessionAction::Open(opening) = read(&seller, &opened.credential) else { panic!("no opening") };
        let account = account(0x11).address();
        assert_eq!((opening.deposit, opening.voucher.cumulative), (Amount::new(50_000), Amount::new(1000)));
        assert_eq!(
            (opening.signer.as_str(), &opening.voucher.channel),
            (&*format!("{account:#x}"), &opened.channel.id)
        );
        assert_eq!(Some(opening.payer.as_str()), opened.credential.source());
        let theirs = KeptSession::read(&opening.session_kept).unwrap();
        assert_eq!(crate::session::buyer::held::HeldChannel::read(&opened.channel).unwrap().session, theirs);

        let more = at_once(payer.top_up(&opened.channel, approved(enough(payer, &quote, 20_000)))).unwrap();
        let SessionAction::TopUp(addition) = read(&seller, &more.credential) else { panic!("no addition") };
        assert_eq!((addition.session, addition.deposit), (opening.voucher.session, Amount::new(20_000)));

        for closes in [false, true] {
            let origin = quote.origin.clone();
            let (challenge, cost) = (quote.challenge.clone(), quote.unit_cost);
            let total = VoucherQuote { challenge, origin, cumulative: Amount::new(60_000), cost, closes };
            let credential = at_once(payer.voucher(&more.channel, approved(total))).unwrap();
            let voucher = match read(&seller, &credential) {
                SessionAction::Voucher(voucher) if !closes => voucher,
                SessionAction::Close(voucher) if closes => voucher,
                other => panic!("{other:?}"),
            };
            assert_eq!((voucher.session, &voucher.signer), (opening.voucher.session, &opening.signer));
            assert_eq!(voucher.cumulative, Amount::new(60_000));
        }
    }
}
