//! The text of `expires`, written once per second and thread instead of once per challenge.

use std::cell::RefCell;
use std::time::Duration;

use farthing_protocol::Timestamp;

/// Methods with different validities on one gateway are few.
const KEPT: usize = 8;

thread_local! {
    static TEXTS: RefCell<Vec<(i64, String)>> = const { RefCell::new(Vec::new()) };
}

/// Calls `with` with the text of the whole second at which a challenge of this validity ends.
pub(super) fn with_text<T>(now: Timestamp, validity: Duration, with: impl FnOnce(&str) -> T) -> T {
    let second = now.after(validity).unix_millis().div_euclid(1000);
    TEXTS.with_borrow_mut(|texts| {
        let at = texts.iter().position(|(known, _)| *known == second).unwrap_or_else(|| {
            if texts.len() >= KEPT {
                texts.remove(0);
            }
            texts.push((second, Timestamp::from_unix_millis(second.saturating_mul(1000)).to_rfc3339()));
            texts.len() - 1
        });
        with(texts.get(at).map_or("", |(_, text)| text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_whole_second() {
        for extra in [0, 999] {
            let now = Timestamp::from_unix_millis(1_700_000_000_000 + extra);
            with_text(now, Duration::from_secs(300), |text| assert_eq!(text, "2023-11-14T22:18:20Z"));
        }
        for step in 0..20 {
            let now = Timestamp::from_unix_millis(1_700_000_000_000 + step * 1000);
            let expected = Timestamp::from_unix_millis(now.unix_millis() + 60_000).to_rfc3339();
            with_text(now, Duration::from_secs(60), |text| assert_eq!(text, expected));
        }
    }
}
