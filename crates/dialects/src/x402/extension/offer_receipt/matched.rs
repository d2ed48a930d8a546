use farthing_protocol::Timestamp;

use super::{Offer, Signed, offers};
use crate::x402::model::is_same_site;
use crate::x402::{PriceList, Requirements};

/// Why an entry of a price list is not what its server signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSigned {
    /// What is signed says something else, or cannot be read.
    #[error("the entry is none of the offers that the server signed")]
    Unlike,
    /// It was signed for another site.
    #[error("the signed offer is for {0:?}, which is not on the site that was asked")]
    Elsewhere(String),
    /// Its time is over.
    #[error("the signed offer has expired")]
    Expired,
}

impl PriceList {
    /// The signed offers that say what an entry says: found by that alone, since an index beside a signature
    /// is nobody's word. None where the server signs nothing; where it signs anything, it signs every entry
    /// that it means. Their proofs are not checked here.
    pub fn signed_offers(
        &self,
        entry: &Requirements,
        asked_url: &str,
        now: Timestamp,
    ) -> Result<Vec<Signed<Offer>>, NotSigned> {
        let signed = offers(&self.extensions);
        if signed.is_empty() {
            return Ok(Vec::new());
        }
        let says_it = |offer: &Signed<Offer>| {
            let offer = offer.statement();
            let always = Offer { valid_until: None, ..offer.clone() };
            always.is_of(&offer.resource_url, entry, now)
        };
        let alike: Vec<_> = signed.into_iter().filter_map(Result::ok).filter(says_it).collect();
        let Some(first) = alike.first() else { return Err(NotSigned::Unlike) };
        let elsewhere = NotSigned::Elsewhere(first.statement().resource_url.chars().take(128).collect());
        let here = |offer: &Signed<Offer>| {
            let url = &offer.statement().resource_url;
            !url.starts_with('/') && is_same_site(url, asked_url)
        };
        let here: Vec<_> = alike.into_iter().filter(here).collect();
        if here.is_empty() {
            return Err(elsewhere);
        }
        let is_open = |offer: &Signed<Offer>| offer.statement().is_of(&offer.statement().resource_url, entry, now);
        let open: Vec<_> = here.into_iter().filter(is_open).collect();
        if open.is_empty() { Err(NotSigned::Expired) } else { Ok(open) }
    }
}
