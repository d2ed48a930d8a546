//! Instants as the protocol writes them: RFC 3339 in UTC, to the millisecond.

use std::time::Duration;

/// Milliseconds since the Unix epoch, UTC. Read from a clock by the program, never here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Not an RFC 3339 date-time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an RFC 3339 date and time such as 2026-01-31T12:00:00Z")]
pub struct NotATimestamp(pub String);

const MILLIS_PER_SECOND: i64 = 1000;
const SECONDS_PER_DAY: i64 = 86_400;
/// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: all that four digits of year can say.
const FIRST_MILLI: i64 = -62_167_219_200_000;
const LAST_MILLI: i64 = 253_402_300_799_999;

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// Reads any RFC 3339 date-time: offsets, fractions, lower case, a leap second. Digits of the
    /// fraction beyond milliseconds are dropped; a leap second counts as the second after it.
    pub fn parse(text: &str) -> Result<Self, NotATimestamp> {
        read(text.as_bytes()).map(Self).ok_or_else(|| NotATimestamp(text.chars().take(64).collect()))
    }

    /// `YYYY-MM-DDTHH:MM:SSZ`, with milliseconds when there are any. An instant outside the years
    /// 0 to 9999 is written as the nearest one inside.
    pub fn to_rfc3339(self) -> String {
        let mut text = String::with_capacity(24);
        self.write_rfc3339(&mut text);
        text
    }

    /// Appends the text of [`Timestamp::to_rfc3339`].
    pub fn write_rfc3339(self, out: &mut String) {
        let millis = self.0.clamp(FIRST_MILLI, LAST_MILLI);
        let seconds = millis.div_euclid(MILLIS_PER_SECOND);
        let date = Date::from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let parts = [
            (date.year, 4, '-'),
            (date.month, 2, '-'),
            (date.day, 2, 'T'),
            (second_of_day / 3600, 2, ':'),
            (second_of_day / 60 % 60, 2, ':'),
        ];
        for (value, width, separator) in parts {
            push_digits(out, value, width);
            out.push(separator);
        }
        push_digits(out, second_of_day % 60, 2);
        let fraction = millis.rem_euclid(MILLIS_PER_SECOND);
        if fraction != 0 {
            out.push('.');
            push_digits(out, fraction, 3);
        }
        out.push('Z');
    }

    /// The instant so long before this one; the first there is when that does not fit.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// This instant and a while; the last instant there is when that does not fit.
    pub fn after(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// How long this instant is after another; zero when it is before.
    pub fn since(self, earlier: Self) -> Duration {
        let millis = i128::from(self.0) - i128::from(earlier.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: i64,
    /// 1 to 31.
    pub(crate) day: i64,
}

impl Date {
    /// The day that is so many days after 1970-01-01.
    pub(crate) fn from_days(days: i64) -> Self {
        // Years that begin in March put the leap day last, which makes month lengths a formula.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year, month, day }
    }

    /// Days since 1970-01-01.
    pub(crate) fn to_days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let march_month = (self.month + 9) % 12;
        let day_of_year = (153 * march_month + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// How many days its month has.
    pub(crate) fn days_in_month(self) -> i64 {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

/// Milliseconds since the epoch, or nothing when the text is not RFC 3339.
fn read(text: &[u8]) -> Option<i64> {
    let mut rest = text;
    let year = digits(&mut rest, 4)?;
    literal(&mut rest, b"-")?;
    let month = digits(&mut rest, 2)?;
    literal(&mut rest, b"-")?;
    let day = digits(&mut rest, 2)?;
    literal(&mut rest, b"Tt")?;
    let hour = digits(&mut rest, 2)?;
    literal(&mut rest, b":")?;
    let minute = digits(&mut rest, 2)?;
    literal(&mut rest, b":")?;
    let second = digits(&mut rest, 2)?;
    let fraction = fraction_millis(&mut rest)?;
    let offset = offset_seconds(&mut rest)?;

    let date = Date { year, month, day };
    let in_calendar = (1..=12).contains(&month) && (1..=date.days_in_month()).contains(&day);
    if !rest.is_empty() || !in_calendar || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = date.to_days() * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset;
    // Leap seconds are only ever the last second of a UTC day.
    if second == 60 && seconds.rem_euclid(SECONDS_PER_DAY) != 0 {
        return None;
    }
    Some(seconds * MILLIS_PER_SECOND + fraction)
}

fn digits(rest: &mut &[u8], count: usize) -> Option<i64> {
    let (number, after) = rest.split_at_checked(count)?;
    *rest = after;
    number.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

fn literal(rest: &mut &[u8], any_of: &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    any_of.contains(first).then_some(*first)
}

fn fraction_millis(rest: &mut &[u8]) -> Option<i64> {
    let Some(fraction) = rest.strip_prefix(b".") else { return Some(0) };
    let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, after) = fraction.split_at_checked(length)?;
    *rest = after;
    let padded = digits.iter().copied().chain([b'0', b'0']).take(3);
    let millis = padded.fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    (!digits.is_empty()).then_some(millis)
}

fn offset_seconds(rest: &mut &[u8]) -> Option<i64> {
    let sign = match literal(rest, b"Zz+-")? {
        b'+' => 1,
        b'-' => -1,
        _ => return Some(0),
    };
    let hours = digits(rest, 2)?;
    literal(rest, b":")?;
    let minutes = digits(rest, 2)?;
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

fn push_digits(out: &mut String, value: i64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_i64.pow(place) % 10;
        out.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn millis(text: &str) -> i64 {
        Timestamp::parse(text).unwrap().unix_millis()
    }

    #[test]
    fn every_form_of_rfc_3339_is_read() {
        assert_eq!(millis("1970-01-01T00:00:00Z"), 0);
        assert_eq!(millis("2026-01-29T12:05:00Z"), 1_769_688_300_000);
        assert_eq!(millis("2026-01-29t12:05:00z"), 1_769_688_300_000);
        assert_eq!(millis("2026-01-29T14:05:00+02:00"), 1_769_688_300_000);
        assert_eq!(millis("2026-01-29T06:35:00-05:30"), 1_769_688_300_000);
        assert_eq!(millis("2026-01-29T12:05:00.1Z"), 1_769_688_300_100);
        assert_eq!(millis("2026-01-29T12:05:00.123456789Z"), 1_769_688_300_123);
        assert_eq!(millis("2016-12-31T23:59:60Z"), millis("2017-01-01T00:00:00Z"));
        assert_eq!(millis("2017-01-01T01:59:60+02:00"), millis("2017-01-01T00:00:00Z"));
        assert_eq!(millis("0000-01-01T00:00:00Z"), FIRST_MILLI);
        assert_eq!(millis("9999-12-31T23:59:59.999Z"), LAST_MILLI);
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "2026-01-29",
            "2026-01-29 12:05:00Z",
            "2026-01-29T12:05:00",
            "2026-01-29T12:05Z",
            "2026-1-29T12:05:00Z",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-29T24:00:00Z",
            "2026-01-29T12:60:00Z",
            "2026-01-29T12:05:61Z",
            "2026-01-29T12:05:60Z",
            "2026-01-29T12:05:00.Z",
            "2026-01-29T12:05:00,5Z",
            "2026-01-29T12:05:00+0200",
            "2026-01-29T12:05:00+24:00",
            "2026-01-29T12:05:00ZZ",
            " 2026-01-29T12:05:00Z",
            "+026-01-29T12:05:00Z",
            "Jan 29 2026 12:00",
            "20٢6-01-29T12:05:00Z",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_saturate() {
        let epoch = Timestamp::from_unix_millis(0);
        assert_eq!(epoch.after(Duration::from_secs(300)).to_rfc3339(), "1970-01-01T00:05:00Z");
        assert_eq!(epoch.after(Duration::MAX).unix_millis(), i64::MAX);
        assert_eq!(epoch.since(epoch.after(Duration::from_secs(1))), Duration::ZERO);
        assert_eq!(epoch.after(Duration::from_millis(1500)).since(epoch), Duration::from_millis(1500));
        assert_eq!(Timestamp::from_unix_millis(i64::MAX).to_rfc3339(), "9999-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn every_instant_reads_back_from_its_text(millis in FIRST_MILLI..=LAST_MILLI) {
            let instant = Timestamp::from_unix_millis(millis);
            prop_assert_eq!(Timestamp::parse(&instant.to_rfc3339()), Ok(instant));
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let _ = Timestamp::parse(&text);
        }

        #[test]
        fn days_and_dates_agree(days in -1_000_000i64..4_000_000) {
            prop_assert_eq!(Date::from_days(days).to_days(), days);
        }
    }
}
