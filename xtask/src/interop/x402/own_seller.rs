use std::path::Path;

use super::chain::{CHAIN, Chain};
use super::facilitator::Facilitator;
use super::offer::Offer;
use super::seller::RECIPIENT;
use crate::gateway::Gateway;
use crate::interop::node::Account;
use crate::interop::{key_file, shop};

/// Our gateway, selling every [`Offer`], x402's settled by this facilitator. Its own account's key is kept in this
/// folder.
pub(super) fn start(
    binary: &Path,
    folder: &Path,
    chain: &Chain,
    account: &Account,
    facilitator: &Facilitator,
) -> anyhow::Result<Gateway> {
    let port = shop::open()?;
    let rails = rails(chain, &key_file::write(folder, &account.key)?, facilitator);
    let routes = [Offer::Exact, Offer::Alone, Offer::Permit2, Offer::Upto, Offer::V1];
    let routes = routes.iter().map(|offer| route(*offer, port, facilitator)).collect::<String>();
    Gateway::start(&[], binary, &format!("{rails}{routes}"))
}

/// A rail for each way of moving the token, and one for what the facilitator settles.
fn rails(chain: &Chain, key: &Path, facilitator: &Facilitator) -> String {
    let rpc = chain.node.rpc();
    let base = format!("chain = {CHAIN}\nrpc = \"{rpc}\"\nasset = \"USDC\"\nrecipient = \"{RECIPIENT}\"\n");
    let signer = format!("signer = {{ key = {{ file = \"{}\" }} }}\n", key.display());
    let own = format!(
        "[rails.signed]\nmethod = \"evm\"\n{base}accept = [\"authorization\"]\n{signer}\n\
         [rails.permitted]\nmethod = \"evm\"\n{base}accept = [\"permit2\"]\n{signer}\n"
    );
    let Some(url) = facilitator.url() else { return own };
    let facilitated = format!("method = \"x402\"\n{base}facilitator = \"{url}\"\n");
    format!(
        "{own}[rails.facilitated]\n{facilitated}\n\
         [rails.facilitated-permitted]\n{facilitated}transfer = \"permit2\"\n\n"
    )
}

/// The route of an offer.
fn route(offer: Offer, upstream: u16, facilitator: &Facilitator) -> String {
    let is_facilitated = facilitator.url().is_some();
    let (signed, permitted) =
        if is_facilitated { ("facilitated", "facilitated-permitted") } else { ("signed", "permitted") };
    let (cents, accept, more) = match offer {
        Offer::Exact | Offer::Either => (1, format!("\"signed/charge\", \"{signed}/exact\""), ""),
        Offer::Alone => (1, format!("\"{signed}/exact\""), ""),
        Offer::Permit2 => (2, format!("\"{permitted}/exact\""), ""),
        Offer::Upto => (5, format!("\"{permitted}/upto\""), "meter = { header = \"farthing-charge\" }\n"),
        Offer::V1 => (4, format!("\"{signed}/exact\""), "x402_v1 = true\n"),
    };
    format!(
        "[[route]]\nmatch = \"GET {}\"\nupstream = \"http://127.0.0.1:{upstream}\"\nprice = \"0.0{cents} USD\"\n\
         accept = [{accept}]\n{more}\n",
        offer.path("farthing")
    )
}
