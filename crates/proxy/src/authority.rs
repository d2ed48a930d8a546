//! The local certificate authority: made once on the owner's machine, and trusted where the owner installs it.

mod leaf;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use farthing_keys::{Ambient, FileError, NoRandomness, private_file};
use farthing_protocol::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SerialNumber,
};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// How long the authority is good.
const LIFE: Duration = Duration::from_secs(2 * 365 * 24 * 60 * 60);
/// How far a client's clock may be behind.
const BEHIND: Duration = Duration::from_secs(60 * 60);

const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca-key.pem";

/// Shows certificates of its own for any server, to clients that trust it. `Debug` does not show its key.
///
/// The key is in a file of the owner alone and leaves this machine by no way of ours. The certificate is good for
/// servers' certificates only, and signs no other authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    path: PathBuf,
    pem: String,
    /// One key for all servers, of this process alone.
    leaf_key: KeyPair,
    shown: Mutex<HashMap<String, leaf::Shown>>,
    ambient: Ambient,
}

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// See [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
    /// See [`NoRandomness`].
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// A file is not what was written.
    #[error("{path} is damaged; remove it and {CERTIFICATE} beside it, and install the new one that is made then", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A certificate could not be made.
    #[error("a certificate cannot be made: {0}")]
    Certificate(String),
}

impl Authority {
    /// The authority in this directory, made if there is none. `only` are the domains that a new one is good for; none
    /// is all.
    ///
    /// # Errors
    ///
    /// See [`AuthorityError`].
    pub fn open(directory: &Path, only: &[String], ambient: &Ambient) -> Result<Self, AuthorityError> {
        private_file::private_directory(directory)?;
        let (path, key_path) = (directory.join(CERTIFICATE), directory.join(KEY));
        let key = key(&key_path)?;
        let pem = match private_file::read(&path) {
            Ok(pem) => pem,
            Err(error) if error.is_absent() => {
                let pem = make(&key, only, ambient)?;
                private_file::write(&path, pem.as_bytes())?;
                pem.into_bytes()
            }
            Err(error) => return Err(error.into()),
        };
        let damaged = || AuthorityError::Damaged { path: path.clone() };
        let certificate = CertificateDer::from_pem_slice(&pem).map_err(|_| damaged())?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(|_| damaged())?;
        let pem = String::from_utf8(pem).map_err(|_| damaged())?;
        let (leaf_key, ambient) = (generate()?, ambient.clone());
        Ok(Self { issuer, certificate, path, pem, leaf_key, shown: Mutex::default(), ambient })
    }

    /// Its certificate, to be trusted by clients.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Where that is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How TLS is spoken with a client that wants this server.
    pub(crate) fn server_config(&self, host: &str) -> Result<Arc<ServerConfig>, AuthorityError> {
        let now = self.ambient.now();
        let known = self.shown().get(host).filter(|shown| shown.is_good(now)).map(leaf::Shown::config);
        if let Some(known) = known {
            return Ok(known);
        }
        let shown = leaf::Shown::issue(self, host, now)?;
        let config = shown.config();
        leaf::remember(&mut self.shown(), host, shown, now);
        Ok(config)
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, HashMap<String, leaf::Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key in this file, made if there is none. Two processes that begin at once have one key.
fn key(path: &Path) -> Result<KeyPair, AuthorityError> {
    let read = match private_file::read(path) {
        Err(error) if error.is_absent() => {
            let made = generate()?;
            match private_file::write_new(path, made.serialize_pem().as_bytes()) {
                Ok(()) => return Ok(made),
                // Somebody else was faster; if not, reading says what is wrong.
                Err(_) => private_file::read(path)?,
            }
        }
        read => read?,
    };
    let pem = std::str::from_utf8(&read).ok().and_then(|pem| KeyPair::from_pem(pem).ok());
    pem.ok_or_else(|| AuthorityError::Damaged { path: path.to_owned() })
}

fn generate() -> Result<KeyPair, AuthorityError> {
    KeyPair::generate().map_err(certificate_error)
}

fn certificate_error(error: rcgen::Error) -> AuthorityError {
    AuthorityError::Certificate(error.to_string())
}

fn make(key: &KeyPair, only: &[String], ambient: &Ambient) -> Result<String, AuthorityError> {
    let now = ambient.now();
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&serial(ambient)?));
    params.distinguished_name = DistinguishedName::new();
    let number = u32::from_be_bytes(ambient.random()?);
    params.distinguished_name.push(DnType::CommonName, format!("Farthing proxy on this machine ({number:08x})"));
    (params.not_before, params.not_after) = validity(now, LIFE);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    if !only.is_empty() {
        let permitted_subtrees = only.iter().cloned().map(GeneralSubtree::DnsName).collect();
        // Names that are permitted say nothing of addresses (RFC 5280, 4.2.1.10), and none is meant.
        let all = [CidrSubnet::V4([0; 4], [0; 4]), CidrSubnet::V6([0; 16], [0; 16])];
        let excluded_subtrees = all.into_iter().map(GeneralSubtree::IpAddress).collect();
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees });
    }
    params.self_signed(key).map(|made| made.pem()).map_err(certificate_error)
}

/// From an hour ago until so much later.
fn validity(now: Timestamp, life: Duration) -> (time::OffsetDateTime, time::OffsetDateTime) {
    let since_epoch = Duration::from_millis(u64::try_from(now.unix_millis()).unwrap_or_default());
    let epoch = time::OffsetDateTime::UNIX_EPOCH;
    (epoch + since_epoch.saturating_sub(BEHIND), epoch + since_epoch + life)
}

/// A random serial number, positive and of 16 bytes.
fn serial(ambient: &Ambient) -> Result<[u8; 16], NoRandomness> {
    let mut serial = ambient.random::<16>()?;
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    Ok(serial)
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Authority").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn ambient() -> Ambient {
        Ambient::new(|| Timestamp::parse("2026-11-21T12:00:00Z").unwrap())
    }

    #[test]
    fn it_is_made_once_and_its_key_is_the_owner_s_alone() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("proxy");
        let first = Authority::open(&directory, &[], &ambient()).unwrap();
        let second = Authority::open(&directory, &[], &ambient()).unwrap();
        assert_eq!(first.pem(), second.pem());
        let mode = std::fs::metadata(directory.join(KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{first:?}").contains("PRIVATE"));
        std::fs::write(directory.join(KEY), "damaged").unwrap();
        assert!(matches!(Authority::open(&directory, &[], &ambient()), Err(AuthorityError::Damaged { .. })));
    }

    #[test]
    fn a_server_s_configuration_is_made_once_a_day() {
        let home = tempfile::tempdir().unwrap();
        let authority = Authority::open(&home.path().join("proxy"), &[], &ambient()).unwrap();
        let one = authority.server_config("a.example").unwrap();
        assert!(Arc::ptr_eq(&one, &authority.server_config("a.example").unwrap()));
        assert!(!Arc::ptr_eq(&one, &authority.server_config("b.example").unwrap()));
        assert!(authority.server_config("127.0.0.1").is_ok());
        assert!(authority.server_config("::1").is_ok());
    }
}
