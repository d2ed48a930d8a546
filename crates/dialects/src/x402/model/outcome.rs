use farthing_money::Amount;
use farthing_protocol::JsonObject;

use crate::x402::{Network, Settled};

impl Settled {
    /// A payment that was made. `reference` is the rail's name of the movement, of which x402 wants the
    /// transaction alone: the hash, bare or behind `eip155:8453/tx/`. What is no transaction is written as
    /// none, as when nothing was used and nothing moved. `amount` is said where the scheme leaves it open.
    pub fn paid(reference: &str, network: &Network, payer: Option<&str>, amount: Option<Amount>) -> Self {
        let hash = reference.rsplit_once("/tx/").map_or(reference, |(_, hash)| hash);
        let is_hash = hash.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let transaction = Some(hash).filter(|_| is_hash);
        Self {
            success: true,
            error_reason: None,
            error_message: None,
            payer: payer.map(str::to_owned),
            transaction: transaction.unwrap_or_default().to_owned(),
            network: network.as_str().to_owned(),
            amount,
            extensions: JsonObject::new(),
        }
    }

    /// A payment that was not made, with the code of the reason.
    pub fn failed(code: &str, network: &Network, payer: Option<&str>) -> Self {
        Self { success: false, error_reason: Some(code.to_owned()), ..Self::paid("", network, payer, None) }
    }

    /// The same in the words of version 1, which has names for networks.
    #[must_use]
    pub fn in_version(self, version: crate::x402::Version) -> Self {
        let named = Network::read(&self.network).and_then(|network| network.name());
        match (version, named) {
            (crate::x402::Version::V1, Some(name)) => Self { network: name.to_owned(), ..self },
            _ => self,
        }
    }
}
