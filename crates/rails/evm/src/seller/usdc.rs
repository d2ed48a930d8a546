use std::time::Duration;

use farthing_rail::Acceptor;

use super::shared::{KEYS, Shared, expected_fee};
use super::table::Table;
use super::{Place, Seller};
use crate::usdc::{UsdcCharge, UsdcSettings};

pub(super) fn acceptor(seller: &Seller, table: &Table<'_>, place: &Place<'_>) -> Result<Acceptor, String> {
    let keys: Vec<&str> = KEYS.into_iter().filter(|key| *key != "accept").collect();
    table.knows(&[&keys[..], &["contract_payers", "validity"]].concat())?;
    let chain = table.chain()?.ok_or_else(|| table.refused("chain is missing; name one, such as \"base\" or 8453"))?;
    let shared = Shared::read(seller, table, place, chain, "USDC")?;
    if shared.account.is_none() {
        return Err(table.refused("the seller submits the payers' authorizations; add a signer"));
    }
    let mut settings = UsdcSettings::new(shared.token.clone(), shared.recipient);
    settings.contract_payers = table.flag("contract_payers")?.unwrap_or(false);
    settings.fee = expected_fee(table, &shared.token, true)?;
    if let Some(validity) = table.duration("validity")? {
        settings.validity = validity.max(Duration::from_secs(1));
    }
    let method = UsdcCharge::new(settings).map_err(|error| table.refused(error))?;
    Ok(seller.settling(method, shared))
}
