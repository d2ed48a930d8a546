//! A deposit on any EVM chain: signed by the payer and sent by us, or sent by the payer and shown.

use alloy_primitives::{Address, B256, U256};
use farthing_money::Amount;
use farthing_protocol::ProblemType;
use farthing_rail::{ProofKey, Refusal};

use super::opening::ReadDeposit;
use super::{ChainSession, Reading, failed, malformed};
use crate::evm::Window;
use crate::session::{
    ChannelTerms, DepositProof, DepositWitness, OpenPayload, PermittedDeposit, ReceiveAuthorization, TopUpPayload,
};
use crate::{Way, recover};
use alloy_primitives::keccak256;

impl ChainSession {
    /// The channel that a signed or shown deposit opens.
    pub(super) fn relayed_opening(
        &self,
        reading: &Reading<'_>,
        open: &OpenPayload,
        deposit: &DepositProof,
    ) -> Result<(ChannelTerms, ReadDeposit), Refusal> {
        let payer = deposit.from().or(reading.source).ok_or_else(|| {
            failed("a deposit that is only shown needs the payer's account as the credential's source")
        })?;
        if reading.source.is_some_and(|source| source != payer) {
            return Err(failed(format!("the credential's source is not {payer}, whose deposit it is")));
        }
        let terms = ChannelTerms {
            payer,
            payee: self.settings.recipient,
            operator: Address::ZERO,
            token: self.settings.token.contract,
            salt: open.salt.ok_or_else(|| malformed("the payload has no salt, which the channel's id is made of"))?,
            authorized_signer: open.authorized_signer.unwrap_or_default(),
            expiring_nonce_hash: B256::ZERO,
        };
        let data = self.settings.vault.open_for_payer(&terms, deposit);
        let read = match deposit {
            DepositProof::Authorization(signed) => {
                self.authorized(reading, signed, ReceiveAuthorization::opening_nonce(&terms), data)?
            }
            DepositProof::Permit2(signed) => self.permitted(reading, signed, DepositWitness::opening(&terms), data)?,
            DepositProof::Hash(hash) => {
                // How much is in it only the chain can say; less than this would be of no use.
                let amount = open.said.unwrap_or_default().max(open.cumulative).max(reading.request.amount);
                self.shown(*hash, payer, amount)
            }
            DepositProof::Transaction(_) => return Err(malformed("the deposit is a transaction")),
        };
        Ok((terms, read))
    }

    /// The addition that a signed or shown deposit makes.
    pub(super) fn relayed_top_up(&self, reading: &Reading<'_>, top_up: &TopUpPayload) -> Result<ReadDeposit, Refusal> {
        let (channel, additional) = (top_up.channel, top_up.additional);
        let data = self.settings.vault.top_up_for_payer(top_up);
        let read = match &top_up.deposit {
            DepositProof::Authorization(signed) => {
                let salt = top_up.salt.ok_or_else(|| malformed("the payload has no salt for the nonce"))?;
                let nonce = ReceiveAuthorization::top_up_nonce(channel, additional, signed.from, salt);
                self.authorized(reading, signed, nonce, data)?
            }
            DepositProof::Permit2(signed) => {
                self.permitted(reading, signed, DepositWitness::TopUp { channel }, data)?
            }
            DepositProof::Hash(hash) => {
                let from = reading.source.ok_or_else(|| {
                    failed("a deposit that is only shown needs the payer's account as the credential's source")
                })?;
                self.shown(*hash, from, additional)
            }
            DepositProof::Transaction(_) => return Err(malformed("the deposit is a transaction")),
        };
        if read.amount != additional {
            return Err(failed("the additionalDeposit is not the amount that is authorized"));
        }
        Ok(read)
    }

