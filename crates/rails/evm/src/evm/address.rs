use std::str::FromStr as _;

use alloy_primitives::Address;
use farthing_rail::PayerId;

/// Reads an address: `0x` and 40 hexadecimal digits, in one case or with a right EIP-55 checksum.
///
/// A checksum that is there and wrong is refused: it is the one sign of a mistyped address.
pub fn address_of(text: &str) -> Option<Address> {
    let digits = text.strip_prefix("0x")?;
    let cased =
        digits.bytes().any(|byte| byte.is_ascii_lowercase()) && digits.bytes().any(|byte| byte.is_ascii_uppercase());
    if cased { Address::parse_checksummed(text, None).ok() } else { Address::from_str(text).ok() }
}

/// Reads an address of the other side: the same, but a checksum is not looked at, since addresses are
/// compared by their bytes (EVM charge, section "Shared Fields") and published samples have wrong ones.
pub(crate) fn wire_address(text: &str) -> Option<Address> {
    let digits = text.strip_prefix("0x")?;
    (digits.len() == 40).then(|| Address::from_str(digits).ok())?
}

/// The account that a credential's `source` names: `did:pkh:eip155:<chain>:<address>`; `None` when it
/// is another form or another chain. The address is compared by its bytes, so that its case is free.
pub fn source_address(source: &str, chain: u64) -> Option<Address> {
    let rest = source.strip_prefix("did:pkh:eip155:")?;
    let (named, address) = rest.split_once(':')?;
    if named != chain.to_string() {
        return None;
    }
    wire_address(address)
}

/// An account as the books name a payer: `did:pkh:eip155:<chain>:<EIP-55 address>`.
pub fn payer_id(chain: u64, account: &Address) -> PayerId {
    PayerId::new(format!("did:pkh:eip155:{chain}:{}", account.to_checksum(None)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKSUMMED: &str = "0x742d35Cc6634C0532925a3b844Bc9e7595f8fE00";

    #[test]
    fn an_address_is_read_in_one_case_or_with_its_checksum() {
        let lower = CHECKSUMMED.to_ascii_lowercase();
        assert_eq!(address_of(&lower).map(|address| format!("{address:#x}")), Some(lower.clone()));
        let checksummed = address_of(&lower).unwrap().to_checksum(None);
        assert_eq!(address_of(&checksummed), address_of(&lower));
        assert_eq!(address_of(&checksummed.replace('C', "c")), None);
        for text in ["", "0x", &lower[2..], &lower[..41], "0X742d35cc6634c0532925a3b844bc9e7595f8fe00"] {
            assert_eq!(address_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_source_names_an_account_on_its_chain() {
        let account = address_of(&CHECKSUMMED.to_ascii_lowercase()).unwrap();
        let name = payer_id(8453, &account);
        assert_eq!(source_address(name.as_str(), 8453), Some(account));
        assert_eq!(source_address(&name.as_str().to_ascii_lowercase(), 8453), Some(account));
        assert_eq!(source_address(name.as_str(), 1), None);
        for text in ["", "did:pkh:eip155:8453", "did:key:z6Mk", "did:pkh:eip155:08453:0x00", "did:pkh:eip155:8453:0x00"]
        {
            assert_eq!(source_address(text, 8453), None, "{text}");
        }
    }
}
