use std::sync::Arc;
use std::time::Duration;

use farthing_rail::Acceptor;

use super::session::{self, Common};
use super::shared::{KEYS, Shared, expected_fee};
use super::table::Table;
use super::{Place, Seller};
use crate::chain::{Kind, by_id};
use crate::settle::{Settling, Sponsor, Till};
use crate::tempo::{MemoRule, Modes, Share, SponsorPolicy, TempoCharge, TempoSettings};

const MAINNET: u64 = 4217;

pub(super) fn acceptors(seller: &Seller, table: &Table<'_>, place: &Place<'_>) -> Result<Vec<Acceptor>, String> {
    table.knows(&[&KEYS[..], &session::KEYS, &["fee_payer", "fee_token", "memo", "shares", "validity"]].concat())?;
    let chain = table.chain()?.unwrap_or(MAINNET);
    if by_id(chain).is_some_and(|chain| chain.kind != Kind::Tempo) {
        return Err(table.wrong("chain", "is not a Tempo chain; use the evm method for it"));
    }
    let mut shared = Shared::read(seller, table, place, chain, "pathUSD")?;
    let mut settings = TempoSettings::new(shared.token.clone(), shared.recipient);
    settings.shares = shares(table)?;
    settings.memo = memo(table)?;
    settings.modes = modes(table, settings.memo)?;
    if let Some(validity) = table.duration("validity")? {
        settings.validity = validity.max(Duration::from_secs(1));
    }
    if table.flag("fee_payer")?.unwrap_or(false) {
        let account = shared.account.clone();
        let account =
            account.ok_or_else(|| table.refused("fee_payer is true, but there is no signer to pay fees; add one"))?;
        let fee_token = match table.value("fee_token") {
            Some(_) => table.token(chain, "fee_token", "pathUSD")?.contract,
            None => shared.token.contract,
        };
        let policy = SponsorPolicy::for_chain(chain, fee_token);
        settings.sponsor = Some(policy.clone());
        // A sponsored transaction is sent by the server; the two ways exclude each other.
        settings.modes.push = false;
        shared.sponsor = Some(Sponsor { account, fee_token, policy });
    } else if table.value("fee_token").is_some() {
        return Err(table.wrong("fee_token", "is the token in which fees are paid; add fee_payer = true"));
    }
    settings.fee = expected_fee(table, &shared.token, settings.sponsor.is_some())?;
    let session = Common::of(table, &shared).on_tempo(settings.sponsor.clone())?;
    let till = Till { recipient: shared.recipient };
    let method = TempoCharge::new(settings).map_err(|error| table.refused(error))?;
    let chain = Arc::new(shared.settler(&seller.now));
    let charge = Settling::new(method, Arc::clone(&chain), till);
    let mut acceptors = vec![Acceptor::External(Arc::new(charge))];
    acceptors.extend(session.map(|session| Seller::sessions(session, chain, None)));
    Ok(acceptors)
}

fn modes(table: &Table<'_>, memo: MemoRule) -> Result<Modes, String> {
    let Some(accept) = table.texts("accept", "[\"transaction\", \"hash\"]")? else {
        return Ok(Modes { pull: true, push: memo == MemoRule::Attributed });
    };
    let mut modes = Modes { pull: false, push: false };
    for kind in &accept {
        match kind.as_str() {
            "transaction" => modes.pull = true,
            "hash" => modes.push = true,
            _ => return Err(table.wrong("accept", format!("holds \"{kind}\"; it takes \"transaction\" and \"hash\""))),
        }
    }
    Ok(modes)
}

fn memo(table: &Table<'_>) -> Result<MemoRule, String> {
    let wrong =
        || table.wrong("memo", "is \"attributed\" (it names the challenge), \"any\", or 0x and 64 hexadecimal digits");
    match table.value("memo") {
        None => Ok(MemoRule::Attributed),
        Some(value) => match value.as_str().ok_or_else(wrong)? {
            "attributed" => Ok(MemoRule::Attributed),
            "any" => Ok(MemoRule::Any),
            text if text.starts_with("0x") => text.parse().map(MemoRule::Exactly).map_err(|_| wrong()),
            _ => Err(wrong()),
        },
    }
}

fn shares(table: &Table<'_>) -> Result<Vec<Share>, String> {
    let read = |share: &Table<'_>| {
        share.knows(&["recipient", "per_million"])?;
        let recipient = share.address("recipient")?;
        let per_million = share.count("per_million")?.and_then(|number| u32::try_from(number).ok());
        match (recipient, per_million) {
            (Some(recipient), Some(per_million)) => Ok(Share { recipient, per_million, memo: None }),
            _ => {
                Err(table.wrong("shares", "have each a recipient and per_million, the millionths of the price it gets"))
            }
        }
    };
    table.tables("shares", "[{ recipient = \"0x...\", per_million = 25000 }]")?.iter().map(read).collect()
}
