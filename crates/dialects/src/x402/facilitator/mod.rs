//! What resource servers and a facilitator say to each other: `POST /verify` and `POST /settle` take a
//! [`FacilitatorRequest`] and answer with [`Verified`](super::Verified) and [`Settled`](super::Settled),
//! `GET /supported` answers with [`Supported`], `GET /discovery/resources` takes a [`Query`] and answers
//! with a [`Page`].

mod discovery;
mod request;
mod supported;

pub use discovery::{CatalogueItem, Page, Query};
pub use request::{FacilitatorRequest, NotARequest};
pub use supported::{Kind, Supported};
