/// Why a text is not an x402 object. Nothing here quotes what was read: it may be a payment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Not base64 of either alphabet.
    #[error("the header is not base64")]
    NotBase64,
    /// Longer than any honest object.
    #[error("the object has more than {longest} bytes")]
    TooLong {
        /// The limit, in bytes.
        longest: usize,
    },
    /// Not one JSON object without doubled members, at most 32 levels deep.
    #[error("the object cannot be read: {0}")]
    Json(String),
    /// Neither version 1 nor 2.
    #[error("x402Version must be the number 1 or 2")]
    Version,
    /// A member is missing or breaks its rule.
    #[error("\"{member}\" must be {rule}")]
    Member {
        /// Its name.
        member: &'static str,
        /// What it must be.
        rule: &'static str,
    },
}

impl Malformed {
    pub(super) const fn member(member: &'static str, rule: &'static str) -> Self {
        Self::Member { member, rule }
    }
}
