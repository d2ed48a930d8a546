use alloy_primitives::{Address, Bytes};
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{NotPayable, SignError};

use super::access_key::{AccessKey, SignedGrant};
use super::gas;
use crate::buyer::Funds;
use crate::chain::Token;
use crate::{Account, AccountError};

/// Whose money is spent, and by which key.
#[derive(Clone, Debug)]
pub enum PayingKey {
    /// The account's own key.
    Own(Account),
    /// A key that the account has delegated to.
    Delegated(Box<AccessKey>),
}

impl PayingKey {
    /// Whose money is spent.
    pub fn account(&self) -> Address {
        match self {
            Self::Own(account) => account.address(),
            Self::Delegated(key) => key.account(),
        }
    }

    /// The key, when it is not the account's own.
    pub(crate) fn delegated(&self) -> Option<&AccessKey> {
        match self {
            Self::Own(_) => None,
            Self::Delegated(key) => Some(key),
        }
    }

    /// What signs, in its own name.
    pub(crate) fn key(&self) -> &Account {
        match self {
            Self::Own(account) => account,
            Self::Delegated(key) => key.key(),
        }
    }

    /// The same, after the chain was asked whether it knows a delegated key.
    pub(crate) async fn prepared(self, funds: Option<&dyn Funds>) -> Self {
        let Self::Delegated(key) = self else { return self };
        let chain = key.grant().map(SignedGrant::chain);
        match chain {
            Some(chain) if key.is_known(chain, funds).await => Self::Delegated(Box::new(key.known_to_chain())),
            _ => Self::Delegated(key),
        }
    }

    /// Signs the Keccak-256 hash of a message in the account's name.
    pub async fn sign(&self, message: &[u8]) -> Result<Bytes, AccountError> {
        match self {
            Self::Own(account) => account.sign(message).await,
            Self::Delegated(key) => key.sign(message).await,
        }
    }

    /// A key that spends for another account spends no more than was granted, and nowhere else. What the
    /// chain would refuse is not tried: a transaction that fails there costs its fee all the same.
    pub(crate) fn within_grant(&self, token: &Token, total: Amount, now: Timestamp) -> Result<(), NotPayable> {
        let Some(grant) = self.delegated().and_then(AccessKey::grant) else { return Ok(()) };
        if grant.chain() != token.chain {
            let (granted, chain) = (grant.chain(), token.chain);
            return Err(NotPayable(format!("the key is granted for chain {granted}, and this is chain {chain}")));
        }
        if let Some(ended) = grant.expires().filter(|expires| *expires <= now) {
            return Err(NotPayable(format!(
                "the key's grant from {} ended at {}; ask for a new one, or run: farthing key accept --wallet NAME --none",
                self.account(),
                ended.to_rfc3339()
            )));
        }
        let Some(limits) = grant.limits() else { return Ok(()) };
        let limit = limits.into_iter().find(|(contract, _)| *contract == token.contract);
        let limit = limit.map_or(Amount::ZERO, |(_, limit)| limit);
        if total <= limit {
            return Ok(());
        }
        let (total, limit) = (token.asset.display(total), token.asset.display(limit));
        Err(NotPayable(format!(
            "it takes {total} with the fee, and the key is granted {limit}; ask for a larger grant"
        )))
    }

    /// The grant that a transaction must carry, because the chain does not know the key yet.
    pub(crate) async fn new_grant(
        &self,
        chain: u64,
        sponsored: bool,
        funds: Option<&dyn Funds>,
    ) -> Result<Option<&SignedGrant>, SignError> {
        let Some(key) = self.delegated() else { return Ok(None) };
        let Some(grant) = key.grant_to_bring(chain) else { return Ok(None) };
        if key.is_known(chain, funds).await {
            return Ok(None);
        }
        if sponsored && gas::limit(1, true, Some(grant.rules())) > gas::SPONSORED_GAS {
            let reason = "the chain does not know it yet, and no server sponsors making it known; pay once without a \
                          sponsor";
            return Err(SignError::Key(reason.into()));
        }
        Ok(Some(grant))
    }
}