    fn authorized(
        &self,
        reading: &Reading<'_>,
        signed: &ReceiveAuthorization,
        nonce: B256,
        data: Option<alloy_primitives::Bytes>,
    ) -> Result<ReadDeposit, Refusal> {
        let (vault, token) = (&self.settings.vault, &self.settings.token);
        if signed.to != vault.contract {
            return Err(failed(format!("the authorization is made out to {}, not to the escrow", signed.to)));
        }
        if signed.nonce != nonce {
            return Err(failed("the authorization's nonce is not made of this channel's terms"));
        }
        let window = self.window(reading);
        window.check_begin(signed.valid_after).map_err(failed)?;
        window.check_end(signed.valid_before).map_err(failed)?;
        let separator = token.separator().ok_or_else(|| failed("the token takes no authorizations"))?;
        check_signer(signed.from, &signed.message(&separator), &signed.signature)?;
        let key = format!(
            "eip155:{}/authorization/{:#x}/{:#x}/{:#x}",
            vault.chain, token.contract, signed.from, signed.nonce
        );
        self.relayed(signed.value, key, signed.from, data, signed.valid_before)
    }

    fn permitted(
        &self,
        reading: &Reading<'_>,
        signed: &PermittedDeposit,
        witness: DepositWitness,
        data: Option<alloy_primitives::Bytes>,
    ) -> Result<ReadDeposit, Refusal> {
        let vault = &self.settings.vault;
        if signed.token != self.settings.token.contract {
            return Err(failed(format!("the permit is for the token {}, not the one asked for", signed.token)));
        }
        if !says(&signed.witness, &witness) {
            return Err(failed("the permit's witness is not made of this channel's terms"));
        }
        self.window(reading).check_end(signed.deadline).map_err(failed)?;
        check_signer(signed.from, &signed.message(vault, &witness), &signed.signature)?;
        let key = format!("eip155:{}/permit2/{:#x}/{}", vault.chain, signed.from, signed.nonce);
        // The deadline itself still counts.
        let ends = signed.deadline.saturating_add(U256::from(1));
        self.relayed(signed.amount, key, signed.from, data, ends)
    }

    fn relayed(
        &self,
        units: U256,
        key: String,
        from: Address,
        data: Option<alloy_primitives::Bytes>,
        ends: U256,
    ) -> Result<ReadDeposit, Refusal> {
        let amount = u128::try_from(units).ok().filter(|units| *units > 0).map(Amount::new);
        let amount = amount.ok_or_else(|| failed("the deposit is nothing, or more than the escrow can count"))?;
        let data = data.ok_or_else(|| failed("the deposit cannot be put into words for the escrow"))?;
        let contract = self.settings.vault.contract;
        let way = Way::Called { contract, data, valid_before: Some(ends.saturating_to()) };
        Ok(ReadDeposit { amount, key: ProofKey::new(key), from, way })
    }

    fn shown(&self, hash: B256, from: Address, amount: Amount) -> ReadDeposit {
        let key = ProofKey::new(format!("eip155:{}/tx/{hash:#x}", self.settings.vault.chain));
        ReadDeposit { amount, key, from, way: Way::Shown { hash, not_before: 0 } }
    }

    fn window(&self, reading: &Reading<'_>) -> Window {
        Window::new(reading.presented.now, Some(reading.expires(self.settings.validity)))
    }
}

/// Whether a witness says what it must, whatever the case of its hexadecimal digits.
fn says(sent: &farthing_protocol::JsonObject, expected: &DepositWitness) -> bool {
    expected.to_object().iter().all(|(name, value)| {
        let texts = (sent.get(name).and_then(|value| value.as_str()), value.as_str());
        matches!(texts, (Some(sent), Some(expected)) if sent.eq_ignore_ascii_case(expected))
    })
}

fn check_signer(account: Address, message: &[u8; 66], signature: &[u8]) -> Result<(), Refusal> {
    match recover(&keccak256(message), signature) {
        Ok(signer) if signer == account => Ok(()),
        Ok(_) => Err(failed(format!(
            "the deposit's signature is not {account}'s over what was presented; check the key, the chain, the token \
             and the name and version of its EIP-712 domain"
        ))),
        Err(error) => Err(Refusal::new(ProblemType::VerificationFailed, error.to_string())),
    }
}
