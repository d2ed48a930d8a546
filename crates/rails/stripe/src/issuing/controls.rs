use farthing_money::{Amount, Asset};

use crate::api::Form;

/// In which time a limit adds up, in Stripe's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// Each use by itself.
    PerAuthorization,
    /// A day, UTC.
    Daily,
    /// Ever.
    AllTime,
}

impl Interval {
    const fn as_str(self) -> &'static str {
        match self {
            Self::PerAuthorization => "per_authorization",
            Self::Daily => "daily",
            Self::AllTime => "all_time",
        }
    }
}

/// What Stripe itself holds a card to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// The most in each interval, in the currency's smallest unit.
    pub limits: Vec<(Interval, Amount)>,
    /// The kinds of merchants, as Stripe names them (`computer_software_stores`); all if empty.
    pub categories: Vec<String>,
    /// The countries of merchants (ISO 3166, two letters); all if empty.
    pub countries: Vec<String>,
}

impl Controls {
    pub(super) fn put(&self, mut form: Form) -> Form {
        for (at, (interval, amount)) in self.limits.iter().enumerate() {
            form = form
                .with(&format!("spending_controls[spending_limits][{at}][amount]"), &amount.to_string())
                .with(&format!("spending_controls[spending_limits][{at}][interval]"), interval.as_str());
        }
        for category in &self.categories {
            form = form.with("spending_controls[allowed_categories][]", category);
        }
        for country in &self.countries {
            form = form.with("spending_controls[allowed_merchant_countries][]", country);
        }
        form
    }

    /// What of a sum in millionths a control in the smallest unit can let through: never more.
    pub fn within(millionths: u64, asset: &Asset) -> Amount {
        let scale = 6_u32.checked_sub(asset.decimals().into()).and_then(|places| 10_u64.checked_pow(places));
        Amount::new(u128::from(scale.map_or(0, |scale| millionths / scale)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset_of;

    #[test]
    fn s_69_a_limit_becomes_whole_units_and_never_more_than_it_says() {
        let usd = asset_of("USD").unwrap();
        assert_eq!(Controls::within(1_999_999, &usd), Amount::new(199));
        assert_eq!(Controls::within(9_999, &usd), Amount::ZERO);
        assert_eq!(Controls::within(7_999_999, &asset_of("JPY").unwrap()), Amount::new(7));
        let controls = Controls {
            limits: vec![(Interval::PerAuthorization, Amount::new(500)), (Interval::AllTime, Amount::new(2_000))],
            categories: vec!["computer_software_stores".into()],
            countries: vec!["US".into()],
        };
        let form = controls.put(Form::default());
        let text = form.encoded();
        assert!(text.contains("spending_limits%5D%5B1%5D%5Binterval%5D=all_time"), "{text}");
        assert!(text.contains("allowed_merchant_countries%5D%5B%5D=US"), "{text}");
    }
}
