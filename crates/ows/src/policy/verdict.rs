use alloy_primitives::U256;
use farthing_protocol::Timestamp;

use crate::policy::PolicyFile;
use crate::policy::rule::{Amounts, Rule, Span};
use crate::{Asset, Chain, Denial, Facts, LedgerError, Presented};

/// One request, as it is judged.
pub(crate) struct Case<'a> {
    /// What the bytes say.
    pub(crate) facts: &'a Facts,
    /// The bytes.
    pub(crate) presented: &'a Presented,
    /// The chain that was asked for; where bytes name one, it is the same.
    pub(crate) chain: Chain,
    /// Now.
    pub(crate) now: Timestamp,
    /// What was signed for before.
    pub(crate) spent: &'a Spent<'a>,
}

/// How much of an asset was signed for from an instant on.
pub(crate) type Spent<'a> = dyn Fn(&Asset, Timestamp) -> Result<U256, LedgerError> + 'a;

/// Judges by the rules of a policy, in their order; the first that says no ends it.
pub(crate) fn judge(policy: &PolicyFile, case: &Case<'_>) -> Result<Result<(), Denial>, LedgerError> {
    let denial =
        |rule: &str, reason: String| Denial { policy_id: Some(policy.id.clone()), rule: rule.to_owned(), reason };
    if let Some(why) = &policy.unusable {
        return Ok(Err(denial("policy", why.clone())));
    }
    for rule in &policy.rules {
        if rule.limits() && case.presented.may_be_a_digest() {
            let reason = "a digest, or a message as long as one, may stand for anything; present the thing itself";
            return Ok(Err(denial(rule.name(), reason.into())));
        }
        if let Err(reason) = case.allowed_by(rule)? {
            return Ok(Err(denial(rule.name(), reason)));
        }
    }
    Ok(Ok(()))
}

impl Case<'_> {
    fn allowed_by(&self, rule: &Rule) -> Result<Result<(), String>, LedgerError> {
        Ok(match rule {
            Rule::Chains(chains) => self.on(chains),
            Rule::ExpiresAt(end) => match end {
                None => Err("when it ends cannot be read".into()),
                Some(end) if self.now > *end => Err(format!("it ended at {}", end.to_rfc3339())),
                Some(_) => Ok(()),
            },
            Rule::TypedDataContracts(contracts) => self.verified_by(contracts),
            Rule::Recipients(addresses) => match (self.presented, self.facts.contract) {
                (Presented::Transaction(_), Some(to)) if addresses.contains(&to) => Ok(()),
                (Presented::Transaction(_), Some(to)) => Err(format!("{to} is not on its list")),
                _ => Err("only a transaction has a recipient".into()),
            },
            Rule::Contracts(contracts) => match self.facts.contract {
                Some(contract) if contracts.contains(&contract) => Ok(()),
                Some(contract) => Err(format!("{contract} is not on its list")),
                None => Err("it names no contract".into()),
            },
            Rule::Payees(payees) => self.decoded().and_then(|()| {
                let moved = self.facts.moves.iter().filter(|moved| !moved.amount.is_zero());
                match moved.filter_map(|moved| moved.payee).find(|payee| !payees.contains(payee)) {
                    Some(payee) => Err(format!("{payee} is not on its list")),
                    None => Ok(()),
                }
            }),
            Rule::MaxAmount(amounts) => self.decoded().and_then(|()| self.within(amounts)),
            Rule::Window(amounts, span) => match self.decoded() {
                Ok(()) => self.within_span(amounts, *span)?,
                refused => refused,
            },
            Rule::Unknown(_, why) => Err(format!("it is not understood: {why}")),
        })
    }

    fn on(&self, chains: &[String]) -> Result<(), String> {
        if matches!(self.presented, Presented::TypedData(_)) && self.facts.chain.is_none() {
            return Err("the typed data names no chain, so it would be good on all".into());
        }
        let chain = self.chain.to_string();
        if chains.contains(&chain) { Ok(()) } else { Err(format!("{chain} is not on its list")) }
    }

    fn verified_by(&self, contracts: &[String]) -> Result<(), String> {
        if !matches!(self.presented, Presented::TypedData(_)) {
            return Ok(());
        }
        let contract = self.facts.contract.ok_or("the typed data names no contract")?.to_string();
        let listed = contracts.iter().any(|listed| listed.eq_ignore_ascii_case(&contract));
        if listed { Ok(()) } else { Err(format!("{contract} is not on its list")) }
    }

    /// That everything it moves is known.
    fn decoded(&self) -> Result<(), String> {
        self.facts.unknown.map_or(Ok(()), |why| Err(why.to_owned()))
    }

    fn within(&self, amounts: &Amounts) -> Result<(), String> {
        for (asset, amount) in self.facts.totals() {
            let most = limit(amounts, &asset)?;
            if amount > most {
                return Err(format!("{amount} base units of {asset} are more than {most}"));
            }
        }
        Ok(())
    }

    fn within_span(&self, amounts: &Amounts, span: Span) -> Result<Result<(), String>, LedgerError> {
        let since = match span {
            Span::Rolling { seconds } => self.now.before(std::time::Duration::from_secs(seconds)),
            Span::Day => midnight(self.now),
        };
        for (asset, amount) in self.facts.totals() {
            let most = match limit(amounts, &asset) {
                Ok(most) => most,
                Err(reason) => return Ok(Err(reason)),
            };
            let spent = (self.spent)(&asset, since)?;
            if spent.saturating_add(amount) > most {
                return Ok(Err(format!(
                    "{amount} base units of {asset} after {spent} are more than {most} in its span"
                )));
            }
        }
        Ok(Ok(()))
    }
}

/// A day, UTC, begins at this time.
pub(crate) fn midnight(at: Timestamp) -> Timestamp {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    Timestamp::from_unix_millis(at.unix_millis().div_euclid(DAY).saturating_mul(DAY))
}

fn limit(amounts: &Amounts, asset: &Asset) -> Result<U256, String> {
    amounts.get(asset).copied().ok_or_else(|| format!("it allows nothing of {asset}"))
}
