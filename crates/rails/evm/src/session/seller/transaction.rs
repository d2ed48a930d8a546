//! A deposit on Tempo: the payer's signed transaction, which the seller sends, and may pay the fee of.

use alloy_primitives::{Address, B256, TxKind, U256};
use farthing_rail::{ProofKey, Refusal};
use tempo_primitives::transaction::{Call, TEMPO_EXPIRING_NONCE_KEY, TempoTransaction};

use super::opening::ReadDeposit;
use super::{ChainSession, Reading, failed};
use crate::evm::calldata::read_approve;
use crate::session::{ChannelTerms, TopUpPayload, VaultKind};
use crate::tempo::{Envelope, end_of, swap_length};
use crate::{Leg, Memo, SentNonce, Way};

/// A transaction whose sender and times are known to suit.
struct Sent {
    envelope: Envelope,
    valid_before: u64,
}

impl ChainSession {
    /// The channel that a transaction opens.
    pub(super) fn opening_transaction(
        &self,
        reading: &Reading<'_>,
        raw: &[u8],
    ) -> Result<(ChannelTerms, ReadDeposit), Refusal> {
        let sent = self.sent(reading, raw)?;
        let (transaction, payer) = (sent.envelope.transaction(), sent.envelope.sender().account);
        let vault = &self.settings.vault;
        let call = self.only_call(transaction)?;
        let open = vault.read_open(&call.input).ok_or_else(|| foreign("open"))?;
        if open.deposit.is_zero() {
            return Err(failed("the transaction deposits nothing; deposit at least the price of one unit"));
        }
        let is_reserve = vault.kind == VaultKind::Reserve;
        if is_reserve && (transaction.nonce_key != TEMPO_EXPIRING_NONCE_KEY || transaction.nonce != 0) {
            return Err(failed("a channel of the reserve is opened with an expiring nonce: key 2^256-1, nonce 0"));
        }
        let terms = ChannelTerms {
            payer,
            payee: open.payee,
            operator: open.operator,
            token: open.token,
            salt: open.salt,
            authorized_signer: open.authorized_signer,
            expiring_nonce_hash: if is_reserve { sent.envelope.replay_hash() } else { B256::ZERO },
        };
        self.check_purchase(&sent, U256::from(open.deposit.units()))?;
        Ok((terms, self.deposit_of(&sent, open.deposit)?))
    }

    /// The addition that a transaction makes.
    pub(super) fn top_up_transaction(
        &self,
        reading: &Reading<'_>,
        top_up: &TopUpPayload,
        raw: &[u8],
    ) -> Result<ReadDeposit, Refusal> {
        let sent = self.sent(reading, raw)?;
        let call = self.only_call(sent.envelope.transaction())?;
        let adds = self.settings.vault.read_top_up(&call.input).ok_or_else(|| foreign("topUp"))?;
        if adds.channel != top_up.channel {
            return Err(failed("the transaction adds to another channel than the payload says"));
        }
        if adds.deposit != top_up.additional {
            return Err(failed(format!(
                "the transaction adds {} base units and the payload says {}; send what is signed",
                adds.deposit, top_up.additional
            )));
        }
        self.check_purchase(&sent, U256::from(adds.deposit.units()))?;
        self.deposit_of(&sent, adds.deposit)
    }

    /// Reads a transaction, and everything about it but its calls.
    fn sent(&self, reading: &Reading<'_>, raw: &[u8]) -> Result<Sent, Refusal> {
        let envelope = Envelope::parse(raw).map_err(failed)?;
        let (transaction, sender) = (envelope.transaction(), envelope.sender().account);
        let (got, asked) = (transaction.chain_id, self.settings.vault.chain);
        if got != asked {
            return Err(failed(format!("the transaction is for chain {got}; sign for chain {asked}")));
        }
        if reading.source.is_some_and(|source| source != sender) {
            return Err(failed(format!("the credential's source is not {sender}, who signed; send the same or none")));
        }
        let now = reading.presented.now;
        let valid_before = end_of(transaction, reading.expires(self.settings.validity), now).map_err(failed)?;
        if envelope.wants_sponsor() {
            let policy = self.settings.sponsor.as_ref().filter(|_| reading.request.fee_payer);
            let policy = policy.ok_or_else(|| failed("this server pays no fees; set a fee token and pay them"))?;
            policy.check(&envelope, now).map_err(failed)?;
        }
        Ok(Sent { envelope, valid_before })
    }

    /// The one call of the escrow, which is the last.
    fn only_call<'a>(&self, transaction: &'a TempoTransaction) -> Result<&'a Call, Refusal> {
        let escrow = TxKind::Call(self.settings.vault.contract);
        let calls = transaction.calls.iter().filter(|call| call.to == escrow).count();
        match transaction.calls.last().filter(|last| calls == 1 && last.to == escrow && last.value.is_zero()) {
            Some(last) => Ok(last),
            None => Err(failed("the transaction must call the escrow once, and last, without a value")),
        }
    }

    /// What comes before that call may be an approval of the escrow, and before that a purchase of the token.
    fn check_purchase(&self, sent: &Sent, amount: U256) -> Result<(), Refusal> {
        let (token, escrow) = (self.settings.token.contract, self.settings.vault.contract);
        let calls = &sent.envelope.transaction().calls;
        let mut before = calls.split_last().map_or(&[][..], |(_, before)| before);
        if let Some((approval, rest)) = before.split_last().filter(|(last, _)| approves(last, token, escrow)) {
            if !approval.value.is_zero() {
                return Err(extra());
            }
            before = rest;
        }
        if before.is_empty() {
            return Ok(());
        }
        let legs = [Leg { recipient: escrow, amount, memo: Memo::Any }];
        match swap_length(before, token, &legs, sent.envelope.wants_sponsor()).map_err(failed)? {
            length if length == before.len() => Ok(()),
            _ => Err(extra()),
        }
    }

    fn deposit_of(&self, sent: &Sent, amount: farthing_money::Amount) -> Result<ReadDeposit, Refusal> {
        let Sent { envelope, valid_before } = sent;
        let (transaction, from) = (envelope.transaction(), envelope.sender().account);
        let chain = self.settings.vault.chain;
        let raw = envelope.to_bytes().map_err(failed)?.into();
        let valid_before = *valid_before;
        let (key, way) = if envelope.wants_sponsor() {
            let key = format!("eip155:{chain}/expiring/{:#x}", envelope.replay_hash());
            (key, Way::Sponsored { raw, sender: from, valid_before })
        } else {
            let (hash, valid_before) = (envelope.hash(), Some(valid_before));
            let nonce = SentNonce { key: transaction.nonce_key, number: transaction.nonce };
            (format!("eip155:{chain}/tx/{hash:#x}"), Way::Transaction { raw, hash, sender: from, nonce, valid_before })
        };
        Ok(ReadDeposit { amount, key: ProofKey::new(key), from, way })
    }
}

fn approves(call: &Call, token: Address, spender: Address) -> bool {
    call.to == TxKind::Call(token) && read_approve(&call.input).is_some_and(|(named, _)| named == spender)
}

fn foreign(name: &str) -> Refusal {
    failed(format!("the transaction's last call is not {name} of the escrow, in its canonical encoding"))
}

fn extra() -> Refusal {
    failed("the transaction contains calls beside the deposit; send only an approval of the escrow before it")
}
