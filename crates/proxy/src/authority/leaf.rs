//! Certificates of servers: good for a day, and kept in memory for as long.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use farthing_protocol::Timestamp;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Authority, AuthorityError, certificate_error, serial, validity};

/// How long a certificate is good, and how long one is shown.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
const SHOWN_FOR: Duration = Duration::from_secs(12 * 60 * 60);

/// How many are remembered.
const MOST: usize = 2048;
/// The longest common name there may be (RFC 5280).
const LONGEST_NAME: usize = 64;

/// What is shown for one server.
pub(super) struct Shown {
    config: Arc<ServerConfig>,
    since: Timestamp,
}

impl Shown {
    /// Issues a certificate for a server, by name or address.
    pub(super) fn issue(authority: &Authority, host: &str, now: Timestamp) -> Result<Self, AuthorityError> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![match host.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(host.try_into().map_err(certificate_error)?),
        }];
        params.serial_number = Some(SerialNumber::from_slice(&serial(&authority.ambient)?));
        params.distinguished_name = DistinguishedName::new();
        let name = if host.len() <= LONGEST_NAME { host } else { "a server with a long name" };
        params.distinguished_name.push(DnType::CommonName, name);
        (params.not_before, params.not_after) = validity(now, LIFE);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = &authority.leaf_key;
        let issued = params.signed_by(key, &authority.issuer).map_err(certificate_error)?;
        let chain = vec![issued.der().clone(), authority.certificate.clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(rustls::DEFAULT_VERSIONS)
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|error| AuthorityError::Certificate(error.to_string()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), since: now })
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    pub(super) fn is_good(&self, now: Timestamp) -> bool {
        now.since(self.since) < SHOWN_FOR && self.since.unix_millis() <= now.unix_millis()
    }
}

/// Keeps what is shown; when there are too many, the old ones go, and then all.
pub(super) fn remember(all: &mut HashMap<String, Shown>, host: &str, shown: Shown, now: Timestamp) {
    if all.len() >= MOST {
        all.retain(|_, shown| shown.is_good(now));
    }
    if all.len() >= MOST {
        all.clear();
    }
    all.insert(host.to_owned(), shown);
}
