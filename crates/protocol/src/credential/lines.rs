//! Finding the one Payment credential among the values of a header field.

use super::CredentialError;

/// The text after the scheme of the only Payment credential; nothing when there is none.
///
/// A value may hold credentials of several schemes joined by commas. Ordinary credentials may have
/// parameters with quoted commas, so quotes are followed.
pub(super) fn find<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<&'a [u8]>, CredentialError> {
    let mut found = None;
    for line in lines {
        for element in Elements(line) {
            let Some(token) = payment_token(element) else { continue };
            if found.replace(token).is_some() {
                return Err(CredentialError::Several);
            }
        }
    }
    Ok(found)
}

fn payment_token(element: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = element.split_at_checked(b"Payment".len())?;
    let is_payment = scheme.eq_ignore_ascii_case(b"Payment") && matches!(rest.first(), None | Some(b' ' | b'\t'));
    is_payment.then(|| rest.trim_ascii())
}

/// The comma-separated elements of a value.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        // Nearly every value is one long credential, and this search is a fast one.
        if !self.0.contains(&b',') {
            return Some(std::mem::take(&mut self.0).trim_ascii());
        }
        let mut quoted = false;
        let mut escaped = false;
        let end = self.0.iter().position(|byte| {
            let ends = *byte == b',' && !quoted;
            quoted ^= *byte == b'"' && !escaped;
            escaped = quoted && *byte == b'\\' && !escaped;
            ends
        });
        let (element, rest) = match end {
            Some(comma) => (self.0.get(..comma)?, self.0.get(comma + 1..)?),
            None => (self.0, &[] as &[u8]),
        };
        self.0 = rest;
        Some(element.trim_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(lines: &[&'static str]) -> Result<Option<&'static str>, CredentialError> {
        find(lines.iter().map(|line| line.as_bytes()))
            .map(|found| found.map(|bytes| std::str::from_utf8(bytes).unwrap()))
    }

    #[test]
    fn the_one_payment_credential_is_found_among_others() {
        assert_eq!(token(&["Payment abc"]), Ok(Some("abc")));
        assert_eq!(token(&["payment \t abc "]), Ok(Some("abc")));
        assert_eq!(token(&["Bearer x, Payment y"]), Ok(Some("y")));
        assert_eq!(token(&["Bearer x", "Payment y"]), Ok(Some("y")));
        assert_eq!(token(&[r#"Digest a="b, Payment c\", Payment d""#, "Payment y"]), Ok(Some("y")));
        assert_eq!(token(&["Payment"]), Ok(Some("")));
        assert_eq!(token(&["Bearer x", "", "Payments y", "Paymen"]), Ok(None));
    }

    #[test]
    fn two_payment_credentials_are_one_too_many() {
        assert_eq!(token(&["Payment a", "Payment b"]), Err(CredentialError::Several));
        assert_eq!(token(&["Payment a, Payment b"]), Err(CredentialError::Several));
        assert_eq!(token(&["Payment a, Payment a"]), Err(CredentialError::Several));
    }
}
