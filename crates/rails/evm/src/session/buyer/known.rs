use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use farthing_money::Price;
use farthing_protocol::{Challenge, Timestamp};
use farthing_rail::{NotPayable, end_of};
use tempo_primitives::TempoAddressExt as _;

use super::asked::Asked;
use crate::buyer::Chains;
use crate::chain::{Token, Tokens, stream_channel};
use crate::session::{INTENT, RESERVE, SessionRequest, Vault, VaultKind};

/// Every TIP-20 dollar has six decimals, and fees are counted in them.
const TEMPO_DECIMALS: u8 = 6;

/// What the owner of a wallet knows: tokens, escrows, and what coins are worth.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    tokens: Tokens,
    escrows: BTreeSet<(u64, Address)>,
    coins: BTreeMap<u64, Price>,
}

impl Known {
    pub(super) fn of(chains: &Chains) -> Self {
        let escrows = chains.iter().flat_map(|(_, chain)| chain.escrows.iter().map(|escrow| (chain.id, *escrow)));
        let coins = chains.iter().filter_map(|(_, chain)| Some((chain.id, chain.native_price?)));
        Self { tokens: chains.tokens(), escrows: escrows.collect(), coins: coins.collect() }
    }

    /// What one whole coin of a chain is worth.
    pub(super) fn coin(&self, chain: u64) -> Option<Price> {
        self.coins.get(&chain).copied()
    }

    /// Reads an offer of this method that a deposit could answer now.
    pub(super) fn read(&self, method: &str, challenge: &Challenge, now: Timestamp) -> Result<Asked, NotPayable> {
        end_of(challenge, now)?;
        self.read_at_any_time(method, challenge)
    }

    /// Reads an offer of this method, whole or not at all, and refuses what is not asked in earnest. A voucher
    /// may answer one that has ended, in the middle of a stream: it moves nothing that is not deposited.
    pub(super) fn read_at_any_time(&self, method: &str, challenge: &Challenge) -> Result<Asked, NotPayable> {
        let offered = (challenge.method().as_str(), challenge.intent().as_str());
        if offered != (method, INTENT) {
            return Err(NotPayable(format!("{}/{} is not {method}/{INTENT}", offered.0, offered.1)));
        }
        let request = SessionRequest::read(method, challenge.request());
        let request = request.map_err(|error| NotPayable(error.to_string()))?;
        self.check_escrow(&request.vault)?;
        let token = self.token(&request)?;
        check_recipient(&request)?;
        Ok(Asked { request, token })
    }

    /// The deposit would be a stranger's: an escrow that nobody vouches for is none.
    fn check_escrow(&self, vault: &Vault) -> Result<(), NotPayable> {
        let Vault { kind, chain, contract } = *vault;
        let is_known = match kind {
            VaultKind::Reserve => contract == RESERVE,
            VaultKind::Stream if stream_channel(chain) == Some(contract) => true,
            VaultKind::Stream | VaultKind::Evm => contract != RESERVE && self.escrows.contains(&(chain, contract)),
        };
        if is_known {
            return Ok(());
        }
        Err(NotPayable(format!(
            "the escrow {contract} on chain {chain} is none that this wallet trusts with a deposit; if you do, run: \
             farthing wallet chain add NAME --rpc URL --escrow {contract}"
        )))
    }

    fn token(&self, request: &SessionRequest) -> Result<Token, NotPayable> {
        let (chain, contract) = (request.vault.chain, request.token);
        let is_tempo = request.vault.kind != VaultKind::Evm;
        let fits = |token: &Token| !is_tempo || contract.is_tip20() && token.asset.decimals() == TEMPO_DECIMALS;
        self.tokens.token(chain, contract).filter(fits).ok_or_else(|| {
            NotPayable(format!("{contract} on chain {chain} is no token this wallet knows; configure it to pay in it"))
        })
    }
}

/// Money that goes to a token or to the escrow itself is lost; nobody asks for it in earnest.
fn check_recipient(request: &SessionRequest) -> Result<(), NotPayable> {
    let payee = request.recipient;
    let is_nobody = payee == request.token
        || payee == request.vault.contract
        || request.vault.kind != VaultKind::Evm && payee.is_tip20();
    if is_nobody {
        return Err(NotPayable(format!("the recipient {payee} is nobody's account")));
    }
    Ok(())
}
