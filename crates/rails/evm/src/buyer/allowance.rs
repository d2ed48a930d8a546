//! What an account lets Permit2 move of a token. An allowance moves nothing by itself: it lets permits,
//! each signed within the wallet's limits, move money.

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use farthing_money::Amount;
use farthing_rail::{Sent, SignError};

use super::purse::{Purse, PurseError, Reached, word};
use super::{Funds, Lapse, ToSend};
use crate::Account;
use crate::chain::Token;
use crate::evm::calldata::{self, PERMIT2};
use crate::evm::{GasBounds, transaction};
use crate::recover;
use crate::rpc::{At, Question, RefusedBy, RpcError};

/// No token needs more gas to answer a question.
const GAS: u64 = 1_000_000;

/// How much of a token a spender may move out of an account, in base units; [`U256::MAX`] is without a
/// limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The chain (EIP-155).
    pub chain: u64,
    /// The token's contract.
    pub token: Address,
    /// Who may move it.
    pub spender: Address,
    /// How much.
    pub amount: U256,
}

/// What a chain says is allowed of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The token.
    pub token: Token,
    /// How much, in base units.
    pub amount: U256,
}

/// A change that can be signed: everything that the chain could say against it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowanceChange {
    /// What is allowed now.
    pub before: U256,
    /// What the gas costs at most, in the smallest unit of the chain's coin.
    pub most_gas: U256,
    unsigned: TxEip1559,
}

/// A signed change, as it is kept and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedAllowance {
    /// What it makes so.
    pub allowance: Allowance,
    /// Whose account.
    pub account: Address,
    /// The transaction.
    pub hash: B256,
    raw: Bytes,
    number: u64,
}

/// Why an allowance cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllowanceError {
    /// See [`PurseError`].
    #[error(transparent)]
    Chain(#[from] PurseError),
    /// Nothing there would use it.
    #[error("chain {0} has no Permit2, so an allowance to it is of no use there")]
    NoPermit2(u64),
    /// Accounts of the chain pay in another way.
    #[error("on chain {0} fees are paid in tokens and no payment needs an allowance")]
    NotNeeded(u64),
    /// The account has too little of the chain's coin.
    #[error(
        "{account} has {} of the coin that pays for gas on chain {chain}, and this takes up to {}; send it some there",
        in_coins(.held), in_coins(.needed)
    )]
    Gas {
        /// The chain.
        chain: u64,
        /// Who would pay.
        account: Address,
        /// What it has, in the coin's smallest unit.
        held: U256,
        /// What it may take.
        needed: U256,
    },
    /// Gas is dearer than this wallet pays.
    #[error(
        "a unit of gas costs {price} on chain {chain} just now, and this wallet pays {most} at most; try again later"
    )]
    Dear {
        /// The chain.
        chain: u64,
        /// What a unit costs.
        price: u128,
        /// What is paid at most.
        most: u128,
    },
    /// The token would refuse it.
    #[error(
        "the token {0} would refuse this change; where it holds an allowance already, revoke that first with --amount 0"
    )]
    Refused(Address),
}

impl From<RpcError> for AllowanceError {
    fn from(error: RpcError) -> Self {
        Self::Chain(error.into())
    }
}

impl Purse {
    /// What a spender may move of each token that is known on a chain; a token that is not there has no
    /// entry.
    pub async fn allowances(&self, chain: u64, account: Address, spender: Address) -> Result<Vec<Allowed>, PurseError> {
        let reached = self.confirmed(chain).await?;
        let (tokens, call) = (reached.tokens(), calldata::allowance(account, spender));
        let question = |token: &Token| Question::call(None, token.contract, &call, GAS, At::Latest);
        let questions: Vec<_> = tokens.iter().map(question).collect();
        let mut allowed = Vec::new();
        for (token, answer) in tokens.into_iter().zip(reached.endpoints().ask(&questions).await) {
            match answer {
                Err(error) if error.refused_by() != Some(RefusedBy::Reverted) => return Err(error.into()),
                answer => {
                    let amount = answer.ok().as_ref().and_then(word).map(|amount| U256::from(amount.units()));
                    allowed.extend(amount.map(|amount| Allowed { token, amount }));
                }
            }
        }
        Ok(allowed)
    }

