//! A proxy on this machine, and agents that use it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use farthing_protocol::Timestamp;
use farthing_proxy::{Agents, Authority, Limits, Proxy, Purses, Reach, Tally, Token, Tokens};
use farthing_wallet::client::Order;
use farthing_wallet::{Ambient, PayingClient, WalletName};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::double::{self, Seller};

/// The longest upload that the proxies of these tests keep.
pub(crate) const UPLOAD_BYTES: usize = 256 * 1024;

/// A proxy in front of one wallet.
pub(crate) struct Street {
    pub(crate) home: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) tally: Tally,
    pub(crate) certificate: String,
    pub(crate) token: Token,
    _stop: oneshot::Sender<()>,
}

struct OneHome(std::path::PathBuf);

#[async_trait]
impl Purses for OneHome {
    async fn open(&self, wallet: &WalletName) -> Result<PayingClient, String> {
        assert_eq!(wallet.as_str(), double::AGENT);
        Ok(double::client(&self.0))
    }
}

/// The wallets of this directory.
pub(crate) fn one_home(home: &std::path::Path) -> Arc<dyn Purses> {
    Arc::new(OneHome(home.to_owned()))
}

/// The clock of certificates: clients of these tests look at the real one.
#[expect(clippy::disallowed_methods, reason = "TLS clients compare with the real time")]
pub(crate) fn real_time() -> Ambient {
    Ambient::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap())
    })
}

impl Street {
    /// One whose proxy goes to this seller, and whose agents need no token.
    pub(crate) async fn open(seller: &Seller, policy: &str) -> Self {
        Self::with(&[&seller.origin["http://".len()..]], policy, true).await
    }

    /// One whose proxy goes to these private hosts besides public ones.
    pub(crate) async fn with(private: &[&str], policy: &str, unnamed: bool) -> Self {
        let private = private.iter().map(|host| host.parse().unwrap()).collect();
        Self::reaching(Reach { private, ..Reach::default() }, policy, unnamed).await
    }

    pub(crate) async fn reaching(reach: Reach, policy: &str, unnamed: bool) -> Self {
        Self::within(Limits { upload_bytes: UPLOAD_BYTES, ..Limits::default() }, reach, policy, unnamed).await
    }

    pub(crate) async fn within(limits: Limits, reach: Reach, policy: &str, unnamed: bool) -> Self {
        Self::of(one_home, limits, (reach, &[]), policy, unnamed).await
    }

    /// One whose authority is good for this domain alone.
    pub(crate) async fn vouching_for(domain: &str, reach: Reach, policy: &str) -> Self {
        Self::of(one_home, Limits::default(), (reach, &[domain.to_owned()]), policy, true).await
    }

    pub(crate) async fn of(
        purses: impl FnOnce(&std::path::Path) -> Arc<dyn Purses>,
        limits: Limits,
        (reach, only): (Reach, &[String]),
        policy: &str,
        unnamed: bool,
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        double::create(home.path(), Some(policy));
        let directory = home.path().join("proxy");
        let agent: WalletName = double::AGENT.parse().unwrap();
        let authority = Authority::open(&directory, only, &real_time()).unwrap();
        let tokens = Tokens::at(&directory.join("tokens"));
        let token = tokens.make(&agent, &real_time()).unwrap();
        let mut agents = Agents::new(purses(home.path()), tokens);
        if unnamed {
            agents = agents.or_else(agent);
        }
        let certificate = authority.pem().to_owned();
        let proxy = Proxy::new(agents, authority, reach, Order::default(), limits).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, tally) = (listener.local_addr().unwrap(), proxy.tally());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(proxy.serve(listener, async { drop(stopped.await) }));
        Self { home, address, tally, certificate, token, _stop: stop }
    }

    /// An agent that follows no redirects and trusts the proxy's certificates alone.
    pub(crate) fn agent(&self) -> reqwest::Client {
        self.agent_with(self.unnamed())
    }

    /// One with this password.
    pub(crate) fn agent_named(&self, password: &str) -> reqwest::Client {
        self.agent_with(self.unnamed().basic_auth(double::AGENT, password))
    }

    /// One that speaks HTTP/1.1 alone.
    pub(crate) fn agent_of_http1(&self) -> reqwest::Client {
        self.building(self.unnamed(), [self.own_certificate()]).http1_only().build().unwrap()
    }

    /// One that trusts only this.
    pub(crate) fn agent_that_trusts(&self, authority: &[u8]) -> reqwest::Client {
        let trusted = reqwest::Certificate::from_der(authority).unwrap();
        self.building(self.unnamed(), [trusted]).build().unwrap()
    }

    /// One that trusts no certificate.
    pub(crate) fn agent_that_trusts_nobody(&self) -> reqwest::Client {
        self.building(self.unnamed(), []).build().unwrap()
    }

    fn unnamed(&self) -> reqwest::Proxy {
        reqwest::Proxy::all(format!("http://{}", self.address)).unwrap()
    }

    fn own_certificate(&self) -> reqwest::Certificate {
        reqwest::Certificate::from_pem(self.certificate.as_bytes()).unwrap()
    }

    fn agent_with(&self, proxy: reqwest::Proxy) -> reqwest::Client {
        self.building(proxy, [self.own_certificate()]).build().unwrap()
    }

    fn building<const COUNT: usize>(
        &self,
        proxy: reqwest::Proxy,
        trusted: [reqwest::Certificate; COUNT],
    ) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder().proxy(proxy).redirect(reqwest::redirect::Policy::none());
        builder.tls_certs_only(trusted).timeout(Duration::from_secs(60))
    }
}
