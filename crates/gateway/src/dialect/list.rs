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
    description: Option<String>,
    extensions: JsonObject,
    public_url: Option<String>,
    /// Whether payments of version 1 are taken, and its price list stands in the body.
    pub(crate) first_version: bool,
    /// The header value with every listed offer.
    template: Template,
}

/// What a price list is made of.
pub(crate) struct Listing {
    pub(crate) description: Option<String>,
    pub(crate) extensions: JsonObject,
    /// Where clients see this gateway, if that is known.
    pub(crate) public_url: Option<String>,
    pub(crate) first_version: bool,
}

impl PriceList {
    /// The list of these offers, each with its place among the route's and how many bytes the route's
    /// challenges before it take; offers that do not fit into the budget with them are not listed.
    pub(crate) fn of(offers: Vec<(usize, Requirements, usize)>, listing: Listing, budget: usize) -> Option<Self> {
        if offers.is_empty() {
            return None;
        }
        let Listing { description, extensions, public_url, first_version } = listing;
        let lengths: Vec<usize> = offers.iter().map(|(_, _, challenges)| *challenges).collect();
        let (places, offers): (Vec<usize>, Vec<Requirements>) =
            offers.into_iter().map(|(place, offer, _)| (place, offer)).unzip();
        let of_first = |count: usize| template(offers.iter().take(count), description.as_deref(), &extensions);
        let fits = |(index, challenges): &(usize, &usize)| {
            of_first(index + 1).length() + VARYING_BYTES + *challenges <= budget
        };
        let listed = lengths.iter().enumerate().take_while(fits).count().max(1);
        let template = of_first(listed);
        Some(Self { listed, offers, places, description, extensions, public_url, first_version, template })
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
        &self.extensions
    }

    /// The URL of what is asked for, without its query: that may hold what nobody else should see.
    pub(crate) fn url_of(&self, asked: Asked<'_>) -> String {
        let path = asked.target.path();
        match &self.public_url {
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
        let (mut all, mut none) = (true, true);
        for place in self.places.iter().take(self.listed) {
            let made = is_made(*place);
            all &= made;
            none &= !made;
        }
        if none {
            return None;
        }
        let url = self.url_of(asked);
        let header = if all {
            self.template.to_header(&url, error)
        } else {
            let made = self.listed_with_places().filter(|(place, _)| is_made(*place)).map(|(_, offer)| offer);
            template(made, self.description.as_deref(), &self.extensions).to_header(&url, error)
        };
        HeaderValue::from_maybe_shared(bytes::Bytes::from(header)).ok()
    }

    /// A problem with the price list of version 1 among its members.
    pub(crate) fn body(
        &self,
        problem: &Problem,
        asked: Asked<'_>,
        error: Option<&str>,
        is_made: impl Fn(usize) -> bool,
    ) -> String {
        let resource = Resource { url: self.url_of(asked), description: self.description.clone(), mime_type: None };
        let made = self.listed_with_places().filter(|(place, _)| is_made(*place));
        let required = PaymentRequired {
            version: Version::V1,
            error: Some(error.unwrap_or("payment required").to_owned()),
            resource,
            accepts: made.map(|(_, offer)| offer.clone()).collect(),
            extensions: JsonObject::new(),
        };
        let mut body = problem.to_value();
        if let Some(members) = body.as_object_mut() {
            members.extend(required.to_first_version());
        }
        body.to_string()
    }

    fn listed_with_places(&self) -> impl Iterator<Item = (usize, &Requirements)> {
        self.places.iter().copied().zip(&self.offers).take(self.listed)
    }
}

/// The header value with these offers, but for the address of what is asked for.
fn template<'a>(
    offers: impl Iterator<Item = &'a Requirements>,
    description: Option<&str>,
    extensions: &JsonObject,
) -> Template {
    Template::new(&PaymentRequired {
        version: Version::V2,
        error: None,
        resource: Resource { description: description.map(str::to_owned), ..Resource::default() },
        accepts: offers.cloned().collect(),
        extensions: extensions.clone(),
    })
}
