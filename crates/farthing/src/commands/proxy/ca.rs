use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use crate::commands::home::Home;
use crate::failure::Failure;
use crate::terminal;

/// The certificate authority that clients must trust.
#[derive(Args)]
pub(crate) struct Ca {
    /// Print the certificate, and nothing else.
    #[arg(long)]
    print: bool,
    /// Print the command that installs it on this system, and nothing else.
    #[arg(long, conflicts_with = "print")]
    install_command: bool,
    /// A domain that it is good for, with those below it; may be repeated, when it is made. Without it, for all.
    #[arg(long, value_name = "DOMAIN")]
    only: Vec<String>,
    #[command(flatten)]
    home: Home,
}

impl Ca {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let made_before = self.home.directory()?.join("proxy").join("ca.pem").exists();
        if made_before && !self.only.is_empty() {
            return Err(Failure::wrong_use(
                "the authority is made already, and what it is good for cannot be changed; remove the directory proxy in \
                 the home to make another",
            ));
        }
        let authority = super::authority(&self.home, &self.only)?;
        let path = authority.path();
        if self.print {
            terminal::say(authority.pem().trim_end());
        } else if self.install_command {
            terminal::say(&install_command(path)?);
        } else {
            terminal::say(&format!("certificate: {}", path.display()));
            if let Ok(command) = install_command(path) {
                terminal::say(&format!("\nTo have this system trust it:\n\n  {command}"));
            }
            terminal::say(&format!(
                "\nOr have one program trust it, with the proxy beside it:\n\n{}",
                environment(path)
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// One command for the system that this runs on.
fn install_command(certificate: &Path) -> Result<String, Failure> {
    let certificate = quoted(certificate);
    if cfg!(target_os = "macos") {
        return Ok(format!(
            "sudo security add-trusted-cert -d -r trustRoot -p ssl -k /Library/Keychains/System.keychain {certificate}"
        ));
    }
    // Each family of Linux has a directory and a program of its own.
    let families = [
        ("/usr/local/share/ca-certificates", "farthing-proxy.crt", "update-ca-certificates"),
        ("/etc/pki/ca-trust/source/anchors", "farthing-proxy.pem", "update-ca-trust"),
        ("/etc/ca-certificates/trust-source/anchors", "farthing-proxy.pem", "update-ca-trust"),
        ("/usr/share/pki/trust/anchors", "farthing-proxy.pem", "update-ca-certificates"),
    ];
    let family = families.iter().find(|(directory, ..)| Path::new(directory).is_dir());
    let (directory, name, program) = family.ok_or_else(|| {
        Failure::new(format!("this system's way to trust a certificate is not known here; add {certificate} to it"))
    })?;
    Ok(format!("sudo install -m 644 {certificate} {directory}/{name} && sudo {program}"))
}

fn environment(certificate: &Path) -> String {
    let certificate = quoted(certificate);
    format!(
        "  export HTTP_PROXY=http://127.0.0.1:4010 HTTPS_PROXY=http://127.0.0.1:4010\n  \
         export REQUESTS_CA_BUNDLE={certificate}                       # Python requests\n  \
         export SSL_CERT_FILE={certificate}                            # Python, Go, and whatever uses OpenSSL\n  \
         export NODE_EXTRA_CA_CERTS={certificate} NODE_USE_ENV_PROXY=1  # Node\n  \
         export CURL_CA_BUNDLE={certificate}                           # curl\n\n\
         With these, a program trusts nothing else, but for Node, which is enough where all goes through the proxy."
    )
}

/// As a shell reads it whole.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}
