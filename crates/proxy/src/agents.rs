//! Whose request it is.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farthing_wallet::{PayingClient, Token, WalletName};
use http::HeaderMap;
use http::header::PROXY_AUTHORIZATION;
use zeroize::Zeroizing;

use crate::{Refusal, Tokens};

/// What opens wallets.
#[async_trait]
pub trait Purses: Send + Sync {
    /// A client that pays out of this wallet; otherwise why not, in one sentence.
    async fn open(&self, wallet: &WalletName) -> Result<PayingClient, String>;

    /// A client that pays with a virtual card; otherwise why not, in one sentence.
    async fn open_card(&self, token: Token) -> Result<PayingClient, String> {
        drop(token);
        Err("this proxy takes no cards".to_owned())
    }
}

/// What an agent presents.
enum Presented {
    Wallet(WalletName),
    Card(Token),
}

impl Presented {
    /// What its client is kept under; nothing secret.
    fn key(&self) -> String {
        match self {
            Self::Wallet(wallet) => wallet.to_string(),
            Self::Card(token) => token.hash(),
        }
    }
}

/// The agents that may use a proxy. Each is a wallet and a token for it.
pub struct Agents {
    purses: Arc<dyn Purses>,
    tokens: Tokens,
    /// Who it is that comes without a credential.
    unnamed: Option<WalletName>,
    opened: RwLock<BTreeMap<String, Agent>>,
}

/// One agent.
#[derive(Clone)]
pub(crate) struct Agent {
    pub(crate) wallet: WalletName,
    pub(crate) client: PayingClient,
}

impl Agents {
    /// Agents with these tokens.
    pub fn new(purses: Arc<dyn Purses>, tokens: Tokens) -> Self {
        Self { purses, tokens, unnamed: None, opened: RwLock::default() }
    }

    /// The same, where whoever comes without a credential pays out of this wallet. Only for a proxy that nobody but the
    /// users of this machine can reach.
    #[must_use]
    pub fn or_else(mut self, wallet: WalletName) -> Self {
        self.unnamed = Some(wallet);
        self
    }

    /// Whether a request without a credential is somebody's.
    pub(crate) fn has_unnamed(&self) -> bool {
        self.unnamed.is_some()
    }

    /// Those that have asked for anything so far.
    pub(crate) fn opened(&self) -> Vec<Agent> {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Whose request these headers make it.
    pub(crate) async fn admit(&self, headers: &HeaderMap) -> Result<Agent, Refusal> {
        let mut given = headers.get_all(PROXY_AUTHORIZATION).iter();
        let presented = match (given.next(), given.next()) {
            (None, _) => Presented::Wallet(self.unnamed.clone().ok_or(Refusal::Credential)?),
            (Some(given), None) => self.named(given.as_bytes()).ok_or(Refusal::Credential)?,
            (Some(_), Some(_)) => return Err(Refusal::Credential),
        };
        let key = presented.key();
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(agent) = opened {
            return Ok(agent);
        }
        let client = match presented {
            Presented::Wallet(wallet) => self.purses.open(&wallet).await,
            Presented::Card(token) => self.purses.open_card(token).await,
        };
        let client = client.map_err(|sentence| Refusal::Wallet { sentence })?;
        let agent = Agent { wallet: client.wallet().name().clone(), client };
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        Ok(opened.entry(key).or_insert(agent).clone())
    }

    /// The wallet of `Basic base64(wallet:token)`, if the token is its; or a card, whose token comes after any name.
    fn named(&self, given: &[u8]) -> Option<Presented> {
        let (scheme, encoded) = std::str::from_utf8(given).ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
        let (wallet, token) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        if token.starts_with(Token::PREFIX) {
            return Token::parse(token).ok().map(Presented::Card);
        }
        let wallet = wallet.parse().ok()?;
        self.tokens.admits(&wallet, token).then_some(Presented::Wallet(wallet))
    }
}
