//! The price list of a route, written once but for the address of what is asked for.

use farthing_dialects::x402::{PaymentRequired, Requirements, Resource, Template, Version};
use farthing_protocol::{JsonObject, Problem};
use http::header::HeaderValue;

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
}

/// What a price list says beside the offers.
pub(crate) struct Listing {
    pub(crate) description: Option<String>,
    pub(crate) extensions: JsonObject,
    /// Where clients see this gateway, if that is known.
    pub(crate) public_url: Option<String>,
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
        let first = |count: usize| Template::new(&listing.required(String::new(), offers.iter().take(count)));
        let fits = |(count, challenges): &(usize, usize)| first(*count).length() + VARYING_BYTES + challenges <= budget;
        let listed = (1..).zip(challenges).take_while(fits).count().max(1);
        let template = first(listed);
        Some(Self { offers, places, listed, listing, template })
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

    /// The value of `PAYMENT-REQUIRED`. `is_made` says which of the route's offers are made just now; nothing
    /// when none of the listed ones is.
    pub(crate) fn header(
        &self,
        asked: Asked<'_>,
        error: Option<&str>,
        is_made: impl Fn(usize) -> bool,
    ) -> Option<HeaderValue> {
        let made = self.places.iter().take(self.listed).filter(|place| is_made(**place)).count();
        let url = self.url_of(asked);
        let header = match made {
            0 => return None,
            all if all == self.listed => self.template.to_header(&url, error),
            _ => Template::new(&self.listing.required(String::new(), self.made(is_made))).to_header(&url, error),
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
        let mut required = self.listing.required(self.url_of(asked), self.made(is_made));
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
    fn required<'a>(&self, url: String, offers: impl Iterator<Item = &'a Requirements>) -> PaymentRequired {
        PaymentRequired {
            version: Version::V2,
            error: None,
            resource: Resource { url, description: self.description.clone(), mime_type: None },
            accepts: offers.cloned().collect(),
            extensions: self.extensions.clone(),
        }
    }
}
