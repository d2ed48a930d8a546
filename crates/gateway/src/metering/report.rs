//! What a whole answer cost, read before any of it goes out, as an amount that may be taken.

use bytes::Bytes;
use farthing_money::{Amount, Asset, Price, Rounding};
use http::header::{CONTENT_ENCODING, TRAILER};
use http::{HeaderMap, Response};
use serde_json::Value;

use super::usage::Usage;
use crate::config::{Meter, Reading, Tokens};
use crate::lifecycle::{ReadAhead, read_ahead};
use crate::proxy::Body;

/// The longest answer that is read ahead for a count, in bytes.
const LONGEST_ANSWER: usize = 4 << 20;

/// Why nothing can be captured. For the operator: the seller's own code is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unmeasured {
    #[error("the upstream's answer does not say what it cost; set {0} in every answer with success")]
    Missing(String),
    #[error("the upstream's answer says twice what it cost; set {0} once")]
    Twice(String),
    #[error("the upstream's answer says no price in {0}; write a number and the currency, such as \"0.0042 {0}\"")]
    NoPrice(String),
    #[error("the upstream's answer says no count; write a whole number in decimal digits")]
    NoCount,
    #[error("the upstream's answer is compressed, and what is measured in it cannot be read; let it be plain")]
    Compressed,
    #[error("the upstream's answer is a stream or longer than 4 MiB, and cannot be measured before it goes out")]
    TooLong,
    #[error(
        "the upstream's answer costs more than the route's price, which is the most that is taken; raise the price"
    )]
    AboveTheCap,
    #[error("the upstream's answer cannot be read to its end")]
    Broken,
}

/// What may be taken for an answer: at most the cap.
#[derive(Clone, Copy)]
pub(crate) struct Cap<'a> {
    pub(crate) price: Price,
    pub(crate) amount: Amount,
    pub(crate) asset: &'a Asset,
}

/// Reads what an answer cost. The answer comes back without what it said about that in a header.
pub(crate) async fn measure(
    meter: &Meter,
    cap: Cap<'_>,
    mut response: Response<Body>,
) -> Result<(Amount, Response<Body>), Unmeasured> {
    let millionths = match &meter.reading {
        Reading::Header(name) => {
            let said = said_once(response.headers(), name.as_str())?;
            response.headers_mut().remove(name);
            said_in_header(meter, cap.price, &said)?
        }
        Reading::Json(pointer) => {
            let (bytes, whole) = whole(response).await?;
            response = whole;
            of_count(meter, counted(&bytes, pointer)?)?
        }
        Reading::Tokens(which) => {
            let (bytes, whole) = whole(response).await?;
            response = whole;
            of_count(meter, u128::from(tokens(&bytes, *which)?))?
        }
        Reading::Bytes => {
            let (bytes, whole) = whole(response).await?;
            response = whole;
            of_count(meter, bytes.len() as u128)?
        }
        Reading::Trailer(_) | Reading::Events => return Err(Unmeasured::TooLong),
    };
    amount(millionths, cap).map(|amount| (amount, response))
}

/// Reads what trailers say that an answer cost, and takes it out of them.
pub(crate) fn in_trailers(meter: &Meter, cap: Cap<'_>, trailers: &mut HeaderMap) -> Result<Amount, Unmeasured> {
    let Reading::Trailer(name) = &meter.reading else { return Err(Unmeasured::NoCount) };
    let said = said_once(trailers, name.as_str());
    trailers.remove(name);
    amount(said_in_header(meter, cap.price, &said?)?, cap)
}

/// How many tokens an answer in JSON says that it used.
pub(crate) fn tokens(json: &[u8], which: Tokens) -> Result<u64, Unmeasured> {
    let document: Value = serde_json::from_slice(json).map_err(|_| Unmeasured::NoCount)?;
    let said = Usage::read(&document).and_then(|usage| usage.of(which));
    said.ok_or_else(|| Unmeasured::Missing("usage".to_owned()))
}

