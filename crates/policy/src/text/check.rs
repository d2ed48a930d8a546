use std::collections::BTreeSet;

use farthing_money::Price;

use super::PolicyError;
use crate::{Limit, Policy};

impl Policy {
    /// Whether it can be followed: one currency, a limit that adds up, nothing twice.
    pub fn check(&self) -> Result<(), PolicyError> {
        let adds_up = |limit: &Limit| limit.amount.is_some() && limit.only.is_everything();
        if self.total.is_none() && self.per_day.is_none() && !self.limits.iter().any(adds_up) {
            return Err(PolicyError::Unlimited);
        }
        self.check_origins()?;
        self.check_limits()?;
        if let Some(name) = self.parent.as_ref().filter(|name| !is_name(name)) {
            let (value, wanted) = (name.clone(), "a group's name: lower-case letters, digits and hyphens");
            return Err(PolicyError::Value { key: "parent", value, wanted });
        }
        if self.rates.iter().any(|rate| rate.currency == self.currency) {
            return Err(PolicyError::Twice { key: "rate", value: format!("{0} in {0}", self.currency) });
        }
        no_double("rate", self.rates.iter().map(|rate| rate.currency.to_string()))?;
        no_double("payee", self.payees.iter().map(|rule| rule.account.to_ascii_lowercase()))?;
        self.check_currencies()
    }

    fn check_origins(&self) -> Result<(), PolicyError> {
        let origins = self.origins.as_deref().unwrap_or_default();
        no_double("origin", origins.iter().map(|origin| origin.origin.to_string()))?;
        let signers = origins.iter().filter_map(|origin| origin.offer_signer.as_ref());
        match signers.into_iter().find(|signer| !is_account(signer)) {
            Some(signer) => Err(PolicyError::OfferSigner(signer.clone())),
            None => Ok(()),
        }
    }

    fn check_limits(&self) -> Result<(), PolicyError> {
        for limit in &self.limits {
            if limit.amount.is_none() && limit.payments.is_none() {
                return Err(PolicyError::EmptyLimit { limit: limit.shown() });
            }
        }
        // Two of one kind would be one counter.
        let kinds = self.limits.iter().flat_map(|limit| {
            let of = limit.of.as_ref().map(ToString::to_string).unwrap_or_default();
            let kind = format!("{} {of} {}", limit.window, limit.only);
            let counted = [(limit.amount.is_some(), "amount"), (limit.payments.is_some(), "payments")];
            counted.into_iter().filter(|(is_there, _)| *is_there).map(move |(_, what)| format!("{what} {kind}"))
        });
        no_double("limit", kinds)
    }

    fn check_currencies(&self) -> Result<(), PolicyError> {
        let limits: [(&'static str, Option<Price>); 9] = [
            ("total", self.total),
            ("per_payment", self.per_payment),
            ("per_day", self.per_day),
            ("session_deposit", self.session_deposit),
            ("prepaid", self.prepaid),
            ("prepaid_in_all", self.prepaid_in_all),
            ("recurring", self.recurring),
            ("locked", self.locked),
            ("ask.amount_above", self.ask.and_then(|ask| ask.amount_above)),
        ];
        let of_origins = self.origins.iter().flatten().map(|origin| ("origin.limit", origin.limit));
        let of_limits = self.limits.iter().map(|limit| ("limit.amount", limit.amount));
        for (key, limit) in limits.into_iter().chain(of_origins).chain(of_limits) {
            if let Some(price) = limit.filter(|price| price.currency() != self.currency) {
                let (price, currency) = (price.to_string(), self.currency.to_string());
                return Err(PolicyError::Currency { key, price, currency });
            }
        }
        Ok(())
    }
}

fn no_double(key: &'static str, names: impl Iterator<Item = String>) -> Result<(), PolicyError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if let Some(value) = seen.replace(name) {
            return Err(PolicyError::Twice { key, value });
        }
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_account(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}