    /// Asks everything that must be known before an account's allowance can be changed to this one.
    pub async fn change(&self, account: Address, wanted: &Allowance) -> Result<AllowanceChange, AllowanceError> {
        let &Allowance { chain, token, spender, amount } = wanted;
        let reached = self.confirmed(chain).await?;
        if reached.coin().is_none() {
            return Err(AllowanceError::NotNeeded(chain));
        }
        let bounds = GasBounds::on(chain);
        let (nonce, held) = reached.can_pay(account, &bounds).await?;
        if bounds.most() > held {
            return Err(AllowanceError::Gas { chain, account, held, needed: bounds.most() });
        }
        let input = calldata::approve(spender, amount);
        let before = reached.rehearse(account, wanted, &input, &bounds).await?;
        let unsigned = TxEip1559 {
            chain_id: chain,
            nonce,
            gas_limit: bounds.limit,
            max_fee_per_gas: bounds.max_fee,
            max_priority_fee_per_gas: bounds.priority_fee,
            to: TxKind::Call(token),
            input,
            ..TxEip1559::default()
        };
        Ok(AllowanceChange { before, most_gas: bounds.most(), unsigned })
    }

    /// Sends a change and waits, for 20 seconds at most, until it is known what came of it. Sending it
    /// again does no harm.
    pub async fn send_allowance(&self, signed: &SignedAllowance) -> Sent {
        let lapse = Lapse::Nonce { account: signed.account, number: signed.number };
        self.send(ToSend { chain: signed.allowance.chain, raw: signed.raw.clone(), hash: signed.hash, lapse }).await
    }
}

impl Reached {
    /// The number of an account's next transaction and what it has for gas; errs where gas is too dear.
    async fn can_pay(&self, account: Address, bounds: &GasBounds) -> Result<(u64, U256), AllowanceError> {
        let chain = self.id();
        let block = self.endpoints().block(At::Latest).await?;
        let price = block.map_or(0, |block| block.base_fee).saturating_add(bounds.priority_fee);
        if price > bounds.max_fee {
            return Err(AllowanceError::Dear { chain, price, most: bounds.max_fee });
        }
        let nonce = self.endpoints().transaction_count(account, At::Pending).await?;
        let answer = self.endpoints().ask(&[Question::balance(account, At::Latest)]).await.pop();
        let held = answer.ok_or(PurseError::Unknown(chain))??;
        let held = self.endpoints().readable(crate::rpc::answers::sum(&held, "eth_getBalance"))?;
        Ok((nonce, U256::from(held)))
    }

    /// What is allowed now, and that the chain would take the change.
    async fn rehearse(
        &self,
        account: Address,
        wanted: &Allowance,
        input: &Bytes,
        bounds: &GasBounds,
    ) -> Result<U256, AllowanceError> {
        let &Allowance { chain, token, spender, .. } = wanted;
        let allowance = calldata::allowance(account, spender);
        let bitmap = calldata::nonce_bitmap(account, U256::ZERO).0;
        let questions = [
            Question::call(None, token, &allowance, GAS, At::Latest),
            Question::call(Some(account), token, input, bounds.limit, At::Latest),
            Question::call(None, PERMIT2, &bitmap, GAS, At::Latest),
        ];
        let mut answers = self.endpoints().ask(&questions).await.into_iter();
        let mut next = || match answers.next() {
            Some(Err(error)) if error.refused_by() != Some(RefusedBy::Reverted) => Err(error),
            answer => Ok(answer.and_then(Result::ok)),
        };
        let (before, agreed, permit2) = (next()?, next()?, next()?);
        if spender == PERMIT2 && permit2.as_ref().and_then(word).is_none() {
            return Err(AllowanceError::NoPermit2(chain));
        }
        let refused = AllowanceError::Refused(token);
        let before = before.as_ref().and_then(word).ok_or_else(|| refused.clone())?;
        // Some tokens answer nothing where the standard says true.
        let agrees = agreed.is_some_and(|answer| answer == "0x" || word(&answer) == Some(Amount::new(1)));
        if agrees { Ok(U256::from(before.units())) } else { Err(refused) }
    }
}

impl Allowance {
    /// Whether it has no limit that could ever be reached.
    pub fn is_unlimited(&self) -> bool {
        is_unlimited(self.amount)
    }
}

impl Allowed {
    /// Whether it has no limit that could ever be reached.
    pub fn is_unlimited(&self) -> bool {
        is_unlimited(self.amount)
    }
}

impl AllowanceChange {
    /// Whether what is allowed now is what is wanted, so that nothing is to be sent.
    pub fn is_so(&self, wanted: &Allowance) -> bool {
        self.before == wanted.amount || is_unlimited(self.before) && wanted.is_unlimited()
    }

