use farthing_protocol::Challenge;

use crate::PayerKey;

/// The first line of what a payer signs: no other use of the key begins so.
const DOMAIN: &str = "farthing balance charge v1";

/// A challenge with a character that could be mistaken for the end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the challenge has a character outside of printable ASCII where none is allowed")]
pub struct Unsignable;

/// The bytes a payer signs: five labelled lines after the domain line, each ended by a line feed.
///
/// Every value is printable ASCII, so a line feed is always the end of a value and no two
/// challenges have the same text.
pub fn signed_message(challenge: &Challenge, payer: &PayerKey) -> Result<Vec<u8>, Unsignable> {
    message_of(challenge, &payer.to_string())
}

/// The same, for a payer whose name is known to be a key's.
pub(crate) fn message_of(challenge: &Challenge, payer: &str) -> Result<Vec<u8>, Unsignable> {
    let lines = [
        ("id", challenge.id().as_str()),
        ("realm", challenge.realm().as_str()),
        ("request", challenge.request().as_str()),
        ("digest", challenge.digest().map_or("-", |digest| digest.as_str())),
        ("payer", payer),
    ];
    text_of(DOMAIN, &lines)
}

/// A domain line and labelled lines.
pub(crate) fn text_of(domain: &str, lines: &[(&str, &str)]) -> Result<Vec<u8>, Unsignable> {
    let length = lines.iter().map(|(label, value)| label.len() + value.len() + 3).sum::<usize>();
    let mut text = String::with_capacity(domain.len() + 1 + length);
    text.push_str(domain);
    text.push('\n');
    for (label, value) in lines {
        if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(Unsignable);
        }
        text.push_str(label);
        text.push_str(": ");
        text.push_str(value);
        text.push('\n');
    }
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Terms, key, signer};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use farthing_rail::Signer as _;

    const SPECIFICATION: &str = include_str!("../../../../docs/methods/balance.md");

    #[test]
    fn the_specification_s_test_vector_is_what_this_software_signs() {
        let terms = Terms { digest: Some(b"{\"city\":\"Bern\"}"), ..Terms::default() };
        let challenge = terms.challenge();
        let message = signed_message(&challenge, &key()).unwrap();
        let text = std::str::from_utf8(&message).unwrap();
        let signature = URL_SAFE_NO_PAD.encode(signer().sign(&message).unwrap());
        for part in [challenge.id().as_str(), text, &key().to_string(), &signature] {
            assert!(SPECIFICATION.contains(part), "docs/methods/balance.md lacks:\n{part}");
        }
    }

    #[test]
    fn every_signed_value_changes_the_message() {
        let plain = signed_message(&Terms::default().challenge(), &key()).unwrap();
        for changed in [
            Terms { amount: "1001", ..Terms::default() },
            Terms { currency: "eur.6", ..Terms::default() },
            Terms { issuer: "https://other.example", ..Terms::default() },
            Terms { realm: "other.example", ..Terms::default() },
            Terms { digest: Some(b"body"), ..Terms::default() },
        ] {
            assert_ne!(signed_message(&changed.challenge(), &key()).unwrap(), plain);
        }
        let other = PayerKey::from_bytes([7; 32]);
        assert_ne!(signed_message(&Terms::default().challenge(), &other).unwrap(), plain);
    }
}
