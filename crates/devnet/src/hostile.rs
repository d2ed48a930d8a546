//! Tokens and wallets that do not keep their word, for tests of those who must not believe them.

use alloy_primitives::{Address, B256, Bytes, U256, b256};
use alloy_sol_types::{SolCall, SolValue as _, sol};

use crate::accounts::FAUCET;
use crate::contracts;
use crate::devnet::Devnet;
use crate::error::{DevnetError, NodeError};

/// What a signature ends with that carries the making of its wallet.
const ERC6492_MARK: B256 = b256!("0x6492649264926492649264926492649264926492649264926492649264926492");

sol! {
    function setMood(uint8 mood);
    function setPaused(bool paused);
    function setBlacklisted(address account, bool blacklisted);
    function setRefused(address payee, bool refused);
}

mod of_a_wallet {
    alloy_sol_types::sol! {
        function setMood(uint8 mood, uint256 bound);
    }
}

/// What [`contracts::HOSTILE_USDC`] does when it is to move money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TokenMood {
    /// Moves it.
    Honest,
    /// Moves it, and `transfer` and `transferFrom` return no word.
    ReturnsNothing,
    /// Moves nothing, logs nothing, returns true.
    MovesNothing,
    /// Moves nothing, logs the transfer, returns true.
    ClaimsToMove,
    /// Keeps one percent and logs what moved.
    TakesFee,
    /// Keeps one percent and logs as if it had not.
    HidesFee,
    /// Moves it and logs nothing.
    MovesSilently,
    /// Moves it, having burnt five million gas.
    BurnsGas,
}

/// When [`contracts::MOODY_WALLET`] owns to a signature of its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletMood {
    /// Always.
    Honest,
    /// Never: the flag that somebody turns between the look and the transaction.
    Refuses,
    /// While the gas price is at most this: with 0 in a call, and not in a transaction.
    CheapGas(u128),
    /// Unless the transaction comes from this account.
    OtherOrigin(Address),
    /// In blocks up to this one.
    EarlyBlock(u64),
    /// While more gas is left than this.
    AmpleGas(u64),
    /// While the block's fees go to this account.
    OneCoinbase(Address),
    /// Always, having burnt this much gas.
    BurnsGas(u64),
}

impl WalletMood {
    fn in_words(self) -> (u8, U256) {
        let account = |account: Address| U256::from_be_slice(account.as_slice());
        match self {
            Self::Honest => (0, U256::ZERO),
            Self::Refuses => (1, U256::ZERO),
            Self::CheapGas(price) => (2, U256::from(price)),
            Self::OtherOrigin(origin) => (3, account(origin)),
            Self::EarlyBlock(last) => (4, U256::from(last)),
            Self::AmpleGas(gas) => (5, U256::from(gas)),
            Self::OneCoinbase(coinbase) => (6, account(coinbase)),
            Self::BurnsGas(gas) => (7, U256::from(gas)),
        }
    }
}

/// A signature that carries a call which is to make the signing wallet (ERC-6492). The call may be anything: an
/// `approve` of a token, for instance.
pub fn with_deployment(factory: Address, call: &[u8], signature: &[u8]) -> Bytes {
    let carried = (factory, Bytes::copy_from_slice(call), Bytes::copy_from_slice(signature)).abi_encode_params();
    [carried.as_slice(), ERC6492_MARK.as_slice()].concat().into()
}

impl Devnet {
    /// Puts [`contracts::HOSTILE_USDC`] in the place of [`Devnet::token`], in an honest mood. On a chain that poses as
    /// Base Sepolia nothing shows: balances and signing domain are the same.
    ///
    /// # Errors
    ///
    /// [`DevnetError`], as every method below, when the node refuses.
    pub async fn turn_token_hostile(&self) -> Result<(), DevnetError> {
        self.place(self.token(), contracts::HOSTILE_USDC).await
    }

    /// Changes what the hostile token does.
    ///
    /// # Errors
    ///
    /// [`NodeError`], also when the token is an honest one.
    pub async fn set_token_mood(&self, mood: TokenMood) -> Result<(), NodeError> {
        self.tell_token(setMoodCall { mood: mood as u8 }).await
    }

    /// Stops all transfers of the hostile token, or lets them go on.
    ///
    /// # Errors
    ///
    /// [`NodeError`], also when the token is an honest one.
    pub async fn pause_token(&self, paused: bool) -> Result<(), NodeError> {
        self.tell_token(setPausedCall { paused }).await
    }

    /// Lets the hostile token refuse transfers from and to an account.
    ///
    /// # Errors
    ///
    /// [`NodeError`], also when the token is an honest one.
    pub async fn blacklist(&self, account: Address, blacklisted: bool) -> Result<(), NodeError> {
        self.tell_token(setBlacklistedCall { account, blacklisted }).await
    }

    /// Lets the hostile token refuse transfers to one payee.
    ///
    /// # Errors
    ///
    /// [`NodeError`], also when the token is an honest one.
    pub async fn refuse_payee(&self, payee: Address, refused: bool) -> Result<(), NodeError> {
        self.tell_token(setRefusedCall { payee, refused }).await
    }

    /// Deploys [`contracts::MOODY_WALLET`] for an owner.
    ///
    /// # Errors
    ///
    /// [`DevnetError`] when the node refuses.
    pub async fn moody_wallet(&self, owner: Address) -> Result<Address, DevnetError> {
        let code = [contracts::MOODY_WALLET.creation()?.to_vec(), owner.abi_encode()].concat();
        Ok(self.deploy(code.into()).await?)
    }

    /// Changes when a moody wallet owns to its owner's signatures.
    ///
    /// # Errors
    ///
    /// [`NodeError`] when the node refuses.
    pub async fn set_wallet_mood(&self, wallet: Address, mood: WalletMood) -> Result<(), NodeError> {
        let (mood, bound) = mood.in_words();
        let call = of_a_wallet::setMoodCall { mood, bound };
        self.node.send(FAUCET, Some(wallet), call.abi_encode()).await.map(drop)
    }

    async fn tell_token(&self, call: impl SolCall) -> Result<(), NodeError> {
        self.node.send(FAUCET, Some(self.token), call.abi_encode()).await.map(drop)
    }
}