/// Reads an answer ahead that is plain and no stream.
pub(crate) async fn whole(response: Response<Body>) -> Result<(Bytes, Response<Body>), Unmeasured> {
    let (mut parts, body) = response.into_parts();
    if is_compressed(&parts.headers) {
        return Err(Unmeasured::Compressed);
    }
    match read_ahead(&parts.headers, body, LONGEST_ANSWER).await {
        Ok(ReadAhead::Whole(bytes)) => {
            parts.headers.remove(TRAILER);
            Ok((bytes.clone(), Response::from_parts(parts, Body::full(bytes))))
        }
        Ok(ReadAhead::Streaming(_)) => Err(Unmeasured::TooLong),
        Err(_) => Err(Unmeasured::Broken),
    }
}

/// Whether what is measured in an answer cannot be read.
pub(crate) fn is_compressed(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn amount(millionths: u128, cap: Cap<'_>) -> Result<Amount, Unmeasured> {
    let millionths = u64::try_from(millionths).ok().filter(|millionths| *millionths <= cap.price.millionths());
    let price = millionths.map(|millionths| Price::from_millionths(millionths, cap.price.currency()));
    let converted = price.and_then(|price| price.in_asset(cap.asset, Rounding::Up).ok());
    converted.map(|converted| converted.amount).filter(|amount| *amount <= cap.amount).ok_or(Unmeasured::AboveTheCap)
}

fn said_once(headers: &HeaderMap, name: &str) -> Result<String, Unmeasured> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next().ok_or_else(|| Unmeasured::Missing(name.to_owned()))?;
    if lines.next().is_some() {
        return Err(Unmeasured::Twice(name.to_owned()));
    }
    line.to_str().map(str::to_owned).map_err(|_| Unmeasured::NoCount)
}

fn said_in_header(meter: &Meter, cap: Price, said: &str) -> Result<u128, Unmeasured> {
    if meter.unit.is_some() {
        return of_count(meter, count(said)?);
    }
    let price = said.parse::<Price>().ok().filter(|price| price.currency() == cap.currency());
    let price = price.ok_or_else(|| Unmeasured::NoPrice(cap.currency().to_string()))?;
    Ok(u128::from(price.millionths()))
}

fn of_count(meter: &Meter, count: u128) -> Result<u128, Unmeasured> {
    let unit = meter.unit.map_or(1, |unit| u128::from(unit.millionths()));
    let cost = count.checked_mul(unit).ok_or(Unmeasured::AboveTheCap)?;
    Ok(cost.div_ceil(u128::from(meter.per.get())))
}

fn counted(json: &Bytes, pointer: &str) -> Result<u128, Unmeasured> {
    let object: Value = serde_json::from_slice(json).map_err(|_| Unmeasured::NoCount)?;
    match object.pointer(pointer) {
        Some(Value::Number(number)) => count(&number.to_string()),
        Some(Value::String(text)) => count(text),
        _ => Err(Unmeasured::Missing(pointer.to_owned())),
    }
}

