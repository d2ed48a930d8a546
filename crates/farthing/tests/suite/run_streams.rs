//! What is paid for as it goes, through the proxy, with the real gateway: a metered stream that pauses for vouchers, and
//! the opening of a WebSocket.

use crate::support;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::Value;
use support::scene::{Scene, said};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const PIECES: usize = 12;

/// What the upstream says: names, ids, comments and all.
fn events() -> String {
    let mut events = String::new();
    for number in 0..PIECES {
        write!(events, "id: {number}\nevent: delta\ndata: {{\"token\":\"t{number}\"}}\n\n").unwrap();
    }
    events + "data: [DONE]\n\n"
}

/// An upstream that speaks by the byte: a stream of events, and sockets that echo five letters.
async fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(mut stream: TcpStream) {
    let asked = head(&mut stream).await;
    if asked.starts_with("GET /socket ") {
        let answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut said = [0; 5];
        stream.read_exact(&mut said).await.unwrap();
        stream.write_all(&said).await.unwrap();
        return;
    }
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    stream.write_all(format!("{answer}{}", events()).as_bytes()).await.unwrap();
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap() == 0 {
            break;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

async fn scene() -> Scene {
    let upstream = upstream().await;
    let routes = format!(
        "[[route]]\nmatch = \"GET /live\"\nupstream = \"http://{upstream}\"\nprice = \"0.001 USD\"\n\
         accept = [\"balance/session\"]\nmeter = {{ events = true }}\n[route.session]\ndeposit = \"0.005 USD\"\n\
         slice = \"0.002 USD\"\n\
         [[route]]\nmatch = \"GET /socket\"\nupstream = \"http://{upstream}\"\nprice = \"0.001 USD\"\n\
         accept = [\"balance/charge\"]\n"
    );
    Scene::selling("1 USD", &routes).await
}

async fn sessions(scene: &Scene) -> Vec<Value> {
    let answer = reqwest::get(format!("{}/admin/sessions", scene.seller.admin)).await.unwrap();
    answer.json::<Value>().await.unwrap()["sessions"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metered_stream_is_one_stream_for_curl_and_its_session_ends_with_the_run() {
    let scene = scene().await;
    let policy = ["policy", "set", "--total", "1 USD", "--per-payment", "0.05 USD"];
    support::scene::must(scene.farthing(&policy));
    let output = scene.run(&["--max", "0.05 USD", "--json"], &["curl", "-sSN", &scene.url("/live")]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), events(), "{}", said(&output));
    let notes = String::from_utf8_lossy(&output.stderr);
    let summary: Value = serde_json::from_str(notes.lines().last().unwrap()).unwrap();
    let cost = format!("0.0{PIECES} USD");
    assert_eq!(
        (&summary["spent"][0]["cost"], &summary["spent"][0]["payments"]),
        (&cost.into(), &1.into()),
        "{summary}"
    );
    assert_eq!(summary["left_open"], Value::Array(Vec::new()), "{summary}");
    let sessions = sessions(&scene).await;
    assert_eq!((sessions.len(), &sessions[0]["state"]), (1, &"closed".into()), "{sessions:?}");
    assert_eq!(scene.seller.charged(), PIECES as u64 * 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_s_limit_ends_a_stream_and_nothing_above_it_is_signed() {
    let scene = scene().await;
    let output = scene.run(&["--max", "0.006 USD"], &["curl", "-sSN", &scene.url("/live")]);
    assert_ne!(output.status.code(), Some(0), "what was cut off does not look whole: {}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    let pieces = text.matches("data: {").count();
    assert!((1..=6).contains(&pieces) && text.contains(": the proxy ends this stream: "), "{}", said(&output));
    assert!(scene.seller.charged() <= 6000, "{}", scene.seller.charged());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_opening_of_a_websocket_is_paid_for() {
    let scene = scene().await;
    let listed = &scene.seller.listen["http://".len()..];
    let arguments = ["proxy", "--json", "--wallet", "agent", "--listen", "127.0.0.1:0", "--allow-private", listed];
    let mut proxy = scene.farthing(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(proxy.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let mut stream = TcpStream::connect(ready["listen"].as_str().unwrap()).await.unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nhost: {listed}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        scene.url("/socket")
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = head(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.contains("farthing-paid: 0.001 USD"), "{answer}");
    assert!(!answer.contains("www-authenticate"), "{answer}");
    stream.write_all(b"hello").await.unwrap();
    let mut said = [0; 5];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!((&said, scene.seller.charged()), (b"hello", 1000));
    proxy.kill().unwrap();
    proxy.wait().unwrap();
}
