//! Durations and sizes as people write them.

use std::time::Duration;

use farthing_books::retention::SHORTEST;

/// Reads `500ms`, `30s`, `5m`, `1h` or `7d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let refused = || format!("\"{text}\" is not a duration; write a number and ms, s, m, h or d, such as \"30s\"");
    let (number, unit) = split(text).ok_or_else(refused)?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(refused()),
    };
    match number.checked_mul(millis) {
        // Thirty years: longer than any of these can mean, and far from overflowing a timestamp.
        Some(total @ 1..=946_080_000_000) => Ok(Duration::from_millis(total)),
        _ => Err(refused()),
    }
}

/// Reads how long what is over is kept: as a duration, and no shorter than the books allow.
pub(super) fn keep(text: &str) -> Result<Duration, String> {
    let keep = duration(text)?;
    if keep < SHORTEST {
        let days = SHORTEST.as_secs() / 86_400;
        return Err(format!("payments are kept for {days} days at least; write a longer time, such as \"400d\""));
    }
    Ok(keep)
}

/// Reads `512KiB`, `1MiB`, `10GiB` or a plain count of bytes.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let refused = || format!("\"{text}\" is not a size; write a number and KiB, MiB or GiB, such as \"1MiB\"");
    let (number, unit) = split(text).ok_or_else(refused)?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(refused()),
    };
    number.checked_mul(factor).ok_or_else(refused)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_written() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        for text in ["", "1", "s", "0s", "1 week", "-1s", "99999999999999999999d", "1000000d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_is_let_go_of_within_a_week() {
        assert_eq!(keep("400d"), Ok(Duration::from_secs(400 * 86_400)));
        assert_eq!(keep("7d"), Ok(SHORTEST));
        assert!(keep("6d").unwrap_err().contains("7 days at least"));
        assert!(keep("for ever").is_err());
    }

    #[test]
    fn sizes_read_as_written() {
        assert_eq!(bytes("1MiB"), Ok(1 << 20));
        assert_eq!(bytes("17"), Ok(17));
        for text in ["", "MiB", "1MB", "1.5MiB", "99999999999GiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
