use std::path::Path;

use super::offer::Offer;
use super::seller::{RECIPIENT, SECOND};
use crate::gateway::Gateway;
use crate::interop::chains::{Chains, EVM_CHAIN, TEMPO_CHAIN};
use crate::interop::key_file;
use crate::interop::node::Account;
use crate::interop::shop;

/// Our gateway, selling every [`Offer`] in front of a server that says "sold". The sponsor's key is kept in this folder.
pub(super) fn start(binary: &Path, folder: &Path, chains: &Chains, sponsor: &Account) -> anyhow::Result<Gateway> {
    let port = shop::open()?;
    let rails = rails(chains, &key_file::write(folder, &sponsor.key)?);
    let routes = Offer::ALL.map(|offer| route(offer, port)).concat();
    Gateway::start(&[], binary, &format!("{rails}{routes}"))
}

/// A rail for each way of paying, all of one method but the last.
fn rails(chains: &Chains, sponsor: &Path) -> String {
    let signer = format!("signer = {{ key = {{ file = \"{}\" }} }}\n", sponsor.display());
    let rpc = chains.tempo().rpc();
    let tempo = format!(
        "method = \"tempo\"\nrpc = \"{rpc}\"\nchain = {TEMPO_CHAIN}\nasset = \"pathUSD\"\nrecipient = \"{RECIPIENT}\"\n"
    );
    let (evm, usdc) = (chains.evm().rpc(), chains.usdc());
    let token = format!(
        "{{ contract = \"{usdc}\", code = \"USDC\", decimals = 6, currency = \"USD\", \
         domain = {{ name = \"Test USDC\", version = \"1\" }} }}"
    );
    format!(
        "[rails.pull]\n{tempo}accept = [\"transaction\"]\n\n\
         [rails.push]\n{tempo}accept = [\"hash\"]\n\n\
         [rails.sponsored]\n{tempo}accept = [\"transaction\"]\nfee_payer = true\n{signer}\n\
         [rails.proof]\n{tempo}\n\
         [rails.splits]\n{tempo}accept = [\"transaction\"]\nshares = [{{ recipient = \"{SECOND}\", per_million = 400000 }}]\n\n\
         [rails.authorization]\nmethod = \"evm\"\nrpc = \"{evm}\"\nchain = {EVM_CHAIN}\nasset = {token}\n\
         recipient = \"{RECIPIENT}\"\naccept = [\"authorization\"]\n{signer}\n"
    )
}

fn route(offer: Offer, upstream: u16) -> String {
    let (path, name, (first, second)) = (offer.path(), offer.name(), offer.price());
    let cents = (first + second) / 10_000;
    format!(
        "[[route]]\nmatch = \"GET {path}\"\nupstream = \"http://127.0.0.1:{upstream}\"\nprice = \"0.0{cents} USD\"\n\
         accept = [\"{name}/charge\"]\n\n"
    )
}
