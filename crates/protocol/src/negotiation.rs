//! `Accept-Payment` (core, section 7.4).

use std::fmt;

/// What a client can pay with, weighted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptPayment {
    ranges: Vec<Range>,
}

/// One `method/intent;q=weight` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// A method, or `*`.
    pub method: String,
    /// An intent, or `*`.
    pub intent: String,
    /// Thousandths: 1000 is `q=1`, 0 forbids.
    pub weight: u16,
}

const MOST_RANGES: usize = 128;
const FULL_WEIGHT: u16 = 1000;

impl AcceptPayment {
    /// From ranges, best first or not; nothing when there are none.
    pub fn from_ranges(ranges: Vec<Range>) -> Option<Self> {
        (!ranges.is_empty()).then_some(Self { ranges })
    }

    /// Reads all values of the header; `None` when absent or malformed.
    pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut ranges = Vec::new();
        for line in lines {
            for entry in std::str::from_utf8(line).ok()?.split(',').map(trim) {
                if !entry.is_empty() {
                    ranges.push(read_range(entry)?);
                }
            }
            if ranges.len() > MOST_RANGES {
                return None;
            }
        }
        Self::from_ranges(ranges)
    }

    /// The indices of the offers to make, best first; all of them in order when nothing matches.
    pub fn rank(&self, offers: &[(&str, &str)]) -> Vec<usize> {
        let weighted = offers.iter().enumerate().map(|(index, offer)| (index, self.weight(offer.0, offer.1)));
        let mut acceptable: Vec<(usize, u16)> = weighted.filter(|(_, weight)| *weight > 0).collect();
        acceptable.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        if acceptable.is_empty() {
            return (0..offers.len()).collect();
        }
        acceptable.into_iter().map(|(index, _)| index).collect()
    }

    /// The entries as written.
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// The weight of the most specific range that matches; of equally specific ones, the larger.
    fn weight(&self, method: &str, intent: &str) -> u16 {
        let matching = self.ranges.iter().filter(|range| range.matches(method, intent));
        matching.map(|range| (range.specificity(), range.weight)).max().map_or(0, |(_, weight)| weight)
    }
}

impl Range {
    fn matches(&self, method: &str, intent: &str) -> bool {
        (self.method == "*" || self.method == method) && (self.intent == "*" || self.intent == intent)
    }

    fn specificity(&self) -> u8 {
        u8::from(self.method != "*") + u8::from(self.intent != "*")
    }
}

impl fmt::Display for AcceptPayment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{range}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.method, self.intent)?;
        match self.weight {
            FULL_WEIGHT.. => Ok(()),
            0 => formatter.write_str(";q=0"),
            weight => write!(formatter, ";q=0.{}", format!("{weight:03}").trim_end_matches('0')),
        }
    }
}

fn read_range(entry: &str) -> Option<Range> {
    let mut parts = entry.split(';').map(trim);
    let (method, intent) = parts.next()?.split_once('/')?;
    let mut weight = None;
    for parameter in parts {
        let (name, value) = parameter.split_once('=').map(|(name, value)| (trim(name), trim(value)))?;
        if name.eq_ignore_ascii_case("q") {
            let read = read_weight(value)?;
            if weight.replace(read).is_some() {
                return None;
            }
        }
    }
    let known = is_name(method) && is_name(intent);
    known.then(|| Range { method: method.into(), intent: intent.into(), weight: weight.unwrap_or(FULL_WEIGHT) })
}

/// `0`, `1`, or either with one to three decimals, none of them above 1 (RFC 9110, section 12.4.2).
fn read_weight(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" if digits => Some(thousandths),
        "1" if digits && thousandths == 0 => Some(FULL_WEIGHT),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    let is_name_byte =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b':' | b'_' | b'-');
    text == "*" || (!text.is_empty() && text.bytes().all(is_name_byte))
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<AcceptPayment> {
        AcceptPayment::from_lines([text.as_bytes()])
    }

    #[test]
    fn the_more_specific_range_decides_and_of_equals_the_larger() {
        let accept = read("*/*;q=0.1, tempo/*;q=0.5, */charge;q=0.9, tempo/session;q=0").unwrap();
        assert_eq!(accept.weight("tempo", "charge"), 900);
        assert_eq!(accept.weight("tempo", "session"), 0);
        assert_eq!(accept.weight("tempo", "other"), 500);
        assert_eq!(accept.weight("other", "other"), 100);
    }

    #[test]
    fn lines_join_and_other_parameters_are_ignored() {
        let joined = AcceptPayment::from_lines([&b"a/b;x=y;Q=0.5"[..], b",, c/d"]).unwrap();
        assert_eq!(joined.to_string(), "a/b;q=0.5, c/d");
        assert_eq!(AcceptPayment::from_lines([]), None);
        assert_eq!(AcceptPayment::from_lines([&b"a/b"[..], b"broken"]), None);
        assert_eq!(read("a/b;q=1;q=0"), None);
        assert_eq!(read(&"a/b,".repeat(200)), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(line: Vec<u8>) {
            let _ = AcceptPayment::from_lines([line.as_slice()]);
        }

        #[test]
        fn what_is_written_reads_back(
            ranges in prop::collection::vec(("[a-z]{1,5}|\\*", "[a-z]{1,5}|\\*", 0u16..=1000), 1..8),
        ) {
            let ranges = ranges.into_iter().map(|(method, intent, weight)| Range { method, intent, weight }).collect();
            let accept = AcceptPayment::from_ranges(ranges).unwrap();
            prop_assert_eq!(read(&accept.to_string()), Some(accept));
        }
    }
}
