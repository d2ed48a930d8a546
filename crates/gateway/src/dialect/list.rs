//! The price list of a route, written once but for the address of what is asked for.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use farthing_dialects::x402::{PaymentRequired, Requirements, Resource, Template, Version};
use farthing_protocol::{JsonObject, Problem, Timestamp};
use farthing_rail::RecoverableSigner;
use http::header::HeaderValue;

use super::signed::{NotSigned, SignedOffers};
use crate::quote::Asked;

/// Room for the address of what is asked for and for the reason of a refusal, in bytes.
const VARYING_BYTES: usize = 320;

/// What x402 clients are told of a route.
pub(crate) struct PriceList {
    /// Every x402 offer of the route, and its place among the route's offers.
    offers: Vec<Requirements>,
    places: Vec<usize>,
    /// How many of the first are listed.
    listed: usize,
    listing: Listing,
    template: Template,
    /// The same with signatures, from time to time made anew.
    signed: ArcSwapOption<SignedOffers>,
    /// How many bytes a template may have whose list is an addition to what must be said.
    room: usize,
}

/// What a price list says beside the offers.
pub(crate) struct Listing {
    pub(crate) description: Option<String>,
    pub(crate) extensions: JsonObject,
    /// Where clients see this gateway, if that is known.
    pub(crate) public_url: Option<String>,
    /// The path of the route, its parameters in braces.
    pub(crate) path: String,
    /// How many bytes the route's challenges take together.
    pub(crate) challenges: usize,
    /// Whether payments of version 1 are taken, and its price list stands in the body.
    pub(crate) first_version: bool,
}

impl PriceList {
    /// The list of these offers, each with its place among the route's and how many bytes the route's
    /// challenges before it take; offers that do not fit into the budget with them are not listed.
    pub(crate) fn of(offers: Vec<(usize, Requirements, usize)>, listing: Listing, budget: usize) -> Option<Self> {
        if offers.is_empty() {
            return None;
        }
        let challenges: Vec<usize> = offers.iter().map(|(_, _, bytes)| *bytes).collect();
        let (places, offers): (Vec<usize>, Vec<Requirements>) =
            offers.into_iter().map(|(place, offer, _)| (place, offer)).unzip();
        let told = || listing.extensions.clone();
        let first = |count: usize| Template::new(&listing.required(String::new(), offers.iter().take(count), told()));
        let fits = |(count, challenges): &(usize, usize)| first(*count).length() + VARYING_BYTES + challenges <= budget;
        let listed = (1..).zip(challenges).take_while(fits).count().max(1);
        let template = first(listed);
        let room = budget.saturating_sub(VARYING_BYTES + listing.challenges);
        Some(Self { offers, places, listed, listing, template, signed: ArcSwapOption::empty(), room })
    }

    /// Whether payments of version 1 are taken.
    pub(crate) fn takes_first_version(&self) -> bool {
        self.listing.first_version
    }

    /// The offers that clients are told of.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &Requirements> {
        self.offers.iter().take(self.listed)
    }

    /// Every offer, for matching what a payment answers; [`PriceList::place`] says which of the route's it is.
    pub(crate) fn offers(&self) -> &[Requirements] {
        &self.offers
    }

    /// The place among the route's offers.
    pub(crate) fn place(&self, index: usize) -> Option<usize> {
        self.places.get(index).copied()
    }

    /// What clients are told beside the offers.
    pub(crate) fn extensions(&self) -> &JsonObject {
        &self.listing.extensions
    }

    /// The URL of what is asked for, without its query: that may hold what nobody else should see.
    pub(crate) fn url_of(&self, asked: Asked<'_>) -> String {
        let path = asked.target.path();
        match &self.listing.public_url {
            Some(public_url) => format!("{public_url}{path}"),
            None => {
                let authority = asked.target.authority().to_str().unwrap_or_default();
                format!("{}://{authority}{path}", asked.scheme)
            }
        }
    }

    /// The URL of what stands at this path, as what is signed names it; `None` where clients see the route is not
    /// known before they ask.
    pub(super) fn url_at(&self, path: &str) -> Option<String> {
        self.listing.public_url.as_ref().map(|public_url| format!("{public_url}{path}"))
    }

    /// Signs the listed offers for as long as they may be shown with it. Each names the route as it is written.
    pub(crate) async fn sign(&self, key: &dyn RecoverableSigner, until: Timestamp) -> Result<(), NotSigned> {
        let Some(url) = self.url_at(&self.listing.path) else { return Ok(()) };
        let with = |told| {
            let extensions = self.listing.extensions.clone().into_iter().chain(told).collect();
            Template::new(&self.listing.required(String::new(), self.listed(), extensions))
        };
        let signed = SignedOffers::sign(&url, self.listed(), key, until, with).await?;
        if signed.template.length() > self.room {
            return Err(NotSigned::TooLong);
        }
        self.signed.store(Some(Arc::new(signed)));
        Ok(())
    }

    /// The value of `PAYMENT-REQUIRED`. `is_made` says which of the route's offers are made just now; nothing
    /// when none of the listed ones is.
    pub(crate) fn header(
        &self,
        asked: Asked<'_>,
        error: Option<&str>,
        is_made: impl Fn(usize) -> bool,
        now: Timestamp,
    ) -> Option<HeaderValue> {
        let made = self.places.iter().take(self.listed).filter(|place| is_made(**place)).count();
        let url = self.url_of(asked);
        let signed = self.signed.load();
        let signed = signed.as_deref().filter(|signed| signed.are_valid(now));
        let header = match made {
            0 => return None,
            all if all == self.listed => {
                signed.map_or(&self.template, |signed| &signed.template).to_header(&url, error)
            }
            _ => {
                let mut told = self.listing.extensions.clone();
                let offers = signed.map(|signed| signed.told(|index| self.place(index).is_some_and(&is_made)));
                told.extend(offers.into_iter().flatten());
                Template::new(&self.listing.required(String::new(), self.made(is_made), told)).to_header(&url, error)
            }
        };
        HeaderValue::from_maybe_shared(bytes::Bytes::from(header)).ok()
    }

    /// A problem, with the price list of version 1 among its members unless it is empty.
    pub(crate) fn body(
        &self,
        problem: &Problem,
        asked: Asked<'_>,
        error: Option<&str>,
        is_made: impl Fn(usize) -> bool,
    ) -> String {
        let mut required = self.listing.required(self.url_of(asked), self.made(is_made), JsonObject::new());
        required.error = Some(error.unwrap_or("payment required").to_owned());
        let mut body = problem.to_value();
        if let Some(members) = body.as_object_mut().filter(|_| !required.accepts.is_empty()) {
            members.extend(required.to_first_version());
        }
        body.to_string()
    }

    /// The listed offers that are made.
    fn made(&self, is_made: impl Fn(usize) -> bool) -> impl Iterator<Item = &Requirements> {
        let listed = self.places.iter().zip(&self.offers).take(self.listed);
        listed.filter(move |(place, _)| is_made(**place)).map(|(_, offer)| offer)
    }
}

impl Listing {
    fn required<'a>(
        &self,
        url: String,
        offers: impl Iterator<Item = &'a Requirements>,
        extensions: JsonObject,
    ) -> PaymentRequired {
        PaymentRequired {
            version: Version::V2,
            error: None,
            resource: Resource { url, description: self.description.clone(), mime_type: None },
            accepts: offers.cloned().collect(),
            extensions,
        }
    }
}
