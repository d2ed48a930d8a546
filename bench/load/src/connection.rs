use anyhow::{Context as _, ensure};
use bytes::Bytes;
use farthing_protocol::Challenge;
use http::header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// One kept-alive HTTP/1.1 connection to one URL.
pub(crate) struct Connection {
    sender: SendRequest<Empty<Bytes>>,
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

    /// Fetches once, with the whole body; returns the status.
    pub(crate) async fn fetch(&mut self, credential: Option<HeaderValue>) -> anyhow::Result<StatusCode> {
        let mut response = self.send(credential).await?;
        while let Some(frame) = response.body_mut().frame().await {
            frame?;
        }
        Ok(response.status())
    }

    /// Fetches once without paying and reads the first challenge.
    pub(crate) async fn challenge(&mut self) -> anyhow::Result<Challenge> {
        let response = self.send(None).await?;
        ensure!(response.status() == StatusCode::PAYMENT_REQUIRED, "expected 402, got {}", response.status());
        let lines = response.headers().get_all(WWW_AUTHENTICATE).iter().map(HeaderValue::as_bytes);
        let challenge = Challenge::parse_all(lines).into_iter().next().context("a 402 without a challenge")??;
        response.into_body().collect().await?;
        Ok(challenge)
    }

    async fn send(&mut self, credential: Option<HeaderValue>) -> anyhow::Result<Response<Incoming>> {
        let mut request = Request::get(self.path.clone()).header(HOST, self.host.clone());
        if let Some(credential) = credential {
            request = request.header(AUTHORIZATION, credential);
        }
        self.sender.ready().await?;
        Ok(self.sender.send_request(request.body(Empty::new())?).await?)
    }
}
