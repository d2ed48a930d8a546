use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farthing_proxy::{Authority, Reach};
use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::failure::{Failure, OrFail};

/// What would let a command open the wallet itself.
const OF_THE_OWNER: [&str; 4] = ["FARTHING_PASSPHRASE", "FARTHING_OWNER_PASSPHRASE", "FARTHING_CARD", "OWS_PASSPHRASE"];

/// Under which names programs look for the certificates that they trust, all of them.
const BUNDLES: [&str; 6] =
    ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE", "DENO_CERT"];

/// What a command finds in its environment. The file of certificates is there for as long as this is.
pub(super) struct Surroundings {
    proxy: String,
    past_the_proxy: &'static str,
    authority: std::path::PathBuf,
    bundle: NamedTempFile,
}

impl Surroundings {
    pub(super) fn new(authority: &Authority, proxy: &str, reach: &Reach) -> Result<Self, Failure> {
        let path = authority.path().to_owned();
        let bundle = bundle(authority, path.parent().unwrap_or(&path));
        let bundle = bundle.or_fail("the certificates to trust cannot be written down")?;
        // The proxy does not go to this machine, where a program's own services are, unless it is told to.
        let past_the_proxy = if reach.lists_this_machine() { "" } else { "localhost,127.0.0.1,::1" };
        Ok(Self { proxy: proxy.to_owned(), past_the_proxy, authority: path, bundle })
    }

    /// Sets it.
    pub(super) fn set(&self, command: &mut Command) {
        for name in OF_THE_OWNER.iter().chain(&["ALL_PROXY", "all_proxy"]) {
            command.env_remove(name);
        }
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
            command.env(name, &self.proxy);
        }
        for name in ["NO_PROXY", "no_proxy"] {
            command.env(name, self.past_the_proxy);
        }
        for name in BUNDLES {
            command.env(name, self.bundle.path());
        }
        command.env("NODE_EXTRA_CA_CERTS", &self.authority).env("NODE_USE_ENV_PROXY", "1");
    }
}

/// What this system trusts, and the proxy's authority: a program that is given a file looks at nothing else.
fn bundle(authority: &Authority, directory: &Path) -> std::io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("bundle-").suffix(".pem").tempfile_in(directory)?;
    for certificate in rustls_native_certs::load_native_certs().certs {
        let encoded = STANDARD.encode(&certificate);
        writeln!(file, "-----BEGIN CERTIFICATE-----")?;
        for line in encoded.as_bytes().chunks(64) {
            file.write_all(line)?;
            file.write_all(b"\n")?;
        }
        writeln!(file, "-----END CERTIFICATE-----")?;
    }
    file.write_all(authority.pem().as_bytes())?;
    file.flush()?;
    Ok(file)
}
