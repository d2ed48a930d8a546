use farthing_money::Price;

use super::PolicyError;
use super::form::{AskText, Entries, HoursText, LimitText, OnlyText, OriginText, PayeeText, RateText, Text};
use crate::hours::{DAYS, write_offset};
use crate::window::write_length;
use crate::{Ask, Hours, Limit, Only, OriginLimit, PayeeRule, Policy, RecordedRate, Unmatched};

impl Policy {
    /// The text of `policy.toml`, which reads back as the same policy.
    pub fn to_toml(&self) -> Result<String, PolicyError> {
        let valid = Some(self.rates_valid).filter(|valid| *valid != Self::USUAL_RATES_VALID);
        let text = Text {
            currency: self.currency.to_string(),
            parent: self.parent.clone(),
            total: price(self.total),
            per_payment: price(self.per_payment),
            per_day: price(self.per_day),
            session_deposit: price(self.session_deposit),
            prepaid: price(self.prepaid),
            prepaid_in_all: price(self.prepaid_in_all),
            recurring: price(self.recurring),
            open_sessions: self.open_sessions,
            locked: price(self.locked),
            expires: self.expires.map(|at| at.to_rfc3339()),
            methods: self.methods.clone(),
            required_tags: self.required_tags.clone(),
            unmatched: self.unmatched.map(|unmatched| match unmatched {
                Unmatched::Allow => "allow".into(),
                Unmatched::Deny => "deny".into(),
            }),
            rates_valid: valid.map(write_length),
            hours: self.hours.as_ref().map(hours),
            ask: self.ask.as_ref().map(ask),
            origins: self.origins.as_ref().map(|origins| origins.iter().map(origin).collect()),
            payees: self.payees.iter().map(payee).collect(),
            limits: self.limits.iter().map(limit).collect(),
            rates: self.rates.iter().map(rate).collect(),
        };
        toml::to_string(&text).map_err(|error| PolicyError::Form(error.to_string()))
    }
}

fn price(price: Option<Price>) -> Option<String> {
    price.map(|price| price.to_string())
}

fn hours(hours: &Hours) -> HoursText {
    let named = DAYS.iter().zip(hours.days).filter(|(_, is_on)| *is_on).map(|(name, _)| (*name).to_owned());
    HoursText {
        from: hours.from.to_string(),
        to: hours.to.to_string(),
        days: (hours.days != [true; 7]).then(|| named.collect()),
        offset: (hours.offset != 0).then(|| write_offset(hours.offset)),
    }
}

fn ask(ask: &Ask) -> AskText {
    AskText {
        new_payee: ask.new_payee,
        price_rise: ask.price_rise.map(|percent| format!("{percent}%")),
        amount_above: price(ask.amount_above),
        deadline: (ask.deadline != Ask::USUAL_DEADLINE).then(|| write_length(ask.deadline)),
    }
}

fn origin(origin: &OriginLimit) -> OriginText {
    OriginText {
        url: origin.origin.to_string(),
        deny: origin.deny,
        category: origin.category.clone(),
        limit: price(origin.limit),
        payees: origin.payees.clone(),
        offer_signer: origin.offer_signer.clone(),
    }
}

fn payee(rule: &PayeeRule) -> PayeeText {
    PayeeText { account: rule.account.clone(), deny: rule.deny }
}

fn limit(limit: &Limit) -> LimitText {
    LimitText {
        name: limit.name.clone(),
        amount: price(limit.amount),
        payments: limit.payments,
        window: limit.window.to_string(),
        of: limit.of.as_ref().map(ToString::to_string),
        only: (!limit.only.is_everything()).then(|| only(&limit.only)),
    }
}

fn only(only: &Only) -> OnlyText {
    let entries = |list: &[String]| match list {
        [one] => Entries::One(one.clone()),
        list => Entries::Several(list.to_vec()),
    };
    let origins: Vec<_> = only.origins.iter().map(ToString::to_string).collect();
    OnlyText {
        origin: entries(&origins),
        payee: entries(&only.payees),
        method: entries(&only.methods),
        asset: entries(&only.assets),
        category: entries(&only.categories),
        tag: only.tags.iter().map(|(name, values)| (name.clone(), entries(values))).collect(),
    }
}

fn rate(rate: &RecordedRate) -> RateText {
    RateText {
        currency: rate.currency.to_string(),
        rate: rate.rate.to_string(),
        source: rate.source.clone(),
        date: rate.date.to_rfc3339().chars().take(10).collect(),
    }
}
