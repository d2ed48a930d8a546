use alloy_primitives::aliases::U96;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use farthing_money::Amount;

use super::abi::{channels, evm, reserve, stream};
use crate::session::{ChannelTerms, Vault, VaultKind};

/// What a payer's transaction tells a vault to open, read out of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCall {
    /// Who is paid.
    pub payee: Address,
    /// Who may settle for the payee; zero where the vault knows none.
    pub operator: Address,
    /// The token's contract.
    pub token: Address,
    /// How much is deposited.
    pub deposit: Amount,
    /// Chosen by the payer.
    pub salt: B256,
    /// Whose signature vouchers need; zero is the payer.
    pub authorized_signer: Address,
}

/// What a payer's transaction adds to a channel, read out of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopUpCall {
    /// The channel; of a descriptor its id.
    pub channel: B256,
    /// How much is added.
    pub deposit: Amount,
}

/// Calls that both parties send. Amounts are at most what the vault can count.
impl Vault {
    /// Opens a channel for whoever sends it.
    pub fn open(&self, terms: &ChannelTerms, deposit: Amount) -> Bytes {
        let ChannelTerms { payee, operator, token, salt, authorized_signer: signer, .. } = *terms;
        let units = deposit.units();
        match self.kind {
            VaultKind::Reserve => data(&reserve::openCall {
                payee,
                operator,
                token,
                deposit: narrow(units),
                salt,
                authorizedSigner: signer,
            }),
            VaultKind::Stream | VaultKind::Evm => {
                data(&channels::openCall { payee, token, deposit: units, salt, authorizedSigner: signer })
            }
        }
    }

    /// Adds to a channel's deposit, and calls off a close that its payer asked for.
    pub fn top_up(&self, terms: &ChannelTerms, additional: Amount) -> Bytes {
        let (channel, units) = (terms.id_in(self), additional.units());
        match self.kind {
            VaultKind::Reserve => {
                data(&reserve::topUpCall { descriptor: terms.into(), additionalDeposit: narrow(units) })
            }
            VaultKind::Stream => data(&stream::topUpCall { channelId: channel, additionalDeposit: U256::from(units) }),
            VaultKind::Evm => data(&evm::topUpCall { channelId: channel, additionalDeposit: units }),
        }
    }

    /// Pays the payee what a voucher adds to what was paid before.
    pub fn settle(&self, terms: &ChannelTerms, cumulative: Amount, signature: Bytes) -> Bytes {
        let units = cumulative.units();
        match self.kind {
            VaultKind::Reserve => {
                data(&reserve::settleCall { descriptor: terms.into(), cumulativeAmount: narrow(units), signature })
            }
            VaultKind::Stream | VaultKind::Evm => {
                data(&channels::settleCall { channelId: terms.id_in(self), cumulativeAmount: units, signature })
            }
        }
    }

    /// Ends a channel: the payee gets `capture` in total where the vault can pay less than the voucher says,
    /// else the voucher's total; the payer gets the rest.
    pub fn close(&self, terms: &ChannelTerms, cumulative: Amount, capture: Amount, signature: Bytes) -> Bytes {
        match self.kind {
            VaultKind::Reserve => data(&reserve::closeCall {
                descriptor: terms.into(),
                cumulativeAmount: narrow(cumulative.units()),
                captureAmount: narrow(capture.units()),
                signature,
            }),
            VaultKind::Stream | VaultKind::Evm => data(&channels::closeCall {
                channelId: terms.id_in(self),
                cumulativeAmount: cumulative.units(),
                signature,
            }),
        }
    }

    /// Starts the time after which the payer may take the rest.
    pub fn request_close(&self, terms: &ChannelTerms) -> Bytes {
        match self.kind {
            VaultKind::Reserve => data(&reserve::requestCloseCall { descriptor: terms.into() }),
            VaultKind::Stream | VaultKind::Evm => data(&channels::requestCloseCall { channelId: terms.id_in(self) }),
        }
    }

    /// Gives the payer the rest, once that time has passed.
    pub fn withdraw(&self, terms: &ChannelTerms) -> Bytes {
        match self.kind {
            VaultKind::Reserve => data(&reserve::withdrawCall { descriptor: terms.into() }),
            VaultKind::Stream | VaultKind::Evm => data(&channels::withdrawCall { channelId: terms.id_in(self) }),
        }
    }

    /// Reads the data of a call that opens, to the byte.
    pub fn read_open(&self, data: &[u8]) -> Option<OpenCall> {
        match self.kind {
            VaultKind::Reserve => {
                let call: reserve::openCall = exact(data)?;
                Some(OpenCall {
                    payee: call.payee,
                    operator: call.operator,
                    token: call.token,
                    deposit: Amount::new(call.deposit.to()),
                    salt: call.salt,
                    authorized_signer: call.authorizedSigner,
                })
            }
            VaultKind::Stream | VaultKind::Evm => {
                let call: channels::openCall = exact(data)?;
                Some(OpenCall {
                    payee: call.payee,
                    operator: Address::ZERO,
                    token: call.token,
                    deposit: Amount::new(call.deposit),
                    salt: call.salt,
                    authorized_signer: call.authorizedSigner,
                })
            }
        }
    }

