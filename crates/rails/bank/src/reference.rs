//! Creditor references (ISO 11649): what a payer writes into a transfer so that a program finds it again.

use std::fmt;
use std::str::FromStr;

use crate::check_digits::mod_97;

/// The digits of a reference that this software makes, after `RF` and its check digits.
const BODY: usize = 16;
/// ISO 11649: `RF`, two check digits, and a body of 1 to 21 letters and digits.
const LONGEST: usize = 25;

/// A reference with the right check digits, in capital letters and without spaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CreditorReference(Box<str>);

/// Not a creditor reference, or one with a mistake in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a creditor reference; one looks like RF18 5390 0754 7034, and its check digits tell mistakes")]
pub struct NotAReference(String);

impl CreditorReference {
    /// The reference of a random number: 16 digits, which every bank's form takes.
    pub fn from_random(random: u64) -> Self {
        let body = format!("{:0BODY$}", random % 10_u64.pow(16));
        let check = 98 - mod_97(&format!("{body}RF00")).unwrap_or(0);
        Self(format!("RF{check:02}{body}").into())
    }

    /// Without spaces, as a file carries it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In groups of four, as people copy it.
    pub fn grouped(&self) -> String {
        let letters: Vec<char> = self.0.chars().collect();
        letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }

    /// The references of this software's own length in a free text, spaces and dashes or not. More than one means
    /// that the text does not say which.
    pub fn find_in(text: &str) -> Vec<Self> {
        let kept = |letter: &u8| !letter.is_ascii_whitespace() && *letter != b'-';
        let bytes: Vec<u8> = text.bytes().filter(kept).map(|letter| letter.to_ascii_uppercase()).collect();
        let mut found = Vec::new();
        for window in bytes.windows(4 + BODY).filter(|window| window.starts_with(b"RF")) {
            let reference = std::str::from_utf8(window).ok().and_then(|text| text.parse::<Self>().ok());
            if let Some(reference) = reference.filter(|reference| !found.contains(reference)) {
                found.push(reference);
            }
        }
        found
    }
}

/// Takes spaces and small letters, as people write.
impl FromStr for CreditorReference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let refused = || NotAReference(text.chars().take(40).collect());
        if text.len() > 2 * LONGEST {
            return Err(refused());
        }
        let letters: String =
            text.chars().filter(|letter| *letter != ' ').map(|letter| letter.to_ascii_uppercase()).collect();
        let (head, body) = letters.split_at_checked(4).ok_or_else(refused)?;
        let plain = |text: &str| text.bytes().all(|letter| letter.is_ascii_alphanumeric());
        let check = head.strip_prefix("RF").filter(|check| check.bytes().all(|digit| digit.is_ascii_digit()));
        if check.is_none() || body.is_empty() || letters.len() > LONGEST || !plain(body) {
            return Err(refused());
        }
        if mod_97(&format!("{body}{head}")) != Some(1) {
            return Err(refused());
        }
        Ok(Self(letters.into()))
    }
}

/// As it stands in a file.
impl fmt::Display for CreditorReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_standard_s_example_is_one_and_its_misspellings_are_not() {
        assert_eq!("rf18 5390 0754 7034".parse::<CreditorReference>().unwrap().as_str(), "RF18539007547034");
        for text in ["", "RF", "RF18", "RF19539007547034", "RF18539007547043", "XX18539007547034", "RF1853900754703é"]
        {
            assert!(text.parse::<CreditorReference>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_reference_is_found_however_a_payer_wrote_it() {
        let own = CreditorReference::from_random(42);
        for text in [
            own.grouped(),
            format!("Top-up {own}, thanks"),
            format!("INV4711/{}/EUR", own.grouped().to_lowercase()),
            format!("{}-{}", &own.as_str()[..9], &own.as_str()[9..]),
        ] {
            assert_eq!(CreditorReference::find_in(&text), std::slice::from_ref(&own), "{text}");
        }
        let other = CreditorReference::from_random(43);
        assert_eq!(CreditorReference::find_in(&format!("{own} or {other}")).len(), 2);
        assert!(CreditorReference::find_in("RF not one RF12").is_empty());
    }

    proptest! {
        #[test]
        fn what_is_made_reads_back_and_one_wrong_digit_is_noticed(random: u64, place in 4usize..20, by in 1u8..10) {
            let made = CreditorReference::from_random(random);
            prop_assert_eq!(made.grouped().parse::<CreditorReference>().unwrap(), made.clone());
            let mut wrong = made.as_str().as_bytes().to_vec();
            wrong[place] = b'0' + (wrong[place] - b'0' + by) % 10;
            prop_assert!(String::from_utf8(wrong).unwrap().parse::<CreditorReference>().is_err());
        }

        #[test]
        fn any_text_can_be_searched(text: String) {
            CreditorReference::find_in(&text);
            let _ = text.parse::<CreditorReference>();
        }
    }
}
