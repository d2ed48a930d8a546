//! What a proxy does not do: go inside, serve strangers, or take one server for another.

use crate::double;
use crate::secure;
use crate::street;

use double::Seller;
use farthing_proxy::{Agents, Authority, Limits, Proxy, Reach, StartError, Tokens};
use secure::{Server, head};
use street::Street;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const POLICY: &str = "total = \"0.003 USD\"";

#[tokio::test]
async fn w_14_private_addresses_are_refused_before_and_after_their_names_are_resolved() {
    let seller = Seller::start().await;
    let street = Street::with(&[], POLICY, true).await;
    let port = seller.origin.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "localhost", "[::1]"] {
        let said =
            head(&street, &format!("GET http://{host}:{port}/goods HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n")).await;
        assert!(
            said.starts_with("HTTP/1.1 403") && said.contains("farthing-refusal: private-address"),
            "{host}: {said}"
        );
    }
    for host in ["127.0.0.1:443", "169.254.169.254:80", "2852039166:80", "[fd00:ec2::254]:80", "10.0.0.1:443"] {
        let said = head(&street, &format!("CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        assert!(
            said.starts_with("HTTP/1.1 403") && said.contains("farthing-refusal: private-address"),
            "{host}: {said}"
        );
    }
    assert_eq!((seller.seen().len(), seller.presentations()), (0, 0));
}

#[tokio::test]
async fn w_14_a_redirect_to_a_private_address_is_refused_when_it_is_followed() {
    let (inside, seller) = (Seller::start().await, Seller::start().await);
    let street = Street::open(&seller, POLICY).await;
    let inside_address = inside.origin.strip_prefix("http://").unwrap();
    let first = street.agent().get(seller.url(&format!("/redirect-to/{inside_address}"))).send().await.unwrap();
    let followed = street.agent().get(first.headers()["location"].to_str().unwrap()).send().await.unwrap();
    assert_eq!((followed.status().as_u16(), inside.seen().len()), (403, 0));
}

#[tokio::test]
async fn tunnels_lead_to_no_other_port() {
    let street = Street::with(&[], POLICY, true).await;
    let said = head(&street, "CONNECT mail.example:25 HTTP/1.1\r\nhost: mail.example:25\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 403") && said.contains("farthing-refusal: port"), "{said}");
}

#[tokio::test]
async fn without_a_token_nobody_spends() {
    let seller = Seller::start().await;
    let street = Street::with(&[&seller.origin["http://".len()..]], POLICY, false).await;
    for agent in [street.agent(), street.agent_named("guessed"), street.agent_named("")] {
        let answer = agent.get(seller.url("/goods")).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["farthing-refusal"]),
            (407, &"credential".parse().unwrap())
        );
        assert_eq!(answer.headers()["proxy-authenticate"], "Basic realm=\"farthing\"");
    }
    let said = head(&street, "CONNECT a.example:443 HTTP/1.1\r\nhost: a.example:443\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 407"), "{said}");
    assert_eq!(seller.seen().len(), 0);
    let named = street.agent_named(street.token.reveal()).get(seller.url("/goods")).send().await.unwrap();
    assert_eq!(named.status(), 200);
    assert!(seller.seen().iter().all(|seen| !seen.headers.contains_key("proxy-authorization")));
}

#[tokio::test]
async fn a_wrong_token_is_refused_where_none_is_needed() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, POLICY).await;
    let answer = street.agent_named("guessed").get(seller.url("/goods")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), seller.seen().len()), (407, 0));
}

#[tokio::test]
async fn a_proxy_that_needs_no_token_serves_this_machine_alone() {
    let home = tempfile::tempdir().unwrap();
    let authority = Authority::open(&home.path().join("proxy"), &[], &street::real_time()).unwrap();
    let agents = Agents::new(street::one_home(home.path()), Tokens::at(&home.path().join("tokens")));
    let agents = agents.or_else(double::AGENT.parse().unwrap());
    let proxy = Proxy::new(agents, authority, Reach::default(), Default::default(), Limits::default()).unwrap();
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    assert!(matches!(proxy.serve(listener, async {}).await, Err(StartError::Open(_))));
}

#[tokio::test]
async fn tls_shakes_hands_as_the_server_of_the_tunnel_alone() {
    let server = Server::start().await;
    let street = Street::reaching(server.reach(), POLICY, true).await;
    assert!(secure::tls(&street, &server, "other.example").await.is_err());
    assert!(secure::tls(&street, &server, "localhost").await.is_ok());
}

#[tokio::test]
async fn a_request_names_the_server_of_its_tunnel() {
    let server = Server::start().await;
    let street = Street::reaching(server.reach(), POLICY, true).await;
    for wrong in ["host: other.example\r\n", "host: localhost\r\n", "", "host: localhost:1\r\nhost: localhost:1\r\n"] {
        let mut stream = secure::tls(&street, &server, "localhost").await.unwrap();
        stream.write_all(format!("GET / HTTP/1.1\r\n{wrong}connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 4"), "{wrong:?}: {said}");
    }
    assert_eq!(server.served(), 0);
}

#[tokio::test]
async fn what_two_readers_could_cut_at_different_places_is_refused() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, POLICY).await;
    let host = &seller.origin["http://".len()..];
    for framing in [
        "content-length: 3\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "content-length: 3\r\ncontent-length: 4\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
    ] {
        let said =
            head(&street, &format!("POST http://{host}/free HTTP/1.1\r\nhost: {host}\r\n{framing}\r\n0\r\n\r\n")).await;
        assert!(said.starts_with("HTTP/1.1 400"), "{framing:?}: {said}");
    }
    assert_eq!(seller.seen().len(), 0);
}

#[tokio::test]
async fn who_takes_it_for_a_web_server_is_told_what_it_is() {
    let street = Street::with(&[], POLICY, true).await;
    for request in
        ["GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", "GET http://a@b.example/ HTTP/1.1\r\nhost: b.example\r\n\r\n"]
    {
        let said = head(&street, request).await;
        assert!(said.starts_with("HTTP/1.1 400"), "{request:?}: {said}");
    }
}
