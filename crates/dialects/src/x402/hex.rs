//! Bytes as `0x` and hexadecimal digits.

/// Exactly so many bytes.
pub(super) fn from_hex<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 2 * LENGTH)?;
    let mut bytes = [0; LENGTH];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high, 16)? << 4 | digit(*low, 16)?;
    }
    Some(bytes)
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    "0x".chars().chain(digits.filter_map(|digit| char::from_digit(digit.into(), 16))).collect()
}

/// One digit's value.
pub(super) fn digit(letter: u8, radix: u32) -> Option<u8> {
    char::from(letter).to_digit(radix).and_then(|digit| u8::try_from(digit).ok())
}