    /// Signs it; what was signed is read back before it is handed out.
    pub async fn sign(&self, account: &Account) -> Result<SignedAllowance, SignError> {
        let raw = transaction::sign_with(account, self.unsigned.clone()).await?;
        let signed = SignedAllowance::read(&raw).filter(|signed| signed.account == account.address());
        signed.ok_or_else(|| SignError::Differs("the transaction does not read back as it was written".into()))
    }
}

impl SignedAllowance {
    /// Reads what [`Self::bytes`] gave; `None` when it is anything else than a change of an allowance.
    pub fn read(raw: &[u8]) -> Option<Self> {
        let signed = transaction::read(raw)?;
        let transaction = signed.tx();
        let (TxKind::Call(token), true) = (transaction.to, transaction.value.is_zero()) else { return None };
        let (spender, amount) = calldata::read_approve(&transaction.input)?;
        let account = recover(&transaction.signature_hash(), &signed.signature().as_bytes()).ok()?;
        let allowance = Allowance { chain: transaction.chain_id, token, spender, amount };
        let (hash, number) = (keccak256(raw), transaction.nonce);
        Some(Self { allowance, account, hash, raw: Bytes::copy_from_slice(raw), number })
    }

    /// What is to be kept, so that the same is sent again after a crash. Whoever has it can make this
    /// change and no other.
    pub fn bytes(&self) -> &[u8] {
        &self.raw
    }
}

/// Why an offer by Permit2 cannot be paid where there is money enough, with the command that mends it.
pub(crate) async fn not_allowed(
    funds: &dyn Funds,
    token: &Token,
    account: Address,
    needed: U256,
    wallet: &str,
) -> Option<String> {
    let (chain, contract, code) = (token.chain, token.contract, token.asset.code());
    if funds.of_token(chain, contract, account).await.is_some_and(|held| held < needed) {
        return None;
    }
    let Some(arguments) = funds.as_arguments(chain, contract) else {
        return Some(PurseError::Unknown(chain).to_string());
    };
    let Some(allowed) = funds.allowance(chain, contract, account, PERMIT2).await else {
        return Some(format!(
            "chain {chain} does not say how much {code} Permit2 may move; check its nodes with: farthing wallet balance \
             {wallet}"
        ));
    };
    let needed = Amount::new(needed.saturating_to());
    let price = token.price(needed).ok()?;
    let (allowed, needed) = (Amount::new(allowed.saturating_to()), token.asset.display(needed));
    Some(format!(
        "it takes {needed} through Permit2, which may move {} of this account; run: farthing wallet allow {wallet} \
         {arguments} --amount \"{price}\"",
        token.asset.display(allowed)
    ))
}

/// Tokens count an allowance without a limit down, or they do not; there are not so many units of any.
fn is_unlimited(amount: U256) -> bool {
    amount >= U256::from(u128::MAX)
}

fn in_coins(wei: &U256) -> String {
    Amount::new(wei.saturating_to()).to_decimal(18)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::testing::{at_once, payer, usdc};

    fn change(amount: U256, input: Bytes) -> AllowanceChange {
        let (token, to) = (usdc(), TxKind::Call(usdc().contract));
        let unsigned = TxEip1559 { chain_id: token.chain, nonce: 3, to, input, ..TxEip1559::default() };
        AllowanceChange { before: amount, most_gas: U256::ZERO, unsigned }
    }

    #[test]
    fn what_is_signed_reads_back_and_nothing_else_does() {
        let amount = U256::from(5);
        let signed = at_once(change(amount, calldata::approve(PERMIT2, amount)).sign(&payer())).unwrap();
        let (chain, token) = (usdc().chain, usdc().contract);
        assert_eq!(signed.allowance, Allowance { chain, token, spender: PERMIT2, amount });
        assert_eq!((signed.account, signed.number), (payer().address(), 3));
        assert_eq!(SignedAllowance::read(signed.bytes()).as_ref(), Some(&signed));
        assert_eq!(SignedAllowance::read(&[signed.bytes(), &[0]].concat()), None);
        let transfer = change(amount, calldata::transfer(PERMIT2, amount));
        assert!(matches!(at_once(transfer.sign(&payer())), Err(SignError::Differs(_))));
    }

    #[test]
    fn more_units_than_there_are_is_no_limit() {
        let wanted = |amount| Allowance { chain: 1, token: Address::ZERO, spender: PERMIT2, amount };
        assert!(change(U256::from(u128::MAX), Bytes::new()).is_so(&wanted(U256::MAX)));
        assert!(!change(U256::from(5), Bytes::new()).is_so(&wanted(U256::MAX)));
        assert!(change(U256::ZERO, Bytes::new()).is_so(&wanted(U256::ZERO)));
    }
}
