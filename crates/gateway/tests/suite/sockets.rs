//! Streams over WebSocket, with a scripted client and a scripted upstream.

use crate::support;

use std::time::Duration;

use farthing_protocol::stream::{Frame, SessionReceipt};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use support::payer::{Payer, number};
use support::session::{PURSE, session_of};
use support::{Setup, World};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

/// An upstream that says what it is fed and repeats what it hears; with how often it was asked.
struct Upstream {
    address: std::net::SocketAddr,
    feed: UnboundedSender<Message>,
    opened: UnboundedReceiver<()>,
    heard: UnboundedReceiver<Option<String>>,
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (feed, mut fed) = unbounded_channel::<Message>();
        let (open, opened) = unbounded_channel();
        let (hear, heard) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut socket = accept_async(stream).await.unwrap();
                open.send(()).unwrap();
                loop {
                    tokio::select! {
                        message = fed.recv() => match message {
                            // A broken connection.
                            Some(Message::Ping(_)) => break,
                            Some(message) => if socket.send(message).await.is_err() { break },
                            None => return,
                        },
                        message = socket.next() => match message {
                            Some(Ok(Message::Text(text))) => hear.send(Some(text.to_string())).unwrap(),
                            Some(Ok(_)) => {}
                            _ => { let _ = hear.send(None); break }
                        },
                    }
                }
            }
        });
        Self { address, feed, opened, heard }
    }

    fn say(&self, text: &str) {
        self.feed.send(Message::text(text)).unwrap();
    }
}

struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn open(world: &World) -> Self {
        let address = world.running.addresses().public;
        let stream = TcpStream::connect(address).await.unwrap();
        Self(client_async(format!("ws://{address}/sold"), stream).await.unwrap().0)
    }

    async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn pay(&mut self, credential: &str) {
        self.send(&Frame::Authorization(credential.to_owned()).to_text()).await;
    }

    async fn message(&mut self) -> Message {
        let message = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await;
        message.expect("nothing was said").expect("the socket is closed").unwrap()
    }

    async fn frame(&mut self) -> Frame {
        match self.message().await {
            Message::Text(text) => Frame::parse(&text).unwrap_or_else(|| panic!("no frame: {text}")),
            other => panic!("no frame: {other:?}"),
        }
    }

    async fn receipt(&mut self) -> SessionReceipt {
        match self.frame().await {
            Frame::Receipt(receipt) => receipt,
            other => panic!("no receipt: {}", other.to_text()),
        }
    }

    async fn says(&mut self, text: &str) {
        assert_eq!(self.frame().await.to_text(), Frame::Message(text.to_owned()).to_text());
    }

    /// The status of the error that comes next, and the code that the socket is closed with.
    async fn refused(&mut self) -> (u16, CloseCode) {
        let Frame::Error { status, .. } = self.frame().await else { panic!("no error") };
        (status, self.closed().await)
    }

    async fn closed(&mut self) -> CloseCode {
        match self.message().await {
            Message::Close(Some(frame)) => frame.code,
            other => panic!("not closed: {other:?}"),
        }
    }
}

async fn world(meter: &str, pause: &str) -> (World, Upstream) {
    let upstream = Upstream::start().await;
    let routes = format!(
        "[rails.purse]\n[[route]]\nmatch = \"GET /sold\"\nupstream = \"http://{}\"\nprice = \"0.00002 USD\"\n\
         accept = [\"purse/session\"]\n{meter}\n[route.session]\nslice = \"0.00008 USD\"\npause = \"{pause}\"\n",
        upstream.address
    );
    let world = Setup::with_routes(&routes).start().await;
    world.fund("alice", 100_000).await;
    (world, upstream)
}

async fn payer(world: &World) -> Payer {
    Payer::asking(world.client("alice"), "/sold", PURSE, "alice", "c1").await
}

