//! What a wallet remembers of sellers: who was paid where, and what a resource cost when it was first paid, or when
//! a person last allowed its price.
//!
//! A file for each, named by a hash, so that many processes can remember at once. What is forgotten is asked about
//! again; what should not be remembered would need somebody who can write the owner's files.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use farthing_keys::private_file;
use farthing_money::Price;
use farthing_policy::{Authority, Known, Level, Purchase};

/// The memory of one wallet.
#[derive(Clone, Debug)]
pub struct Sellers {
    folder: PathBuf,
}

impl Sellers {
    /// What is remembered in this folder, which need not be there.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// What is known for a purchase; looked up only where a policy asks. What cannot be read is not known.
    pub fn known(&self, levels: &[Level], purchase: &Purchase) -> Known {
        if levels.iter().all(|level| level.policy.ask.is_none()) {
            return Known::default();
        }
        let pinned = private_file::read(&self.price(purchase)).ok().and_then(|text| String::from_utf8(text).ok());
        let pinned = pinned.and_then(|text| text.trim_end().parse().ok());
        Known { payee_paid: self.payee(purchase).exists(), pinned }
    }

    /// Remembers what was allowed just now. A price that is known stays, unless a person `allowed` this one.
    pub fn remember(&self, levels: &[Level], purchase: &Purchase, allowed: bool) {
        if levels.iter().all(|level| level.policy.ask.is_none()) {
            return;
        }
        let price = self.price(purchase);
        let text = format!("{}\n", asked_price(purchase));
        let is_new = allowed || !price.exists();
        let kept = private_file::private_directory(&self.folder)
            .and_then(|()| private_file::ensure(&self.payee(purchase)))
            .and_then(|()| if is_new { private_file::write(&price, text.as_bytes()) } else { Ok(()) });
        if let Err(error) = kept {
            tracing::warn!(%error, "what was paid to whom cannot be remembered, and is asked about again");
        }
    }

    fn payee(&self, purchase: &Purchase) -> PathBuf {
        let payee = purchase.payee.as_deref().unwrap_or_default().to_ascii_lowercase();
        self.named(&[purchase.origin.as_str(), &payee], "payee")
    }

    fn price(&self, purchase: &Purchase) -> PathBuf {
        self.named(&[purchase.origin.as_str(), &purchase.http_method, &purchase.path], "price")
    }

    fn named(&self, parts: &[&str], kind: &str) -> PathBuf {
        // None of the parts holds a line's end.
        let hash = digest(&SHA256, parts.join("\n").as_bytes());
        let name: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Path::new(&self.folder).join(format!("{name}.{kind}"))
    }
}

/// What the seller asks for one of what it sells.
fn asked_price(purchase: &Purchase) -> Price {
    match &purchase.authority {
        Authority::Charge => purchase.cost,
        Authority::Deposit { unit, .. } | Authority::Voucher { unit, .. } => *unit,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::policy::Asking;
    use crate::policy::tests::quote;

    fn purchase(cost: &str) -> Purchase {
        let tags = std::collections::BTreeMap::new();
        let (redirected_from, digest) = (None, [0; 32]);
        let asking = Asking {
            http_method: "GET",
            path: "/v1/x",
            tags: &tags,
            max: None,
            redirected_from,
            offer_signers: &[],
            digest,
        };
        asking.charge(&quote(cost, "https://api.example.com"))
    }

    #[test]
    fn the_first_price_stays_until_a_person_allows_another() {
        let folder = tempfile::tempdir().unwrap();
        let sellers = Sellers::at(folder.path().join("sellers"));
        let policy = |text: &str| [Level { name: "agent".into(), policy: Arc::new(text.parse().unwrap()) }];
        let asks = policy("total = \"1 USD\"\n[ask]\nnew_payee = true");
        let price = |text: &str| Some(text.parse().unwrap());
        assert_eq!(sellers.known(&asks, &purchase("0.01 USD")), Known::default());
        sellers.remember(&asks, &purchase("0.01 USD"), false);
        sellers.remember(&asks, &purchase("0.011 USD"), false);
        let known = sellers.known(&asks, &purchase("0.02 USD"));
        assert_eq!(known, Known { payee_paid: true, pinned: price("0.01 USD") });
        sellers.remember(&asks, &purchase("0.02 USD"), true);
        assert_eq!(sellers.known(&asks, &purchase("0.02 USD")).pinned, price("0.02 USD"));
        let other = Purchase { payee: Some("0xcd".into()), ..purchase("0.02 USD") };
        assert!(!sellers.known(&asks, &other).payee_paid, "another payee at the same place is new");
        let silent = policy("total = \"1 USD\"");
        assert_eq!(sellers.known(&silent, &purchase("0.02 USD")), Known::default());
    }
}
