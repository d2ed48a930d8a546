//! What a facilitator settles for others on one chain.

use std::sync::Arc;

use alloy_primitives::Address;
use farthing_rail::Settler;

use super::shared::Shared;
use super::table::Table;
use super::{Place, Seller};
use crate::chain::{Kind, Token, by_id};
use crate::settle::Settling;
use crate::x402::{X402Exact, X402Settings, X402Upto};

/// The keys of a chain's table. `asset` is one of the tokens taken, or a list of them.
const CHAIN_KEYS: [&str; 10] = [
    "rpc",
    "quorum",
    "chain",
    "asset",
    "confirmations",
    "finality",
    "signer",
    "max_gas_price",
    "gas_coin",
    "contract_payers",
];

/// One chain of a facilitator.
#[derive(Clone)]
pub struct Facilitated {
    /// The chain (EIP-155).
    pub chain: u64,
    /// The account that submits, and that payers of `upto` must name.
    pub signer: Address,
    /// The tokens that are taken.
    pub tokens: Vec<Token>,
    /// One for each scheme, which is its terms' intent. All on one desk; what is verified and settled is
    /// read from the offer that is presented.
    pub schemes: Vec<Arc<dyn Settler>>,
}

impl Seller {
    /// What one chain's table of a facilitator's configuration settles, or one sentence that says what to
    /// write instead. Nothing is opened or asked until the first payment.
    pub fn facilitated(&self, name: &str, table: &toml::Table, place: &Place<'_>) -> Result<Facilitated, String> {
        let table = Table::new("chains", name, table);
        table.knows(&CHAIN_KEYS)?;
        let chain = table.chain()?;
        let chain = chain.ok_or_else(|| table.refused("chain is missing; name one, such as \"base\" or 8453"))?;
        if by_id(chain).is_some_and(|chain| chain.kind != Kind::Evm) {
            return Err(table.wrong("chain", "is a Tempo chain, which x402's schemes do not move money on"));
        }
        let no_signer = || table.refused("signer is missing; name the key that pays for gas");
        table.value("signer").ok_or_else(no_signer)?;
        let tokens = table.tokens(chain, "asset", "USDC")?;
        let first = tokens.first().cloned();
        let first = first.ok_or_else(|| table.wrong("asset", "names no token; name at least one, such as \"USDC\""))?;
        let shared = Shared::of_token(self, &table, place, first)?;
        let signer = shared.account.as_ref().map(crate::Account::address);
        let signer = signer.ok_or_else(no_signer)?;
        let settings = X402Settings {
            contract_payers: table.flag("contract_payers")?.unwrap_or(false),
            ..X402Settings::anybody(tokens.clone())
        };
        let upto = X402Upto::new(settings.clone(), signer).map_err(|error| table.refused(error))?;
        let exact = X402Exact::new(settings).map_err(|error| table.refused(error))?;
        let settler = Arc::new(shared.settler(&self.now).for_others());
        let exact = Settling::for_anybody(exact, Arc::clone(&settler));
        let schemes: Vec<Arc<dyn Settler>> = vec![Arc::new(exact), Arc::new(Settling::for_anybody(upto, settler))];
        Ok(Facilitated { chain, signer, tokens, schemes })
    }
}
