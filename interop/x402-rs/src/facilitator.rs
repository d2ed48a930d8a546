use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use alloy_provider::Provider as _;
use axum::Router;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use x402_chain_eip155::chain::config::Eip155ChainConfig;
use x402_chain_eip155::chain::{Eip155ChainProvider, Eip155ChainReference, Eip155MetaTransactionProvider as _};
use x402_chain_eip155::{V1Eip155Exact, V2Eip155Exact, V2Eip155Upto};
use x402_facilitator_local::{FacilitatorLocal, handlers};
use x402_types::chain::{ChainId, ChainProviderOps, ChainRegistry, FromConfig as _};
use x402_types::scheme::{
    SchemeBlueprints, SchemeConfig, SchemeRegistry, X402SchemeFacilitator, X402SchemeFacilitatorBuilder,
};

use crate::Failure;

/// Base Sepolia.
pub(crate) const CHAIN: u64 = 84_532;

/// How often to look for a receipt: the chain of the tests mines at once, and 7 seconds, as for others, are long there.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
pub(crate) struct Terms {
    listen: String,
    rpc: String,
    key: String,
}

/// The one chain of this facilitator, as its library wants every program to wrap its own.
struct Chain(Arc<Eip155ChainProvider>);

impl ChainProviderOps for Chain {
    fn signer_addresses(&self) -> Vec<String> {
        self.0.signer_addresses()
    }

    fn chain_id(&self) -> ChainId {
        self.0.chain_id()
    }
}

macro_rules! serves {
    ($($scheme:ident),*) => {
        $(impl X402SchemeFacilitatorBuilder<&Chain> for $scheme {
            fn build(
                &self,
                chain: &Chain,
                settings: Option<serde_json::Value>,
            ) -> Result<Box<dyn X402SchemeFacilitator>, Failure> {
                self.build(Arc::clone(&chain.0), settings)
            }
        })*
    };
}

serves!(V1Eip155Exact, V2Eip155Exact, V2Eip155Upto);

/// Verifies and settles with x402-facilitator-local, until it is killed.
pub(crate) async fn run(terms: Terms) -> Result<(), Failure> {
    let chain_reference = Eip155ChainReference::new(CHAIN);
    let inner = serde_json::from_value(json!({ "signers": [terms.key], "rpc": [{ "http": terms.rpc }] }))?;
    let config = Eip155ChainConfig { chain_reference, inner };
    let provider = Eip155ChainProvider::from_config(&config).await?;
    provider.inner().client().set_poll_interval(LOOK);
    let chain = Chain(Arc::new(provider));
    let chains = ChainRegistry::new(HashMap::from([(config.chain_id(), chain)]));
    let blueprints =
        SchemeBlueprints::new().and_register(V1Eip155Exact).and_register(V2Eip155Exact).and_register(V2Eip155Upto);
    let schemes = ["v1-eip155-exact", "v2-eip155-exact", "v2-eip155-upto"].map(scheme);
    let schemes = schemes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let facilitator = Arc::new(FacilitatorLocal::new(SchemeRegistry::build(chains, blueprints, &schemes)));
    let service = Router::new().merge(handlers::routes().with_state(facilitator));
    axum::serve(TcpListener::bind(terms.listen).await?, service).await?;
    Ok(())
}

fn scheme(id: &str) -> Result<SchemeConfig, serde_json::Error> {
    serde_json::from_value(json!({ "id": id, "chains": format!("eip155:{CHAIN}") }))
}
