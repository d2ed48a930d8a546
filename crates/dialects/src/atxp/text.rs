use super::amount::millionths;

/// How the sellers' library writes every demand.
const PREAMBLE: &str = "Payment via ATXP is required";
/// How the text begins into which some libraries turn the error.
const ERROR: &str = "MCP error -30402";
/// What stands before the amount.
const CHARGED: &str = "You will be charged ";
/// What stands between the service and the name of the request.
const PATH: &str = "/payment-request/";
/// The longest name of a request that is read, in bytes.
const LONGEST_ID: usize = 128;

/// Where a text says that the terms of a payment are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The service, as an origin: `https://auth.example.com`.
    pub origin: String,
    /// The request's name there.
    pub id: String,
    /// What the text says is charged, in millionths of a dollar, if it says.
    pub(super) charged: Option<u128>,
}

pub(super) fn is_demand(text: &str) -> bool {
    text.trim_start().starts_with(ERROR) || text.contains(PREAMBLE)
}

impl Reference {
    /// The first one in a text. Nothing where the address is more than a service and a name: no user, no other path,
    /// no query.
    pub(super) fn of(text: &str) -> Option<Self> {
        let charged = text.split_once(CHARGED).map(|(_, after)| after.split(' ').next().unwrap_or_default());
        let charged = match charged {
            // An amount that cannot be read is not the same as none.
            Some(amount) => Some(millionths(amount.trim_end_matches('.'))?),
            None => None,
        };
        let is_address = |word: &&str| word.starts_with("https://") || word.starts_with("http://");
        let (origin, id) = text.split_whitespace().filter(is_address).find_map(|word| word.split_once(PATH))?;
        let (_, host) = origin.split_once("://")?;
        let is_host = !host.is_empty() && !host.contains(['/', '?', '#', '@', '\\']);
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_named = (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(is_id);
        (is_host && is_named).then(|| Self { origin: origin.to_owned(), id: id.to_owned(), charged })
    }

    /// Where the terms are read.
    pub fn url(&self) -> String {
        format!("{}{PATH}{}", self.origin, self.id)
    }
}
