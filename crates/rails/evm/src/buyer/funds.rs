use alloy_primitives::{Address, U256};
use farthing_protocol::Timestamp;
use farthing_rail::{Answer, Became, ChannelStanding, RailError, Sent};

use super::{Permission, SoughtChannel, ToSend, Trace};
use crate::Account;

/// What accounts have, as the chains say. A buyer's half asks it before an offer is approved, so that
/// one that would bounce does not keep a good one from being paid.
///
/// The answer is `None` when it cannot be told: the chain is not among the owner's, its nodes do not
/// answer, or they are on another chain. An offer is then tried.
pub trait Funds: Send + Sync {
    /// What an account has of the token at this contract, in base units.
    fn of_token<'a>(&'a self, chain: u64, contract: Address, account: Address) -> Answer<'a, Option<U256>>;

    /// What an account has of the chain's own coin, which pays for gas, in its smallest unit. A chain
    /// without one (Tempo) has none of it.
    fn of_coin<'a>(&'a self, chain: u64, account: Address) -> Answer<'a, Option<U256>>;

    /// Whether a Tempo chain knows a key as an account's access key. A payment from a key that is not
    /// known, or of which nothing can be told, carries the account's grant.
    fn has_access_key<'a>(&'a self, chain: u64, account: Address, key: Address) -> Answer<'a, Option<bool>> {
        let _ = (chain, account, key);
        Box::pin(std::future::ready(None))
    }

    /// How much of a token a spender may take from an account, in base units: an allowance to Permit2.
    fn allowance<'a>(
        &'a self,
        chain: u64,
        contract: Address,
        account: Address,
        spender: Address,
    ) -> Answer<'a, Option<U256>> {
        let _ = (chain, contract, account, spender);
        Box::pin(std::future::ready(None))
    }

    /// How the owner names a token of one of their chains to a command: `--chain base --token USDC`.
    fn as_arguments(&self, chain: u64, contract: Address) -> Option<String> {
        let _ = (chain, contract);
        None
    }

    /// What became of something that was signed, as far as it is certain.
    fn became<'a>(&'a self, chain: u64, trace: &'a Trace) -> Answer<'a, Became> {
        let _ = (chain, trace);
        Box::pin(std::future::ready(Became::Unknown))
    }

    /// The number of the next transaction of an account on a chain that counts them in one sequence,
    /// those counted that wait to be included.
    fn next_nonce<'a>(&'a self, chain: u64, account: Address) -> Answer<'a, Option<u64>> {
        let _ = (chain, account);
        Box::pin(std::future::ready(None))
    }

    /// Whether the owner has nodes for a chain, to which a transaction can be sent.
    fn reaches(&self, chain: u64) -> bool {
        let _ = chain;
        false
    }

    /// Sends a transaction and waits, for 20 seconds at most, until it is known what came of it. Sending
    /// one again does no harm.
    fn send(&self, sending: ToSend) -> Answer<'_, Sent> {
        let chain = sending.chain;
        Box::pin(std::future::ready(Sent::Unknown(format!("there is no node of chain {chain} to send to"))))
    }

    /// Takes a permission of an account back, as [`super::Purse::take_permission_back`] does.
    fn take_back<'a>(
        &'a self,
        account: &'a Account,
        chain: u64,
        permission: &'a Permission,
        now: Timestamp,
    ) -> Answer<'a, Sent> {
        let _ = (account, permission, now);
        Box::pin(std::future::ready(Sent::Never(format!("there is no node of chain {chain} to send to"))))
    }

    /// How a session's channel stands, as its escrow says. One that is not there and never will be is closed,
    /// with nothing deposited.
    fn channel<'a>(&'a self, sought: &'a SoughtChannel) -> Answer<'a, Result<ChannelStanding, RailError>> {
        let chain = sought.vault.chain;
        Box::pin(std::future::ready(Err(RailError(format!("there is no node of chain {chain} to ask")))))
    }
}
