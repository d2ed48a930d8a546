//! The certificate shown to clients, replaceable while serving.

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::TlsAcceptor;

/// A certificate chain and its key. Clones share it, so that one can be kept to [`replace`](Self::replace) what a
/// running server shows; connections that are open stay open.
#[derive(Clone)]
pub struct Certificate(Arc<Shown>);

struct Shown(RwLock<Arc<CertifiedKey>>);

/// Why a certificate cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The chain is not PEM, or holds no certificate.
    #[error("the certificate file holds no PEM certificate; give the full chain, the server's own first")]
    Chain,
    /// The key is not PEM, or of a kind that cannot sign.
    #[error("the key file holds no usable PEM private key")]
    Key,
    /// Key and certificate are of two different pairs.
    #[error("the private key does not belong to the certificate; check that both files are of one issue")]
    Mismatch,
}

impl Certificate {
    /// Reads a PEM chain and its PEM private key.
    ///
    /// # Errors
    ///
    /// See [`CertificateError`].
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        Ok(Self(Arc::new(Shown(RwLock::new(Arc::new(read(chain, key)?))))))
    }

    /// Shows another certificate from the next handshake on; on an error the old one stays.
    ///
    /// # Errors
    ///
    /// See [`CertificateError`].
    pub fn replace(&self, chain: &[u8], key: &[u8]) -> Result<(), CertificateError> {
        let read = Arc::new(read(chain, key)?);
        *self.0.0.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Shown>::clone(&self.0);
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(rustls::DEFAULT_VERSIONS)
            .unwrap_or_else(|_| unreachable!("the provider supports TLS 1.2 and 1.3"))
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

fn read(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, CertificateError> {
    let chain =
        CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>().map_err(|_| CertificateError::Chain)?;
    if chain.is_empty() {
        return Err(CertificateError::Chain);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertificateError::Key)?;
    let key = aws_lc_rs::sign::any_supported_type(&key).map_err(|_| CertificateError::Key)?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map_err(|_| CertificateError::Mismatch)?;
    Ok(certified)
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Shown")
    }
}

impl fmt::Debug for Certificate {
    /// Never the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Certificate")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue() -> (String, String) {
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (issued.cert.pem(), issued.signing_key.serialize_pem())
    }

    #[test]
    fn a_pair_must_belong_together() {
        let ((chain, key), (other_chain, other_key)) = (issue(), issue());
        let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
        let replaced = |chain: &str, key: &str| certificate.replace(chain.as_bytes(), key.as_bytes());
        assert_eq!(replaced(&chain, &other_key), Err(CertificateError::Mismatch));
        assert_eq!(replaced("", &key), Err(CertificateError::Chain));
        assert_eq!(replaced(&chain, &chain), Err(CertificateError::Key));
        assert_eq!(replaced(&other_chain, &other_key), Ok(()));
        assert_eq!(format!("{certificate:?}"), "Certificate");
    }
}
