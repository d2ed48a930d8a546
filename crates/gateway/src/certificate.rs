//! The certificate of the public listener, read from its files.

use std::path::Path;

use zeroize::Zeroizing;

use crate::config::{Config, ConfigError, Mistake, Place, TlsFiles};
use crate::serve::{Certificate, CertificateError};

/// What the files hold now, checked, and the certificate that is shown.
pub(crate) struct Renewal<'a> {
    shown: &'a Certificate,
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

/// Reads the configured certificate; nothing when TLS is not terminated here.
pub(crate) fn load(config: &Config) -> Result<Option<Certificate>, ConfigError> {
    let Some(files) = &config.tls else { return Ok(None) };
    let (chain, key) = read(files, config)?;
    Certificate::from_pem(&chain, &key).map(Some).map_err(|reason| unusable(config, &reason))
}

/// Reads it again for a gateway that shows `shown`.
pub(crate) fn renew<'a>(shown: Option<&'a Certificate>, config: &Config) -> Result<Option<Renewal<'a>>, ConfigError> {
    match (shown, &config.tls) {
        (None, None) => Ok(None),
        (Some(shown), Some(files)) => {
            let (chain, key) = read(files, config)?;
            Certificate::from_pem(&chain, &key).map_err(|reason| unusable(config, &reason))?;
            Ok(Some(Renewal { shown, chain, key }))
        }
        _ => Err(place(config).refuses(Mistake::NeedsRestart("tls"))),
    }
}

impl Renewal<'_> {
    /// Shows it from the next handshake on.
    pub(crate) fn show(self) {
        if let Err(error) = self.shown.replace(&self.chain, &self.key) {
            tracing::error!(%error, "the certificate was not renewed");
        }
    }
}

fn read(files: &TlsFiles, config: &Config) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), ConfigError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|reason| {
            let reason = format!("{} cannot be read ({reason})", path.display());
            place(config).refuses(Mistake::Value { key: "tls", reason })
        })
    };
    Ok((read(&files.cert)?, Zeroizing::new(read(&files.key)?)))
}

fn unusable(config: &Config, reason: &CertificateError) -> ConfigError {
    place(config).refuses(Mistake::Value { key: "tls", reason: reason.to_string() })
}

fn place(config: &Config) -> Place {
    Place { file: config.source.name(), line: None }
}
