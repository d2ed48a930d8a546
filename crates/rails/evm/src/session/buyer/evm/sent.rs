//! Deposits that this payer sends itself, and taking them back.

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};
use alloy_rlp::Decodable as _;
use farthing_money::Amount;
use farthing_rail::{Reclaim, Sent, SignError};

use super::routes::{approval_gas, open_gas, other_gas};
use super::{EvmSessionPayer, Funded};
use crate::buyer::{Lapse, ToSend};
use crate::evm::{GasBounds, calldata, transaction};
use crate::recover;
use crate::session::{DepositProof, KeptSession, OpenCall, TopUpCall};

/// What a transaction says to whom.
struct Saying {
    to: Address,
    input: Bytes,
    bounds: GasBounds,
}

impl EvmSessionPayer {
    pub(super) async fn send_opening(&self, session: &KeptSession, deposit: Amount) -> Result<Funded, SignError> {
        let (vault, terms) = (&session.vault, &session.terms);
        let input = vault.open(terms, deposit);
        let expected = OpenCall {
            payee: terms.payee,
            operator: terms.operator,
            token: terms.token,
            deposit,
            salt: terms.salt,
            authorized_signer: terms.authorized_signer,
        };
        if vault.read_open(&input) != Some(expected) {
            return Err(SignError::Differs("the transaction opens something else".into()));
        }
        self.deposited(session, deposit, input, open_gas(vault.chain)).await
    }

    pub(super) async fn send_top_up(&self, session: &KeptSession, additional: Amount) -> Result<Funded, SignError> {
        let input = session.vault.top_up(&session.terms, additional);
        let expected = TopUpCall { channel: session.channel(), deposit: additional };
        if session.vault.read_top_up(&input) != Some(expected) {
            return Err(SignError::Differs("the transaction adds to something else".into()));
        }
        self.deposited(session, additional, input, other_gas(session.vault.chain)).await
    }

    /// Lets the escrow take exactly so much, and has it do so.
    async fn deposited(
        &self,
        session: &KeptSession,
        amount: Amount,
        input: Bytes,
        bounds: GasBounds,
    ) -> Result<Funded, SignError> {
        let (chain, escrow) = (session.vault.chain, session.vault.contract);
        let approval = calldata::approve(escrow, U256::from(amount.units()));
        let sayings = [
            Saying { to: session.terms.token, input: approval, bounds: approval_gas(chain) },
            Saying { to: escrow, input, bounds },
        ];
        let first = self.next_number(chain).await?;
        let mut raws = Vec::new();
        for (number, saying) in (first..).zip(sayings) {
            raws.push(self.signed_transaction(chain, number, saying).await?);
        }
        let number = first.saturating_add(1);
        let hash = raws.last().map(keccak256).unwrap_or_default();
        Ok(Funded {
            proof: DepositProof::Hash(hash),
            lapse: Lapse::Nonce { account: self.payer(), number },
            to_send: Some(alloy_rlp::encode(raws)),
        })
    }

    async fn next_number(&self, chain: u64) -> Result<u64, SignError> {
        let number = match &self.funds {
            Some(funds) => funds.next_nonce(chain, self.payer()).await,
            None => None,
        };
        let account = self.payer();
        let unknown = || SignError::Key(format!("chain {chain} does not say which transaction of {account} is next"));
        number.ok_or_else(unknown)
    }

    /// Signs a transaction and reads it back.
    async fn signed_transaction(&self, chain: u64, number: u64, saying: Saying) -> Result<Bytes, SignError> {
        let Saying { to, input, bounds } = saying;
        let unsigned = TxEip1559 {
            chain_id: chain,
            nonce: number,
            gas_limit: bounds.limit,
            max_fee_per_gas: bounds.max_fee,
            max_priority_fee_per_gas: bounds.priority_fee,
            to: TxKind::Call(to),
            input,
            ..TxEip1559::default()
        };
        let raw = transaction::sign_with(&self.account, unsigned.clone()).await?;
        let is_so = transaction::read(&raw).is_some_and(|read| {
            let signer = recover(&read.tx().signature_hash(), &read.signature().as_bytes());
            *read.tx() == unsigned && signer == Ok(self.payer())
        });
        if is_so {
            Ok(raw)
        } else {
            Err(SignError::Differs("the transaction does not read back as it was signed".into()))
        }
    }

    /// Sends what [`Self::deposited`] made, in its order. What comes second is sent when the first is done.
    pub(super) async fn send_all(&self, to_send: &[u8]) -> Sent {
        let unsent = |why: &str| Sent::Unknown(format!("the deposit was not sent by this call: {why}"));
        let Some(raws) = read_all(to_send) else { return unsent("it cannot be read back") };
        for raw in raws {
            match self.send_one(raw).await {
                Some(Sent::Moved) => {}
                Some(other) => return other,
                None => return unsent("it cannot be read back, or there is no node to send it to"),
            }
        }
        Sent::Moved
    }

    async fn send_one(&self, raw: Bytes) -> Option<Sent> {
        let read = transaction::read(&raw)?;
        let (chain, number) = (read.tx().chain_id, read.tx().nonce);
        let lapse = Lapse::Nonce { account: self.payer(), number };
        let hash = keccak256(&raw);
        Some(self.funds.as_ref()?.send(ToSend { chain, raw, hash, lapse }).await)
    }

    /// Sends a step of taking the rest back.
    pub(super) async fn send_reclaim(&self, session: &KeptSession, step: Reclaim) -> Sent {
        let (chain, to) = (session.vault.chain, session.vault.contract);
        let input = match step {
            Reclaim::Request => session.vault.request_close(&session.terms),
            Reclaim::Withdraw => session.vault.withdraw(&session.terms),
        };
        let signed = match self.next_number(chain).await {
            Ok(number) => self.signed_transaction(chain, number, Saying { to, input, bounds: other_gas(chain) }).await,
            Err(error) => Err(error),
        };
        match signed {
            Ok(raw) => {
                let sent = self.send_one(raw).await;
                sent.unwrap_or_else(|| Sent::Never("this wallet has no node to send it to".into()))
            }
            Err(error) => Sent::Never(error.to_string()),
        }
    }
}

/// At least one transaction, and nothing behind them.
fn read_all(mut to_send: &[u8]) -> Option<Vec<Bytes>> {
    let raws = Vec::<Bytes>::decode(&mut to_send).ok()?;
    (!raws.is_empty() && to_send.is_empty()).then_some(raws)
}
