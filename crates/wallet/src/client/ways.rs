//! By which ways requests go out, and where none goes.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, ClientBuilder, Request, Response, redirect};

use super::transport::{Lost, Transport};
use super::{PayError, PayingClient};
use crate::reach::{Listed, NameError, Private, PublicOnly, Trust, trust};

/// Clients that follow no redirect by themselves: where a credential goes is decided here.
#[derive(Clone)]
pub(super) enum Ways {
    /// The caller chose where requests go.
    Anywhere(Client),
    /// Somebody else did, so they go to public addresses and to hosts that the owner listed.
    Public { public: Client, private: Client, listed: Arc<[Listed]> },
}

impl Ways {
    pub(super) fn anywhere(silence: Duration) -> Result<Self, PayError> {
        Ok(Self::Anywhere(built(usual(Some(silence)))?))
    }

    fn public(silence: Option<Duration>, listed: Arc<[Listed]>) -> Result<Self, PayError> {
        // Another proxy would look names up by itself, and go where they lead.
        let public = built(usual(silence).no_proxy().dns_resolver(PublicOnly::default()))?;
        Ok(Self::Public { public, private: built(usual(silence).no_proxy())?, listed })
    }

    /// The same for sockets: they begin as requests of HTTP/1.1 and stay open for as long as they like.
    pub(super) fn for_sockets(&self) -> Result<Self, PayError> {
        match self {
            Self::Anywhere(_) => Ok(Self::Anywhere(built(usual(None))?)),
            Self::Public { listed, .. } => Self::public(None, Arc::clone(listed)),
        }
    }

    /// The client for this request.
    fn of(&self, request: &Request) -> Result<&Client, Private> {
        let (public, private, listed) = match self {
            Self::Anywhere(client) => return Ok(client),
            Self::Public { public, private, listed } => (public, private, listed),
        };
        // A URL of HTTP has a host; of what has none, the client says what is wrong.
        let Some((host, port)) = request.url().host().zip(request.url().port_or_known_default()) else {
            return Ok(public);
        };
        match trust(listed, &host.to_owned(), port)? {
            Trust::Public => Ok(public),
            Trust::Listed => Ok(private),
        }
    }
}

impl PayingClient {
    /// The same client for requests that others choose, such as a model or a page: it goes to public addresses, and
    /// to hosts listed here, and to no other, by whatever name or redirect. No proxy of the environment is asked.
    ///
    /// # Errors
    ///
    /// When no HTTP client can be made.
    pub fn keeping_to_public_and(mut self, listed: &[Listed]) -> Result<Self, PayError> {
        self.http = Ways::public(Some(self.settings.silence), listed.into())?;
        Ok(self)
    }

    /// The same client where what it asks by itself goes out through `http`, whose maker chose where that goes, and which
    /// must follow no redirects.
    #[must_use]
    pub fn through(self, http: Client) -> Self {
        Self { http: Ways::Anywhere(http), ..self }
    }
}

/// `silence` is how long a server may say nothing; as long as it likes on sockets, which have none.
fn usual(silence: Option<Duration>) -> ClientBuilder {
    let builder = Client::builder().redirect(redirect::Policy::none()).referer(false);
    let builder = builder.connect_timeout(Duration::from_secs(10));
    match silence {
        Some(silence) => builder.read_timeout(silence),
        None => builder.http1_only(),
    }
}

fn built(builder: ClientBuilder) -> Result<Client, PayError> {
    builder.build().map_err(|error| PayError::Request(error.without_url().to_string()))
}

#[async_trait]
impl Transport for Ways {
    async fn send(&self, request: Request) -> Result<Response, Lost> {
        let client = self.of(&request)?;
        let (host, port) = (request.url().host_str().map(str::to_owned), request.url().port_or_known_default());
        client.execute(request).await.map_err(|error| match host.zip(port) {
            Some((host, port)) if leads_inside(&error) => Private { host, port }.into(),
            _ => Lost::from(&error),
        })
    }

    fn may_redirect(&self) -> bool {
        false
    }
}

/// Whether a name was not resolved because of where it leads.
fn leads_inside(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(deeper) = cause {
        if matches!(deeper.downcast_ref(), Some(NameError::LeadsInside)) {
            return true;
        }
        cause = deeper.source();
    }
    false
}
