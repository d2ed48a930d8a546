use farthing_money::{Amount, Asset};

use super::{Booked, RailCost, RailCosts};
use crate::testing::samples::{external, prepaid, usd};
use crate::{PaymentRecord, PaymentState};

fn card() -> Asset {
    "USD.2@account:stripe".parse().unwrap()
}

fn closed(number: u32, amount: u128) -> PaymentRecord {
    PaymentRecord { state: PaymentState::Closed, ..external(number, amount).record() }
}

/// A payment by card, in cents, that cost so many of them.
fn by_card(number: u32, amount: u128, fee: u128) -> PaymentRecord {
    PaymentRecord { method: "stripe".into(), asset: card(), fee: Amount::new(fee), ..closed(number, amount) }
}

fn line<'a>(costs: &'a RailCosts, rail: &str) -> &'a RailCost {
    costs.lines.iter().find(|(key, _)| key.rail == rail).unwrap().1
}

#[test]
fn a_sold_dollar_cost_what_its_rail_kept() {
    let mut costs = RailCosts::default();
    costs.add(&by_card(1, 1_000, 59)).unwrap();
    costs.add(&PaymentRecord { state: PaymentState::Unknown, ..by_card(2, 1_000, 59) }).unwrap();
    assert_eq!(line(&costs, "stripe").per_million(), Some(59_000));
    // A refund takes the sale and leaves its fee, and that of the refund.
    let refund = Some("re_1".to_owned());
    costs.add(&PaymentRecord { state: PaymentState::Refunded, refund, ..by_card(3, 500, 61) }).unwrap();
    let line = line(&costs, "stripe");
    assert_eq!((line.payments, line.sold.units(), line.kept().units()), (2, 1_500, 1_000));
    assert_eq!(line.per_million(), Some(120_000));
}

#[test]
fn what_is_taken_back_after_delivery_is_a_cost() {
    let mut costs = RailCosts::default();
    costs.add(&by_card(1, 1_000, 10)).unwrap();
    costs.add(&PaymentRecord { state: PaymentState::Reversed, ..by_card(2, 1_000, 10) }).unwrap();
    costs.add_booked("stripe".into(), card(), &Booked::Loss(None), Amount::new(1_000)).unwrap();
    costs.add_booked("stripe".into(), card(), &Booked::Fee, Amount::new(15)).unwrap();
    let line = line(&costs, "stripe");
    assert_eq!((line.cost(), line.per_million()), (Some(Amount::new(1_035)), Some(1_035_000)));
}

#[test]
fn a_top_up_is_borne_by_what_is_paid_out_of_balances() {
    let mut costs = RailCosts::default();
    costs.add(&PaymentRecord { tops_up: Some(usd()), ..by_card(1, 500, 45) }).unwrap();
    let sold = PaymentRecord { state: PaymentState::Closed, ..prepaid(2, 1, 4_000_000).record() };
    costs.add(&sold).unwrap();
    let (rail, balances) = (line(&costs, "stripe"), line(&costs, "balance"));
    assert_eq!((rail.top_ups, rail.topped_up.units(), rail.top_up_fees.units()), (1, 500, 45));
    assert_eq!((rail.sold, rail.per_million()), (Amount::ZERO, None));
    // Forty-five cents for four dollars.
    assert_eq!((balances.filling.units(), balances.per_million()), (450_000, Some(112_500)));
    costs.add_booked("stripe".into(), card(), &Booked::Loss(Some(usd())), Amount::new(5)).unwrap();
    assert_eq!(line(&costs, "balance").filling.units(), 500_000);
}

#[test]
fn collecting_vouchers_costs_and_sells_nothing_once_more() {
    let mut costs = RailCosts::default();
    let session = Some(crate::testing::sessions::id(1));
    costs.add(&PaymentRecord { session, fee: Amount::new(2), ..closed(1, 1_000) }).unwrap();
    let method = closed(1, 1).method;
    costs.add_delivered(method.clone(), usd(), Amount::new(1_000)).unwrap();
    let line = line(&costs, &method);
    assert_eq!((line.payments, line.sold.units(), line.per_million()), (0, 1_000, Some(2_000)));
}
