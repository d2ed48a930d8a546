use std::path::Path;

use super::offer::{Offer, Rail, Way};
use crate::gateway::Gateway;
use crate::interop::chains::{Chains, EVM_CHAIN, TEMPO_CHAIN};
use crate::interop::key_file;
use crate::interop::node::Account;
use crate::interop::service::Service;

/// Our gateway, selling every [`Offer`] in front of this shop. The payee's key is kept in this folder.
pub(super) fn start(
    binary: &Path,
    folder: &Path,
    chains: &Chains,
    payee: &Account,
    shop: &Service,
) -> anyhow::Result<Gateway> {
    let key = key_file::write(folder, &payee.key)?;
    let rails = Rail::ALL.map(|rail| tables(rail, chains, payee, &key)).concat();
    let routes = Offer::all().map(|offer| route(offer, shop)).collect::<String>();
    Gateway::start(&[], binary, &format!("{rails}{routes}"))
}

/// Where it sells this.
pub(super) fn path(offer: Offer) -> String {
    format!("/{}{}", offer.rail.name(), offer.way.path())
}

/// The tables of a rail: one where payers pay the fees of their deposits, and one where we do.
fn tables(rail: Rail, chains: &Chains, payee: &Account, key: &Path) -> String {
    let (name, escrow) = (rail.name(), rail.escrow(chains));
    let of_payee =
        format!("recipient = \"{}\"\nsigner = {{ key = {{ file = \"{}\" }} }}\n", payee.address, key.display());
    let shared = match rail {
        Rail::TempoV2 => format!("{}session = \"v2\"\n{of_payee}", tempo(chains)),
        Rail::TempoV1 => format!("{}session = \"v1\"\nescrow = \"{escrow}\"\n{of_payee}", tempo(chains)),
        Rail::Evm => return format!("[rails.{name}]\n{}escrow = \"{escrow}\"\n{of_payee}\n", evm(chains)),
    };
    format!("[rails.{name}]\n{shared}\n[rails.{name}-sponsored]\n{shared}fee_payer = true\n\n")
}

fn tempo(chains: &Chains) -> String {
    // What Tempo's nodes do for the reserve, the shim does for the contract that stands in its place.
    let rpc = chains.shim();
    format!("method = \"tempo\"\nrpc = \"{rpc}\"\nchain = {TEMPO_CHAIN}\nasset = \"pathUSD\"\n")
}

fn evm(chains: &Chains) -> String {
    let (rpc, usdc) = (chains.evm().rpc(), chains.usdc());
    format!(
        "method = \"evm\"\nrpc = \"{rpc}\"\nchain = {EVM_CHAIN}\naccept = [\"authorization\"]\n\
         asset = {{ contract = \"{usdc}\", code = \"USDC\", decimals = 6, currency = \"USD\", \
         domain = {{ name = \"Test USDC\", version = \"1\" }} }}\n"
    )
}

fn route(offer: Offer, shop: &Service) -> String {
    let (path, rail) = (path(offer), offer.rail.name());
    let (price, deposit, more) = match offer.way {
        Way::Requests => ("0.001", "0.01", ""),
        Way::TopUp | Way::Sponsored => ("0.001", "0.002", ""),
        Way::Events | Way::Socket => ("0.0005", "0.01", "meter = { events = true }\nunit = \"word\"\n"),
    };
    let rail = if offer.way == Way::Sponsored { format!("{rail}-sponsored") } else { rail.to_owned() };
    format!(
        "[[route]]\nmatch = \"GET {path}\"\nupstream = \"{}\"\nprice = \"{price} USD\"\naccept = [\"{rail}/session\"]\n{more}\
         [route.session]\ndeposit = \"{deposit} USD\"\n\n",
        shop.url("")
    )
}
