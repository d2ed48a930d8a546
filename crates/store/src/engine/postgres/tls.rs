//! TLS to a server. Its certificate is checked against the roots that the system trusts, or those that the address names.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_platform_verifier::ConfigVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as Encrypted;

use crate::StoreError;

/// Makes connections secure.
#[derive(Clone)]
pub(super) struct Tls(TlsConnector);

impl Tls {
    /// With the roots in this file, or those that the system trusts.
    pub(super) fn new(roots: Option<&Path>) -> Result<Self, StoreError> {
        let config = match roots {
            Some(file) => ClientConfig::builder()
                .with_root_certificates(read(file).map_err(StoreError::Encryption)?)
                .with_no_client_auth(),
            None => ClientConfig::with_platform_verifier().map_err(|error| {
                StoreError::Encryption(format!(
                    "the system's trusted roots cannot be used ({error}); name a file with sslrootcert=FILE"
                ))
            })?,
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

fn read(file: &Path) -> Result<RootCertStore, String> {
    let unreadable = |why: &dyn std::fmt::Display| {
        format!("{} has no certificates in PEM ({why}); name the file of the issuer with sslrootcert", file.display())
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))? {
        roots.add(certificate.map_err(|error| unreadable(&error))?).map_err(|error| unreadable(&error))?;
    }
    if roots.is_empty() { Err(unreadable(&"it is empty")) } else { Ok(roots) }
}

/// What to do about a server that could not be reached safely; nothing for any other failure.
pub(super) fn remedy(error: &tokio_postgres::Error) -> Option<String> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let found = cause.downcast_ref::<rustls::Error>().or_else(|| inner?.downcast_ref::<rustls::Error>());
        if let Some(error) = found {
            return Some(about(error));
        }
        source = cause.source();
    }
    let said = std::error::Error::source(error)?.to_string();
    (said == "server does not support TLS").then(|| {
        "the server does not encrypt; set its `ssl` to on, or write sslmode=disable where nobody is on the way"
            .to_owned()
    })
}

fn about(error: &rustls::Error) -> String {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer,
    };
    match error {
        // An issuer may have been replaced by another of its name.
        rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature) => {
            "nobody who is trusted here vouches for the server's certificate; name its issuer's with sslrootcert=FILE in \
             the address, or let the system trust it"
                .to_owned()
        }
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "the server's certificate is for another name; write the name that is in it, or have one made for this name"
                .to_owned()
        }
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            "the server's certificate is over; have a new one made, and look at this machine's clock".to_owned()
        }
        other => format!("the encrypted connection failed ({other}); look at the server's certificate"),
    }
}

/// One connection about to be secured.
pub(super) struct Connect(TlsConnector, ServerName<'static>);

/// A secured connection.
pub(super) struct Secured<S>(Encrypted<S>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Secured<S>;
    type TlsConnect = Connect;
    type Error = io::Error;

    fn make_tls_connect(&mut self, domain: &str) -> io::Result<Connect> {
        let name = ServerName::try_from(domain.to_owned()).map_err(io::Error::other)?;
        Ok(Connect(self.0.clone(), name))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Connect {
    type Stream = Secured<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Secured<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { self.0.connect(self.1, stream).await.map(Secured) })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Secured<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
