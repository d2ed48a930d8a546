//! What the authority of a proxy is good for, as OpenSSL and curl see it.

use crate::secure;
use crate::street;

use std::path::PathBuf;
use std::process::Command;

use farthing_proxy::Reach;
use secure::Server;
use street::Street;

const POLICY: &str = "total = \"0.003 USD\"";

/// A street that reaches the server under these names.
async fn street(server: &Server, only: &str, private: &[String]) -> Street {
    let private = private.iter().map(|host| host.parse().unwrap()).collect();
    Street::vouching_for(only, Reach { private, ..server.reach() }, POLICY).await
}

fn certificate(street: &Street) -> PathBuf {
    street.home.path().join("proxy").join("ca.pem")
}

/// curl through the proxy, trusting its authority alone; its exit code.
async fn curl(street: &Street, url: String) -> i32 {
    let (proxy, trusted) = (format!("http://{}", street.address), certificate(street));
    let run = move || {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-o", "/dev/null", "--max-time", "60", "--noproxy", "", "-x", &proxy, "--cacert"]);
        curl.arg(trusted).arg(url).output().unwrap().status.code().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// What curl says of a certificate that it does not take.
const NOT_TRUSTED: i32 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn w_37_what_it_vouches_for_is_taken_and_nothing_else() {
    let server = Server::start().await;
    let by_address = format!("127.0.0.1:{}", server.port());
    let private = [server.host(), by_address.clone()];
    let of_localhost = street(&server, "localhost", &private).await;
    assert_eq!(curl(&of_localhost, server.url("/")).await, 0);
    assert_eq!(curl(&of_localhost, format!("https://{by_address}/")).await, NOT_TRUSTED, "an address is no domain");
    let of_another = street(&server, "api.example.com", &private).await;
    assert_eq!(curl(&of_another, server.url("/")).await, NOT_TRUSTED);
    assert!(of_another.agent().get(server.url("/")).send().await.is_err());
    assert_eq!(server.served(), 1, "only what was taken was asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_certificate_says_what_it_is_for() {
    let server = Server::start().await;
    let street = street(&server, "api.example.com", &[]).await;
    let shown = Command::new("openssl").args(["x509", "-noout", "-text", "-in"]).arg(certificate(&street)).output();
    let text = String::from_utf8(shown.unwrap().stdout).unwrap();
    for part in
        ["CA:TRUE, pathlen:0", "TLS Web Server Authentication", "Permitted:", "DNS:api.example.com", "Excluded:"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Whoever has it can make no other authority, and no certificate of a client or of a program.
    assert!(!text.contains("Client Authentication") && !text.contains("Code Signing"), "{text}");
}
