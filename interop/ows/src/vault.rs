use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use farthing_keys::{Ambient, ApiKeyFile, KeyFile};
use farthing_ows::{
    Credential, Executables, Journal, Labels, OwsError, OwsSigner, OwsVault, Presented, Request, Signed,
};
use farthing_protocol::Timestamp;
use secrecy::SecretSlice;
use tempfile::TempDir;

/// Everybody knows it; its account is 0x9858EfFD232B4033E47d90003D41EC34EcaEda94.
pub(crate) const PHRASE: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
pub(crate) const PASSPHRASE: &str = "correct horse battery staple";
pub(crate) const WALLET: &str = "treasury";

/// A vault that both libraries use, with a wallet that the reference library made.
pub(crate) struct Shared {
    pub(crate) directory: TempDir,
    pub(crate) path: PathBuf,
    pub(crate) ours: OwsVault,
}

impl Shared {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("there is room for a vault");
        let path = directory.path().join("ows");
        ows_lib::import_wallet_mnemonic(WALLET, PHRASE, Some(PASSPHRASE), None, Some(&path))
            .expect("the reference library makes a wallet");
        Self { ours: OwsVault::at(&path), directory, path }
    }

    /// A key that the reference library made; its token.
    pub(crate) fn their_key(&self, policies: &[String]) -> String {
        let wallets = [WALLET.to_owned()];
        let made = ows_lib::key_ops::create_api_key("theirs", &wallets, policies, PASSPHRASE, None, Some(&self.path));
        made.expect("the reference library makes a key").0
    }

    /// A key that we made; its token.
    pub(crate) fn our_key(&self, policies: &[String]) -> String {
        let wallet = self.ours.wallet(WALLET).expect("the wallet is there");
        let made = ApiKeyFile::create(&ambient(), "ours", &[(&wallet, &owner())], policies, None);
        let (token, key) = made.expect("we make a key");
        self.ours.add_key(&key).expect("the vault takes a key");
        token.expose().to_owned()
    }

    pub(crate) fn sign(&self, credential: &Credential, chain: &str, presented: Presented) -> Result<Signed, OwsError> {
        // However busy the machine is, a program here comes to its end.
        let patient = Executables { limit: Duration::from_secs(300) };
        let signer = OwsSigner::new(self.ours.clone(), Journal::of(&self.ours), ambient(), Vec::new());
        let signer = signer.with_executables(patient);
        let request = Request { wallet: WALLET.into(), chain: chain.into(), presented, labels: Labels::default() };
        signer.sign(&request, credential)
    }
}

pub(crate) fn ambient() -> Ambient {
    Ambient::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

pub(crate) fn owner() -> SecretSlice<u8> {
    PASSPHRASE.as_bytes().to_vec().into()
}

/// The account of a wallet on EVM chains, as its file says it.
pub(crate) fn account(wallet: &KeyFile) -> String {
    wallet.address().unwrap_or_default().to_owned()
}
