//! What agents ask for through tunnels: over TLS that the proxy ends, by HTTP/1.1 and HTTP/2, streams and WebSockets.

use crate::double;
use crate::secure;
use crate::street;

use farthing_proxy::Reach;
use secure::Server;
use street::Street;

const POLICY: &str = "total = \"0.003 USD\"";

/// A street whose proxy trusts this server.
async fn street(server: &Server) -> Street {
    Street::reaching(server.reach(), POLICY, true).await
}

#[tokio::test]
async fn a_request_through_tls_arrives_as_it_was_and_its_answer_comes_back() {
    let server = Server::start().await;
    let street = street(&server).await;
    let request =
        street.agent().post(server.url("/a/b?c=d")).header("range", "bytes=0-3").header("expect", "100-continue");
    let answer = request.bearer_auth("of-the-agent").body("an upload").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["x-server"].to_str().unwrap()), (200, "secure"));
    let told: serde_json::Value = answer.json().await.unwrap();
    assert_eq!((&told["line"], &told["body"]), (&"POST /a/b?c=d".into(), &"an upload".into()));
    assert_eq!((&told["authorization"], &told["range"]), (&"Bearer of-the-agent".into(), &"bytes=0-3".into()));
    let head = street.agent().head(server.url("/sized")).send().await.unwrap();
    assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &"5".parse().unwrap()));
}

#[tokio::test]
async fn agents_speak_either_version_of_http_inside() {
    let server = Server::start().await;
    let street = street(&server).await;
    let newer = street.agent().get(server.url("/")).send().await.unwrap();
    assert_eq!(newer.version(), http::Version::HTTP_2);
    let older = street.agent_of_http1().get(server.url("/")).send().await.unwrap();
    assert_eq!(older.version(), http::Version::HTTP_11);
}

#[tokio::test]
async fn events_are_passed_on_as_they_come() {
    let server = Server::start().await;
    let street = street(&server).await;
    for agent in [street.agent(), street.agent_of_http1()] {
        let mut answer = agent.get(server.url("/events")).send().await.unwrap();
        // The second is not sent before the first has arrived.
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: one\n\n");
        server.go_on();
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: two\n\n");
        assert_eq!(answer.text().await.unwrap(), "");
    }
}

#[tokio::test]
async fn a_server_with_a_bad_certificate_is_not_spoken_to() {
    let server = Server::start().await;
    let reach = Reach { authorities: Vec::new(), ..server.reach() };
    let street = Street::reaching(reach, POLICY, true).await;
    let answer = street.agent().get(server.url("/")).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["farthing-refusal"]),
        (502, &"unreachable".parse().unwrap())
    );
    let told = answer.text().await.unwrap();
    assert!(told.contains("certificate"), "{told}");
    assert_eq!(server.served(), 0);
}

#[tokio::test]
async fn an_agent_that_does_not_trust_the_proxy_sees_nothing() {
    let server = Server::start().await;
    let street = street(&server).await;
    assert!(street.agent_that_trusts_nobody().get(server.url("/")).send().await.is_err());
    assert_eq!(server.served(), 0);
}

#[tokio::test]
async fn a_host_that_is_tunnelled_is_passed_on_unread() {
    let server = Server::start().await;
    let reach = Reach { tunnels: server.reach().private, ..server.reach() };
    let street = Street::reaching(reach, POLICY, true).await;
    let trusting_the_server = street.agent_that_trusts(&server.authority);
    assert_eq!(trusting_the_server.get(server.url("/")).send().await.unwrap().status(), 200);
    // What the proxy would show is not shown.
    assert!(street.agent().get(server.url("/")).send().await.is_err());
}

#[tokio::test]
async fn a_websocket_is_joined() {
    let server = Server::start().await;
    let street = street(&server).await;
    assert_eq!(secure::echo_over_websocket(&street, &server, "hello").await, "hello");
}

#[tokio::test]
async fn a_tunnel_may_carry_plain_http() {
    let seller = double::Seller::start().await;
    let street = Street::open(&seller, POLICY).await;
    let authority = &seller.origin["http://".len()..];
    let (connect, request) = (
        format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n\r\n"),
        format!("GET /goods HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n"),
    );
    let said = secure::raw(&street, &connect, &request).await;
    assert!(said.contains("farthing-paid: 0.001 USD") && said.ends_with("goods"), "{said}");
}
