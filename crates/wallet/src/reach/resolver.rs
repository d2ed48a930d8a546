//! Names resolve to public addresses or not at all.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address;

/// What knows the addresses of names.
#[async_trait]
trait Lookup: Send + Sync {
    /// The addresses of a name, each with this port.
    async fn lookup(&self, name: &str, port: u16) -> std::io::Result<Vec<SocketAddr>>;
}

/// Names, as this system resolves them, and what of that is public.
///
/// Each connection is made to the very addresses that were looked at: a name that is bound anew in between changes
/// nothing, and one that is bound anew before the next connection is looked at again.
#[derive(Clone)]
pub struct Names {
    lookup: Arc<dyn Lookup>,
    is_public: fn(IpAddr) -> bool,
}

/// Why a name has no public addresses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// One of its addresses is not public.
    #[error("the name leads to a private address")]
    LeadsInside,
    /// It was not resolved.
    #[error(transparent)]
    Lookup(#[from] std::io::Error),
}

impl Names {
    /// What this system says of names.
    pub fn of_this_system() -> Self {
        Self { lookup: Arc::new(System), is_public: address::is_public }
    }

    /// The addresses of a name, wherever they are.
    pub async fn any(&self, name: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        self.lookup.lookup(name, port).await
    }

    /// The same where all are public: one private address among public ones is how a name is bound anew.
    pub async fn public(&self, name: &str, port: u16) -> Result<Vec<SocketAddr>, NameError> {
        let found = self.lookup.lookup(name, port).await?;
        if found.iter().all(|found| (self.is_public)(found.ip())) { Ok(found) } else { Err(NameError::LeadsInside) }
    }
}

struct System;

#[async_trait]
impl Lookup for System {
    async fn lookup(&self, name: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, port)).await?.collect())
    }
}

/// Names for a client that connects to public addresses alone.
#[derive(Clone)]
pub struct PublicOnly(pub Names);

impl Default for PublicOnly {
    fn default() -> Self {
        Self(Names::of_this_system())
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.0.clone();
        Box::pin(async move {
            let found = names.public(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers in turn.
    struct Scripted(Mutex<VecDeque<Vec<IpAddr>>>);

    #[async_trait]
    impl Lookup for Scripted {
        async fn lookup(&self, _: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
            let answer = self.0.lock().unwrap().pop_front().expect("one lookup for each connection");
            Ok(answer.into_iter().map(|address| SocketAddr::from((address, port))).collect())
        }
    }

    const OUTSIDE: &str = "127.0.0.1";
    const INSIDE: &str = "127.0.0.2";

    /// Names that lead to these addresses, one answer after another; only one of them counts as public.
    fn scripted(answers: &[&[&str]]) -> Names {
        let answers = answers.iter().map(|answer| answer.iter().map(|address| address.parse().unwrap()).collect());
        let is_public = |address: IpAddr| address.to_string() == OUTSIDE;
        Names { lookup: Arc::new(Scripted(Mutex::new(answers.collect()))), is_public }
    }

    /// A server that answers each connection once and says how many there were.
    async fn server(address: SocketAddr) -> (SocketAddr, Arc<Mutex<u32>>) {
        let (listener, count) = (TcpListener::bind(address).await.unwrap(), Arc::<Mutex<u32>>::default());
        let (address, counted) = (listener.local_addr().unwrap(), Arc::clone(&count));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                *counted.lock().unwrap() += 1;
                let mut asked = [0; 1024];
                let _ = stream.read(&mut asked).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            }
        });
        (address, count)
    }

    #[tokio::test]
    async fn w_14_a_name_that_is_bound_anew_reaches_nothing_private() {
        let (outside, reached) = server(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let (_, inside) = server(SocketAddr::from(([127, 0, 0, 2], outside.port()))).await;
        let answers = [&[OUTSIDE][..], &[INSIDE], &[OUTSIDE, INSIDE], &[OUTSIDE]];
        let names = scripted(&answers);
        let client = reqwest::Client::builder().no_proxy().dns_resolver(PublicOnly(names)).build().unwrap();
        let mut went = Vec::new();
        for _ in answers {
            went.push(client.get(format!("http://rebound.example:{}/", outside.port())).send().await.is_ok());
        }
        assert_eq!(went, [true, false, false, true]);
        assert_eq!((*reached.lock().unwrap(), *inside.lock().unwrap()), (2, 0));
    }

    #[tokio::test]
    async fn w_14_one_private_address_among_public_ones_is_enough() {
        let all = async |found: &'static [&'static str]| {
            let names = Names { is_public: address::is_public, ..scripted(&[found]) };
            names.public("a.example", 443).await.is_ok()
        };
        assert!(!all(&["1.1.1.1", "127.0.0.1"]).await);
        assert!(!all(&["::ffff:169.254.169.254"]).await);
        assert!(all(&["1.1.1.1", "2606:4700::1111"]).await);
    }

    #[tokio::test]
    async fn w_14_one_lookup_is_both_looked_at_and_connected_to() {
        let names = scripted(&[&[OUTSIDE], &[INSIDE]]);
        assert_eq!(names.public("rebound.example", 443).await.unwrap(), [format!("{OUTSIDE}:443").parse().unwrap()]);
        assert!(matches!(names.public("rebound.example", 443).await, Err(NameError::LeadsInside)));
    }
}