    /// Reads the data of a call that adds to a deposit, to the byte.
    pub fn read_top_up(&self, data: &[u8]) -> Option<TopUpCall> {
        match self.kind {
            VaultKind::Reserve => {
                let call: reserve::topUpCall = exact(data)?;
                let channel = ChannelTerms::from(&call.descriptor).id_in(self);
                Some(TopUpCall { channel, deposit: Amount::new(call.additionalDeposit.to()) })
            }
            VaultKind::Stream => {
                let call: stream::topUpCall = exact(data)?;
                let deposit = u128::try_from(call.additionalDeposit).ok()?;
                Some(TopUpCall { channel: call.channelId, deposit: Amount::new(deposit) })
            }
            VaultKind::Evm => {
                let call: evm::topUpCall = exact(data)?;
                Some(TopUpCall { channel: call.channelId, deposit: Amount::new(call.additionalDeposit) })
            }
        }
    }
}

impl From<&ChannelTerms> for reserve::Descriptor {
    fn from(terms: &ChannelTerms) -> Self {
        Self {
            payer: terms.payer,
            payee: terms.payee,
            operator: terms.operator,
            token: terms.token,
            salt: terms.salt,
            authorizedSigner: terms.authorized_signer,
            expiringNonceHash: terms.expiring_nonce_hash,
        }
    }
}

impl From<&reserve::Descriptor> for ChannelTerms {
    fn from(descriptor: &reserve::Descriptor) -> Self {
        Self {
            payer: descriptor.payer,
            payee: descriptor.payee,
            operator: descriptor.operator,
            token: descriptor.token,
            salt: descriptor.salt,
            authorized_signer: descriptor.authorizedSigner,
            expiring_nonce_hash: descriptor.expiringNonceHash,
        }
    }
}

pub(super) fn data(call: &impl SolCall) -> Bytes {
    call.abi_encode().into()
}

/// A call whose one encoding these bytes are.
pub(super) fn exact<C: SolCall>(data: &[u8]) -> Option<C> {
    let call = C::abi_decode_validate(data).ok()?;
    (call.abi_encode() == data).then_some(call)
}

/// What does not fit is beyond any deposit, and refused by the contract as such.
fn narrow(units: u128) -> U96 {
    U96::saturating_from(units)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;

    const KINDS: [VaultKind; 3] = [VaultKind::Stream, VaultKind::Reserve, VaultKind::Evm];

    fn vault(kind: VaultKind) -> Vault {
        Vault { kind, chain: 1, contract: Address::repeat_byte(9) }
    }

    fn terms() -> ChannelTerms {
        ChannelTerms {
            payer: Address::repeat_byte(1),
            payee: Address::repeat_byte(2),
            operator: Address::repeat_byte(3),
            token: Address::repeat_byte(4),
            salt: B256::repeat_byte(5),
            authorized_signer: Address::repeat_byte(6),
            expiring_nonce_hash: B256::repeat_byte(7),
        }
    }

    #[test]
    fn the_selectors_of_open_are_those_of_the_drafts() {
        let selector = |kind| vault(kind).open(&terms(), Amount::new(1)).get(..4).unwrap().to_vec();
        assert_eq!(selector(VaultKind::Stream), hex!("c79ea485"));
        assert_eq!(selector(VaultKind::Evm), hex!("c79ea485"));
        assert_eq!(selector(VaultKind::Reserve), hex!("edc53b00"));
    }

    #[test]
    fn calls_read_back_to_the_byte() {
        for kind in KINDS {
            let (vault, deposit) = (vault(kind), Amount::new(1_000));
            let open = vault.open(&terms(), deposit);
            let read = vault.read_open(&open).unwrap();
            assert_eq!((read.payee, read.token, read.deposit), (terms().payee, terms().token, deposit));
            assert_eq!((read.salt, read.authorized_signer), (terms().salt, terms().authorized_signer));
            let operator = if kind == VaultKind::Reserve { terms().operator } else { Address::ZERO };
            assert_eq!(read.operator, operator);
            let top_up = vault.top_up(&terms(), deposit);
            let channel = terms().id_in(&vault);
            assert_eq!(vault.read_top_up(&top_up), Some(TopUpCall { channel, deposit }));
            for mut longer in [open.to_vec(), top_up.to_vec()] {
                longer.push(0);
                assert_eq!((vault.read_open(&longer), vault.read_top_up(&longer)), (None, None));
            }
        }
    }
}
