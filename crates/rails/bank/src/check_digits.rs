//! The check digits that IBANs and references share.

/// The remainder by 97 of letters and digits, letters counting from 10 (ISO 7064); `None` for anything else.
pub(crate) fn mod_97(text: &str) -> Option<u32> {
    text.chars().try_fold(0, |rest, letter| {
        let value = letter.to_digit(36)?;
        let shifted = if value < 10 { rest * 10 } else { rest * 100 };
        Some((shifted + value) % 97)
    })
}
