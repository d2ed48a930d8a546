use std::fmt;

use farthing_protocol::{Credential, Timestamp, base64url};
use farthing_rail::{Answer, Became, NotPayable, Origin, SignError};

use crate::buyer::{ClientEnabler, TokenOrder};
use crate::{DynamicData, DynamicKind, Network, NetworkToken, Payload, Personal, Random};

/// The number of every token of the sandbox but the declined: in a range that no network gives out.
const NUMBER: &str = "0000000000000001";
/// A month that is long in coming.
const ENDS: &str = "2099-12";

/// A client's enabler that makes tokens which stand for no card. It pays servers on this machine only: anybody else
/// would be told that a card pays which does not exist.
#[derive(Clone, Copy)]
pub struct SandboxClient {
    random: Random,
    is_declined: bool,
}

impl SandboxClient {
    /// Tokens that a sandbox takes.
    pub fn new(random: Random) -> Self {
        Self { random, is_declined: false }
    }

    /// Tokens that a sandbox declines.
    #[must_use]
    pub fn declined(self) -> Self {
        Self { is_declined: true, ..self }
    }

    fn make(&self, order: &TokenOrder) -> Result<Payload, SignError> {
        let failed = |why: &str| SignError::Key(why.to_owned());
        let mut cryptogram = [0; 20];
        self.random.fill(&mut cryptogram).map_err(|_| failed("this machine gives no randomness"))?;
        let number = if self.is_declined { format!("000000000000{}", super::DECLINED) } else { NUMBER.to_owned() };
        let token = NetworkToken {
            number: Personal::new(number),
            ends: Personal::new(ENDS.to_owned()),
            indicator: Some("05".to_owned()),
            dynamic: DynamicData {
                kind: DynamicKind::LongForm,
                value: Some(Personal::new(base64url::encode(cryptogram))),
                expires: Some(order.expires),
            },
            challenge: Some(order.challenge.clone()),
        };
        let sealed = order.key.seal(token.to_plain().as_bytes(), self.random);
        let address = r#"{"country":"ZZ","line1":"Sandbox"}"#;
        Ok(Payload {
            encrypted: Personal::new(sealed.map_err(|error| failed(&error.to_string()))?),
            network: order.network,
            last_four: Personal::new("0001".to_owned()),
            ends: Personal::new(ENDS.to_owned()),
            billing_address: order.billing_required.then(|| Personal::new(address.to_owned())),
            holder: None,
            account_reference: None,
        })
    }
}

impl ClientEnabler for SandboxClient {
    fn networks(&self) -> &[Network] {
        &[Network::Visa, Network::Mastercard, Network::Amex, Network::Discover]
    }

    fn pays_at(&self, origin: &Origin) -> Result<(), NotPayable> {
        let host = origin.as_str().split_once("://").map_or("", |(_, authority)| authority);
        let host =
            host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |h| h.0);
        if ["localhost", "127.0.0.1", "[::1]"].contains(&host) {
            return Ok(());
        }
        Err(NotPayable("the wallet's card is a sandbox's, which pays servers on this machine only".to_owned()))
    }

    fn token<'a>(&'a self, order: &'a TokenOrder) -> Answer<'a, Result<Payload, SignError>> {
        Box::pin(std::future::ready(self.make(order)))
    }

    /// A token ends with its challenge, and no money ever moves by it.
    fn became<'a>(&'a self, credential: &'a Credential, now: Timestamp) -> Answer<'a, Became> {
        let is_over = credential.challenge().is_expired(now);
        Box::pin(std::future::ready(if is_over { Became::Never } else { Became::Unknown }))
    }
}

impl fmt::Debug for SandboxClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SandboxClient(..)")
    }
}
