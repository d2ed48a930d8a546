use std::fmt;

use farthing_protocol::Timestamp;

/// When payments may be made: a part of the day, on some days, at an offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The first minute of the day.
    pub from: Minute,
    /// The first minute that is too late; not after `from` means on the day after.
    pub to: Minute,
    /// The days on which it begins, Monday first.
    pub days: [bool; 7],
    /// Minutes ahead of UTC.
    pub offset: i16,
}

/// A minute of the day: 0 is midnight, 1440 the midnight after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(pub u16);

/// The names of the days, Monday first.
pub(crate) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MINUTES: i64 = 1440;
const MINUTE_MILLIS: i64 = 60_000;

impl Hours {
    /// Whether an instant lies within them.
    pub fn include(&self, now: Timestamp) -> bool {
        let minutes = now.unix_millis().div_euclid(MINUTE_MILLIS).saturating_add(i64::from(self.offset));
        let (day, minute) = (minutes.div_euclid(MINUTES), minutes.rem_euclid(MINUTES));
        let (from, to) = (i64::from(self.from.0), i64::from(self.to.0));
        if from < to {
            return self.begin_on(day) && (from..to).contains(&minute);
        }
        (minute >= from && self.begin_on(day)) || (minute < to && self.begin_on(day.saturating_sub(1)))
    }

    /// Days since 1970-01-01, which was a Thursday.
    fn begin_on(&self, day: i64) -> bool {
        let weekday = usize::try_from(day.saturating_add(3).rem_euclid(7)).unwrap_or_default();
        self.days.get(weekday).copied().unwrap_or(false)
    }
}

impl Minute {
    /// Reads `08:30`; `24:00` is the end of the day.
    pub fn read(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let two = |digits: &str| -> Option<u16> {
            let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| plain)
        };
        let (hours, minutes) = (two(hours)?, two(minutes)?);
        let minute = hours * 60 + minutes;
        (minutes < 60 && minute <= 1440).then_some(Self(minute))
    }
}

/// Reads `+01:00`, `-09:30`, `Z`.
pub(crate) fn read_offset(text: &str) -> Option<i16> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, rest) = (text.get(..1)?, text.get(1..)?);
    let minutes = i16::try_from(Minute::read(rest).filter(|minute| minute.0 <= 14 * 60)?.0).ok()?;
    match sign {
        "+" => Some(minutes),
        "-" => Some(-minutes),
        _ => None,
    }
}

pub(crate) fn write_offset(offset: i16) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    format!("{sign}{}", Minute(offset.unsigned_abs()))
}

impl fmt::Display for Minute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn hours(from: &str, to: &str, days: &[usize], offset: &str) -> Hours {
        let mut on = [false; 7];
        days.iter().for_each(|day| on[*day] = true);
        let (from, to) = (Minute::read(from).unwrap(), Minute::read(to).unwrap());
        Hours { from, to, days: on, offset: read_offset(offset).unwrap() }
    }

    #[test]
    fn the_day_and_the_minute_are_the_owner_s() {
        // 2026-11-20 is a Friday.
        let office = hours("08:00", "18:00", &[0, 1, 2, 3, 4], "+01:00");
        assert!(!office.include(at("2026-11-20T06:59:59Z")) && office.include(at("2026-11-20T07:00:00Z")));
        assert!(office.include(at("2026-11-20T16:59:59Z")) && !office.include(at("2026-11-20T17:00:00Z")));
        assert!(!office.include(at("2026-11-21T12:00:00Z")));
        let sunday_in_tokyo = hours("00:00", "24:00", &[6], "+09:00");
        assert!(sunday_in_tokyo.include(at("2026-11-21T15:00:00Z")));
        assert!(!sunday_in_tokyo.include(at("2026-11-22T15:00:00Z")));
    }

    #[test]
    fn a_night_belongs_to_the_day_it_begins_on() {
        let night = hours("22:00", "06:00", &[4], "Z");
        assert!(night.include(at("2026-11-20T22:00:00Z")) && night.include(at("2026-11-21T05:59:00Z")));
        assert!(!night.include(at("2026-11-20T05:00:00Z")) && !night.include(at("2026-11-21T23:00:00Z")));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "8:00", "08:60", "24:01", "25:00", "08:0a", "+8:00", "08-00"] {
            assert_eq!(Minute::read(text), None, "{text}");
        }
        for text in ["", "01:00", "+15:00", "+1", "ё1:00"] {
            assert_eq!(read_offset(text), None, "{text}");
        }
        assert_eq!(write_offset(read_offset("-09:30").unwrap()), "-09:30");
    }
}
