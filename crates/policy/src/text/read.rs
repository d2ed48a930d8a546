use std::str::FromStr;

use farthing_money::{Currency, Price};
use farthing_protocol::Timestamp;

use super::PolicyError;
use super::form::{AskText, HoursText, LimitText, OnlyText, OriginText, RateText, Text};
use crate::hours::{DAYS, read_offset};
use crate::rate::read_rate;
use crate::window::read_length;
use crate::{Ask, Hours, Limit, Minute, Only, OriginLimit, PayeeRule, Policy, RecordedRate, Unmatched};

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let form: Text = toml::from_str(text).map_err(|error| PolicyError::form(text, &error))?;
        let policy = read(form)?;
        policy.check()?;
        Ok(policy)
    }
}

fn read(text: Text) -> Result<Policy, PolicyError> {
    let currency: Currency = text.currency.parse().map_err(|reason| PolicyError::Price { key: "currency", reason })?;
    let rates_valid = match text.rates_valid {
        None => Policy::USUAL_RATES_VALID,
        Some(length) => read_length(&length).ok_or(unclear("rates_valid", &length, LENGTH))?,
    };
    let origins = text.origins.map(|origins| origins.into_iter().map(origin).collect::<Result<_, _>>());
    let payee = |payee: super::form::PayeeText| PayeeRule { account: payee.account, deny: payee.deny };
    Ok(Policy {
        currency,
        parent: text.parent,
        total: price("total", text.total)?,
        per_payment: price("per_payment", text.per_payment)?,
        per_day: price("per_day", text.per_day)?,
        session_deposit: price("session_deposit", text.session_deposit)?,
        prepaid: price("prepaid", text.prepaid)?,
        prepaid_in_all: price("prepaid_in_all", text.prepaid_in_all)?,
        recurring: price("recurring", text.recurring)?,
        open_sessions: text.open_sessions,
        locked: price("locked", text.locked)?,
        expires: text.expires.map(|at| instant("expires", &at)).transpose()?,
        methods: text.methods,
        required_tags: text.required_tags,
        hours: text.hours.map(hours).transpose()?,
        unmatched: text.unmatched.map(|word| unmatched(&word)).transpose()?,
        origins: origins.transpose()?,
        payees: text.payees.into_iter().map(payee).collect(),
        limits: text.limits.into_iter().map(limit).collect::<Result<_, _>>()?,
        ask: text.ask.map(ask).transpose()?,
        rates: text.rates.into_iter().map(rate).collect::<Result<_, _>>()?,
        rates_valid,
    })
}

const LENGTH: &str = "a length of time, such as 15m, 24h or 7d";

fn unclear(key: &'static str, value: &str, wanted: &'static str) -> PolicyError {
    PolicyError::Value { key, value: value.chars().take(64).collect(), wanted }
}

fn price(key: &'static str, price: Option<String>) -> Result<Option<Price>, PolicyError> {
    price.map(|price| price.parse()).transpose().map_err(|reason| PolicyError::Price { key, reason })
}

fn instant(key: &'static str, text: &str) -> Result<Timestamp, PolicyError> {
    Timestamp::parse(text).map_err(|_| unclear(key, text, "a date and time, such as 2027-01-31T12:00:00Z"))
}

fn unmatched(word: &str) -> Result<Unmatched, PolicyError> {
    match word {
        "allow" => Ok(Unmatched::Allow),
        "deny" => Ok(Unmatched::Deny),
        _ => Err(unclear("unmatched", word, "\"allow\" or \"deny\"")),
    }
}

fn origin(text: OriginText) -> Result<OriginLimit, PolicyError> {
    let OriginText { url, deny, category, payees, offer_signer, limit } = text;
    let limit = price("origin.limit", limit)?;
    Ok(OriginLimit { origin: url.parse()?, deny, category, limit, payees, offer_signer })
}

fn hours(text: HoursText) -> Result<Hours, PolicyError> {
    let minute = |key, text: &str| Minute::read(text).ok_or(unclear(key, text, "a time of day, such as 08:30"));
    let mut days = [text.days.is_none(); 7];
    for name in text.days.iter().flatten() {
        let known = DAYS.iter().position(|day| day == name).and_then(|day| days.get_mut(day));
        *known.ok_or(unclear("hours.days", name, "days out of mon, tue, wed, thu, fri, sat, sun"))? = true;
    }
    let offset = match &text.offset {
        None => 0,
        Some(offset) => read_offset(offset).ok_or(unclear("hours.offset", offset, "an offset, such as +01:00"))?,
    };
    Ok(Hours { from: minute("hours.from", &text.from)?, to: minute("hours.to", &text.to)?, days, offset })
}

fn ask(text: AskText) -> Result<Ask, PolicyError> {
    let percent = |rise: String| {
        let digits = rise.strip_suffix('%').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let percent = digits.and_then(|digits| digits.parse::<u32>().ok());
        percent.ok_or(unclear("ask.price_rise", &rise, "whole percent, such as 25%"))
    };
    let deadline = match text.deadline {
        None => Ask::USUAL_DEADLINE,
        Some(length) => read_length(&length).ok_or(unclear("ask.deadline", &length, LENGTH))?,
    };
    Ok(Ask {
        new_payee: text.new_payee,
        price_rise: text.price_rise.map(percent).transpose()?,
        amount_above: price("ask.amount_above", text.amount_above)?,
        deadline,
    })
}

fn limit(text: LimitText) -> Result<Limit, PolicyError> {
    let LimitText { name, amount, payments, window, of, only } = text;
    let window = window.parse().map_err(|()| {
        unclear("limit.window", &window, "hour, day, week, month, ever, or a length from 1m to 49d, such as 24h")
    })?;
    let of = of.map(|of| {
        let wanted = "origin, payee, method, asset, category or tag.NAME";
        of.parse().map_err(|()| unclear("limit.of", &of, wanted))
    });
    let (of, only) = (of.transpose()?, only.map(self::only).transpose()?.unwrap_or_default());
    Ok(Limit { name, amount: price("limit.amount", amount)?, payments, window, of, only })
}

fn only(text: OnlyText) -> Result<Only, PolicyError> {
    let origins = text.origin.into_list().into_iter().map(|url| url.parse());
    Ok(Only {
        origins: origins.collect::<Result<_, _>>()?,
        payees: text.payee.into_list(),
        methods: text.method.into_list(),
        assets: text.asset.into_list(),
        categories: text.category.into_list(),
        tags: text.tag.into_iter().map(|(name, values)| (name, values.into_list())).collect(),
    })
}

fn rate(text: RateText) -> Result<RecordedRate, PolicyError> {
    let RateText { currency, rate, source, date } = text;
    let currency = currency.parse().map_err(|reason| PolicyError::Price { key: "rate.currency", reason })?;
    if read_rate(&rate).is_none() {
        return Err(unclear("rate.rate", &rate, "a decimal number above zero, such as 1.085"));
    }
    let wanted = "the day it is from, such as 2026-11-20";
    let day = Timestamp::parse(&format!("{date}T00:00:00Z")).map_err(|_| unclear("rate.date", &date, wanted))?;
    Ok(RecordedRate { currency, rate: rate.into(), source, date: day })
}
