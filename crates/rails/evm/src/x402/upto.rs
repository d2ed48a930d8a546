//! The scheme `upto`: what was used, at most the price, after the service.

use alloy_primitives::{Address, U256};
use farthing_dialects::x402::Requirements;
use farthing_money::Amount;
use farthing_protocol::JsonObject;
use farthing_rail::{Capture, Fault, Method, Order, Presented, Proof, Refusal, Terms, Unpriceable};
use serde_json::Value;

use super::demand::{Demand, offer, offered};
use super::exact::{check_form, check_wrapped, proof, receipt_members, unreadable};
use super::{ExpectedPermit, Payee, Permit, Proxy, Transfer, UPTO, X402Settings, refused};
use crate::chain::Token;
use crate::evm::wrapped;

/// The method `x402` with the intent `upto`, for one seller or for anybody. The payer permits the price
/// and names our signer, who alone can take what was used of it.
#[derive(Clone, Debug)]
pub struct X402Upto {
    terms: Terms,
    settings: X402Settings,
    facilitator: Address,
}

impl X402Upto {
    /// With these settings, if they fit together; `facilitator` is the account of the settling signer.
    pub fn new(settings: X402Settings, facilitator: Address) -> Result<Self, Unpriceable> {
        if matches!(settings.payee, Payee::Seller { transfer: Transfer::Eip3009, .. }) {
            return Err(Unpriceable("upto moves money by permit2 only; accept permit2".into()));
        }
        Ok(Self { terms: settings.terms(UPTO, Capture::Actual)?, settings, facilitator })
    }

    /// For whoever an offer names, in any of these tokens of one chain.
    pub fn for_anybody(tokens: Vec<Token>, facilitator: Address) -> Result<Self, Unpriceable> {
        Self::new(X402Settings::anybody(tokens), facilitator)
    }

    /// The offer of a cap, in x402's own words; none of whoever makes no offers.
    pub(super) fn offer_of(&self, cap: Amount) -> Option<Requirements> {
        offered(UPTO, cap, &self.settings, &self.named()).ok()
    }

    fn named(&self) -> [(&'static str, Value); 2] {
        let facilitator = self.facilitator.to_checksum(None).into();
        [("assetTransferMethod", Transfer::Permit2.name().into()), ("facilitatorAddress", facilitator)]
    }

    /// What was decided.
    pub fn settings(&self) -> &X402Settings {
        &self.settings
    }
}

impl Method for X402Upto {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        offer(UPTO, order, &self.settings, &self.named())
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        let demand = Demand::read(UPTO, presented, &self.settings)?;
        if demand.facilitator.is_some_and(|named| named != self.facilitator) {
            return Err(refused(Fault::Submitter, "the offer names another facilitator than this one"));
        }
        let permit = Permit::read(presented.credential.payload()).map_err(unreadable)?;
        let (chain, contract_payers) = (demand.token.chain, self.settings.contract_payers);
        check_form(&permit.signature)?;
        if let Some(wrapped) = wrapped::unwrap(&permit.signature) {
            check_wrapped(&wrapped, &permit.digest(chain, Proxy::Upto), permit.from, contract_payers)?;
        }
        let expected = ExpectedPermit {
            chain,
            proxy: Proxy::Upto,
            token: demand.token.contract,
            to: demand.recipient,
            permitted: U256::from(demand.amount.units()),
            facilitator: Some(self.facilitator),
            window: demand.window,
            contract_payers,
        };
        let way = permit.check(&expected).map_err(|error| refused(error.fault(), error))?;
        proof(presented, &demand, permit.key(chain), permit.from, way)
    }

    fn receipt_members(&self) -> JsonObject {
        receipt_members(&self.settings)
    }
}
