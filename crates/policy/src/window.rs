use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use farthing_books::budget::Rolling;
use farthing_protocol::Timestamp;

/// The time over which a limit adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    /// The last so long before each payment.
    Rolling(Rolling),
    /// The hour of the clock, UTC.
    Hour,
    /// The calendar day, UTC.
    Day,
    /// The week that begins on Monday, UTC.
    Week,
    /// The calendar month, UTC.
    Month,
    /// From the beginning.
    Ever,
}

const DAY_MILLIS: i64 = 86_400_000;
/// 1970-01-01 was a Thursday, three days after a Monday.
const DAYS_SINCE_MONDAY: i64 = 3;

impl Window {
    /// What a counter of this window is called at an instant, so that another window is another counter.
    pub(crate) fn mark(self, now: Timestamp) -> String {
        let dated = |kind: &str, at: Timestamp, letters: usize| {
            format!("{kind}/{}", at.to_rfc3339().get(..letters).unwrap_or_default())
        };
        match self {
            Self::Rolling(_) => self.to_string(),
            Self::Hour => dated("hour", now, 13),
            Self::Day => dated("day", now, 10),
            Self::Week => dated("week", monday(now), 10),
            Self::Month => dated("month", now, 7),
            Self::Ever => "ever".to_owned(),
        }
    }

    /// The window that the books move along, if it is one.
    pub(crate) fn rolling(self) -> Option<Rolling> {
        match self {
            Self::Rolling(rolling) => Some(rolling),
            _ => None,
        }
    }
}

fn monday(now: Timestamp) -> Timestamp {
    let days = now.unix_millis().div_euclid(DAY_MILLIS);
    let since_monday = days.saturating_add(DAYS_SINCE_MONDAY).rem_euclid(7);
    Timestamp::from_unix_millis(days.saturating_sub(since_monday).saturating_mul(DAY_MILLIS))
}

/// A length of time as policies write it: `90s`, `15m`, `24h`, `7d`.
pub(crate) fn read_length(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let plain = number.bytes().all(|byte| byte.is_ascii_digit());
    let count = number.parse::<u32>().ok().filter(|count| plain && *count > 0)?;
    Some(Duration::from_secs(u64::from(count).saturating_mul(seconds)))
}

/// The same, written in the largest unit that holds it exactly.
pub(crate) fn write_length(length: Duration) -> String {
    let seconds = length.as_secs();
    let units = [(86_400, 'd'), (3600, 'h'), (60, 'm')];
    let unit = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    let (unit, letter) = unit.unwrap_or((1, 's'));
    format!("{}{letter}", seconds / unit)
}

impl FromStr for Window {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "ever" => Self::Ever,
            length => Self::Rolling(read_length(length).and_then(Rolling::new).ok_or(())?),
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rolling(rolling) => formatter.write_str(&write_length(rolling.length())),
            Self::Hour => formatter.write_str("hour"),
            Self::Day => formatter.write_str("day"),
            Self::Week => formatter.write_str("week"),
            Self::Month => formatter.write_str("month"),
            Self::Ever => formatter.write_str("ever"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_names_its_counter() {
        let now = Timestamp::parse("2026-11-22T23:59:59.999Z").unwrap();
        let mark = |text: &str| text.parse::<Window>().unwrap().mark(now);
        assert_eq!(mark("hour"), "hour/2026-11-22T23");
        assert_eq!(mark("day"), "day/2026-11-22");
        assert_eq!(mark("week"), "week/2026-11-16", "a Sunday belongs to the Monday before");
        assert_eq!(mark("month"), "month/2026-11");
        assert_eq!(mark("ever"), "ever");
        assert_eq!((mark("90m"), mark("24h")), ("90m".into(), "1d".into()));
        let monday = Timestamp::parse("2026-11-23T00:00:00Z").unwrap();
        assert_eq!(Window::Week.mark(monday), "week/2026-11-23");
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in ["", "1", "h", "0h", "-1h", "+1h", "1.5h", "1y", "59s", "50d", "99999999999d", "1 h", "ё"] {
            assert_eq!(text.parse::<Window>(), Err(()), "{text}");
        }
    }
}
