//! A frozen vault signs for nothing but taking back what is its owner's own.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::Arc;

use farthing_keys::{Ambient, KeyFile, PassphraseSource, Stop, Stopped, Vault, VaultAccount, VaultSigner};
use farthing_protocol::Timestamp;
use farthing_rail::{Approved, Reclaim, RecoverableSigner as _, Signer as _};
use secrecy::SecretString;

#[tokio::test]
async fn an_approval_to_take_back_is_what_a_frozen_vault_signs_with() {
    let directory = tempfile::tempdir().unwrap();
    let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
    let file = KeyFile::create(&ambient, "agent", &b"open sesame".to_vec().into()).unwrap();
    let frozen = directory.path().join("frozen");
    std::fs::write(&frozen, "").unwrap();
    let stops = vec![Stop::while_there(frozen, Stopped::Everything)];
    let source = PassphraseSource::Given(SecretString::from("open sesame"));
    let vault = Arc::new(Vault::new(file, directory.path(), stops, source));
    let (signer, account) = (VaultSigner::new(Arc::clone(&vault)).unwrap(), VaultAccount::new(vault).unwrap());
    assert!(signer.sign(b"x").is_err() && account.sign_keccak(b"x").await.is_err());
    #[expect(clippy::disallowed_methods, reason = "a test may approve")]
    let approved = Approved::grant(Reclaim::Request);
    assert!(signer.reclaiming(&approved).sign(b"x").is_ok());
    assert!(account.reclaiming(&approved).sign_keccak(b"x").await.is_ok());
    assert!(signer.sign(b"x").is_err() && account.sign_keccak(b"x").await.is_err());
}
