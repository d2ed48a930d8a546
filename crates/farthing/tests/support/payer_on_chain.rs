//! A payer on a chain: the buyer's halves of the rail, without the wallet around them, so that a test
//! can present one credential as often as it likes.

use std::sync::Arc;

use farthing_devnet::{Devnet, Kind};
use farthing_keys::{LocalSigner, Secp256k1Key};
use farthing_protocol::{Challenge, Timestamp};
use farthing_rail::{Approved, Offer, Payer};
use farthing_rail_evm::Account;
use farthing_rail_evm::buyer::Chains;
use farthing_rail_evm::evm::EvmPayer;
use farthing_rail_evm::tempo::{PayingKey, TempoPayer};
use zeroize::Zeroizing;

pub struct PayerOnChain {
    pub account: Account,
    payers: Vec<Arc<dyn Payer>>,
}

impl PayerOnChain {
    /// One of the accounts that a chain has given money.
    pub fn of(devnet: &Devnet, number: usize) -> Self {
        let key = devnet.accounts()[number].publicly_known_key;
        let account =
            Account::new(Arc::new(LocalSigner::new(Secp256k1Key::from_bytes(Zeroizing::new(key.0)).unwrap()).unwrap()));
        let token = match devnet.kind() {
            // What is on file needs no saying.
            Kind::Tempo | Kind::BaseSepolia => String::new(),
            Kind::Evm { .. } => format!(
                "token = [{{ contract = \"{}\", code = \"USDC\", decimals = 6, currency = \"USD\", \
                 domain = {{ name = \"Test USDC\", version = \"1\" }} }}]\n",
                devnet.token()
            ),
        };
        let text = format!("[chain.here]\nchain = {}\nrpc = [\"{}\"]\n{token}", devnet.chain_id(), devnet.rpc());
        let chains = Chains::parse(&text).unwrap();
        let tokens = Arc::new(chains.tokens());
        let payers: Vec<Arc<dyn Payer>> = vec![
            Arc::new(TempoPayer::new(PayingKey::Own(account.clone()), tokens, Arc::new(now))),
            Arc::new(EvmPayer::new(account.clone(), &chains, Arc::new(now))),
        ];
        Self { account, payers }
    }

    /// The `Authorization` value that pays a challenge.
    #[expect(clippy::disallowed_methods, reason = "this payer has no policy: it signs whatever a test shows it")]
    pub async fn sign(&self, challenge: &Challenge) -> String {
        let origin = "http://shop.example".parse().unwrap();
        let offer = Offer { challenge, origin: &origin, amount: None, now: now() };
        let method = challenge.method().as_str();
        let payer = self.payers.iter().find(|payer| payer.pays().0 == method).unwrap();
        let quote = payer.quote(&offer).unwrap();
        payer.sign(Approved::grant(quote)).await.unwrap().credential.to_header().to_string()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test has nobody who hands it a clock")]
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap())
}
