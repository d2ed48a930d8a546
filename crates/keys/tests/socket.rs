//! A key behind a socket: what it signs, and what a socket that lies or sleeps comes to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, helpers of the tests included")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farthing_keys::socket::ServeError;
use farthing_keys::{KeyServer, LocalSigner, Secp256k1Key, SocketSigner, Surroundings, recoverable_from_table};
use farthing_rail::RecoverableSigner;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const ADDRESS: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

fn local(key: &str) -> Arc<dyn RecoverableSigner> {
    Arc::new(LocalSigner::new(Secp256k1Key::from_hex(key).unwrap()).unwrap())
}

fn serve(path: &Path) {
    let server = KeyServer::bind(path, vec![local(KEY)]).unwrap();
    tokio::spawn(async move { server.run().await });
}

/// A process that answers every line with this one.
fn answer_always(path: &Path, line: String) {
    let listener = UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (reader, mut writer) = stream.into_split();
            let mut lines = BufReader::new(reader).lines();
            while let Ok(Some(_)) = lines.next_line().await {
                writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
            }
        }
    });
}

async fn refusal(signer: &SocketSigner) -> String {
    signer.sign_keccak(b"message").await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_served_key_signs_as_if_it_were_here() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.sock");
    serve(&path);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    let here = local(KEY);
    let there = SocketSigner::new(&path, here.public_key());
    for message in [b"".as_slice(), b"message", &[7; 300_000]] {
        assert_eq!(there.sign_keccak(message).await.unwrap(), here.sign_keccak(message).await.unwrap());
    }
    let toml: toml::Table = format!("signer = {{ socket = \"keys.sock\", address = \"{ADDRESS}\" }}").parse().unwrap();
    let surroundings = Surroundings { variable: &|_| None, directory: directory.path() };
    let by_address = recoverable_from_table(&toml["signer"], &surroundings).unwrap();
    assert_eq!(by_address.public_key(), here.public_key());
    let other = ADDRESS.replace("f39F", "a39F");
    assert!(SocketSigner::for_address(&path, &other).unwrap_err().to_string().contains("holds no key of"));
}

#[tokio::test]
async fn a_hundred_clients_are_answered() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.sock");
    serve(&path);
    let signer = Arc::new(SocketSigner::new(&path, local(KEY).public_key()));
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..100_u8 {
        let signer = Arc::clone(&signer);
        clients.spawn(async move { signer.sign_keccak(&[number]).await.unwrap() });
    }
    assert_eq!(clients.join_all().await.len(), 100);
}

#[tokio::test]
async fn a_key_that_is_not_served_and_nonsense_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.sock");
    serve(&path);
    let stranger = SocketSigner::new(&path, [1; 64]);
    assert!(refusal(&stranger).await.contains("there is no such key here"));
    let mut stream = BufReader::new(UnixStream::connect(&path).await.unwrap());
    for line in
        ["{}", "nonsense", "{\"sign\": 7}", "{\"digest\": \"0x00\"}", "{\"sign\": \"00\", \"public_key\": \"0x\"}"]
    {
        stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_line(&mut reply).await.unwrap();
        assert!(reply.starts_with("{\"refused\":"), "{line}: {reply}");
    }
}

#[tokio::test]
async fn an_answer_that_this_key_did_not_give_goes_no_further() {
    let here = local(KEY);
    let signature = here.sign_keccak(b"message").await.unwrap();
    let text = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let other = local(&KEY.replace("ac09", "ac08")).sign_keccak(b"message").await.unwrap();
    let mut flipped = signature;
    flipped[64] ^= 1;
    let mut with_v = signature;
    with_v[64] += 27;
    let answers = [text(&other), text(&flipped), text(&with_v), text(&signature[..64]), String::new()];
    for answer in
        answers.map(|hex| format!("{{\"signature\":\"0x{hex}\"}}")).into_iter().chain(["{}".into(), "x".into()])
    {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.sock");
        answer_always(&path, answer.clone());
        let refusal = refusal(&SocketSigner::new(&path, here.public_key())).await;
        assert!(refusal.contains("something else than was asked"), "{answer}: {refusal}");
    }
}

#[tokio::test]
async fn a_refusal_is_passed_on_and_silence_ends() {
    let directory = tempfile::tempdir().unwrap();
    let public_key = local(KEY).public_key();
    let (refuses, sleeps) = (directory.path().join("refuses"), directory.path().join("sleeps"));
    answer_always(&refuses, "{\"refused\":\"not on a Sunday\\u001b[2J\"}".into());
    assert!(refusal(&SocketSigner::new(&refuses, public_key)).await.ends_with("refused: not on a Sunday[2J"));
    let _listening = UnixListener::bind(&sleeps).unwrap();
    let silent = SocketSigner::new(&sleeps, public_key).within(Duration::from_millis(50));
    assert!(refusal(&silent).await.contains("gave no answer"));
    let absent = SocketSigner::new(&directory.path().join("absent"), public_key);
    assert!(refusal(&absent).await.contains("farthing key serve"));
}

#[tokio::test]
async fn a_dead_socket_is_replaced_and_a_living_one_or_a_file_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.sock");
    drop(UnixListener::bind(&path).unwrap());
    let server = KeyServer::bind(&path, vec![local(KEY)]).unwrap();
    assert!(matches!(KeyServer::bind(&path, vec![]), Err(ServeError::Taken(_))));
    drop(server);
    assert!(!path.exists());
    std::fs::write(&path, "mine").unwrap();
    assert!(matches!(KeyServer::bind(&path, vec![]), Err(ServeError::InTheWay(_))));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}