/// Decimal digits and nothing else. More of them than a number holds are more than any cap.
fn count(text: &str) -> Result<u128, Unmeasured> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Unmeasured::NoCount);
    }
    text.parse().map_err(|_| Unmeasured::AboveTheCap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use std::num::NonZeroU64;

    async fn measured(meter: &Meter, headers: &[&'static str], body: &'static str) -> Result<u128, Unmeasured> {
        let mut response = Response::new(Body::full(body));
        for value in headers {
            response.headers_mut().append("x-cost", HeaderValue::from_static(value));
        }
        let asset: Asset = "USDC.6@eip155:8453/0x01".parse().unwrap();
        let cap = Cap { price: "0.005 USD".parse().unwrap(), amount: Amount::new(5_000), asset: &asset };
        let (amount, response) = measure(meter, cap, response).await?;
        assert!(!response.headers().contains_key("x-cost"), "the buyer sees the amount in its outcome");
        Ok(amount.units())
    }

    #[tokio::test]
    async fn a_price_in_a_header_is_the_amount() {
        let meter =
            Meter { reading: Reading::Header(HeaderName::from_static("x-cost")), unit: None, per: NonZeroU64::MIN };
        for (said, amount) in [("0.0042 USD", 4_200), ("0 USD", 0), ("0.005 USD", 5_000)] {
            assert_eq!(measured(&meter, &[said], "").await, Ok(amount), "{said}");
        }
        assert_eq!(measured(&meter, &["0.005001 USD"], "").await, Err(Unmeasured::AboveTheCap));
        assert_eq!(measured(&meter, &["0.001 USD", "0.001 USD"], "").await, Err(Unmeasured::Twice("x-cost".into())));
        assert_eq!(measured(&meter, &[], "").await, Err(Unmeasured::Missing("x-cost".into())));
        for said in ["", "-1 USD", "NaN", "0.001", "0.001 EUR", "1e-3 USD", "0.0000001 USD"] {
            assert_eq!(measured(&meter, &[said], "").await, Err(Unmeasured::NoPrice("USD".into())), "{said}");
        }
    }

    #[tokio::test]
    async fn a_count_costs_its_units() {
        let unit = Some("0.00002 USD".parse().unwrap());
        let meter = Meter { reading: Reading::Header(HeaderName::from_static("x-cost")), unit, per: NonZeroU64::MIN };
        for (said, amount) in [("0", 0), ("7", 140), ("250", 5_000)] {
            assert_eq!(measured(&meter, &[said], "").await, Ok(amount), "{said}");
        }
        for said in ["251", "340282366920938463463374607431768211456", "340282366920938463463374607431768211455"] {
            assert_eq!(measured(&meter, &[said], "").await, Err(Unmeasured::AboveTheCap), "{said}");
        }
        for said in ["", "-1", "NaN", "1.5", "1e3", "+1", " "] {
            assert_eq!(measured(&meter, &[said], "").await, Err(Unmeasured::NoCount), "{said}");
        }
    }

    #[tokio::test]
    async fn a_count_may_stand_in_json() {
        let unit = Some("0.00002 USD".parse().unwrap());
        let meter = Meter { reading: Reading::Json("/usage/tokens".to_owned()), unit, per: NonZeroU64::MIN };
        assert_eq!(measured(&meter, &[], r#"{"usage":{"tokens":12}}"#).await, Ok(240));
        assert_eq!(measured(&meter, &[], r#"{"usage":{"tokens":"12"}}"#).await, Ok(240));
        for body in [r#"{"usage":{"tokens":-1}}"#, r#"{"usage":{"tokens":1.5}}"#, "not JSON", ""] {
            assert_eq!(measured(&meter, &[], body).await, Err(Unmeasured::NoCount), "{body}");
        }
        for body in ["{}", r#"{"usage":{"tokens":null}}"#] {
            assert!(matches!(measured(&meter, &[], body).await, Err(Unmeasured::Missing(_))), "{body}");
        }
    }

    #[tokio::test]
    async fn whole_answers_count_their_tokens_and_bytes() {
        let unit = Some("0.002 USD".parse().unwrap());
        let meter = |reading| Meter { reading, unit, per: NonZeroU64::new(1000).unwrap() };
        let answer = r#"{"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}"#;
        for (which, amount) in [(Tokens::Input, 18), (Tokens::Output, 24), (Tokens::Total, 42)] {
            assert_eq!(measured(&meter(Reading::Tokens(which)), &[], answer).await, Ok(amount));
        }
        assert_eq!(measured(&meter(Reading::Bytes), &[], "0123456").await, Ok(14));
        let nonsense = r#"{"usage":{"completion_tokens":-1}}"#;
        let silent = measured(&meter(Reading::Tokens(Tokens::Output)), &[], nonsense).await;
        assert_eq!(silent, Err(Unmeasured::Missing("usage".into())));
    }

    #[test]
    fn trailers_are_read_once_and_go_no_further() {
        let asset: Asset = "USDC.6@eip155:8453/0x01".parse().unwrap();
        let cap = Cap { price: "0.005 USD".parse().unwrap(), amount: Amount::new(5_000), asset: &asset };
        let reading = Reading::Trailer(HeaderName::from_static("x-cost"));
        let meter = Meter { reading, unit: None, per: NonZeroU64::MIN };
        let said = |values: &[&'static str]| {
            let mut trailers = HeaderMap::new();
            for value in values {
                trailers.append("x-cost", HeaderValue::from_static(value));
            }
            let amount = in_trailers(&meter, cap, &mut trailers);
            assert!(trailers.is_empty());
            amount
        };
        assert_eq!(said(&["0.0042 USD"]), Ok(Amount::new(4_200)));
        assert_eq!(said(&["0.0051 USD"]), Err(Unmeasured::AboveTheCap));
        assert_eq!(said(&[]), Err(Unmeasured::Missing("x-cost".into())));
        assert_eq!(said(&["0 USD", "0 USD"]), Err(Unmeasured::Twice("x-cost".into())));
    }
}
