//! Encrypted connections: to a server that shows who it is, and to one that cannot.

use std::path::Path;
use std::process::Command;

use farthing_testing_postgres::{Cluster, Way};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::stage::{Stage, ask_books};
use crate::support::FARTHING;

/// Who vouches for servers.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn of_name(name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(parameters, key) }
    }

    /// A server with a certificate for this name.
    fn server(&self, name: &str) -> Cluster {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        Cluster::start_encrypted(&certificate.pem(), &key.serialize_pem()).unwrap()
    }

    fn write(&self, folder: &Path, name: &str) -> String {
        let file = folder.join(name);
        std::fs::write(&file, self.certificate.pem()).unwrap();
        file.display().to_string()
    }
}

/// Why books at an address are not opened.
fn refused(address: &str) -> String {
    let output = ask_books("verify", address);
    assert!(!output.status.success(), "{address} was opened");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn p_33_a_server_shows_who_it_is_or_is_not_spoken_to() {
    let (folder, authority, stranger) =
        (tempfile::tempdir().unwrap(), Authority::of_name("ours"), Authority::of_name("a stranger"));
    let namesake = Authority::of_name("ours").write(folder.path(), "namesake.pem");
    let (root, foreign) = (authority.write(folder.path(), "root.pem"), stranger.write(folder.path(), "foreign.pem"));
    let cluster = authority.server("localhost");
    let place = |host: &str| format!("postgres://postgres@{host}:{}/postgres?schema=shop", cluster.port());
    let address = format!("{}&sslrootcert={root}", place("localhost"));

    let stage = Stage::at(address.clone()).await;
    let seller = stage.start("one", &[]);
    seller.grant(&stage.buyer.did, "1 USD").await;
    let url = format!("{}/paid/x", seller.listen);
    let credential = stage.buyer.credential(&url).await;
    assert_eq!(stage.buyer.get(&url, &credential).send().await.unwrap().status(), 200);
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'farthing'";
    assert_eq!(cluster.run(encrypted).unwrap(), "t");
    stage.assert_sound(1);

    // The system may vouch for it, too.
    let mut trusted = Command::new(FARTHING);
    trusted.args(["books", "verify", "--data", &format!("{}&sslmode=verify-full", place("localhost"))]);
    assert!(trusted.env("SSL_CERT_FILE", &root).output().unwrap().status.success());

    let wrong_name = refused(&format!("{}&sslrootcert={root}", place("127.0.0.1")));
    assert!(wrong_name.contains("the server's certificate is for another name"), "{wrong_name}");
    let by = |file: &str| format!("{}&sslrootcert={file}", place("localhost"));
    for unknown in [by(&foreign), by(&namesake), place("localhost") + "&sslmode=require"] {
        let said = refused(&unknown);
        assert!(said.contains("name its issuer's with sslrootcert=FILE"), "{said}");
    }
    let no_file = refused(&format!("{}&sslrootcert=/nowhere.pem", place("localhost")));
    assert!(no_file.contains("/nowhere.pem has no certificates in PEM"), "{no_file}");
    let weak = refused(&format!("{}&sslmode=prefer", place("localhost")));
    assert!(weak.contains("write sslmode=verify-full"), "{weak}");
    let clear = Cluster::start().unwrap();
    let way = Way::to(&clear).unwrap();
    let said = refused(&format!("{}&sslmode=verify-full", way.address(&clear.address())));
    assert!(said.contains("the server does not encrypt"), "{said}");
}
