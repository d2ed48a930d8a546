//! The shop, its customers and Stripe's double.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use farthing_testing_stripe::{Double, SELLER_KEY, SELLER_PROFILE};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::FARTHING;
use crate::support::buyer::Buyer;
use crate::support::seller::Seller;
use crate::support::upstream::Upstream;

pub const WEBHOOK_SECRET: &str = "whsec_SearchedForEverywhere";

/// Everything but the gateway, which may come and go.
pub struct Shop {
    pub directory: tempfile::TempDir,
    pub upstream: Upstream,
    pub double: Double,
    pub buyer: Buyer,
    config: String,
}

impl Shop {
    pub async fn new() -> Self {
        let upstream = Upstream::start().await;
        let double = Double::start(Arc::new(|| farthing_rails::now().unix_millis() / 1_000)).await.unwrap();
        let config = format!(
            "[gateway]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nrealm = \"test.example\"\n\
             secret = \"a secret for tests that is long enough to bind\"\nstore = \"sqlite:farthing.db\"\n\
             development = true\n\n[rails.stripe]\nasset = \"USD\"\nnetwork_id = \"{SELLER_PROFILE}\"\nsecret_key = {{ env = \"STRIPE_KEY\" }}\n\
             webhook_secret = {{ env = \"STRIPE_WEBHOOK\" }}\napi_base = \"{}\"\ntop_up = \"5 USD\"\n\n\
             [rails.balance]\nasset = \"USD\"\n\n[[route]]\nmatch = \"* /small/{{*rest}}\"\nupstream = \"{}\"\n\
             price = \"0.001 USD\"\naccept = [\"balance/charge\", \"stripe/topup\"]\n\n\
             [[route]]\nmatch = \"* /card/{{*rest}}\"\nupstream = \"{}\"\nprice = \"5 USD\"\naccept = [\"stripe/charge\"]\n\n\
             [[route]]\nmatch = \"* /named/{{*rest}}\"\nupstream = \"{}\"\nprice = \"5 USD\"\naccept = [\"stripe/charge\"]\n\
             reference = \"order-7\"\n",
            double.url(),
            upstream.url(),
            upstream.url(),
            upstream.url(),
        );
        Self { directory: tempfile::tempdir().unwrap(), upstream, double, buyer: Buyer::new(), config }
    }

    pub fn open(&self) -> Seller {
        self.open_with(&[])
    }

    pub fn open_with(&self, more: &[(&str, &str)]) -> Seller {
        let secrets = [("STRIPE_KEY", SELLER_KEY), ("STRIPE_WEBHOOK", WEBHOOK_SECRET)];
        Seller::start(self.directory.path(), &self.config, &[&secrets, more].concat())
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A credential with a token of this payment method, for the first offer there.
    pub async fn credential(&self, seller: &Seller, payment_method: &str) -> String {
        let url = format!("{}/card/x", seller.listen);
        let challenge = self.buyer.challenges(reqwest::Method::GET, &url).await.remove(0);
        let spt = self.double.token(payment_method, 500);
        self.buyer.with_payload(&challenge, json!({ "spt": spt }))
    }

    pub async fn present(&self, seller: &Seller, credential: &str) -> Result<Response, reqwest::Error> {
        self.buyer.get(&format!("{}/card/x", seller.listen), credential).send().await
    }

    /// Presents until the outcome is known: 503 says to ask again with the same credential.
    pub async fn present_until_known(&self, seller: &Seller, credential: &str) -> Response {
        for _ in 0..600 {
            let answer = self.present(seller, credential).await.unwrap();
            if !matches!(answer.status().as_u16(), 503 | 409) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the outcome stays unknown: {}", seller.log());
    }
}

/// `books reconcile --json`.
pub fn reconcile(seller: &Seller) -> Value {
    let command = Command::new(FARTHING).args(["books", "reconcile", "--json", "--admin", &seller.admin]).output();
    serde_json::from_slice(&command.unwrap().stdout).unwrap()
}
