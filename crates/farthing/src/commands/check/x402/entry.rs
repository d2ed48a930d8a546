use farthing_dialects::x402::{EXACT, Requirements, UPTO, Version};
use farthing_rail_evm::chain::{self, Token};
use serde_json::Value;

use super::super::finding::Finding;

/// The least that a buyer needs to sign and a facilitator to settle, in seconds.
const SHORTEST: u64 = 15;
/// What is signed can be taken for so long; a careful buyer signs for less.
const LONGEST: u64 = 60 * 60;

/// Network, asset, price, signing domain and times of one entry.
pub(super) fn examine(offer: &Requirements, version: Version) -> Vec<Finding> {
    let name = format!("x402/{} on {}", offer.scheme, offer.network);
    let mut findings = vec![scheme(offer, &name)];
    let Some(number) = offer.network.evm_chain() else {
        findings.push(Finding::weak(
            "network",
            format!("{name}: not an EVM chain, which is all that is looked at here"),
            "offer an EVM chain too if its buyers are wanted",
        ));
        return findings;
    };
    findings.push(network(offer, number, version));
    let token = chain::of_chain(number).find(|token| format!("{:#x}", token.contract) == offer.asset.to_lowercase());
    match token {
        Some(token) => {
            findings.push(price(offer, &token, &name));
            findings.extend(domain(offer, &token, &name));
        }
        None => findings.push(Finding::weak(
            "asset",
            format!("{name}: {} is no token on file", offer.asset),
            "offer a token that wallets know; one they do not know they refuse, whatever it is called",
        )),
    }
    findings.push(time(offer, &name));
    findings
}

fn scheme(offer: &Requirements, name: &str) -> Finding {
    match offer.scheme.as_str() {
        EXACT | UPTO => Finding::good("schema", format!("{name}, to {}", offer.pay_to)),
        _ => Finding::weak("schema", format!("{name}: few buyers know this scheme"), "offer exact beside it"),
    }
}

fn network(offer: &Requirements, number: u64, version: Version) -> Finding {
    match chain::by_id(number) {
        Some(chain) if chain.test => Finding::good("network", format!("{}, whose money is worth nothing", chain.name)),
        Some(chain) if version == Version::V1 && offer.network.name().is_none() => Finding::weak(
            "network",
            format!("{} has no name in version 1", chain.name),
            "offer this network in version 2",
        ),
        Some(chain) => Finding::good("network", chain.name),
        None => Finding::weak(
            "network",
            format!("{} is no chain on file", offer.network),
            "check the number; buyers pay on chains that they were told about",
        ),
    }
}

fn price(offer: &Requirements, token: &Token, name: &str) -> Finding {
    if offer.amount.is_zero() {
        let remedy = "name a price, or do not ask for a payment";
        return Finding::broken("asset", format!("{name}: the price is nothing"), remedy);
    }
    Finding::good("asset", format!("{name}: {}", token.asset.display(offer.amount)))
}

/// What a client signs under. It believes `extra` or refuses; the contract believes neither.
fn domain(offer: &Requirements, token: &Token, name: &str) -> Option<Finding> {
    let told = |member: &str| offer.extra.get(member).and_then(Value::as_str);
    let by_permit2 = offer.scheme == UPTO || told("assetTransferMethod") == Some("permit2");
    if by_permit2 {
        return None;
    }
    let code = token.asset.code();
    let Some(domain) = &token.domain else {
        let remedy = "set extra.assetTransferMethod to permit2, or take another token";
        return Some(Finding::broken("domain", format!("{name}: {code} takes no authorizations"), remedy));
    };
    let ours = (Some(domain.name.as_str()), Some(domain.version.as_str()));
    let remedy = format!("set extra to {{\"name\": {:?}, \"version\": {:?}}}", domain.name, domain.version);
    Some(match (told("name"), told("version")) {
        told if told == ours => Finding::good("domain", format!("{name}: signed as {:?}", domain.name)),
        (None, _) | (_, None) => {
            let fact = format!("{name}: extra names no signing domain, without which most clients refuse to sign");
            Finding::broken("domain", fact, remedy)
        }
        (Some(theirs), Some(version)) => {
            let fact = format!("{name}: extra says {theirs:?}, version {version:?}, and the contract another");
            Finding::broken("domain", format!("{fact}; what is signed so is refused by {code}"), remedy)
        }
    })
}

fn time(offer: &Requirements, name: &str) -> Finding {
    match offer.max_timeout_seconds {
        seconds @ ..SHORTEST => Finding::weak(
            "schema",
            format!("{name}: a payment may be valid for {seconds} s"),
            "allow at least half a minute, for the facilitator and the chain",
        ),
        seconds @ LONGEST.. => Finding::weak(
            "schema",
            format!("{name}: a payment may be valid for {seconds} s"),
            "ask for minutes: what is signed can be taken for all that time, and careful buyers sign for less",
        ),
        seconds => Finding::good("schema", format!("{name}: a payment is valid for at most {seconds} s")),
    }
}
