use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use farthing_protocol::Challenge;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What a request carries beside its URL.
#[derive(Clone, Default)]
pub(crate) enum Charge {
    /// Nothing: a GET.
    #[default]
    Blank,
    /// A credential in `Authorization`: a GET that pays.
    Credential(HeaderValue),
    /// A JSON body: a POST.
    Body(Bytes),
}

/// One kept-alive HTTP/1.1 connection to one URL.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    path: Uri,
}

impl Connection {
    pub(crate) async fn open(url: &Uri) -> anyhow::Result<Self> {
        let authority = url.authority().context("the URL names no host")?.as_str();
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let stream = TcpStream::connect(authority).await.with_context(|| format!("cannot connect to {authority}"))?;
        stream.set_nodelay(true)?;
        let (sender, driver) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driver);
        Ok(Self { sender, host: HeaderValue::from_str(authority)?, path: path.parse()? })
    }

    /// Fetches once, with the whole body, which must contain what is expected; returns the status.
    pub(crate) async fn fetch(&mut self, charge: Charge, expected: Option<&str>) -> anyhow::Result<StatusCode> {
        let mut response = self.send(charge).await?;
        let status = response.status();
        let Some(expected) = expected else {
            while let Some(frame) = response.body_mut().frame().await {
                frame?;
            }
            return Ok(status);
        };
        let body = response.into_body().collect().await?.to_bytes();
        let text = String::from_utf8_lossy(&body);
        if !text.contains(expected) {
            bail!("the answer {status} has no {expected:?}: {text}");
        }
        Ok(status)
    }

    /// Fetches once without paying and reads the first challenge.
    pub(crate) async fn challenge(&mut self) -> anyhow::Result<Challenge> {
        let response = self.send(Charge::Blank).await?;
        ensure!(response.status() == StatusCode::PAYMENT_REQUIRED, "expected 402, got {}", response.status());
        let lines = response.headers().get_all(WWW_AUTHENTICATE).iter().map(HeaderValue::as_bytes);
        let challenge = Challenge::parse_all(lines).into_iter().next().context("a 402 without a challenge")??;
        response.into_body().collect().await?;
        Ok(challenge)
    }

    async fn send(&mut self, charge: Charge) -> anyhow::Result<Response<Incoming>> {
        let path = self.path.clone();
        let (request, body) = match charge {
            Charge::Blank => (Request::get(path), Bytes::new()),
            Charge::Credential(credential) => (Request::get(path).header(AUTHORIZATION, credential), Bytes::new()),
            Charge::Body(body) => (Request::post(path).header(CONTENT_TYPE, "application/json"), body),
        };
        let request = request.header(HOST, self.host.clone()).body(Full::new(body))?;
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}
