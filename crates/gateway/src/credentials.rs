//! What a request pays with: at most one credential, in one of three headers.

use farthing_books::session::INTENT;
use farthing_dialects::x402::{PaymentPayload, Version, Words};
use farthing_protocol::Credential;
use farthing_protocol::credential::CredentialError;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::dialect::{FIRST_SIGNATURE, SIGNATURE, Spoken};

/// Credentials that are not taken here: beside one that is, nobody can say which one pays.
const FOREIGN: [HeaderName; 2] =
    [HeaderName::from_static("payment-authorization"), HeaderName::from_static("x-atxp-payment")];

/// What a request pays with.
pub(crate) enum Carried {
    /// Nothing.
    Nothing,
    /// This.
    One(Box<Presented>),
    /// Something in this protocol that cannot be read. The reason never quotes it.
    Unreadable(Spoken, String),
    /// More than one credential.
    Several,
}

/// A credential as its protocol writes it.
pub(crate) enum Presented {
    /// An answer to one of our challenges.
    Credential(Credential),
    /// A payment for an offer that x402 was told of.
    Payment(PaymentPayload),
}

impl Presented {
    /// In which protocol.
    pub(crate) fn spoken(&self) -> Spoken {
        match self {
            Self::Credential(_) => Spoken::Payment,
            Self::Payment(payment) => Spoken::X402(payment.version, Words::of(payment.scheme(), &payment.payload)),
        }
    }
}

impl Presented {
    /// The credential, if it is one of a session: those are bound to no request in particular.
    pub(crate) fn of_session(self: Box<Self>) -> Result<Credential, Box<Self>> {
        match &*self {
            Self::Credential(credential) if credential.challenge().intent().as_str() == INTENT => {}
            _ => return Err(self),
        }
        match *self {
            Self::Credential(credential) => Ok(credential),
            other => Err(Box::new(other)),
        }
    }
}

/// Reads the credential of a request, before anything about it is checked.
pub(crate) fn read(headers: &HeaderMap) -> Carried {
    let lines = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
    let payment = Credential::from_lines(lines);
    let count = |name: &HeaderName| headers.get_all(name).iter().count();
    let (signatures, first_signatures) = (count(&SIGNATURE), count(&FIRST_SIGNATURE));
    let own = usize::from(!matches!(payment, Ok(None))) + signatures + first_signatures;
    let foreign: usize = FOREIGN.iter().map(count).sum();
    if matches!(payment, Err(CredentialError::Several)) || own > 1 || (own == 1 && foreign > 0) {
        return Carried::Several;
    }
    match payment {
        Ok(Some(credential)) => return Carried::One(Box::new(Presented::Credential(credential))),
        Ok(None) => {}
        Err(error) => return Carried::Unreadable(Spoken::Payment, error.to_string()),
    }
    let named = [(Version::V2, SIGNATURE), (Version::V1, FIRST_SIGNATURE)];
    let found = named.into_iter().find_map(|(version, name)| Some((version, headers.get(name)?)));
    let Some((version, value)) = found else { return Carried::Nothing };
    let unreadable = Spoken::X402(version, Words::Authorization);
    match PaymentPayload::from_header(value.as_bytes()) {
        Ok(payment) if payment.version == version => Carried::One(Box::new(Presented::Payment(payment))),
        Ok(_) => {
            let reason = "version 1 of x402 is paid with X-PAYMENT, and version 2 with PAYMENT-SIGNATURE".to_owned();
            Carried::Unreadable(unreadable, reason)
        }
        Err(error) => Carried::Unreadable(unreadable, error.to_string()),
    }
}
