//! Agents that are slow, or leave: they take no more time and memory than is theirs.

use crate::double;
use crate::secure;
use crate::street;

use std::time::Duration;

use double::Seller;
use farthing_proxy::{Limits, Reach};
use secure::Server;
use street::{Street, UPLOAD_BYTES};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const POLICY: &str = "total = \"0.003 USD\"";
/// For whatever must happen at all; nothing here waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

/// Room for one upload, and little patience.
async fn street(reach: Reach) -> Street {
    let clients = farthing_serve::Limits { head_timeout: Duration::from_millis(300), ..Default::default() };
    let (upload_bytes, kept_bytes, upload_time) = (UPLOAD_BYTES, UPLOAD_BYTES, Duration::from_millis(300));
    Street::within(Limits { clients, upload_bytes, kept_bytes, upload_time, ..Limits::default() }, reach, POLICY, true)
        .await
}

fn to(seller: &Seller) -> Reach {
    Reach { private: vec![seller.origin["http://".len()..].parse().unwrap()], ..Reach::default() }
}

fn upload(seller: &Seller, length: usize) -> String {
    let host = &seller.origin["http://".len()..];
    format!("POST http://{host}/free HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n")
}

/// Everything that comes until the other side ends it.
async fn rest(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    // A connection that is reset has ended, too.
    let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut said)).await.expect("it ends by itself");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn w_36_a_head_that_does_not_come_ends_the_connection() {
    let server = Server::start().await;
    let street = street(server.reach()).await;
    let connect = format!("CONNECT {0} HTTP/1.1\r\nhost: {0}\r\n\r\n", server.host());
    for begun in ["", "GET http://a.example/ HT", &connect, &format!("{connect}\u{16}"), &format!("{connect}GET / H")] {
        let mut stream = TcpStream::connect(street.address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        let said = rest(stream).await;
        assert!(!said.contains("farthing-paid"), "{begun:?}: {said}");
    }
    assert_eq!(server.served(), 0);
}

#[tokio::test]
async fn w_36_an_upload_that_trickles_is_ended_and_its_room_is_free_again() {
    let seller = Seller::start().await;
    let street = street(to(&seller)).await;
    let mut stream = TcpStream::connect(street.address).await.unwrap();
    stream.write_all(upload(&seller, UPLOAD_BYTES).as_bytes()).await.unwrap();
    let (mut answers, mut sends) = stream.into_split();
    let trickle = tokio::spawn(async move {
        while sends.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let mut said = [0; 16];
    tokio::time::timeout(LONG, answers.read_exact(&mut said)).await.expect("it is answered").unwrap();
    assert!(said.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&said));
    trickle.abort();
    whole_upload(&street, &seller).await;
}

#[tokio::test]
async fn w_36_who_leaves_in_the_middle_of_an_upload_asked_for_nothing() {
    let seller = Seller::start().await;
    let street = street(to(&seller)).await;
    let mut stream = TcpStream::connect(street.address).await.unwrap();
    stream.write_all(format!("{}half", upload(&seller, UPLOAD_BYTES)).as_bytes()).await.unwrap();
    drop(stream);
    whole_upload(&street, &seller).await;
    assert_eq!(seller.seen().len(), 1, "half an upload is not sent on");
}

/// Takes all the room there is.
async fn whole_upload(street: &Street, seller: &Seller) {
    let request = street.agent().post(seller.url("/free")).body(vec![b'x'; UPLOAD_BYTES]);
    let answer = tokio::time::timeout(LONG, request.send()).await.expect("there is room").unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn w_36_a_server_is_let_go_of_when_the_agent_leaves_in_the_middle_of_an_answer() {
    let server = Server::start().await;
    let street = street(server.reach()).await;
    let agent = street.agent_of_http1();
    let mut answer = agent.get(server.url("/endless")).send().await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    drop((answer, agent));
    tokio::time::timeout(LONG, server.is_let_go_of()).await.expect("the server sends on for nobody");
}
