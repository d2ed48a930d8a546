//! The calendar of billing, apart from the one under test.

const DAY: i64 = 86_400;

/// So many intervals later; months keep the day of the month, or take the last one there is.
pub(crate) fn later(from: i64, unit: &str, count: i64) -> i64 {
    match unit {
        "day" => from + count * DAY,
        "week" => from + count * 7 * DAY,
        _ => months_later(from, count),
    }
}

fn months_later(from: i64, count: i64) -> i64 {
    let (mut year, mut month, day) = date_of(from.div_euclid(DAY));
    let months = year * 12 + month - 1 + count;
    (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    let last = (28..=31).rev().find(|last| date_of(days_of(year, month, *last)) == (year, month, *last)).unwrap_or(28);
    days_of(year, month, day.min(last)) * DAY + from.rem_euclid(DAY)
}

/// The days from 1970-01-01 to a date: years and months are walked through.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let years: i64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let months: i64 = (1..month).map(|month| length(year, month)).sum();
    years + months + day - 1
}

fn date_of(mut days: i64) -> (i64, i64, i64) {
    let mut year = 1970;
    while days >= if is_leap(year) { 366 } else { 365 } {
        days -= if is_leap(year) { 366 } else { 365 };
        year += 1;
    }
    let mut month = 1;
    while days >= length(year, month) {
        days -= length(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn length(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
