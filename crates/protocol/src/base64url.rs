//! RFC 4648 section 5: never padded on output; padding and the standard alphabet accepted on input.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Not base64url: another byte, an impossible length, or bits left over at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is not base64url; it holds another character, is cut short, or has bits left over")]
pub struct NotBase64Url;

/// The unpadded text of some bytes.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the unpadded text of some bytes.
pub fn encode_into(bytes: impl AsRef<[u8]>, out: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, out);
}

/// The bytes of a text. Trailing `=` and the characters `+` and `/` are accepted because every
/// deployed peer accepts them; bits left over are not, so that one value has one text.
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, NotBase64Url> {
    let text = without_padding(text.as_ref())?;
    let decoded = URL_SAFE_NO_PAD.decode(text);
    decoded.or_else(|_| URL_SAFE_NO_PAD.decode(url_alphabet(text))).map_err(|_| NotBase64Url)
}

/// Whether every byte could stand in a text that [`decode`] accepts, at a length it accepts.
pub(crate) fn looks_encoded(text: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'_' | b'+' | b'/');
    // Without a way out in the middle the compiler checks many bytes at a time.
    let all_allowed = |text: &[u8]| text.iter().fold(true, |all, byte| all & allowed(byte));
    without_padding(text).is_ok_and(|text| text.len() % 4 != 1 && all_allowed(text))
}

fn without_padding(text: &[u8]) -> Result<&[u8], NotBase64Url> {
    let unpadded = match text {
        [rest @ .., b'=', b'='] | [rest @ .., b'='] => rest,
        _ => text,
    };
    let padded = unpadded.len() < text.len();
    if padded && !text.len().is_multiple_of(4) { Err(NotBase64Url) } else { Ok(unpadded) }
}

fn url_alphabet(text: &[u8]) -> Vec<u8> {
    let translate = |byte: &u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    };
    text.iter().map(translate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_deployed_peers_send_is_accepted() {
        assert_eq!(decode("Pj4-Pz8_").unwrap(), b">>>???");
        assert_eq!(decode("Pj4+Pz8/").unwrap(), b">>>???");
        assert_eq!(decode("YQ==").unwrap(), b"a");
        assert_eq!(decode("YWI=").unwrap(), b"ab");
        assert_eq!(decode("").unwrap(), b"");
    }

    #[test]
    fn what_has_no_single_meaning_is_refused() {
        for text in
            ["A", "AAAAA", "YR", "YWJ", "YQ=", "YQ===", "YWJj=", "YWJj====", "=", "====", "Y Q", "YQ\n", "Y=Q", "é"]
        {
            assert_eq!(decode(text), Err(NotBase64Url), "{text}");
        }
    }

    proptest! {
        #[test]
        fn bytes_read_back_from_their_text(bytes: Vec<u8>) {
            let text = encode(&bytes);
            prop_assert!(looks_encoded(text.as_bytes()));
            prop_assert_eq!(decode(&text), Ok(bytes));
        }

        #[test]
        fn whatever_decodes_looks_encoded(text in "[A-Za-z0-9+/_=-]{0,12}") {
            if decode(&text).is_ok() {
                prop_assert!(looks_encoded(text.as_bytes()));
            }
        }
    }
}
