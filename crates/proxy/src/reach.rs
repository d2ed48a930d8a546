//! Where requests may go: public addresses, and what the owner listed.

use std::net::SocketAddr;

use farthing_wallet::reach::{Listed, NameError, Names, Private, Trust, trust};
use rustls::pki_types::CertificateDer;
use url::{Host, Url};

use crate::Refusal;

/// Ports that a tunnel may lead to without being listed.
const PORTS: [u16; 2] = [443, 80];

/// What may be reached, besides public addresses on the usual ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Hosts that may be on a private address.
    pub private: Vec<Listed>,
    /// Ports that tunnels may lead to besides 443 and 80.
    pub ports: Vec<u16>,
    /// Hosts whose tunnels are joined as they are: nothing in them is seen, and nothing is paid.
    pub tunnels: Vec<Listed>,
    /// Authorities whose servers are trusted besides those that this system trusts.
    pub authorities: Vec<CertificateDer<'static>>,
}

impl Reach {
    /// Whether a request may go to this URL, as far as can be said before its name is resolved.
    pub(crate) fn of(&self, url: &Url) -> Result<Trust, Refusal> {
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(Refusal::NotForAProxy);
        };
        self.of_host(&host.to_owned(), port)
    }

    pub(crate) fn of_host(&self, host: &Host, port: u16) -> Result<Trust, Refusal> {
        Ok(trust(&self.private, host, port)?)
    }

    /// Whether a tunnel may lead to this port of a host.
    pub(crate) fn is_open(&self, host: &Host, port: u16) -> bool {
        PORTS.contains(&port)
            || self.ports.contains(&port)
            || [&self.private, &self.tunnels].iter().any(|list| list.iter().any(|each| each.names_port(host, port)))
    }

    /// Whether tunnels to this host are joined as they are.
    pub(crate) fn is_tunnelled(&self, host: &Host, port: u16) -> bool {
        self.tunnels.iter().any(|each| each.names(host, port))
    }

    /// The addresses that may be connected to.
    pub(crate) async fn addresses(&self, host: &Host, port: u16, names: &Names) -> Result<Vec<SocketAddr>, Refusal> {
        let found = match (host, self.of_host(host, port)?) {
            (Host::Ipv4(address), _) => return Ok(vec![SocketAddr::from((*address, port))]),
            (Host::Ipv6(address), _) => return Ok(vec![SocketAddr::from((*address, port))]),
            (Host::Domain(name), Trust::Public) => names.public(name, port).await,
            (Host::Domain(name), Trust::Listed) => names.any(name, port).await.map_err(NameError::from),
        };
        found.map_err(|error| match error {
            NameError::Lookup(error) => Refusal::Unreachable { reason: error.to_string() },
            _ => Private { host: host.to_string(), port }.into(),
        })
    }

    /// Whether any host of this machine is listed, so that programs must not go past the proxy to reach it.
    pub fn lists_this_machine(&self) -> bool {
        self.private.iter().any(|listed| match listed.host() {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        })
    }
}

impl From<Private> for Refusal {
    fn from(Private { host, port }: Private) -> Self {
        Self::Private { host, port }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(private: &[&str]) -> Reach {
        Reach { private: private.iter().map(|host| host.parse().unwrap()).collect(), ..Reach::default() }
    }

    fn of(reach: &Reach, url: &str) -> Result<Trust, Refusal> {
        reach.of(&url.parse().unwrap())
    }

    #[test]
    fn w_14_no_spelling_of_a_private_address_is_reached() {
        let nothing = Reach::default();
        for host in [
            "127.0.0.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0x7f.1",
            "127.1",
            "169.254.169.254",
            "2852039166",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::7f00:1]",
            "10.0.0.1",
            "100.64.0.1",
            "0",
            "224.0.0.1",
            "[fd00:ec2::254]",
            "１２７.0.0.1",
            "127.0.0.1.",
        ] {
            for url in [format!("http://{host}/"), format!("https://{host}/x"), format!("https://{host}:8443/")] {
                assert!(matches!(of(&nothing, &url), Err(Refusal::Private { .. })), "{url}");
            }
        }
        assert_eq!(of(&nothing, "https://1.1.1.1/"), Ok(Trust::Public));
        assert_eq!(of(&nothing, "https://api.example.com/"), Ok(Trust::Public));
    }

    #[test]
    fn what_is_listed_is_reached_on_its_port_alone() {
        let reach = reach(&["127.0.0.1:4020", "LOCALHOST:80", "::1", "10.0.0.7"]);
        assert_eq!(of(&reach, "http://127.0.0.1:4020/x"), Ok(Trust::Listed));
        assert!(of(&reach, "http://127.0.0.1:4021/x").is_err());
        assert!(of(&reach, "http://127.0.0.2:4020/x").is_err());
        assert_eq!(of(&reach, "http://localhost/"), Ok(Trust::Listed));
        assert_eq!(of(&reach, "http://localhost:81/"), Ok(Trust::Public));
        assert_eq!(of(&reach, "https://[::1]:9/"), Ok(Trust::Listed));
        assert_eq!(of(&reach, "https://10.0.0.7/"), Ok(Trust::Listed));
        assert!(reach.lists_this_machine());
        assert!(!self::reach(&["10.0.0.7"]).lists_this_machine());
        for wrong in ["", "a/b", "user@a", "a:b", "a:99999", "a?b", "http://a"] {
            assert!(wrong.parse::<Listed>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn tunnels_lead_to_the_usual_and_the_listed_ports() {
        let reach = Reach { ports: vec![8443], ..reach(&["10.0.0.7:2222"]) };
        let (a, b) = (Host::parse("a.example").unwrap(), Host::parse("10.0.0.7").unwrap());
        assert!(reach.is_open(&a, 443) && reach.is_open(&a, 80) && reach.is_open(&a, 8443));
        assert!(!reach.is_open(&a, 22) && !reach.is_open(&a, 2222) && !reach.is_open(&b, 22));
        assert!(reach.is_open(&b, 2222));
    }

    #[tokio::test]
    async fn w_14_a_name_is_refused_for_what_it_resolves_to() {
        let (host, names) = (Host::parse("localhost").unwrap(), Names::of_this_system());
        let refused = Reach::default().addresses(&host, 443, &names).await;
        assert_eq!(refused, Err(Refusal::Private { host: "localhost".into(), port: 443 }));
        assert!(reach(&["localhost:443"]).addresses(&host, 443, &names).await.is_ok());
    }
}