async fn until_spent(world: &World, spent: u128) {
    for _ in 0..1_000 {
        let record = world.books.session(session_of(PURSE, "c1")).await.unwrap().unwrap();
        if record.held.is_zero() && record.spent.units() == spent {
            return world.verify().await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", world.books.session(session_of(PURSE, "c1")).await);
}

const BY_MESSAGE: &str = "meter = { events = true }";

#[tokio::test]
async fn t_02_messages_are_paid_for_one_by_one_up_to_the_close() {
    let (world, mut upstream) = world(BY_MESSAGE, "20s").await;
    let payer = payer(&world).await;
    let mut socket = Socket::open(&world).await;
    assert!(upstream.opened.try_recv().is_err(), "nothing is asked of the upstream before it is paid for");
    socket.pay(&payer.open(10_000, 40)).await;
    let receipt = socket.receipt().await;
    assert_eq!((number(receipt.object(), "acceptedCumulative"), number(receipt.object(), "spent")), (40, 0));
    for number in 0..8 {
        upstream.say(&format!("m{number}"));
    }
    let (mut signed, mut next) = (40, 0);
    while next < 8 {
        match socket.frame().await {
            Frame::Message(text) => {
                assert_eq!(text, format!("m{next}"));
                next += 1;
                assert!(next * 20 <= signed, "{next} of {signed}");
            }
            Frame::NeedVoucher(need) => {
                assert_eq!((need.channel_id.as_str(), need.accepted_cumulative), ("c1", signed.to_string()));
                signed = need.required_cumulative.parse().unwrap();
                socket.pay(&payer.voucher(signed)).await;
            }
            Frame::Receipt(receipt) => assert_eq!(number(receipt.object(), "acceptedCumulative"), signed),
            other => panic!("{}", other.to_text()),
        }
    }
    // What is no frame of the protocol goes to the upstream.
    socket.send("to the upstream").await;
    assert_eq!(upstream.heard.recv().await.unwrap().unwrap(), "to the upstream");
    socket.send(&Frame::CloseRequest.to_text()).await;
    let ready = loop {
        match socket.frame().await {
            Frame::CloseReady(receipt) => break receipt,
            Frame::Receipt(_) | Frame::NeedVoucher(_) => {}
            other => panic!("{}", other.to_text()),
        }
    };
    assert_eq!((number(ready.object(), "spent"), number(ready.object(), "units")), (160, 8));
    assert_eq!(upstream.heard.recv().await.unwrap(), None, "the upstream is let go of");
    socket.pay(&payer.close(160)).await;
    assert_eq!(number(socket.receipt().await.object(), "spent"), 160);
    assert_eq!(socket.closed().await, CloseCode::Normal);
    assert_eq!(world.balance("alice").await, 100_000 - 160);
}

#[tokio::test]
async fn t_04_a_top_up_begins_nothing_and_a_socket_carries_one_stream() {
    let (world, mut upstream) = world(BY_MESSAGE, "20s").await;
    let payer = payer(&world).await;
    assert_eq!(payer.bring("/sold", &payer.open(1_000, 20)).await.status, 204);
    let mut socket = Socket::open(&world).await;
    socket.pay(&payer.top_up(1_000, "more")).await;
    socket.receipt().await;
    assert!(upstream.opened.try_recv().is_err());
    socket.pay(&payer.voucher(1_500)).await;
    socket.receipt().await;
    upstream.opened.recv().await.unwrap();
    socket.pay(&payer.voucher(1_600)).await;
    socket.receipt().await;
    upstream.say("only one");
    socket.says("only one").await;
    assert!(upstream.opened.try_recv().is_err());
}

#[tokio::test]
async fn t_05_refused_credentials_and_floods_close_the_socket() {
    let (world, mut upstream) = world(BY_MESSAGE, "20s").await;
    let payer = payer(&world).await;
    let policy = CloseCode::Policy;
    let forged =
        payer.says(json!({ "action": "open", "deposit": "100", "cumulativeAmount": "20", "signature": "bad" }));
    for (credential, status) in [(forged, 402), (payer.voucher(20), 410), ("Payment nonsense".to_owned(), 400)] {
        let mut socket = Socket::open(&world).await;
        socket.pay(&credential).await;
        assert_eq!(socket.refused().await, (status, policy));
    }
    for (unpaid, status) in [("for the upstream".to_owned(), 400), (forged_of_length(100_000), 413)] {
        let mut socket = Socket::open(&world).await;
        socket.send(&unpaid).await;
        assert_eq!(socket.refused().await, (status, policy), "nothing is kept for who has not paid");
    }
    let mut socket = Socket::open(&world).await;
    let opening = payer.open(10_000, 20);
    for _ in 0..2_000 {
        if socket.0.send(Message::text(Frame::Authorization(opening.clone()).to_text())).await.is_err() {
            break;
        }
    }
    let last = loop {
        match socket.0.next().await {
            Some(Ok(Message::Text(text))) => {
                if let Some(Frame::Error { status, .. }) = Frame::parse(&text) {
                    break status;
                }
            }
            other => panic!("no refusal: {other:?}"),
        }
    };
    assert_eq!(last, 429);
    let _ = upstream.opened.try_recv();
}

fn forged_of_length(length: usize) -> String {
    Frame::Authorization(format!("Payment {}", "a".repeat(length))).to_text()
}

#[tokio::test]
async fn t_06_a_credential_for_a_cheaper_offer_is_refused() {
    let cheaper = "meter = { events = true }\n[route.session]\nslice = \"0.00008 USD\"\n[[route]]\nmatch = \"GET /cheap\"\n\
                   upstream = \"UPSTREAM\"\nprice = \"0.00001 USD\"\naccept = [\"purse/session\"]";
    let (world, _) = world(cheaper, "20s").await;
    let cheap = Payer::asking(world.client("alice"), "/cheap", PURSE, "alice", "c1").await;
    let mut socket = Socket::open(&world).await;
    socket.pay(&cheap.open(10_000, 100)).await;
    assert_eq!(socket.refused().await, (402, CloseCode::Policy));
    assert!(world.books.session(session_of(PURSE, "c1")).await.unwrap().is_none());
}

#[tokio::test]
async fn g_12_a_stream_without_a_voucher_in_time_is_ready_to_close() {
    let (world, upstream) = world(BY_MESSAGE, "300ms").await;
    let payer = payer(&world).await;
    let mut socket = Socket::open(&world).await;
    socket.pay(&payer.open(10_000, 40)).await;
    socket.receipt().await;
    (0..3).for_each(|number| upstream.say(&format!("m{number}")));
    let mut said = Vec::new();
    loop {
        match socket.frame().await {
            Frame::Message(text) => said.push(text),
            Frame::NeedVoucher(_) => {}
            Frame::CloseReady(receipt) => {
                assert_eq!((number(receipt.object(), "spent"), said), (40, vec!["m0".to_owned(), "m1".to_owned()]));
                break;
            }
            other => panic!("{}", other.to_text()),
        }
    }
    until_spent(&world, 40).await;
}

#[tokio::test]
async fn leaving_and_breaking_off_charge_what_was_given() {
    let (world, mut upstream) = world(BY_MESSAGE, "20s").await;
    let payer = payer(&world).await;
    let mut socket = Socket::open(&world).await;
    socket.pay(&payer.open(10_000, 1_000)).await;
    socket.receipt().await;
    upstream.say("a");
    socket.says("a").await;
    drop(socket);
    assert_eq!(upstream.heard.recv().await.unwrap(), None);
    until_spent(&world, 20).await;

    let mut socket = Socket::open(&world).await;
    socket.pay(&payer.voucher(1_000)).await;
    socket.receipt().await;
    upstream.say("b");
    socket.says("b").await;
    upstream.feed.send(Message::Ping(Vec::new().into())).unwrap();
    assert_eq!(number(socket.receipt().await.object(), "spent"), 40);
    assert_eq!(socket.refused().await, (502, CloseCode::Error));
    until_spent(&world, 40).await;
}

#[tokio::test]
async fn without_a_meter_the_whole_stream_is_one_unit() {
    let (world, upstream) = world("", "20s").await;
    let payer = payer(&world).await;
    let mut socket = Socket::open(&world).await;
    socket.pay(&payer.open(10_000, 20)).await;
    socket.receipt().await;
    for number in 0..50 {
        upstream.say(&format!("m{number}"));
        socket.says(&format!("m{number}")).await;
    }
    upstream.feed.send(Message::Binary(vec![1, 2].into())).unwrap();
    assert_eq!(socket.message().await, Message::Binary(vec![1, 2].into()), "what is no text passes as it is");
    upstream.feed.send(Message::Close(None)).unwrap();
    let Frame::CloseReady(receipt) = socket.frame().await else { panic!("not ready") };
    assert_eq!((number(receipt.object(), "spent"), number(receipt.object(), "units")), (20, 1));
    until_spent(&world, 20).await;
}
