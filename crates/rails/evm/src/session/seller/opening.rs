//! A channel that a payer wants to open, and money that is added to one.

use alloy_primitives::{Address, U256};
use farthing_money::Amount;
use farthing_protocol::ProblemType;
use farthing_rail::{Addition, Opening, ProofKey, Refusal};

use super::{ChainSession, KeptDeposit, Reading, another_signer, failed, malformed, signer_name};
use crate::evm::payer_id;
use crate::session::{ChannelTerms, DepositProof, KeptSession, OpenPayload, TopUpPayload};
use crate::{Leg, Memo, Payment, Way};

/// A deposit that was read.
pub(super) struct ReadDeposit {
    /// How much; of a transaction that is only shown the least that must be in it.
    pub(super) amount: Amount,
    /// What makes it single-use.
    pub(super) key: ProofKey,
    /// Whose money it is.
    pub(super) from: Address,
    /// How it gets into the escrow.
    pub(super) way: Way,
}

impl ChainSession {
    pub(super) fn open(&self, reading: &Reading<'_>, open: &OpenPayload) -> Result<Opening, Refusal> {
        self.check_kind(&open.deposit)?;
        let (terms, deposit) = match &open.deposit {
            DepositProof::Transaction(raw) => self.opening_transaction(reading, raw)?,
            signed => self.relayed_opening(reading, open, signed)?,
        };
        let least = reading.request.amount;
        if deposit.amount < least {
            let detail = format!("the deposit is {}, less than the {least} of one unit; deposit more", deposit.amount);
            return Err(failed(detail));
        }
        self.check_opening(open, &terms, &deposit)?;
        let vault = self.settings.vault;
        let voucher = self.voucher(open.channel, open.cumulative, &open.signature)?;
        if voucher.signer != signer_name(&terms.signer()) {
            return Err(another_signer(&terms.signer()));
        }
        Ok(Opening {
            payer: payer_id(vault.chain, &terms.payer),
            signer: voucher.signer.clone(),
            asset: self.settings.token.asset.clone(),
            deposit: deposit.amount,
            deposit_kept: self.kept(open.channel, true, &deposit)?,
            key: deposit.key,
            session_kept: KeptSession { vault, terms }.to_bytes(),
            voucher,
        })
    }

    /// What the payload says beside the deposit must be what the deposit makes.
    fn check_opening(&self, open: &OpenPayload, terms: &ChannelTerms, deposit: &ReadDeposit) -> Result<(), Refusal> {
        self.check_terms(terms)?;
        if terms.id_in(&self.settings.vault) != open.channel {
            return Err(failed("the channelId is not the one that this deposit makes; compute it from what is sent"));
        }
        let sent = self.descriptor(open.channel, open.descriptor)?;
        if sent.is_some_and(|sent| sent != *terms) {
            return Err(failed("the descriptor is not that of the channel that the transaction opens"));
        }
        let named = open.authorized_signer.filter(|signer| !signer.is_zero());
        if named.is_some_and(|named| named != terms.signer()) {
            return Err(failed("the authorizedSigner is not the one that the channel is opened with"));
        }
        if open.cumulative > deposit.amount {
            let detail = "the first voucher is for more than the deposit; sign for at most that";
            return Err(Refusal::new(ProblemType::SessionAmountExceedsDeposit, detail));
        }
        Ok(())
    }

    pub(super) fn top_up(&self, reading: &Reading<'_>, top_up: &TopUpPayload) -> Result<Addition, Refusal> {
        self.check_kind(&top_up.deposit)?;
        let vault = self.settings.vault;
        if top_up.additional.is_zero() || top_up.additional > vault.kind.most() {
            return Err(malformed("the additionalDeposit is nothing, or more than the escrow can count"));
        }
        let terms = self.descriptor(top_up.channel, top_up.descriptor)?;
        let deposit = match &top_up.deposit {
            DepositProof::Transaction(raw) => self.top_up_transaction(reading, top_up, raw)?,
            _ => self.relayed_top_up(reading, top_up)?,
        };
        if terms.is_some_and(|terms| terms.payer != deposit.from) {
            return Err(failed("only the channel's payer can add to it"));
        }
        // Where it is relayed anybody may add, and the rest goes back to the payer all the same.
        let is_payers = matches!(top_up.deposit, DepositProof::Transaction(_));
        Ok(Addition {
            session: vault.session(&top_up.channel),
            channel: format!("{:#x}", top_up.channel),
            deposit: top_up.additional,
            deposit_kept: self.kept(top_up.channel, false, &deposit)?,
            key: deposit.key,
            payer: is_payers.then(|| payer_id(vault.chain, &deposit.from)),
        })
    }

    fn check_kind(&self, deposit: &DepositProof) -> Result<(), Refusal> {
        if self.settings.accepts.contains(&deposit.kind()) {
            return Ok(());
        }
        let accepted: Vec<_> = self.settings.accepts.iter().map(|kind| kind.name()).collect();
        let (got, accepted) = (deposit.kind().name(), accepted.join(", "));
        Err(failed(format!("a deposit of type {got} is not accepted here; send one of: {accepted}")))
    }

    fn kept(&self, channel: alloy_primitives::B256, opens: bool, deposit: &ReadDeposit) -> Result<Vec<u8>, Refusal> {
        let vault = self.settings.vault;
        let amount = U256::from(deposit.amount.units());
        let payment = Payment {
            chain: vault.chain,
            token: self.settings.token.contract,
            payer: Some(deposit.from),
            legs: vec![Leg { recipient: vault.contract, amount, memo: Memo::Any }],
            way: deposit.way.clone(),
        };
        serde_json::to_vec(&KeptDeposit { channel, opens, payment }).map_err(failed)
    }
}
