//! `farthing books fees`: what each rail really cost per sold dollar.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use farthing_books::{CostKey, RailCost, RailCosts};
use farthing_gateway::Config;
use farthing_gateway::economics::{Economics, Spread};
use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use farthing_rail::ExpectedFee;
use serde_json::{Value, json};

use super::{Place, open};
use crate::commands::gateway::economics_of;
use crate::failure::{Failure, OrFail};
use crate::{environment, terminal};

/// In how many decimals the cost of a unit is written.
const MILLIONTHS: u8 = 6;

#[derive(Args)]
pub(crate) struct Fees {
    /// From this instant on, such as 2026-11-01T00:00:00Z.
    #[arg(long, value_parser = Timestamp::parse)]
    since: Option<Timestamp>,
    /// Before this instant.
    #[arg(long, value_parser = Timestamp::parse)]
    until: Option<Timestamp>,
    /// The gateway's configuration, for the fees that its rails state.
    #[arg(long)]
    config: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

impl Fees {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let since = self.since.unwrap_or(Timestamp::from_unix_millis(i64::MIN));
        let until = self.until.unwrap_or(Timestamp::from_unix_millis(i64::MAX));
        let stated = self.config.as_ref().map(|file| {
            let config = Config::load(file, Arc::new(environment::variable));
            economics_of(config.map_err(|error| Failure::wrong_use(error.to_string()))?)
        });
        let stated = stated.transpose()?.unwrap_or_default();
        let costs = open(&self.place.data)?.costs(since, until).await.or_fail("the books cannot be read")?;
        let costs = Costs { costs, stated };
        match self.place.json {
            true => terminal::say_json(&costs.to_json()),
            false => costs.say(),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What rails cost, beside what they state.
struct Costs {
    costs: RailCosts,
    stated: Economics,
}

impl Costs {
    /// What sales and top-ups of a line were expected to cost; `None` where nothing is stated for it.
    fn expected(&self, key: &CostKey, cost: &RailCost) -> Option<Amount> {
        let of = |tops_up: bool| {
            let lines = self.stated.lines.iter();
            let mut own = lines.filter(|line| line.method == key.rail && line.asset == key.asset);
            own.find(|line| (line.spread == Spread::TopUp) == tops_up && !line.stated.gas).map(|line| line.stated)
        };
        let parts = [(of(false), cost.payments, cost.sold), (of(true), cost.top_ups, cost.topped_up)];
        let known = parts.into_iter().filter_map(|(fee, count, sum)| fee.map(|fee| expected(&fee, count, sum)));
        known.reduce(|sum, part| Amount::new(sum.units().saturating_add(part.units())))
    }

    fn to_json(&self) -> Value {
        let lines = self.costs.lines.iter().map(|(key, cost)| {
            json!({
                "rail": key.rail,
                "asset": key.asset.to_string(),
                "payments": cost.payments,
                "sold": cost.sold.to_string(),
                "refunds": cost.refunds.to_string(),
                "reversed": cost.reversed.to_string(),
                "kept": cost.kept().to_string(),
                "shares": cost.shares.to_string(),
                "fees": cost.fees.to_string(),
                "other_fees": cost.other_fees.to_string(),
                "losses": cost.losses.to_string(),
                "filling": cost.filling.to_string(),
                "cost": cost.cost().map(|cost| cost.to_string()),
                "cost_per_unit": cost.per_million().map(per_unit),
                "expected": self.expected(key, cost).map(|expected| expected.to_string()),
                "top_ups": {
                    "payments": cost.top_ups,
                    "brought": cost.topped_up.to_string(),
                    "fees": cost.top_up_fees.to_string(),
                    "losses": cost.top_up_losses.to_string(),
                },
            })
        });
        json!({ "rails": lines.collect::<Vec<_>>() })
    }

    fn say(&self) {
        let rows = self.costs.lines.iter().map(|(key, cost)| {
            let asset = &key.asset;
            let shown = |amount: Amount| asset.display(amount);
            let fees = [cost.fees, cost.other_fees, cost.top_up_fees];
            let losses = [cost.losses, cost.top_up_losses];
            vec![
                key.rail.clone(),
                shown(cost.sold),
                shown(sum([cost.refunds, cost.reversed])),
                shown(cost.topped_up),
                shown(sum(fees)),
                shown(sum(losses)),
                shown(cost.filling),
                shown(cost.shares),
                cost_per_unit(asset, cost),
                self.expected(key, cost).map_or_else(|| "-".to_owned(), shown),
            ]
        });
        let header = [
            "rail",
            "sold",
            "undone",
            "topped up",
            "fees",
            "losses",
            "filling",
            "shares",
            "cost per unit sold",
            "expected fees",
        ];
        terminal::say_table(&header, 1, &rows.collect::<Vec<_>>());
    }
}

/// What so many payments of so much in all are expected to cost.
fn expected(fee: &ExpectedFee, count: u64, sum: Amount) -> Amount {
    let fixed = fee.fixed.units().saturating_mul(u128::from(count));
    let part = ExpectedFee { fixed: Amount::ZERO, ..*fee }.of(sum);
    Amount::new(fixed.saturating_add(part.units()))
}

fn sum<const N: usize>(amounts: [Amount; N]) -> Amount {
    Amount::new(amounts.into_iter().fold(0, |sum, amount| sum.saturating_add(amount.units())))
}

fn per_unit(millionths: u128) -> String {
    Amount::new(millionths).to_decimal(MILLIONTHS)
}

/// `0.059 USD`; a dash where nothing was kept.
fn cost_per_unit(asset: &Asset, cost: &RailCost) -> String {
    cost.per_million().map_or_else(|| "-".to_owned(), |millionths| format!("{} {}", per_unit(millionths), asset.code()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_is_a_fixed_part_for_each_and_a_share_of_all() {
        let card = ExpectedFee { per_million: 29_000, ..ExpectedFee::fixed(Amount::new(30)) };
        assert_eq!(expected(&card, 3, Amount::new(3_000)), Amount::new(90 + 87));
        assert_eq!(per_unit(59_000), "0.059");
    }
}
